//! Positions of operations by key, and the keys on several threads.

use super::history::History;
use super::slots::Keys;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Positions of the operations of some keys, ascending for each key.
pub(super) struct Groups {
    starts: Vec<u32>,
    positions: Vec<u32>,
}

impl Groups {
    pub(super) fn new(history: &History, keys: &Keys, wanted: &[bool]) -> Groups {
        let numbers = keys.of(history);
        let mut starts = vec![0u32; keys.len() + 1];
        for &key in numbers.iter().filter(|&&key| wanted[key as usize]) {
            starts[key as usize + 1] += 1;
        }
        for key in 0..keys.len() {
            starts[key + 1] += starts[key];
        }
        let mut next = starts.clone();
        let mut positions = vec![0u32; starts[keys.len()] as usize];
        for (at, &key) in numbers.iter().enumerate().filter(|&(_, &key)| wanted[key as usize]) {
            positions[next[key as usize] as usize] = at as u32;
            next[key as usize] += 1;
        }
        Groups { starts, positions }
    }

    #[inline]
    pub(super) fn of(&self, key: usize) -> &[u32] {
        &self.positions[self.starts[key] as usize..self.starts[key + 1] as usize]
    }
}

/// Judges the wanted keys, longest first, on some threads. The order of the results is not defined.
pub(super) fn in_parallel<T: Send>(
    groups: &Groups,
    wanted: &[bool],
    threads: usize,
    judge: impl Fn(usize, &[u32]) -> T + Sync,
) -> Vec<(usize, T)> {
    let mut keys: Vec<usize> = (0..wanted.len()).filter(|&key| wanted[key]).collect();
    keys.sort_by_key(|&key| std::cmp::Reverse(groups.of(key).len()));
    let threads = threads.clamp(1, keys.len().max(1));
    if threads == 1 {
        return keys.into_iter().map(|key| (key, judge(key, groups.of(key)))).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(keys.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut mine = Vec::new();
                while let Some(&key) = keys.get(next.fetch_add(1, Ordering::Relaxed)) {
                    mine.push((key, judge(key, groups.of(key))));
                }
                if let Ok(mut done) = done.lock() {
                    done.append(&mut mine);
                }
            });
        }
    });
    done.into_inner().unwrap_or_default()
}
