//! Counters whose increments are all 1.
//!
//! A read of n says that exactly n increments came before it. An increment that follows a read of n has a place after n;
//! one that precedes a read of n has a place of at most n. Places up to the highest read must all be filled: by earliest
//! deadline. Increments of unknown outcome have no deadline and may stay away. Arbitrary amounts are NP-hard (subset sum)
//! and left to the search.

use super::elements::{Op, Ops, Special};
use super::history::Kind;
use super::outcome::{Reason, Verdict};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Judges one counter that starts at 0.
pub(super) fn judge(ops: Ops) -> Special {
    let (mut reads, mut increments): (Vec<Op>, Vec<Op>) = (Vec::new(), Vec::new());
    for op in ops.judged() {
        match op.kind {
            Kind::Increment if op.value == 1 => increments.push(op),
            Kind::Increment => return Err("amounts differ from 1"),
            _ if !op.unknown => reads.push(op),
            _ => {}
        }
    }
    let most = increments.len() as i64;
    if let Some(read) = reads.iter().find(|read| read.value < 0 || read.value > most) {
        return ops.violation(Reason::CountImpossible, &[read.at], None);
    }
    // Highest value read by those that returned first; lowest value read by those that were invoked last.
    reads.sort_unstable_by_key(|read| (read.ret, read.at));
    let mut returned: Vec<(i64, i64, u32)> = Vec::with_capacity(reads.len());
    for read in &reads {
        let before = returned.last().map_or((i64::MIN, read.at), |&(_, value, at)| (value, at));
        let (value, at) = if read.value > before.0 { (read.value, read.at) } else { before };
        returned.push((read.ret, value, at));
    }
    let seen_before = |time: i64| {
        let i = returned.partition_point(|&(ret, _, _)| ret < time);
        i.checked_sub(1).map(|i| (returned[i].1, returned[i].2))
    };
    for read in &reads {
        if let Some((value, at)) = seen_before(read.invoke).filter(|&(value, _)| value > read.value) {
            debug_assert!(value > read.value);
            return ops.violation(Reason::CountImpossible, &[at, read.at], None);
        }
    }
    reads.sort_unstable_by_key(|read| Reverse((read.invoke, read.at)));
    let mut invoked: Vec<(i64, i64)> = Vec::with_capacity(reads.len());
    for read in &reads {
        let lowest = invoked.last().map_or(i64::MAX, |&(_, value)| value);
        invoked.push((read.invoke, lowest.min(read.value)));
    }
    let seen_after = |time: i64| {
        let i = invoked.partition_point(|&(invoke, _)| invoke > time);
        i.checked_sub(1).map_or(i64::MAX, |i| invoked[i].1)
    };
    let highest = reads.iter().map(|read| read.value).max().unwrap_or(0);
    let windows = increments.iter().map(|op| {
        let after = seen_before(op.invoke).map_or(0, |(value, _)| value);
        (after, if op.unknown { i64::MAX } else { seen_after(op.ret) }, op.at)
    });
    fill_places(&ops, windows.collect(), highest, &reads)
}

/// Fills the places 1 to `highest` by earliest deadline.
fn fill_places(ops: &Ops, mut windows: Vec<(i64, i64, u32)>, highest: i64, reads: &[Op]) -> Special {
    windows.sort_unstable();
    let mut next = 0;
    let mut open: BinaryHeap<Reverse<(i64, u32)>> = BinaryHeap::new();
    let blame = |value: i64| reads.iter().filter(|read| read.value >= value).min_by_key(|read| (read.ret, read.at));
    for place in 1..=highest {
        while next < windows.len() && windows[next].0 < place {
            open.push(Reverse((windows[next].1, windows[next].2)));
            next += 1;
        }
        match open.pop() {
            Some(Reverse((deadline, at))) if deadline < place => {
                let read = reads.iter().filter(|read| read.value == deadline).max_by_key(|read| read.invoke);
                let shown: Vec<u32> = [Some(at), read.map(|read| read.at)].into_iter().flatten().collect();
                return ops.violation(Reason::CountImpossible, &shown, None);
            }
            Some(_) => {}
            None => {
                let shown: Vec<u32> = blame(place).map(|read| read.at).into_iter().collect();
                return ops.violation(Reason::CountImpossible, &shown, None);
            }
        }
    }
    let late = open.into_iter().map(|Reverse((deadline, at))| (deadline, at));
    let late = late.chain(windows[next..].iter().map(|&(_, deadline, at)| (deadline, at)));
    for (deadline, at) in late {
        if deadline != i64::MAX {
            let read = reads.iter().filter(|read| read.value == deadline).max_by_key(|read| read.invoke);
            let shown: Vec<u32> = [Some(at), read.map(|read| read.at)].into_iter().flatten().collect();
            return ops.violation(Reason::CountImpossible, &shown, None);
        }
    }
    Ok(Verdict::Linearizable)
}
