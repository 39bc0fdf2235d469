//! Counters.
//!
//! First each read by itself: what was acknowledged before it was sent has counted, what was sent before its answer came
//! may have. Where the sum cannot be what it read, that is the contradiction, whatever the amounts. Then, where all
//! increments are 1: a read of n says that exactly n increments came before it. An increment that follows a read of n has
//! a place after n; one that precedes a read of n has a place of at most n. Places up to the highest read must all be
//! filled: by earliest deadline. Increments of unknown outcome have no deadline and may stay away. Other amounts are
//! NP-hard (subset sum) and left to the search.

use super::elements::{Op, Ops, Special};
use super::history::Kind;
use super::outcome::{Reason, Rest, Verdict};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The most increments that are shown.
const HANDFUL: usize = 6;
const ONE_READ: &str = "no two reads show it";

/// Judges one counter that starts at 0.
pub(super) fn judge(ops: Ops) -> Special {
    let (mut reads, mut increments): (Vec<Op>, Vec<Op>) = (Vec::new(), Vec::new());
    for op in ops.judged() {
        match op.kind {
            Kind::Increment => increments.push(op),
            _ if !op.unknown => reads.push(op),
            _ => {}
        }
    }
    let unit = increments.iter().all(|op| op.value == 1);
    match out_of_bounds(&ops, &reads, &increments) {
        Some(Ok(Verdict::Violation(alone))) if unit && alone.rest != Rest::Free => match units(&ops, reads, &increments) {
            // Two reads need fewer increments between them.
            Ok(Verdict::Violation(pair)) if pair.rest == Rest::Free => Ok(Verdict::Violation(pair)),
            _ => Ok(Verdict::Violation(alone)),
        },
        Some(violation) => violation,
        None if unit => units(&ops, reads, &increments),
        None => Err("amounts differ from 1"),
    }
}

/// Amounts in order, summed up from the start: what adds and what takes away.
struct Sums {
    gains: Vec<i128>,
    losses: Vec<i128>,
}

impl Sums {
    fn new(ops: &[Op]) -> Sums {
        let mut sums = Sums { gains: vec![0], losses: vec![0] };
        let (mut gain, mut loss) = (0, 0);
        for op in ops {
            gain += i128::from(op.value.max(0));
            loss += i128::from(op.value.min(0));
            sums.gains.push(gain);
            sums.losses.push(loss);
        }
        sums
    }
}

/// A read that no choice of the increments around it explains, each read by itself.
fn out_of_bounds(ops: &Ops, reads: &[Op], increments: &[Op]) -> Option<Special> {
    let (mut by_ret, mut by_invoke) = (increments.to_vec(), increments.to_vec());
    by_ret.retain(|op| !op.unknown);
    by_ret.sort_unstable_by_key(|op| (op.ret, op.at));
    by_invoke.sort_unstable_by_key(|op| (op.invoke, op.at));
    let (done, sent) = (Sums::new(&by_ret), Sums::new(&by_invoke));
    reads.iter().find_map(|read| {
        let before = by_ret.partition_point(|op| op.ret < read.invoke);
        let begun = by_invoke.partition_point(|op| op.invoke <= read.ret);
        let least = done.gains[before] + sent.losses[begun];
        let most = sent.gains[begun] + done.losses[before];
        let value = i128::from(read.value);
        let around = Around { read, before: &by_ret[..before], later: &by_invoke[begun..] };
        match () {
            () if value > most => {
                Some(around.show(ops, Reason::CountTooHigh { most: narrow(most) }, value - sent.gains[begun], -1))
            }
            () if value < least => {
                Some(around.show(ops, Reason::CountTooLow { least: narrow(least) }, value - sent.losses[begun], 1))
            }
            () => None,
        }
    })
}

fn narrow(sum: i128) -> i64 {
    sum.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// A read, what was acknowledged before it was sent, and what was sent after its answer came.
struct Around<'a> {
    read: &'a Op,
    before: &'a [Op],
    later: &'a [Op],
}

impl Around<'_> {
    /// Shows that what was acknowledged and has this sign takes the sum past `bar`, where nothing can bring it back.
    fn show(&self, ops: &Ops, reason: Reason, bar: i128, sign: i128) -> Special {
        let amount = |op: &Op| i128::from(op.value) * sign;
        let mut pulls: Vec<&Op> = self.before.iter().filter(|op| amount(op) > 0).collect();
        pulls.sort_by_key(|op| (Reverse(amount(op)), op.ret, op.at));
        let mut over = -bar * sign;
        let mut few = 0;
        while over <= 0 && few < pulls.len() {
            over += amount(pulls[few]);
            few += 1;
        }
        let held = pulls[..few].iter().map(|op| self.read.invoke - op.ret).min();
        // What was sent later would bring it back if clocks were wrong by enough.
        let excused = self.later.iter().filter(|op| amount(op) < 0).find_map(|op| {
            over += amount(op);
            (over <= 0).then(|| op.invoke - self.read.ret)
        });
        let margin = held.into_iter().chain(excused).min();
        if few <= HANDFUL {
            let shown: Vec<u32> = pulls[..few].iter().map(|op| op.at).chain([self.read.at]).collect();
            return ops.violation(reason, &shown, margin);
        }
        let sum: i128 = pulls.iter().map(|op| i128::from(op.value)).sum();
        let rest = Rest::Increments { count: pulls.len() as u64, sum: narrow(sum), since_read: false };
        ops.violation_with(rest, reason, &[self.read.at], margin)
    }
}

