//! Stretches of time during which some element is there for certain, and the fewest elements that show it.
//!
//! An element put in before `from` and taken out no earlier than `until` is there during the open interval between them.

use super::history::NEVER;

/// One element and the open interval in which it is there for certain; `until` may be [`NEVER`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Certain {
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) element: u32,
}

/// Merges intervals sorted by `from` where they overlap; those that only touch leave an instant between them.
pub(super) fn stretches(sorted: &[Certain]) -> Vec<(i64, i64)> {
    let mut merged: Vec<(i64, i64)> = Vec::new();
    for core in sorted {
        match merged.last_mut() {
            Some(last) if core.from < last.1 => last.1 = last.1.max(core.until),
            _ => merged.push((core.from, core.until)),
        }
    }
    merged
}

/// The fewest of the sorted intervals that together hold all instants from `low` to `high`, in order; empty if there are none.
pub(super) fn chain(sorted: &[Certain], low: i64, high: i64) -> Vec<Certain> {
    let (mut picked, mut reached) = (Vec::new(), low);
    let mut rest = sorted.iter().peekable();
    loop {
        let mut best: Option<Certain> = None;
        while let Some(core) = rest.next_if(|core| core.from < reached) {
            if best.is_none_or(|best| core.until > best.until) {
                best = Some(*core);
            }
        }
        match best.filter(|best| best.until > reached) {
            Some(best) => {
                picked.push(best);
                reached = best.until;
            }
            None => return Vec::new(),
        }
        if reached > high {
            return picked;
        }
    }
}

/// The least by which neighbours of a chain overlap; `None` if there is only one or nothing ends.
pub(super) fn least_overlap(chain: &[Certain]) -> Option<i64> {
    chain.windows(2).filter(|pair| pair[0].until != NEVER).map(|pair| pair[0].until - pair[1].from).min()
}
