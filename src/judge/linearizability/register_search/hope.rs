//! When a configuration cannot lead to an order any more, long before the operation returns that shows it.
//!
//! A compare-and-set needs the state to be what it expects, and ends that. So k of them that expect v and return by some
//! event need k times at which the state becomes v: now, by a write or compare-and-set of v in flight that was not used,
//! or by one that is invoked before that event. A read of v needs one. This counts the edges into each value of the graph
//! whose edges are the compare-and-sets (a walk leaves a vertex no more often than it enters it).

use super::{Act, Case, Config, NONE, Search};
use crate::judge::linearizability::timeline::Timeline;

/// Where values come from, and scratch.
#[derive(Default)]
pub(super) struct Hope {
    /// For each value the events at which something that brings it is invoked.
    sources: Vec<Vec<u32>>,
    /// Values that something of unknown outcome brings: never given up.
    open: Vec<bool>,
    supply: Vec<u32>,
    wanted: Vec<(u32, u32, bool)>,
    /// The last event by which some configuration is known to end.
    lost_at: u32,
}

impl Hope {
    pub(super) fn new<const W: usize>(case: &Case, line: &Timeline<W>) -> Hope {
        let values = case.values as usize;
        let mut hope =
            Hope { sources: vec![Vec::new(); values], open: vec![false; values], supply: vec![0; values], ..Hope::default() };
        for at in 0..line.len() {
            let Some(event) = line.event(at).filter(|event| !event.is_return) else {
                continue;
            };
            if let Act::Write(value) | Act::Cas(_, value) = case.acts[event.op] {
                match line.slotless(event.op) {
                    true => hope.open[value as usize] = true,
                    false => hope.sources[value as usize].push(at as u32),
                }
            }
        }
        hope
    }

    pub(super) fn lost_at(&self) -> usize {
        self.lost_at as usize
    }

    /// Can what is in flight still return, as far as counting tells?
    pub(super) fn left<const W: usize>(&mut self, search: &Search<'_, W>, config: &Config<W>) -> bool {
        let line = &search.line;
        self.wanted.clear();
        self.supply[config.state as usize] += 1;
        let waiting = line.live().without(&config.done);
        for slot in waiting.slots() {
            let op = line.owner(slot);
            match search.acts[op] {
                Act::Write(value) => self.supply[value as usize] += 1,
                Act::Cas(from, to) => {
                    self.supply[to as usize] += 1;
                    self.wanted.push((from, line.end(op), true));
                }
                Act::Read(value) => self.wanted.push((value, line.end(op), false)),
                Act::Not(_) => {}
            }
        }
        self.wanted.sort_unstable();
        let (mut last, mut taken, mut lost) = (NONE, 0, None);
        for &(value, end, takes) in &self.wanted {
            if value != last {
                (last, taken) = (value, 0);
            }
            let needed = if takes { taken + 1 } else { taken.max(1) };
            taken += u32::from(takes);
            if self.supply[value as usize] >= needed || self.open[value as usize] {
                continue;
            }
            let sources = &self.sources[value as usize];
            let now = line.at() as u32;
            let later = sources.partition_point(|&at| at < end) - sources.partition_point(|&at| at < now);
            if self.supply[value as usize] as usize + later < needed as usize {
                lost = Some(end);
                break;
            }
        }
        self.supply[config.state as usize] = 0;
        for slot in waiting.slots() {
            if let Act::Write(value) | Act::Cas(_, value) = search.acts[line.owner(slot)] {
                self.supply[value as usize] = 0;
            }
        }
        self.lost_at = self.lost_at.max(lost.unwrap_or(0));
        lost.is_none()
    }
}
