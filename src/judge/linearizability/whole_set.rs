//! Sets whose reads answer with all elements at once.
//!
//! Where nothing is removed and no element is added twice, reads only ever grow: of two reads one holds the other. In order of size they cut
//! the history into steps (adds of what a read saw first, the reads of that size, …, adds that nobody saw), inside of which any order will do. So an order
//! exists iff reads are nested, all they hold was added, and no operation returns before one of an earlier step is invoked: one pass, as for
//! logs. An add of unknown outcome counts only if a read holds its element. Otherwise each element is looked at by itself: what contradicts one element
//! contradicts the set. Does not judge: removes and repeated adds without such a contradiction.

use super::elements::{Op, Ops, Special, gather};
use super::history::{History, Kind, Operation};
use super::outcome::{Counterexample, Reason, Settings, Verdict};
use super::{set, witness};
use hashbrown::HashMap;

/// The most pairs of a read and an element that are looked at one by one.
const PAIRS: usize = 1_000_000;

/// Does a read of this set answer with all elements?
pub(super) fn asked(ops: Ops) -> bool {
    ops.judged().any(|op| op.kind == Kind::ReadLog)
}

/// Judges one set.
pub(super) fn judge(ops: Ops, settings: &Settings) -> Result<(Verdict, &'static str), &'static str> {
    match nested(&ops) {
        Ok(verdict) => Ok((verdict, "nothing is removed and no element is added twice")),
        Err(why) => match one_by_one(&ops, settings) {
            Some(violation) => Ok((violation, "an element contradicts by itself")),
            None => Err(why),
        },
    }
}

/// One step of the order: who returned first and who was invoked last.
#[derive(Clone, Copy)]
struct Step {
    first: Option<Op>,
    last: Option<Op>,
}

impl Step {
    const EMPTY: Step = Step { first: None, last: None };

    fn take(&mut self, op: Op) {
        if self.first.is_none_or(|first| (op.ret, op.at) < (first.ret, first.at)) {
            self.first = Some(op);
        }
        if self.last.is_none_or(|last| (op.invoke, last.at) > (last.invoke, op.at)) {
            self.last = Some(op);
        }
    }
}

fn nested(ops: &Ops) -> Special {
    let list = |op: &Op| ops.history.list_of(op.value);
    let mut adds: HashMap<i64, Op> = HashMap::new();
    let mut reads = Vec::new();
    for op in ops.judged() {
        match op.kind {
            Kind::Add if adds.insert(op.value, op).is_some() => return Err("elements are added more than once"),
            Kind::Add => {}
            Kind::ReadLog if op.unknown => {}
            Kind::ReadLog => reads.push(op),
            _ => return Err("reads answer with the whole set, and elements are removed"),
        }
    }
    reads.sort_by_key(|read| (list(read).len(), read.ret, read.at));
    let mut steps = vec![Step::EMPTY];
    // The step of each element that was read: even steps are adds, odd ones reads.
    let mut first_seen: HashMap<i64, usize> = HashMap::new();
    let mut before: &[i64] = &[];
    for (i, read) in reads.iter().enumerate() {
        let here = list(read);
        if i == 0 || here.len() > before.len() {
            steps.extend([Step::EMPTY; 2]);
        }
        let Some(new) = beyond(before, here) else {
            return ops.violation(Reason::ReadsDisagree, &[reads[i - 1].at, read.at], None);
        };
        for element in new {
            if !adds.contains_key(&element) {
                return ops.phantom(read.at, element);
            }
            first_seen.insert(element, steps.len() - 3);
        }
        let step = steps.len() - 2;
        steps[step].take(*read);
        before = here;
    }
    let unread = steps.len() - 1;
    for op in ops.judged().filter(|op| op.kind == Kind::Add) {
        match first_seen.get(&op.value) {
            Some(&step) => steps[step].take(op),
            None if !op.unknown => steps[unread].take(op),
            None => {}
        }
    }
    scan(ops, &steps)
}

/// What the second ascending list holds and the first does not; `None` if the first holds something that the second does not.
fn beyond(small: &[i64], large: &[i64]) -> Option<Vec<i64>> {
    let (mut new, mut next) = (Vec::new(), 0);
    for &element in large {
        if small.get(next) == Some(&element) {
            next += 1;
        } else {
            new.push(element);
        }
    }
    (next == small.len()).then_some(new)
}

/// No operation may return before one of an earlier step is invoked.
fn scan(ops: &Ops, steps: &[Step]) -> Special {
    let mut latest: Option<(Op, usize)> = None;
    for (at, step) in steps.iter().enumerate() {
        if let (Some(here), Some((earlier, from))) = (step.first, latest)
            && here.ret < earlier.invoke
        {
            let reason = match (here.kind, earlier.kind) {
                (Kind::ReadLog, Kind::Add) => Reason::ReadBeforeWriteInvoked,
                (Kind::ReadLog, _) => Reason::StaleRead,
                (_, Kind::Add) => Reason::OrderBroken,
                _ => Reason::LostElement,
            };
            // Two adds contradict only beside a read that saw the second and not the first.
            let witness = steps.get(from + 1).and_then(|reads| reads.first).filter(|_| reason == Reason::OrderBroken);
            let shown: Vec<u32> = [here.at, earlier.at].into_iter().chain(witness.map(|read| read.at)).collect();
            debug_assert!(from < at);
            return ops.violation(reason, &shown, Some(earlier.invoke - here.ret));
        }
        if let Some(last) = step.last.filter(|last| latest.is_none_or(|(op, _)| last.invoke > op.invoke)) {
            latest = Some((last, at));
        }
    }
    Ok(Verdict::Linearizable)
}

/// A contradiction of one element, with each read as an answer about each element.
fn one_by_one(ops: &Ops, settings: &Settings) -> Option<Verdict> {
    let reads: Vec<Op> = ops.judged().filter(|op| op.kind == Kind::ReadLog && !op.unknown).collect();
    let mut elements: Vec<i64> = ops.judged().filter(|op| op.kind != Kind::ReadLog).map(|op| op.value).collect();
    for read in &reads {
        elements.extend(ops.history.list_of(read.value));
        if elements.len() > 4 * PAIRS {
            elements.sort_unstable();
            elements.dedup();
        }
    }
    elements.sort_unstable();
    elements.dedup();
    if reads.len().saturating_mul(elements.len()) > PAIRS {
        return None;
    }
    let mut part = History::new();
    for op in ops.judged() {
        let whole = ops.history.operation(op.at as usize);
        if op.kind != Kind::ReadLog {
            part.push(whole).ok()?;
        } else if !op.unknown {
            let list = ops.history.list_of(op.value);
            for &value in &elements {
                let expected = i64::from(list.binary_search(&value).is_ok());
                part.push(Operation { kind: Kind::Contains, value, expected, ..whole }).ok()?;
            }
        }
    }
    let positions: Vec<u32> = (0..u32::try_from(part.len()).ok()?).collect();
    let judged = gather(&part, &positions, settings)?;
    let Verdict::Violation(mut example) = set::judge(Ops::new(&part, &positions, &judged, settings.skew_ns), settings).0 else {
        return None;
    };
    for shown in example.operations.iter_mut().filter(|op| op.kind == Kind::Contains) {
        let same = |op: &&Op| ops.history.row(op.at as usize) == shown.row && ops.history.invokes[op.at as usize] == shown.invoke;
        *shown = ops.history.operation(reads.iter().find(same)?.at as usize);
    }
    let last = example.operations.last().copied();
    let rest = example.rest;
    let example = witness::example(example.reason, example.operations, example.margin_ns);
    let mut example = Counterexample { rest, ..example };
    if matches!(example.reason, Reason::SearchStuck { .. })
        && let Some(last) = last
    {
        // The one that could not follow stays the last.
        example.operations.retain(|op| *op != last);
        example.operations.push(last);
    }
    Some(Verdict::Violation(Box::new(example)))
}
