//! Latencies of operations, inside and outside of the time that faults and recoveries take.
//!
//! In: operations, and windows on the same clock. Out: samples, order statistics and where a percentile stands against its objective.
//! An operation that never returned took at least until the end of the run: against an objective it counts as that long when that is too
//! long already, and as endless when it is not, so that silence is never fast. Refuses to know gates and contracts.

use crate::evidence::RowId;
use crate::evidence::Rows;
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::symbol::Sym;
use crate::exact::Ratio;
use crate::figure::percentile::{Ranks, nearest_rank, needed, ranks};

/// Which operations an objective speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Reads.
    Read,
    /// Everything that may change something.
    Write,
}

impl Class {
    /// `read` or `write`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// The class of an operation.
    #[must_use]
    pub fn of(op: OpKind) -> Self {
        if op == OpKind::Read { Self::Read } else { Self::Write }
    }
}

/// One operation's latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timed {
    /// How long it took, in ns; for an open one, at least.
    pub ns: i64,
    /// Whether it never returned.
    pub open: bool,
    /// Its record.
    pub id: RowId,
}

/// Stretches of time, sorted and apart from one another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows(Vec<(i64, i64)>);

impl Windows {
    /// Joins stretches that touch.
    #[must_use]
    pub fn new(mut stretches: Vec<(i64, i64)>) -> Self {
        stretches.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::new();
        for (start, stop) in stretches {
            match joined.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(stop),
                _ => joined.push((start, stop)),
            }
        }
        Self(joined)
    }

    /// The windows with each end moved outwards by so many ns; inwards when negative, and gone when nothing is left.
    #[must_use]
    pub fn grown(&self, ns: i64) -> Self {
        let moved = self.0.iter().map(|w| (w.0.saturating_sub(ns), w.1.saturating_add(ns)));
        Self::new(moved.filter(|w| w.0 <= w.1).collect())
    }

    /// Whether something that lasted from `start` to `stop` was going on in one of them.
    #[must_use]
    pub fn touch(&self, start: i64, stop: i64) -> bool {
        let next = self.0.partition_point(|w| w.1 < start);
        self.0.get(next).is_some_and(|w| w.0 <= stop)
    }

    /// How long they last together.
    #[must_use]
    pub fn length(&self) -> i128 {
        self.0.iter().map(|w| i128::from(w.1) - i128::from(w.0)).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One fault as far as recovery is concerned.
#[derive(Debug, Clone)]
pub struct Strike {
    /// The earliest start.
    pub from: i64,
    /// The latest start.
    pub until: i64,
    /// The latest stop; `None` when it never stopped.
    pub stop: Option<i64>,
    /// The voting members it struck.
    pub members: Vec<Sym>,
}

/// When recoveries are allowed to go on: from the start of a fault until the objective has passed. While more than `spare` members are struck at
/// once nothing can recover, so the window then lasts until the objective has passed after the fault stopped.
#[must_use]
pub fn recovery_windows(strikes: &[Strike], recovery: i64, spare: usize) -> Windows {
    let stretch = |strike: &Strike| {
        let at_once = strikes.iter().filter(|s| s.from <= strike.until && s.stop.is_none_or(|stop| stop >= strike.from));
        let mut struck: Vec<Sym> = at_once.flat_map(|s| s.members.iter().copied()).collect();
        struck.sort_unstable();
        struck.dedup();
        let begins = if struck.len() > spare { strike.stop.unwrap_or(i64::MAX) } else { strike.until };
        (strike.from, begins.saturating_add(recovery))
    };
    Windows::new(strikes.iter().map(stretch).collect())
}

/// Latencies of one class in one test.
#[derive(Debug, Clone, Default)]
pub struct Latencies {
    /// Of operations in flight in some window.
    pub inside: Vec<Timed>,
    /// Of all others.
    pub outside: Vec<Timed>,
    /// Operations that surely did not take effect; they are left out.
    pub failed: u64,
    /// Operations of unknown outcome that did return; they count with the time they took.
    pub unknown: u64,
}

/// Gathers the latencies of one class: from the time an operation was meant to be sent, if known, to its last answer. `inside` says from when to when
/// and how long something lasted whether it was in flight in a window.
#[must_use]
pub fn gather(rows: &Rows<'_, Operation>, class: Class, inside: impl Fn(i64, i64, i64) -> bool) -> Latencies {
    let ends = ends(rows);
    let mut found = Latencies::default();
    for (id, op) in rows.iter().filter(|(_, op)| Class::of(op.op) == class) {
        if op.result == Outcome::Fail {
            found.failed += 1;
            continue;
        }
        found.unknown += u64::from(op.result == Outcome::Unknown && op.returned.is_some());
        let start = op.scheduled.map_or(op.invoke.0, |s| s.0.min(op.invoke.0));
        let last = op.returned.map_or_else(|| end(&ends, &rows.part(id).clock.id), |r| r.0);
        let timed = Timed { ns: last.saturating_sub(start).max(0), open: op.returned.is_none(), id };
        if inside(start, op.returned.map_or(i64::MAX, |r| r.0), timed.ns) {
            found.inside.push(timed);
        } else {
            found.outside.push(timed);
        }
    }
    found
}

/// The last instant that each clock shows.
fn ends<'e>(rows: &Rows<'e, Operation>) -> Vec<(&'e str, i64)> {
    let mut ends: Vec<(&str, i64)> = Vec::new();
    for (id, op) in rows.iter() {
        let clock = rows.part(id).clock.id.as_str();
        let last = op.returned.map_or(op.invoke.0, |r| r.0.max(op.invoke.0));
        match ends.iter_mut().find(|e| e.0 == clock) {
            Some(end) => end.1 = end.1.max(last),
            None => ends.push((clock, last)),
        }
    }
    ends
}