/// All increments are 1, and no read contradicts by itself.
fn units(ops: &Ops, mut reads: Vec<Op>, increments: &[Op]) -> Special {
    // Highest value read by those that returned first; lowest value read by those that were invoked last.
    reads.sort_unstable_by_key(|read| (read.ret, read.at));
    let mut returned: Vec<(i64, Op)> = Vec::with_capacity(reads.len());
    for read in &reads {
        let highest = returned.last().map_or(*read, |&(_, highest)| highest);
        returned.push((read.ret, if read.value > highest.value { *read } else { highest }));
    }
    let seen_before = |time: i64| {
        let i = returned.partition_point(|&(ret, _)| ret < time);
        i.checked_sub(1).map(|i| returned[i].1)
    };
    for read in &reads {
        if let Some(before) = seen_before(read.invoke).filter(|before| before.value > read.value) {
            return ops.violation(Reason::CountWentBack, &[before.at, read.at], Some(read.invoke - before.ret));
        }
    }
    let highest = reads.iter().map(|read| read.value).max().unwrap_or(0);
    reads.sort_unstable_by_key(|read| Reverse((read.invoke, read.at)));
    let mut invoked: Vec<(i64, Op)> = Vec::with_capacity(reads.len());
    for read in &reads {
        let lowest = invoked.last().map_or(*read, |&(_, lowest)| lowest);
        invoked.push((read.invoke, if read.value < lowest.value { *read } else { lowest }));
    }
    let seen_after = |time: i64| {
        let i = invoked.partition_point(|&(invoke, _)| invoke > time);
        i.checked_sub(1).map(|i| invoked[i].1)
    };
    let windows = increments.iter().map(|op| Window {
        after: seen_before(op.invoke).map_or(0, |read| read.value),
        deadline: if op.unknown { i64::MAX } else { seen_after(op.ret).map_or(i64::MAX, |read| read.value) },
        op: *op,
    });
    fill_places(ops, windows.collect(), highest, &reads)
}

/// The places that an increment may take: more than `after`, at most `deadline`.
struct Window {
    after: i64,
    deadline: i64,
    op: Op,
}

/// Fills the places 1 to `highest` by earliest deadline.
fn fill_places(ops: &Ops, mut windows: Vec<Window>, highest: i64, reads: &[Op]) -> Special {
    windows.sort_unstable_by_key(|window| (window.after, window.deadline, window.op.at));
    let mut next = 0;
    let mut open: BinaryHeap<Reverse<i64>> = BinaryHeap::new();
    for place in 1..=highest {
        while next < windows.len() && windows[next].after < place {
            open.push(Reverse(windows[next].deadline));
            next += 1;
        }
        match open.pop() {
            Some(Reverse(deadline)) if deadline < place => return crowded(ops, &windows, deadline, reads),
            Some(_) => {}
            None => return Err("a place stays empty"),
        }
    }
    let late = open.into_iter().map(|Reverse(deadline)| deadline).chain(windows[next..].iter().map(|window| window.deadline));
    match late.min().filter(|&deadline| deadline != i64::MAX) {
        Some(deadline) => crowded(ops, &windows, deadline, reads),
        None => Ok(Verdict::Linearizable),
    }
}

/// More increments than there are places between two reads: those sent after the first came back and completed before the
/// second was sent. Of all first reads that show it, the last.
fn crowded(ops: &Ops, windows: &[Window], deadline: i64, reads: &[Op]) -> Special {
    let mut early: Vec<i64> = windows.iter().filter(|window| window.deadline <= deadline).map(|window| window.after).collect();
    early.sort_unstable_by_key(|&after| Reverse(after));
    let full = early.iter().zip(1..).find(|&(&after, count)| count > deadline - after);
    let first =
        full.and_then(|(&after, _)| reads.iter().filter(|read| read.value >= after).min_by_key(|read| (read.ret, read.at)));
    let last = reads.iter().filter(|read| read.value <= deadline).max_by_key(|read| (read.invoke, Reverse(read.at)));
    let Some((first, last)) = first.zip(last) else {
        return Err(ONE_READ);
    };
    let between = windows.iter().map(|window| window.op);
    let between = between.filter(|op| !op.unknown && op.invoke > first.ret && op.ret < last.invoke);
    let mut between: Vec<(i64, u32)> = between.map(|op| ((op.invoke - first.ret).min(last.invoke - op.ret), op.at)).collect();
    between.sort_unstable_by_key(|&(gap, at)| (Reverse(gap), at));
    let places = usize::try_from(last.value - first.value).unwrap_or(0);
    let reason = Reason::CountTooLow { least: first.value + between.len() as i64 };
    let Some(&(margin, _)) = between.get(places) else {
        return Err(ONE_READ);
    };
    if places < HANDFUL {
        let shown = between.iter().take(places + 1).map(|&(_, at)| at);
        return ops.violation(reason, &shown.chain([first.at, last.at]).collect::<Vec<u32>>(), Some(margin));
    }
    let count = between.len() as u64;
    let rest = Rest::Increments { count, sum: count as i64, since_read: true };
    ops.violation_with(rest, reason, &[first.at, last.at], Some(margin))
}
