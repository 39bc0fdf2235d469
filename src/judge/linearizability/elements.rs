//! Shared by the methods for queues, sets, mutexes, counters and logs: elements by value, nearly sorted sorting, times.

use super::history::{History, Kind, NEVER, NIL, OpOutcome, Operation};
use super::outcome::{Counterexample, Reason, Rest, Settings, Verdict};
use super::witness;
use hashbrown::HashMap;

/// A verdict, or why the method does not apply.
pub(super) type Special = Result<Verdict, &'static str>;

/// The operations of one key, with widened times.
#[derive(Clone, Copy)]
pub(super) struct Ops<'a> {
    pub(super) history: &'a History,
    pub(super) positions: &'a [u32],
    /// Those that did or may have happened.
    judged: &'a [Op],
    skew: i64,
}

/// One operation as the methods see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    pub(super) at: u32,
    pub(super) kind: Kind,
    pub(super) value: i64,
    pub(super) invoke: i64,
    /// `NEVER` if the outcome is unknown.
    pub(super) ret: i64,
    pub(super) unknown: bool,
}

/// Puts the operations of one key side by side, once: in the columns they lie far apart. `None` if the caller asked to stop.
pub(super) fn gather(history: &History, positions: &[u32], settings: &Settings) -> Option<Vec<Op>> {
    let skew = settings.skew_ns;
    let mut judged = Vec::with_capacity(positions.len());
    for part in positions.chunks(1 << 16) {
        if settings.stopped() {
            return None;
        }
        judged.extend(part.iter().filter_map(|&at| {
            let i = at as usize;
            let outcome = history.outcome(i);
            let unknown = outcome == OpOutcome::Unknown;
            (outcome != OpOutcome::Fail).then(|| Op {
                at,
                kind: history.kind(i),
                value: history.values[i],
                invoke: history.invokes[i] - skew,
                ret: if unknown { NEVER } else { history.returns[i] + skew },
                unknown,
            })
        }));
    }
    Some(judged)
}

impl<'a> Ops<'a> {
    /// The operations at these positions, as `gather` found them.
    pub(super) fn new(history: &'a History, positions: &'a [u32], judged: &'a [Op], skew: i64) -> Ops<'a> {
        Ops { history, positions, judged, skew }
    }

    /// All operations that did or may have happened.
    pub(super) fn judged(self) -> impl ExactSizeIterator<Item = Op> + Clone + use<'a> {
        self.judged.iter().copied()
    }

    /// A violation shown by the operations at these positions.
    pub(super) fn violation(&self, reason: Reason, at: &[u32], margin: Option<i64>) -> Special {
        let operations = at.iter().map(|&at| self.history.operation(at as usize)).collect();
        // The margin of widened times lacks what the widening took away at both ends.
        let margin = margin.map(|margin| margin.saturating_add(2 * self.skew));
        Ok(Verdict::Violation(Box::new(witness::example(reason, operations, margin))))
    }

    /// The same, with what it does not show.
    pub(super) fn violation_with(&self, rest: Rest, reason: Reason, at: &[u32], margin: Option<i64>) -> Special {
        self.violation(reason, at, margin).map(|verdict| match verdict {
            Verdict::Violation(example) => Verdict::Violation(Box::new(Counterexample { rest, ..*example })),
            other => other,
        })
    }

    /// Elements repeat, so that a search must judge; unless one came out more often than it can have been put in, or too early.
    pub(super) fn repeated(&self, put: Kind) -> Special {
        let mut puts: HashMap<i64, Vec<Op>> = HashMap::new();
        let mut takes: HashMap<i64, Vec<Op>> = HashMap::new();
        for op in self.judged() {
            if op.kind == put {
                puts.entry(op.value).or_default().push(op);
            } else if !op.unknown && op.value != NIL {
                takes.entry(op.value).or_default().push(op);
            }
        }
        for take in self.judged().filter(|op| op.kind != put && !op.unknown && op.value != NIL) {
            let Some(puts) = puts.get(&take.value) else {
                return self.phantom(take.at, take.value);
            };
            let takes = takes.get(&take.value).map_or(&[][..], |takes| takes);
            if takes.len() > puts.len() && puts.len() < 8 {
                let shown = puts.iter().chain(&takes[..=puts.len()]).map(|op| op.at);
                return self.violation(Reason::DuplicateElement, &shown.collect::<Vec<u32>>(), None);
            }
            let first = puts.iter().min_by_key(|put| (put.invoke, put.at));
            if let Some(first) = first.filter(|first| take.ret < first.invoke) {
                let margin = first.invoke - take.ret;
                return self.violation(Reason::ReadBeforeWriteInvoked, &[first.at, take.at], Some(margin));
            }
        }
        Err("elements repeat")
    }

