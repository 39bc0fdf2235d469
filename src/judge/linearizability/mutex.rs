//! Mutexes: an acquire and the release that follows it in its process are a block.
//!
//! Blocks cannot overlap, so the block lemma decides (see `blocks.rs`). An acquire that is never released must come last.
//! A release of unknown outcome is best taken as done; an acquire of unknown outcome that its process did not go on from
//! is best taken as not done. Does not judge: processes whose own operations overlap or touch, or that go on after an
//! unknown outcome. Where every successful acquire tells its fencing token (`told`), tokens must rise in the order of
//! acquires, which is then forced.

use super::elements::{Op, Ops, Special, sort_nearly};
use super::history::{Kind, NEVER};
use super::outcome::{Reason, Rest, Verdict};

#[derive(Clone, Copy)]
struct Held {
    acquire: Op,
    release: Option<Op>,
}

impl Held {
    fn f(&self) -> i64 {
        self.release.map_or(self.acquire.ret, |release| release.ret.min(self.acquire.ret))
    }

    fn s(&self) -> i64 {
        self.release.map_or(NEVER, |release| release.invoke.max(self.acquire.invoke))
    }

    fn shown(&self) -> impl Iterator<Item = u32> {
        [Some(self.acquire.at), self.release.map(|release| release.at)].into_iter().flatten()
    }
}

/// Judges one mutex, by the tokens of its acquires as well if `told`.
pub(super) fn judge(ops: Ops, told: bool) -> Special {
    if told && let Some(special) = tokens(&ops) {
        return special;
    }
    let mut by_process: Vec<(u32, Op)> = ops.judged().map(|op| (ops.history.process(op.at as usize), op)).collect();
    by_process.sort_unstable_by_key(|(process, op)| (*process, op.invoke, op.ret, op.at));
    let mut held = Vec::new();
    for own in by_process.chunk_by(|a, b| a.0 == b.0) {
        let mut open: Option<Op> = None;
        if own.windows(2).any(|pair| pair[0].1.ret >= pair[1].1.invoke) {
            return Err("a process overlaps itself");
        }
        for &(_, op) in own {
            match (op.kind, open) {
                (Kind::Acquire, _) if op.unknown => continue,
                (Kind::Acquire, Some(acquire)) => {
                    held.push(Held { acquire, release: None });
                    open = Some(op);
                }
                (Kind::Acquire, None) => open = Some(op),
                (_, Some(acquire)) => {
                    held.push(Held { acquire, release: Some(op) });
                    open = None;
                }
                (_, None) if op.unknown => {}
                (_, None) => {
                    let margin = own_gap(&by_process, [own[0].0; 2]);
                    return ops.violation_with(Rest::OwnProcesses, Reason::MutexOverlap, &[op.at], margin);
                }
            }
        }
        held.extend(open.map(|acquire| Held { acquire, release: None }));
    }
    if told { forced_order(&ops, held, &by_process) } else { order(&ops, &held, &by_process) }
}

/// What speaks against the tokens of acquires alone, or why they cannot be used.
fn tokens(ops: &Ops) -> Option<Special> {
    let mut acquires: Vec<(u64, Op)> = Vec::new();
    for op in ops.judged().filter(|op| op.kind == Kind::Acquire && !op.unknown) {
        match ops.history.version(op.at as usize) {
            Some(token) => acquires.push((token, op)),
            None => return Some(Err("tokens are incomplete")),
        }
    }
    acquires.sort_unstable_by_key(|(token, op)| (*token, op.at));
    if let Some(pair) = acquires.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let reason = Reason::SplitBrain { version: pair[0].0 };
        return Some(ops.violation(reason, &[pair[0].1.at, pair[1].1.at], None));
    }
    let mut latest: Option<(u64, Op)> = None;
    for &(token, op) in &acquires {
        if let Some((older, before)) = latest.filter(|(older, before)| *older == token || op.ret < before.invoke) {
            let (reason, margin) = match older == token {
                true => (Reason::SplitBrain { version: token }, None),
                false => (Reason::VersionWentBack { newer: token, older }, Some(before.invoke - op.ret)),
            };
            return Some(ops.violation(reason, &[before.at, op.at], margin));
        }
        if latest.is_none_or(|(_, before)| op.invoke > before.invoke) {
            latest = Some((token, op));
        }
    }
    None
}

/// The least time between two operations of these processes: a clock error of that size would free their order.
fn own_gap(by_process: &[(u32, Op)], processes: [u32; 2]) -> Option<i64> {
    let own = by_process.windows(2).filter(|pair| pair[0].0 == pair[1].0 && processes.contains(&pair[0].0));
    own.map(|pair| pair[1].1.invoke - pair[0].1.ret).min()
}

/// The margin of two blocks. One without a release may get one from its own process, if the order in there is freed.
fn bounded(ops: &Ops, margin: Option<i64>, blocks: [&Held; 2], by_process: &[(u32, Op)]) -> Option<i64> {
    if blocks.iter().all(|held| held.release.is_some()) {
        return margin;
    }
    let own = own_gap(by_process, blocks.map(|held| ops.history.process(held.acquire.at as usize)));
    margin.into_iter().chain(own).min()
}

/// Blocks in the order of their tokens: none may end before an earlier one has begun to.
fn forced_order(ops: &Ops, mut held: Vec<Held>, by_process: &[(u32, Op)]) -> Special {
    held.sort_by_key(|held| ops.history.version(held.acquire.at as usize));
    let mut latest: Option<&Held> = None;
    for here in &held {
        if let Some(other) = latest.filter(|other| here.f() < other.s()) {
            let margin = Some(other.s()).filter(|&s| s != NEVER).map(|s| s - here.f());
            let margin = bounded(ops, margin, [other, here], by_process);
            let shown: Vec<u32> = other.shown().chain(here.shown()).collect();
            return ops.violation_with(Rest::OwnProcesses, Reason::MutexOverlap, &shown, margin);
        }
        if latest.is_none_or(|other| here.s() > other.s()) {
            latest = Some(here);
        }
    }
    Ok(Verdict::Linearizable)
}

fn order(ops: &Ops, held: &[Held], by_process: &[(u32, Op)]) -> Special {
    let sum = |held: &Held| held.f().saturating_add(held.s());
    let mut ranked: Vec<(i64, u32)> = held.iter().enumerate().map(|(i, h)| (sum(h), i as u32)).collect();
    ranked.sort_by_key(|&(_, i)| held[i as usize].acquire.invoke);
    sort_nearly(&mut ranked);
    let mut latest: Option<&Held> = None;
    for &(_, i) in &ranked {
        let here = &held[i as usize];
        if let Some(other) = latest.filter(|other| here.f() < other.s()) {
            let gaps = [(here.f(), other.s()), (other.f(), here.s())];
            let margin = gaps.into_iter().filter(|&(_, s)| s != NEVER).map(|(f, s)| s - f).min();
            let margin = bounded(ops, margin, [other, here], by_process);
            let shown: Vec<u32> = other.shown().chain(here.shown()).collect();
            return ops.violation_with(Rest::OwnProcesses, Reason::MutexOverlap, &shown, margin);
        }
        if latest.is_none_or(|other| here.s() > other.s()) {
            latest = Some(here);
        }
    }
    Ok(Verdict::Linearizable)
}
