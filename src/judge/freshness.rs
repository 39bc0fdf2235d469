//! Read freshness: C_observed(r) ≥ C_commit(w) for every write w with response(w) < invoke(r).
//!
//! In: reads and writes on one clock, each with its key, the version it observed or made, and the commit index of its answer. Out: the reads that
//! saw less than was complete before they began. One sweep by time, n log n. Versions are compared key by key; a version is the log index or
//! revision of the key's last write. Equal times are concurrent. Refuses to know endpoints and gates.

use crate::evidence::RowId;
use crate::evidence::symbol::Sym;
use std::collections::BTreeMap;

/// A successful operation.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Its record.
    pub id: RowId,
    /// Whether it is a read; else a write.
    pub read: bool,
    /// The object.
    pub key: Option<Sym>,
    /// When it was sent, in ns.
    pub invoke: i64,
    /// When it returned, in ns.
    pub returned: i64,
    /// The version observed or made.
    pub version: Option<i64>,
    /// The commit index of the answer.
    pub commit: Option<i64>,
}

/// What fell back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The version of the key.
    Version,
    /// The commit index.
    CommitIndex,
}

/// A read that saw less than it had to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale {
    /// The read.
    pub read: RowId,
    /// The write that was complete.
    pub write: RowId,
    /// What is compared.
    pub measure: Measure,
    /// C_observed.
    pub observed: i64,
    /// C_commit.
    pub committed: i64,
    /// How long the write had been complete when the read began, in ns: the clock error that the finding survives.
    pub margin: i64,
}

/// What the sweep found.
#[derive(Debug, Clone, Default)]
pub struct Freshness {
    /// Reads that followed a complete write and were compared with it.
    pub compared: u64,
    /// Reads and writes that carry no version.
    pub without_version: Vec<RowId>,
    /// Stale reads, worst first: the one that lags most, then the one with the widest margin.
    pub stale: Vec<Stale>,
}

/// The newest complete write: its measure, record and response.
#[derive(Debug, Clone, Copy)]
struct Mark {
    value: i64,
    write: RowId,
    returned: i64,
}

fn raise(mark: &mut Option<Mark>, value: i64, op: &Seen) {
    if mark.is_none_or(|m| value > m.value) {
        *mark = Some(Mark { value, write: op.id, returned: op.returned });
    }
}

fn lags(mark: Option<Mark>, observed: Option<i64>, op: &Seen, measure: Measure) -> Option<Stale> {
    let (mark, observed) = (mark?, observed?);
    (observed < mark.value).then(|| Stale {
        read: op.id,
        write: mark.write,
        measure,
        observed,
        committed: mark.value,
        margin: op.invoke.saturating_sub(mark.returned),
    })
}

/// Sweeps the operations by time, each read as if it had been sent `later` ns later. With minus the skew of clocks, what is found stale is so for every
/// skew within it; with plus the skew, what is not found stale is fresh for every one.
#[must_use]
pub fn sweep(operations: &[Seen], later: i64) -> Freshness {
    let mut events: Vec<(i64, bool, usize)> = operations
        .iter()
        .enumerate()
        .map(|(i, op)| if op.read { (op.invoke.saturating_add(later), false, i) } else { (op.returned, true, i) })
        .collect();
    events.sort_unstable();
    let mut found = Freshness::default();
    let mut versions: BTreeMap<Option<Sym>, Option<Mark>> = BTreeMap::new();
    let mut commit: Option<Mark> = None;
    for (_, _, i) in events {
        let op = &operations[i];
        if op.version.is_none() {
            found.without_version.push(op.id);
        }
        let newest = versions.entry(op.key).or_default();
        if op.read {
            found.compared += u64::from(newest.is_some() && op.version.is_some());
            found.stale.extend(lags(*newest, op.version, op, Measure::Version));
            found.stale.extend(lags(commit, op.commit, op, Measure::CommitIndex));
        } else {
            if let Some(version) = op.version {
                raise(newest, version, op);
            }
            if let Some(index) = op.commit {
                raise(&mut commit, index, op);
            }
        }
    }
    let lag = |s: &Stale| s.committed.saturating_sub(s.observed);
    found.stale.sort_by(|a, b| lag(b).cmp(&lag(a)).then(b.margin.cmp(&a.margin)).then(a.read.cmp(&b.read)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(read: bool, key: u32, invoke: i64, returned: i64, version: i64) -> Seen {
        Seen { id: RowId::default(), read, key: Some(Sym(key)), invoke, returned, version: Some(version), commit: None }
    }

    #[test]
    fn only_writes_complete_before_count() {
        let write = op(false, 1, 0, 10, 7);
        assert!(sweep(&[write, op(true, 1, 10, 20, 3)], 0).stale.is_empty(), "equal times are concurrent");
        let stale = sweep(&[write, op(true, 1, 12, 20, 3)], 0).stale;
        assert_eq!((stale[0].observed, stale[0].committed, stale[0].margin), (3, 7, 2));
        assert!(sweep(&[write, op(true, 2, 12, 20, 0)], 0).stale.is_empty(), "another key");
        let found = sweep(&[write, op(true, 1, 12, 20, 7), op(true, 1, 5, 6, 0)], 0);
        assert_eq!((found.compared, found.stale.len()), (1, 0));
    }

    #[test]
    fn commit_indexes_are_compared_too() {
        let write = Seen { commit: Some(9), version: None, ..op(false, 1, 0, 10, 0) };
        let read = Seen { commit: Some(8), version: None, ..op(true, 2, 11, 20, 0) };
        let found = sweep(&[write, read], 0);
        assert_eq!(found.stale[0].measure, Measure::CommitIndex);
        assert_eq!((found.without_version.len(), found.compared), (2, 0));
    }

    #[test]
    fn the_sweep_agrees_with_all_pairs() {
        let mut state = 1u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from((state >> 33) % below).unwrap()
        };
        for _ in 0..2000 {
            let operations: Vec<Seen> = (0..8)
                .map(|_| {
                    let invoke = next(20);
                    let key = u32::try_from(next(2)).unwrap();
                    let commit = Some(next(6));
                    Seen { commit, ..op(next(2) == 0, key, invoke, invoke + next(6), next(6)) }
                })
                .collect();
            let behind = |r: &Seen, w: &Seen| !w.read && r.read && w.returned < r.invoke;
            let any = |r: &Seen, f: &dyn Fn(&Seen) -> bool| operations.iter().any(|w| behind(r, w) && f(w));
            let versions = operations.iter().filter(|r| any(r, &|w| w.key == r.key && w.version > r.version)).count();
            let commits = operations.iter().filter(|r| any(r, &|w| w.commit > r.commit)).count();
            assert_eq!(sweep(&operations, 0).stale.len(), versions + commits);
        }
    }
}
