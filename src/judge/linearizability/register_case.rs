//! Turns the operations of one key into a register case for the search, and its findings back into a verdict.
//!
//! Registers as they are; a mutex is a register that holds its owner; an element of a set is a register that is 0 or 1.

use super::history::{History, Kind, NEVER, NIL, OpOutcome, Operation};
use super::outcome::{Counterexample, DataType, FailedCas, NilRead, Reason, Rest, Settings, Undecided, Verdict};
use super::register_search::{Act, Case, Found, search};
use super::shrink::{Small, shrink};
use super::timeline::Span;
use hashbrown::HashMap;

/// An operation on a register whose values are any numbers.
enum Raw {
    Read(i64),
    Write(i64),
    Cas(i64, i64),
    Not(i64),
}

/// Judges the operations at these positions, all on one object, by the register search.
pub(super) fn judge(history: &History, positions: &[u32], data: DataType, settings: &Settings) -> Verdict {
    let (case, at) = case(history, positions, data, settings);
    let found = search(&case, settings);
    let small = match found {
        Found::Stuck { op, .. } => shrink(&case, op, settings),
        _ => None,
    };
    verdict(found, small, history, &at)
}

/// The case, and the position of each of its operations.
pub(super) fn case(history: &History, positions: &[u32], data: DataType, settings: &Settings) -> (Case, Vec<u32>) {
    let initial = match data {
        DataType::Register => settings.initial,
        DataType::Set => 0,
        _ => NIL,
    };
    let mut ids: HashMap<i64, u32> = HashMap::new();
    let mut id = |value: i64| {
        let next = ids.len() as u32;
        *ids.entry(value).or_insert(next)
    };
    let initial = id(initial);
    let (mut acts, mut spans, mut at) = (Vec::new(), Vec::new(), Vec::new());
    for &position in positions {
        let op = history.operation(position as usize);
        if let Some(raw) = raw(&op, settings) {
            acts.push(match raw {
                Raw::Read(value) => Act::Read(id(value)),
                Raw::Write(value) => Act::Write(id(value)),
                Raw::Cas(from, to) => Act::Cas(id(from), id(to)),
                Raw::Not(value) => Act::Not(id(value)),
            });
            spans.push(span(&op, settings.skew_ns));
            at.push(position);
        }
    }
    (Case { acts, spans, initial, values: ids.len() as u32 }, at)
}

/// The widened interval of an operation.
pub(super) fn span(op: &Operation, skew: i64) -> Span {
    Span {
        invoke: op.invoke.saturating_sub(skew),
        ret: if op.ret == NEVER { NEVER } else { op.ret.saturating_add(skew) },
        unknown: op.outcome == OpOutcome::Unknown,
    }
}

/// What an operation does to its register; `None` if it says nothing.
fn raw(op: &Operation, settings: &Settings) -> Option<Raw> {
    let unknown = op.outcome == OpOutcome::Unknown;
    if op.outcome == OpOutcome::Fail {
        let says = op.kind == Kind::Cas && settings.failed_cas == FailedCas::Mismatch;
        return says.then_some(Raw::Not(op.expected));
    }
    let holder = i64::from(op.process);
    match op.kind {
        Kind::Read if op.value == NIL && settings.nil_read == NilRead::Any => None,
        Kind::Read if !unknown => Some(Raw::Read(op.value)),
        Kind::Contains if !unknown => Some(Raw::Read(i64::from(op.expected == 1))),
        Kind::Write => Some(Raw::Write(op.value)),
        Kind::Cas => Some(Raw::Cas(op.expected, op.value)),
        Kind::Add => Some(Raw::Write(1)),
        Kind::Remove => Some(Raw::Cas(1, 0)),
        Kind::Acquire => Some(Raw::Cas(NIL, holder)),
        Kind::Release => Some(Raw::Cas(holder, NIL)),
        _ => None,
    }
}

/// What a reader wants to see beside an operation that could not follow: the last write that was complete before it, and
/// the last one that brought the value it needs.
fn background(history: &History, at: &[u32], stuck: &Operation) -> Vec<Operation> {
    let needed = if stuck.kind == Kind::Cas { stuck.expected } else { stuck.value };
    let changes = || {
        let all = at.iter().map(|&at| history.operation(at as usize));
        all.filter(|op| !op.kind.observes_only() && op.outcome != OpOutcome::Fail && op.row != stuck.row)
    };
    let complete = changes().filter(|op| op.ret < stuck.invoke).max_by_key(|op| (op.invoke, op.row));
    let source = changes().filter(|op| op.value == needed && op.invoke <= stuck.ret).max_by_key(|op| (op.invoke, op.row));
    let mut shown: Vec<Operation> = complete.into_iter().chain(source).collect();
    shown.dedup();
    shown
}

fn verdict(found: Found, small: Option<Small>, history: &History, at: &[u32]) -> Verdict {
    let operation = |op: usize| history.operation(at[op] as usize);
    match found {
        Found::Order => Verdict::Linearizable,
        Found::Stuck { explained, .. } if small.is_some() => {
            let Small { kept, margin, rest } = small.unwrap_or(Small { kept: Vec::new(), margin: None, rest: Rest::All });
            let operations = kept.into_iter().map(operation).collect();
            let reason = Reason::SearchStuck { explained };
            Verdict::Violation(Box::new(Counterexample { reason, operations, margin_ns: margin, rest }))
        }
        Found::Stuck { op, in_flight, explained } => {
            let mut operations: Vec<Operation> = in_flight.into_iter().map(operation).collect();
            operations.sort_by_key(|op| (op.invoke, op.row));
            operations.truncate(3);
            let stuck = operation(op);
            for other in background(history, at, &stuck) {
                if !operations.contains(&other) {
                    operations.insert(0, other);
                }
            }
            operations.push(stuck);
            let reason = Reason::SearchStuck { explained };
            Verdict::Violation(Box::new(Counterexample { reason, operations, margin_ns: None, rest: Rest::All }))
        }
        Found::Gap { gap, op, explained } => {
            Verdict::Undecided(Box::new(Undecided { gap, explained, stuck_at: op.map(operation) }))
        }
    }
}
