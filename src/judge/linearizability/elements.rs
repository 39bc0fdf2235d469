//! Shared by the methods for queues, sets, mutexes, counters and logs: elements by value, nearly sorted sorting, times.

use super::history::{History, Kind, NEVER, OpOutcome, Operation};
use super::outcome::{Counterexample, Reason, Verdict};
use super::witness;
use hashbrown::HashMap;

/// A verdict, or why the method does not apply.
pub(super) type Special = Result<Verdict, &'static str>;

/// The operations of one key, with widened times.
#[derive(Clone, Copy)]
pub(super) struct Ops<'a> {
    pub(super) history: &'a History,
    pub(super) positions: &'a [u32],
    pub(super) skew: i64,
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

impl<'a> Ops<'a> {
    /// All operations that did or may have happened.
    pub(super) fn judged(self) -> impl Iterator<Item = Op> + Clone + use<'a> {
        self.positions.iter().filter_map(move |&at| {
            let i = at as usize;
            let outcome = self.history.outcome(i);
            let unknown = outcome == OpOutcome::Unknown;
            let ret = self.history.returns[i];
            (outcome != OpOutcome::Fail).then(|| Op {
                at,
                kind: self.history.kind(i),
                value: self.history.values[i],
                invoke: self.history.invokes[i] - self.skew,
                ret: if unknown { NEVER } else { ret + self.skew },
                unknown,
            })
        })
    }

    /// A violation shown by the operations at these positions.
    pub(super) fn violation(&self, reason: Reason, at: &[u32], margin: Option<i64>) -> Special {
        let operations = at.iter().map(|&at| self.history.operation(at as usize)).collect();
        // The margin of widened times lacks what the widening took away at both ends.
        let margin = margin.map(|margin| margin.saturating_add(2 * self.skew));
        Ok(Verdict::Violation(Box::new(witness::example(reason, operations, margin))))
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
        Ok(Verdict::Violation(Box::new(Counterexample { reason, operations, margin_ns: None })))
    }
}

/// Small numbers for values: by subtraction where values lie close together, else by hash.
pub(super) enum Index {
    Dense { low: i64, len: usize },
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
        let mut ids = HashMap::new();
        for value in values {
            let next = ids.len() as u32;
            ids.entry(value).or_insert(next);
        }
        Index::Hashed(ids)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Index::Dense { len, .. } => *len,
            Index::Hashed(ids) => ids.len(),
        }
    }

    pub(super) fn of(&self, value: i64) -> Option<usize> {
        match self {
            Index::Dense { low, len } => {
                let offset = value.wrapping_sub(*low) as u64;
                (offset < *len as u64).then_some(offset as usize)
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