fn end(ends: &[(&str, i64)], clock: &str) -> i64 {
    ends.iter().find(|e| e.0 == clock).map_or(i64::MAX, |e| e.1)
}

/// The upper part of a sorted sample.
#[derive(Debug, Clone)]
pub struct Order {
    n: usize,
    first: usize,
    upper: Vec<Timed>,
    returned: usize,
}

impl Order {
    /// Sorts what is needed to answer ranks from `least` on.
    #[must_use]
    pub fn new(mut sample: Vec<Timed>, least: u64) -> Self {
        let n = sample.len();
        let returned = sample.iter().filter(|t| !t.open).count();
        let first = usize::try_from(least).unwrap_or(usize::MAX).saturating_sub(1).min(n.saturating_sub(1));
        if n > 0 {
            sample.select_nth_unstable(first);
        }
        let mut upper = sample.split_off(first.min(n));
        upper.sort_unstable();
        Self { n, first, upper, returned }
    }

    /// How many operations there are.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.n as u64
    }

    /// How many of them never returned.
    #[must_use]
    pub fn open(&self) -> u64 {
        (self.n - self.returned) as u64
    }

    /// The operation of a rank, from 1, open ones with the time they took at least.
    #[must_use]
    pub fn at_least(&self, rank: u64) -> Option<Timed> {
        let index = usize::try_from(rank).ok()?.checked_sub(1)?.checked_sub(self.first)?;
        self.upper.get(index).copied()
    }

    /// The latency of a rank with open ones as endless; `None` when it is endless.
    #[must_use]
    pub fn at_most(&self, rank: u64) -> Option<i64> {
        let rank = usize::try_from(rank).ok()?;
        if rank > self.returned {
            return None;
        }
        let open_below = self.n - self.returned - self.upper.iter().filter(|t| t.open).count();
        let index = rank.checked_sub(1)?.checked_sub(self.first.checked_sub(open_below)?)?;
        self.upper.iter().filter(|t| !t.open).nth(index).map(|t| t.ns)
    }
}

/// Where a percentile stands against its objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The upper bound is within the objective.
    Within {
        /// The upper bound.
        upper: i64,
    },
    /// The percentile of the sample, or for a small one even the lower bound, is above the objective.
    Over {
        /// The latency that is.
        ns: i64,
        /// Whether the sample was too small for an upper bound.
        small: bool,
    },
    /// The percentile is within and its upper bound is not.
    Between {
        /// The upper bound; `None` when an operation that never returned stands at its rank.
        upper: Option<i64>,
    },
    /// Too few operations for an upper bound.
    TooFew {
        /// How many there would have to be.
        needed: Option<u64>,
    },
}

/// The ranks of a percentile, and the least rank that an [`Order`] must answer for it.
#[must_use]
pub fn ranks_for(q: Ratio, n: u64, confidence: Ratio) -> (Ranks, u64) {
    let found = ranks(q, n, confidence);
    let p95 = Ratio::new(95, 100).map_or(1, |p| nearest_rank(p, n));
    (found, found.lower.unwrap_or(1).min(found.nearest).min(p95))
}

