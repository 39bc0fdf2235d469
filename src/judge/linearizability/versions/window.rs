//! The version sweep in little memory: per key a window of the last few versions, judged and forgotten as it moves on.
//!
//! Says yes or nothing: whatever does not fit (an operation that comes after its version was forgotten, a read that needs
//! a write of unknown outcome, a clash) leaves the key to the sweep with tables. A yes rests on the same comparisons, made
//! in the same order of versions, so the two cannot disagree. Memory is O(keys), whatever the number of operations.

use super::{CAS, MAYBE, READ, SKIP, Slot, actions};
use crate::judge::linearizability::history::{History, NIL};
use crate::judge::linearizability::outcome::{NilRead, Settings};
use crate::judge::linearizability::slots::CHUNK;

/// How far the window of a key has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Fresh,
    Placed,
    Moving,
    /// Not judged here.
    Off,
}

#[derive(Clone, Copy)]
struct Line {
    /// The lowest version in the window.
    next: u64,
    /// Latest invoke and value of all versions before it.
    latest: i64,
    value: i64,
    /// Which places of the window hold a compare-and-set.
    cas: u32,
    stage: Stage,
}

/// Windows of `W` versions (at most 32, a power of two) for each key.
struct Windows<const W: usize> {
    lines: Vec<Line>,
    slots: Vec<Slot>,
    expects: Vec<i64>,
    slack: i64,
}

/// For each key whether the versions of a wanted key are in order for certain.
pub(in crate::judge::linearizability) fn sure<const W: usize>(
    history: &History,
    keys: &[u32],
    count: usize,
    settings: &Settings,
    wanted: impl Fn(usize) -> bool,
) -> Vec<bool> {
    let line = |key| Line {
        next: 0,
        latest: i64::MIN,
        value: settings.initial,
        cas: 0,
        stage: if wanted(key) { Stage::Fresh } else { Stage::Off },
    };
    let mut windows = Windows::<W> {
        lines: (0..count).map(line).collect(),
        slots: vec![Slot::EMPTY; count * W],
        expects: vec![0; count * W],
        slack: settings.skew_ns.saturating_mul(2),
    };
    for start in (0..history.len()).step_by(CHUNK) {
        if settings.stopped() {
            return vec![false; count];
        }
        windows.take(history, keys, settings, start..(start + CHUNK).min(history.len()));
    }
    (0..count).map(|key| windows.finish(key)).collect()
}

impl<const W: usize> Windows<W> {
    fn take(&mut self, history: &History, keys: &[u32], settings: &Settings, part: std::ops::Range<usize>) {
        let actions = actions(settings);
        let (initial, any_nil) = (settings.initial, settings.nil_read == NilRead::Any);
        let columns = history.tags[part.clone()].iter().zip(&keys[part.clone()]).zip(&history.values[part.clone()]);
        let times = history.invokes[part.clone()].iter().zip(&history.returns[part.clone()]);
        let columns = columns.zip(history.versions(part.clone())).zip(times);
        for (at, ((((&tag, &key), &value), version), (&invoke, &ret))) in columns.enumerate() {
            let action = actions[(tag & 127) as usize];
            let line = &mut self.lines[key as usize];
            if action == SKIP || line.stage == Stage::Off {
                continue;
            }
            if action >= MAYBE || value == initial || (any_nil && value == NIL) {
                line.set_aside(action, version, invoke, value == initial, any_nil && value == NIL);
                continue;
            }
            let Some(version) = version.filter(|&version| version < 1 << 62) else {
                line.stage = Stage::Off;
                continue;
            };
            if line.stage == Stage::Fresh {
                line.next = version.saturating_sub(W as u64 / 2);
                line.stage = Stage::Placed;
            }
            let ahead = version.wrapping_sub(line.next);
            if ahead >= W as u64 {
                let moved = version > line.next && self.forget(key as usize, version - W as u64 / 2);
                if !moved {
                    self.lines[key as usize].stage = Stage::Off;
                    continue;
                }
            }
            let place = version as usize % W;
            let here = &mut self.slots[key as usize * W + place];
            // Reads and writes alternate as they like: no branch may depend on which it is.
            let writes = action != READ;
            let wrong = (here.used() & (here.value != value)) | (writes & here.written());
            here.f = here.f.min(ret);
            here.s = here.s.max(invoke);
            here.value = value;
            here.write = if writes { invoke } else { here.write };
            if wrong {
                self.lines[key as usize].stage = Stage::Off;
            } else if action == CAS {
                self.expects[key as usize * W + place] = history.expected(part.start + at);
                self.lines[key as usize].cas |= 1 << place;
            }
        }
    }

    /// Judges the versions of a key below `upto` and forgets them; false if one of them is not as it should be.
    fn forget(&mut self, key: usize, upto: u64) -> bool {
        let line = &mut self.lines[key];
        let slots = &mut self.slots[key * W..(key + 1) * W];
        for version in line.next..upto.min(line.next + W as u64) {
            let place = version as usize % W;
            let here = slots[place];
            if !here.used() {
                continue;
            }
            let f = here.f.saturating_add(self.slack);
            let found = line.cas >> place & 1 == 0 || self.expects[key * W + place] == line.value;
            if !here.written() || f < here.write || f < line.latest || !found {
                return false;
            }
            line.latest = line.latest.max(here.s);
            line.value = here.value;
            line.cas &= !(1 << place);
            slots[place] = Slot::EMPTY;
        }
        line.next = upto;
        line.stage = Stage::Moving;
        true
    }

    fn finish(&mut self, key: usize) -> bool {
        let line = self.lines[key];
        line.stage != Stage::Off && self.forget(key, line.next + W as u64)
    }
}

impl Line {
    /// Operations without a place among the versions: reads of the initial value, unknown outcomes.
    fn set_aside(&mut self, action: u8, version: Option<u64>, invoke: i64, initial: bool, any: bool) {
        match action {
            READ if any && version.is_none() => {}
            // All reads of the initial value come before all versions, so none of those may be forgotten yet.
            READ if initial && version.is_none() && self.stage < Stage::Moving => self.latest = self.latest.max(invoke),
            // Left out for certain if no read needs it; and if one does, that one finds no write.
            MAYBE if !initial => {}
            _ => self.stage = Stage::Off,
        }
    }
}