    /// A value was observed at `at` that nothing brought: did a failed operation try to?
    pub(super) fn phantom(&self, at: u32, value: i64) -> Special {
        let failed = |&&other: &&u32| {
            let op: Operation = self.history.operation(other as usize);
            op.outcome == OpOutcome::Fail && op.value == value && !op.kind.observes_only()
        };
        let failed = self.positions.iter().find(failed);
        let reason = if failed.is_some() { Reason::FailedWriteRead } else { Reason::PhantomValue };
        let operations = [Some(&at), failed].into_iter().flatten();
        let operations = operations.map(|&at| self.history.operation(at as usize)).collect();
        Ok(Verdict::Violation(Box::new(witness::example(reason, operations, None))))
    }
}

/// Small numbers for values: by subtraction where values lie close together, by counting bits where they
/// lie less close, else by hash.
pub(super) enum Index {
    Dense {
        low: i64,
        len: usize,
    },
    /// A bit for each value in the range, and the number of bits before each word.
    Ranked {
        low: i64,
        words: Vec<(u64, u32)>,
        len: usize,
    },
    Hashed(HashMap<i64, u32>),
}

impl Index {
    pub(super) fn new(values: impl Iterator<Item = i64> + Clone) -> Index {
        let (mut low, mut high, mut count) = (i64::MAX, i64::MIN, 0u64);
        for value in values.clone() {
            (low, high, count) = (low.min(value), high.max(value), count + 1);
        }
        if count == 0 {
            return Index::Dense { low: 0, len: 0 };
        }
        let len = high.abs_diff(low);
        if len < 2 * count + 64 {
            return Index::Dense { low, len: len as usize + 1 };
        }
        if len < 256 * count + 64 {
            return Index::ranked(low, len, values);
        }
        let mut ids = HashMap::new();
        for value in values {
            let next = ids.len() as u32;
            ids.entry(value).or_insert(next);
        }
        Index::Hashed(ids)
    }

    fn ranked(low: i64, len: u64, values: impl Iterator<Item = i64>) -> Index {
        let mut words = vec![(0u64, 0u32); (len >> 6) as usize + 1];
        for value in values {
            let offset = value.wrapping_sub(low) as u64;
            words[(offset >> 6) as usize].0 |= 1 << (offset & 63);
        }
        let mut len = 0;
        for (bits, before) in &mut words {
            *before = len;
            len += bits.count_ones();
        }
        Index::Ranked { low, words, len: len as usize }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Index::Dense { len, .. } | Index::Ranked { len, .. } => *len,
            Index::Hashed(ids) => ids.len(),
        }
    }

    pub(super) fn of(&self, value: i64) -> Option<usize> {
        match self {
            Index::Dense { low, len } => {
                let offset = value.wrapping_sub(*low) as u64;
                (offset < *len as u64).then_some(offset as usize)
            }
            Index::Ranked { low, words, .. } => {
                let offset = value.wrapping_sub(*low) as u64;
                let &(bits, before) = words.get((offset >> 6) as usize)?;
                let below = bits & ((1 << (offset & 63)) - 1);
                (bits >> (offset & 63) & 1 == 1).then_some((before + below.count_ones()) as usize)
            }
            Index::Hashed(ids) => ids.get(&value).map(|&id| id as usize),
        }
    }
}

/// Sorts by time what comes nearly sorted: insertion as long as that is cheap.
pub(super) fn sort_nearly(list: &mut [(i64, u32)]) {
    let mut moves = 0;
    for i in 1..list.len() {
        let new = list[i];
        let mut place = i;
        while place > 0 && list[place - 1] > new {
            list[place] = list[place - 1];
            place -= 1;
        }
        list[place] = new;
        moves += i - place;
        if moves > 8 * (i + 64) {
            list.sort_unstable();
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::generate::Random;
    use super::*;

    #[test]
    fn every_index_tells_equal_values_apart_from_others() {
        for round in 0..300 {
            let mut rng = Random(round);
            let spread = [20, 3_000, 1 << 40][round as usize % 3];
            let low = rng.below(100) as i64 - 50;
            let values: Vec<i64> = (0..1 + rng.below(60)).map(|_| low + rng.below(spread) as i64).collect();
            let index = Index::new(values.iter().copied());
            let mut seen: HashMap<usize, i64> = HashMap::new();
            for &value in &values {
                let id = index.of(value).unwrap();
                assert!(id < index.len());
                assert_eq!(*seen.entry(id).or_insert(value), value);
            }
            let other = low + rng.below(2 * spread) as i64 - spread as i64 / 2;
            let known = index.of(other).and_then(|id| seen.get(&id));
            assert_eq!(known == Some(&other), values.contains(&other));
        }
    }
}