/// Holds a percentile against its objective.
#[must_use]
pub fn stand(order: &Order, ranks: &Ranks, q: Ratio, confidence: Ratio, objective: i64) -> Standing {
    let over = |rank: u64| order.at_least(rank).map(|t| t.ns).filter(|&ns| ns > objective);
    let Some(rank) = ranks.upper else {
        let certain = ranks.lower.and_then(over);
        return certain
            .map_or_else(|| Standing::TooFew { needed: needed(q, confidence) }, |ns| Standing::Over { ns, small: true });
    };
    if let Some(ns) = over(ranks.nearest) {
        return Standing::Over { ns, small: false };
    }
    match order.at_most(rank) {
        Some(upper) if upper <= objective => Standing::Within { upper },
        upper => Standing::Between { upper },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(ns: &[i64], open: &[i64]) -> Vec<Timed> {
        let closed = ns.iter().map(|&ns| Timed { ns, open: false, id: RowId::default() });
        closed.chain(open.iter().map(|&ns| Timed { ns, open: true, id: RowId::default() })).collect()
    }

    fn standing(sample: Vec<Timed>, objective: i64) -> Standing {
        let (q, confidence) = (Ratio::new(99, 100).unwrap(), Ratio::new(95, 100).unwrap());
        let (ranks, least) = ranks_for(q, sample.len() as u64, confidence);
        stand(&Order::new(sample, least), &ranks, q, confidence, objective)
    }

    #[test]
    fn windows_join_and_touch() {
        let windows = Windows::new(vec![(50, 60), (10, 20), (15, 30)]);
        assert_eq!(windows, Windows(vec![(10, 30), (50, 60)]));
        assert!(windows.touch(0, 10) && windows.touch(30, 31) && windows.touch(0, 99) && windows.touch(55, 56));
        assert!(!windows.touch(31, 49) && !windows.touch(61, i64::MAX) && !windows.touch(0, 9));
    }

    #[test]
    fn a_lost_quorum_has_nothing_to_recover_with() {
        let strike = |from, stop, members: &[u32]| Strike {
            from,
            until: from + 1,
            stop: Some(stop),
            members: members.iter().map(|&m| Sym(m)).collect(),
        };
        let one = recovery_windows(&[strike(100, 500, &[1])], 30, 2);
        assert_eq!(one, Windows(vec![(100, 131)]));
        let three = recovery_windows(&[strike(100, 500, &[1, 2, 3])], 30, 2);
        assert_eq!(three, Windows(vec![(100, 530)]));
        let rolling = recovery_windows(&[strike(100, 500, &[1, 2]), strike(200, 400, &[3])], 30, 2);
        assert_eq!(rolling, Windows(vec![(100, 131), (200, 430)]));
        let apart = recovery_windows(&[strike(100, 150, &[1, 2]), strike(200, 400, &[3])], 30, 2);
        assert_eq!(apart, Windows(vec![(100, 131), (200, 231)]));
    }

    #[test]
    fn order_statistics_agree_with_a_full_sort() {
        let mut state = 7u64;
        for n in [1usize, 2, 20, 299, 500] {
            for opens in [0, 1, n / 3] {
                let mut next = || {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    i64::try_from(state >> 50).unwrap()
                };
                let (ns, open): (Vec<i64>, Vec<i64>) = ((0..n).map(|_| next()).collect(), (0..opens).map(|_| next()).collect());
                let all = sample(&ns, &open);
                let total = all.len() as u64;
                let least = total / 2 + 1;
                let order = Order::new(all.clone(), least);
                let mut lows: Vec<i64> = all.iter().map(|t| t.ns).collect();
                let mut highs: Vec<i64> = all.iter().map(|t| if t.open { i64::MAX } else { t.ns }).collect();
                lows.sort_unstable();
                highs.sort_unstable();
                for rank in least..=total {
                    let i = usize::try_from(rank).unwrap() - 1;
                    assert_eq!(order.at_least(rank).unwrap().ns, lows[i]);
                    assert_eq!(order.at_most(rank).unwrap_or(i64::MAX), highs[i], "n {n} open {opens} rank {rank}");
                }
            }
        }
    }

    #[test]
    fn standings() {
        assert_eq!(standing(sample(&[5; 298], &[]), 10), Standing::TooFew { needed: Some(299) });
        assert_eq!(standing(sample(&[5; 299], &[]), 10), Standing::Within { upper: 5 });
        let mut slow = vec![5; 300];
        slow[0] = 20;
        assert_eq!(standing(sample(&slow, &[]), 10), Standing::Between { upper: Some(20) });
        slow[1..4].fill(20);
        assert_eq!(standing(sample(&slow, &[]), 10), Standing::Over { ns: 20, small: false });
        assert_eq!(standing(sample(&[20; 10], &[]), 10), Standing::Over { ns: 20, small: true });
        assert_eq!(standing(sample(&[5; 300], &[1]), 10), Standing::Between { upper: None }, "silence is never fast");
        assert_eq!(standing(sample(&[5; 300], &[20; 9]), 10), Standing::Over { ns: 20, small: false });
    }
}
