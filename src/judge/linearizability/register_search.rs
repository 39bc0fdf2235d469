//! Search for registers with repeated values: reads, writes, compare-and-sets, failed ones, unknown outcomes.
//!
//! Just-in-time search (Lowe 2017) with reductions of our own, each checked against the oracle:
//! * A write that nobody observes can hide right before any visible write. So writes are applied only when an observer
//!   in flight needs their value, or at their own return; at its return a write that was in flight at the last visible
//!   write ("optional") may be left out.
//! * Observers are satisfied as soon as the state fits.
//! * Of equal operations in flight the one that returns first is tried; known outcomes come before unknown ones.
//! * Unknown outcomes are counted by class and used only right before an observer of their value.
//!
//! A depth-first run is tried first (fast when an order exists), then a breadth-first one whose frontier drops dominated
//! configurations (fast when none exists), then the depth-first one goes on.

mod classes;
mod hope;
mod moves;

use super::outcome::{Gap, Settings};
use super::timeline::{Mask, Span, Timeline, order_events, width};
use super::unknowns::Unknowns;
use classes::Classes;
use hashbrown::HashSet;
use hope::Hope;
use std::sync::atomic::Ordering;

/// One operation; values are numbers below [`Case::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Act {
    Read(u32),
    Write(u32),
    Cas(u32, u32),
    /// The state was not this one at some moment.
    Not(u32),
}

/// The operations on one register.
pub(super) struct Case {
    pub(super) acts: Vec<Act>,
    pub(super) spans: Vec<Span>,
    pub(super) initial: u32,
    pub(super) values: u32,
}

/// What came of a search; operations are numbers in the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Order,
    /// No order exists: this operation could not return; these were in flight.
    Stuck {
        op: usize,
        in_flight: Vec<usize>,
        explained: u64,
    },
    /// Out of budget.
    Gap {
        gap: Gap,
        op: Option<usize>,
        explained: u64,
    },
}

pub(super) fn search(case: &Case, settings: &Settings) -> Found {
    let events = order_events(&case.spans);
    match width(&events, &case.spans) {
        0..=64 => race::<1>(case, events, settings),
        65..=128 => race::<2>(case, events, settings),
        129..=512 => race::<8>(case, events, settings),
        _ => Found::Gap { gap: Gap::TooWide, op: None, explained: 0 },
    }
}

/// The breadth-first run alone.
#[cfg(test)]
pub(super) fn search_broad(case: &Case, settings: &Settings) -> Found {
    let mut broad = Search::<1>::new(case, order_events(&case.spans), settings);
    broad.steps_left = settings.budget.steps;
    broad.breadth_first(settings.budget.bytes)
}

