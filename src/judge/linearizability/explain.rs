//! Words for a counterexample: one sentence, from data alone.

use super::history::{NEVER, NIL, Operation};
use super::outcome::{Counterexample, Gap, Reason, Rest, Undecided};

/// One sentence that tells why the operations of a counterexample cannot all be right, with the operations.
pub fn explain(example: &Counterexample) -> String {
    let rows: Vec<String> = example.operations.iter().map(name).collect();
    let (why, rows) = (why(example), rows.join(", "));
    match example.margin_ns {
        Some(margin) => {
            format!("{why}: {rows}; clocks would have to be wrong by {margin} ns to excuse it")
        }
        None => format!("{why}: {rows}"),
    }
}

/// The same without the operations, and with what the contradiction needs besides them.
pub fn why(example: &Counterexample) -> String {
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
        Reason::CountTooHigh { most } => {
            format!("the counter was read higher than {most}, the most that the increments sent before its answer came can make")
        }
        Reason::CountTooLow { least } => {
            format!("the counter was read lower than {least}, the least that the increments completed before can have left")
        }
        Reason::CountWentBack => "the counter went down, and nothing takes from it".into(),
        Reason::ReadsDisagree => "two reads disagree: neither can come before the other".into(),
        Reason::MutexOverlap => "the mutex was held twice at once or given back by a process that did not hold it".into(),
        Reason::SearchStuck { explained } => {
            format!("no order of the operations explains the last one here ({explained} could be explained before it)")
        }
    };
    match rest(&example.rest) {
        Some(rest) => format!("{why}; {rest}"),
        None => why,
    }
}

/// What the operations that are not shown may have done without excusing the contradiction; nothing where they all count.
pub fn whatever(example: &Counterexample) -> Option<&'static str> {
    match example.rest {
        Rest::Free => Some("this stands though each other operation may have happened at any time after it was sent, or never"),
        Rest::Links(_) | Rest::Increments { .. } => Some(
            "this stands though each operation that is neither shown nor counted may have happened at any time after it was sent, or never",
        ),
        Rest::FreeAfterAnyState => Some(
            "this stands whatever state those complete before the first one here left, though each other one may have happened at any time after it was sent, or never",
        ),
        Rest::OwnProcesses => {
            Some("this stands though each operation of other processes may have happened at any time after it was sent, or never")
        }
        Rest::All => None,
    }
}

/// What a contradiction needs besides the operations shown.
fn rest(rest: &Rest) -> Option<String> {
    match *rest {
        Rest::Free | Rest::FreeAfterAnyState | Rest::OwnProcesses => None,
        Rest::Links(1) => Some("one compare-and-set that joins their values is not shown".into()),
        Rest::Links(links) => Some(format!("{links} compare-and-sets that join their values one after the other are not shown")),
        Rest::Increments { count, sum, since_read: false } => {
            Some(format!("the sum of the {count} increments completed before the read was sent is {sum}"))
        }
        Rest::Increments { count, sum, since_read: true } => Some(format!(
            "the sum of the {count} increments sent after the first read came back and completed before the second was sent is {sum}"
        )),
        Rest::All => Some("everything before it counts too".into()),
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
