//! Words for a counterexample: one sentence, from data alone.

use super::history::{NEVER, NIL, Operation};
use super::outcome::{Counterexample, Gap, Reason, Undecided};

/// One sentence that tells why the operations of a counterexample cannot all be right.
pub fn explain(example: &Counterexample) -> String {
    let rows: Vec<String> = example.operations.iter().map(name).collect();
    let rows = rows.join(", ");
    let why = match &example.reason {
        Reason::ReadBeforeWriteInvoked => "a value was observed before the operation that brought it was invoked".into(),
        Reason::StaleRead => "a value was observed after it had been replaced".into(),
        Reason::PhantomValue => "a value was observed that nothing wrote".into(),
        Reason::FailedWriteRead => "a value was observed that only failed operations tried to write".into(),
        Reason::VersionWentBack { newer, older } => {
            format!("version {older} was seen or given after version {newer} was complete")
        }
        Reason::SplitBrain { version } => {
            format!("two acknowledged writes got the same version {version}")
        }
        Reason::VersionValueMismatch { version } => format!("version {version} has two values"),
        Reason::DoubleReplace => "two compare-and-sets both replaced the same value".into(),
        Reason::CycleOfReplaces => "compare-and-sets each need another one first".into(),
        Reason::FailedCasMatched => "a compare-and-set failed though the register held the expected value".into(),
        Reason::CycleOfBlocks => "two groups of operations each have to come before the other".into(),
        Reason::LostElement => "an element that must still be there was skipped or not found".into(),
        Reason::DuplicateElement => "an element came out twice or was there after it was taken".into(),
        Reason::OrderBroken => "elements came out in an impossible order".into(),
        Reason::NotEmpty => "\"empty\" was answered while elements were there".into(),
        Reason::CountImpossible => "the counter does not fit the increments around the read".into(),
        Reason::ReadsDisagree => "two reads disagree: neither can come before the other".into(),
        Reason::MutexOverlap => "the mutex was held twice at once or given back by a process that did not hold it".into(),
        Reason::SearchStuck { explained } => {
            format!("no order of the operations explains the last one here ({explained} could be explained before it)")
        }
    };
    match example.margin_ns {
        Some(margin) => {
            format!("{why}: {rows}; clocks would have to be wrong by {margin} ns to excuse it")
        }
        None => format!("{why}: {rows}"),
    }
}

/// One sentence that tells why there is no verdict.
pub fn explain_gap(undecided: &Undecided) -> String {
    let why = match undecided.gap {
        Gap::Steps => "the step budget was used up",
        Gap::Bytes => "the byte budget was used up",
        Gap::Stopped => "the check was stopped",
        Gap::TooWide => "too many operations were in flight at once",
        Gap::Unversioned => "the versions do not decide, and nothing else was kept",
        Gap::ForeignOperation => "the history holds an operation that its data type does not have",
    };
    match &undecided.stuck_at {
        Some(op) => format!("{why} after {} operations were explained, at {}", undecided.explained, name(op)),
        None => why.to_string(),
    }
}

fn name(op: &Operation) -> String {
    let value = |v: i64| {
        if v == NIL { "nil".to_string() } else { v.to_string() }
    };
    let ret = if op.ret == NEVER { "never".to_string() } else { op.ret.to_string() };
    let expected = if op.expected == NIL { String::new() } else { format!(" expecting {}", op.expected) };
    format!("row {} ({:?} {}{} by process {}, {}..{})", op.row, op.kind, value(op.value), expected, op.process, op.invoke, ret)
}