fn race<const W: usize>(case: &Case, events: Vec<u32>, settings: &Settings) -> Found {
    let budget = settings.budget;
    let n = events.len() as u64;
    let mut deep = Search::<W>::new(case, events.clone(), settings);
    deep.steps_left = (40 * n + 20_000).min(budget.steps / 4);
    let rest = budget.steps - deep.steps_left;
    deep.stack.push(Config::new(case.initial));
    let first = deep.depth_first(budget.bytes / 2);
    if !matches!(first, Found::Gap { gap: Gap::Steps, .. }) {
        return first;
    }
    let mut broad = Search::<W>::new(case, events, settings);
    broad.steps_left = rest / 2;
    match broad.breadth_first(budget.bytes / 2) {
        Found::Gap { gap: Gap::Steps | Gap::Bytes, .. } => {
            deep.steps_left = rest - rest / 2;
            deep.depth_first(budget.bytes)
        }
        decided => decided,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Config<const W: usize> {
    at: u32,
    state: u32,
    unknowns: u32,
    done: Mask<W>,
    optional: Mask<W>,
}

impl<const W: usize> Config<W> {
    fn new(state: u32) -> Config<W> {
        Config { at: 0, state, unknowns: 0, done: Mask::EMPTY, optional: Mask::EMPTY }
    }
}

const NONE: u32 = u32::MAX;

struct Search<'a, const W: usize> {
    acts: &'a [Act],
    initial: u32,
    settings: &'a Settings<'a>,
    line: Timeline<W>,
    writes: Mask<W>,
    any_cas: bool,
    classes: Classes,
    unknowns: Unknowns,
    /// Last event at which a value, or the absence of one, can still be observed.
    last_observer: Vec<u32>,
    last_not: Vec<u32>,
    /// Scratch: values needed by an observer in flight, and the best write in flight of each value.
    stamp: u32,
    needed: Vec<u32>,
    needed_list: Vec<u32>,
    best: Vec<(u32, u32)>,
    /// Scratch: compare-and-sets that fit the state, by the event of their return; the first of each value.
    fits: Vec<(u32, usize, u32)>,
    hope: Hope,
    stack: Vec<Config<W>>,
    seen: HashSet<Config<W>>,
    deepest: usize,
    steps_left: u64,
}

impl<'a, const W: usize> Search<'a, W> {
    fn new(case: &'a Case, events: Vec<u32>, settings: &'a Settings<'a>) -> Self {
        let values = case.values as usize;
        let classes = Classes::new(case);
        let line = Timeline::<W>::new(events, &case.spans);
        let (mut last_observer, mut last_not) = (vec![0; values], vec![0; values]);
        for (op, act) in case.acts.iter().enumerate() {
            let end = line.end(op);
            let (last, value) = match *act {
                Act::Read(value) | Act::Cas(value, _) => (&mut last_observer, value),
                Act::Not(value) => (&mut last_not, value),
                Act::Write(_) => continue,
            };
            last[value as usize] = end.max(last[value as usize]);
        }
        Search {
            acts: &case.acts,
            initial: case.initial,
            settings,
            writes: Mask::EMPTY,
            any_cas: case.acts.iter().any(|act| matches!(act, Act::Cas(..))),
            unknowns: Unknowns::new(classes.acts.len()),
            classes,
            last_observer,
            last_not,
            stamp: 0,
            needed: vec![0; values],
            needed_list: Vec::new(),
            best: vec![(0, 0); values],
            fits: Vec::new(),
            hope: Hope::new(case, &line),
            stack: Vec::new(),
            seen: HashSet::new(),
            line,
            deepest: 0,
            steps_left: 0,
        }
    }

    fn depth_first(&mut self, bytes: u64) -> Found {
        let entry = 2 * size_of::<Config<W>>() as u64;
        let mut next = Vec::new();
        while let Some(config) = self.stack.pop() {
            self.rewind(config.at as usize);
            let Some(config) = self.advance(config) else {
                return Found::Order;
            };
            if self.seen.insert(config) {
                self.branch(&config, &mut next);
                self.stack.append(&mut next);
            }
            let work = 1 + (config.at as usize).abs_diff(self.line.at()) as u64;
            let held = (self.seen.len() + self.stack.len()) as u64 * entry + self.unknowns.bytes();
            if let Some(gap) = self.spend(work, held, bytes) {
                return self.gap(gap);
            }
        }
        self.stuck()
    }

    /// All configurations side by side, event by event.
    fn breadth_first(&mut self, bytes: u64) -> Found {
        let entry = 4 * size_of::<Config<W>>() as u64;
        let mut frontier = vec![Config::<W>::new(self.initial)];
        let (mut next, mut made) = (Vec::new(), Vec::new());
        while let Some(event) = self.line.event(self.line.at()) {
            if event.is_return {
                self.deepest = self.line.at();
                let slot = self.line.slot(event.op);
                self.seen.clear();
                while let Some(mut config) = frontier.pop() {
                    let mut work = 1;
                    config.at = self.deepest as u32;
                    if config.done.has(slot) {
                        config.done.remove(slot);
                        config.optional.remove(slot);
                        next.push(config);
                    } else if self.seen.insert(config) {
                        self.branch(&config, &mut made);
                        work += made.len() as u64;
                        frontier.append(&mut made);
                    }
                    let held = (frontier.len() + next.len() + self.seen.len()) as u64 * entry + self.unknowns.bytes();
                    if let Some(gap) = self.spend(work, held, bytes) {
                        return self.gap(gap);
                    }
                }
                std::mem::swap(&mut frontier, &mut next);
                if frontier.len() > 1 {
                    let pairs = self.drop_dominated(&mut frontier);
                    if let Some(gap) = self.spend(pairs / 8, 0, bytes) {
                        return self.gap(gap);
                    }
                }
                if frontier.is_empty() {
                    return self.stuck();
                }
                self.forward();
            } else {
                self.forward();
                if !self.line.slotless(event.op) {
                    frontier.iter_mut().for_each(|config| self.observe(config, event.op));
                }
            }
        }
        Found::Order
    }

    /// Keeps only configurations that no other one is at least as good as; returns the comparisons made.
    fn drop_dominated(&self, frontier: &mut Vec<Config<W>>) -> u64 {
        let cas = self.cas_in_flight();
        let group = |c: &Config<W>| (c.state, c.done.and(&cas));
        frontier.sort_unstable_by(|a, b| {
            let key = |c: &Config<W>| (c.state, c.done.and(&cas).words());
            key(a).cmp(&key(b))
        });
        let mut kept: Vec<Config<W>> = Vec::with_capacity(frontier.len());
        let (mut start, mut pairs) = (0, 0);
        for config in frontier.drain(..) {
            if kept.get(start).is_some_and(|first| group(first) != group(&config)) {
                start = kept.len();
            }
            pairs += (kept.len() - start) as u64;
            if kept[start..].iter().any(|k| self.dominates(k, &config)) {
                continue;
            }
            let mut i = start;
            while i < kept.len() {
                if self.dominates(&config, &kept[i]) {
                    kept.swap_remove(i);
                } else {
                    i += 1;
                }
            }
            kept.push(config);
        }
        *frontier = kept;
        pairs
    }

    fn cas_in_flight(&self) -> Mask<W> {
        let mut cas = Mask::EMPTY;
        for slot in self.line.live().slots() {
            if matches!(self.acts[self.line.owner(slot)], Act::Cas(..)) {
                cas.insert(slot);
            }
        }
        cas
    }

    /// Is `a` at least as good as `b`, where state and applied compare-and-sets are the same? A write that is optional
    /// is better than one used up and than one that must still be seen to; those two cannot be compared.
    fn dominates(&self, a: &Config<W>, b: &Config<W>) -> bool {
        let observers_a = a.done.without(&self.writes);
        let observers_b = b.done.without(&self.writes);
        let used_a = a.done.and(&self.writes);
        let used_b = b.done.and(&self.writes);
        let fine_a = a.optional.with(&used_a);
        let fine_b = b.optional.with(&used_b);
        observers_b.within(&observers_a)
            && fine_b.within(&fine_a)
            && used_a.within(&used_b)
            && self.unknowns.within(a.unknowns, b.unknowns)
    }

    fn spend(&mut self, steps: u64, held: u64, bytes: u64) -> Option<Gap> {
        let stop = self.settings.stop.filter(|_| self.steps_left & 0xff < steps);
        if stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Some(Gap::Stopped);
        }
        if held > bytes {
            return Some(Gap::Bytes);
        }
        if self.steps_left < steps {
            return Some(Gap::Steps);
        }
        self.steps_left -= steps;
        None
    }

    fn forward(&mut self) {
        if let Some(event) = self.line.event(self.line.at()) {
            self.line.forward();
            if self.line.slotless(event.op) {
                self.unknowns.invoked(self.classes.of_op[event.op] as usize);
            } else if matches!(self.acts[event.op], Act::Write(_)) {
                self.mark_write(event.op, !event.is_return);
            }
        }
    }

    fn mark_write(&mut self, op: usize, live: bool) {
        let slot = self.line.slot(op);
        if live {
            self.writes.insert(slot);
        } else {
            self.writes.remove(slot);
        }
    }

    fn rewind(&mut self, at: usize) {
        while self.line.at() > at {
            let Some(event) = self.line.back() else {
                return;
            };
            if self.line.slotless(event.op) {
                self.unknowns.uninvoked(self.classes.of_op[event.op] as usize);
            } else if event.is_return {
                let writes = matches!(self.acts[event.op], Act::Write(_));
                self.mark_write(event.op, writes);
            } else {
                // The slot goes back to an operation that has returned before.
                self.mark_write(event.op, false);
            }
        }
    }

    /// Walks on to the next return that needs a choice, or `None` at the end.
    fn advance(&mut self, mut config: Config<W>) -> Option<Config<W>> {
        while let Some(event) = self.line.event(self.line.at()) {
            if event.is_return {
                let slot = self.line.slot(event.op);
                if !config.done.has(slot) {
                    self.deepest = self.deepest.max(self.line.at());
                    config.at = self.line.at() as u32;
                    return Some(config);
                }
                config.done.remove(slot);
                config.optional.remove(slot);
                self.forward();
            } else {
                self.forward();
                if !self.line.slotless(event.op) {
                    self.observe(&mut config, event.op);
                }
            }
        }
        None
    }

    fn gap(&self, gap: Gap) -> Found {
        let op = self.line.event(self.deepest).map(|event| event.op);
        Found::Gap { gap, op, explained: self.line.returns_before(self.deepest) }
    }

    fn stuck(&mut self) -> Found {
        let explained = self.line.returns_before(self.deepest);
        let end = self.deepest.max(self.hope.lost_at());
        self.rewind(0);
        while self.line.at() < end {
            self.forward();
        }
        let op = self.line.event(end).map_or(0, |event| event.op);
        let in_flight = self.line.live().slots().map(|slot| self.line.owner(slot)).filter(|&o| o != op).collect();
        Found::Stuck { op, in_flight, explained }
    }
}
