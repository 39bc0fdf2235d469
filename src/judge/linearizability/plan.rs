//! Splits a history by key, chooses a method for each key, and runs the keys on several threads.

use super::history::{History, OpOutcome};
use super::outcome::{DataType, Gap, KeyVerdict, Method, Outcome, Settings, Undecided, Verdict};
use super::{builtin, register_case};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Judges every key of a history.
pub fn check(history: &History, data: DataType, settings: &Settings) -> Outcome {
    let groups = Groups::new(history);
    let keys: Vec<usize> = (0..groups.keys.len()).collect();
    let mut done = in_parallel(&groups, &keys, settings.threads, |group| {
        judge_key(
            history,
            groups.keys[group],
            groups.positions(group),
            data,
            settings,
        )
    });
    done.sort_by_key(|verdict| verdict.key);
    Outcome { keys: done }
}

fn judge_key(
    history: &History,
    key: u32,
    at: &[u32],
    data: DataType,
    settings: &Settings,
) -> KeyVerdict {
    let ok = at
        .iter()
        .filter(|&&i| history.outcome(i as usize) == OpOutcome::Ok)
        .count();
    let foreign = at
        .iter()
        .find(|&&i| !builtin::belongs(data, history.kind(i as usize)));
    let (method, why, verdict) = if let Some(&foreign) = foreign {
        let stuck_at = Some(history.operation(foreign as usize));
        let gap = Undecided {
            gap: Gap::ForeignOperation,
            explained: 0,
            stuck_at,
        };
        (
            Method::ModelSearch,
            "an operation does not belong to the data type",
            Verdict::Undecided(Box::new(gap)),
        )
    } else if ok == 0 {
        (
            Method::ModelSearch,
            "no successful operation",
            Verdict::Vacuous,
        )
    } else {
        judge_one(history, at, data, settings)
    };
    KeyVerdict {
        key,
        operations: at.len() as u32,
        ok_operations: ok as u32,
        verdict,
        method,
        why,
        values_alone: None,
    }
}

fn judge_one(
    history: &History,
    at: &[u32],
    data: DataType,
    settings: &Settings,
) -> (Method, &'static str, Verdict) {
    match data {
        DataType::Register | DataType::Mutex => (
            Method::RegisterSearch,
            "values repeat",
            register_case::judge(history, at, data, settings),
        ),
        _ => (
            Method::ModelSearch,
            "no faster method applies",
            builtin::search(history, at, data, settings),
        ),
    }
}

/// Positions of the operations of each key, keys ascending, positions ascending.
pub(super) struct Groups {
    pub(super) keys: Vec<u32>,
    starts: Vec<u32>,
    positions: Vec<u32>,
}

impl Groups {
    pub(super) fn new(history: &History) -> Groups {
        let mut positions: Vec<u32> = (0..history.len() as u32).collect();
        let key = |at: &u32| history.keys[*at as usize];
        if !positions.is_sorted_by_key(key) {
            positions.sort_by_key(key);
        }
        let (mut keys, mut starts) = (Vec::new(), Vec::new());
        for (i, at) in positions.iter().enumerate() {
            if keys.last() != Some(&key(at)) {
                keys.push(key(at));
                starts.push(i as u32);
            }
        }
        starts.push(positions.len() as u32);
        Groups {
            keys,
            starts,
            positions,
        }
    }

    pub(super) fn positions(&self, group: usize) -> &[u32] {
        &self.positions[self.starts[group] as usize..self.starts[group + 1] as usize]
    }
}

/// Runs the groups, longest first, on some threads; the order of results is not defined.
fn in_parallel<F>(groups: &Groups, wanted: &[usize], threads: usize, judge: F) -> Vec<KeyVerdict>
where
    F: Fn(usize) -> KeyVerdict + Sync,
{
    let mut longest_first = wanted.to_vec();
    longest_first.sort_by_key(|&group| std::cmp::Reverse(groups.positions(group).len()));
    let threads = threads.clamp(1, longest_first.len().max(1));
    if threads == 1 {
        return longest_first.into_iter().map(judge).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(longest_first.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut mine = Vec::new();
                while let Some(&group) = longest_first.get(next.fetch_add(1, Ordering::Relaxed)) {
                    mine.push(judge(group));
                }
                if let Ok(mut done) = done.lock() {
                    done.append(&mut mine);
                }
            });
        }
    });
    done.into_inner().unwrap_or_default()
}
