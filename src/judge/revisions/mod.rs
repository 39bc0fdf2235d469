//! A store whose every answer carries a global revision, as etcd: the revisions force the order of all operations on all keys.
//!
//! In: operations with request and answer as JSON. Out: a verdict on the order (revisions against real time), and a replay of the whole store: at
//! each revision the conditions, ranges and counts that were answered must be what a correct store holds. A revision that no acknowledged
//! operation made must have been made by one of unknown outcome, and is only taken as such where a read names its key and value, or where just one
//! operation fits; otherwise the verdict is undecided. Refuses to know files.

mod call;
mod replay;
mod store;
mod wire;

pub use call::{Call, call};

use super::linearizability as lin;
use replay::{Replay, Stop};
use std::collections::BTreeMap;

/// The verdict.
#[derive(Debug)]
pub struct Said {
    /// Verdicts, of the one object that the store is.
    pub verdicts: lin::Outcome,
    /// What is to be known.
    pub said: Vec<String>,
    /// Why a verdict that stands is not to be trusted.
    pub unclear: Option<String>,
    /// What the replay found, when it is what contradicts.
    pub replayed: Option<String>,
}

/// Judges all operations. The history that goes out has one operation a call, at the call's position.
///
/// # Errors
/// The position of a call that cannot be put in order, and why. None is ever left out.
pub fn check(calls: &[Call], settings: &lin::Settings<'_>) -> Result<(Said, lin::History), (usize, String)> {
    let replayed = Replay::new(calls, settings.skew_ns).and_then(|replay| replay.run());
    let filled: BTreeMap<usize, i64> =
        replayed.as_ref().map(|f| f.iter().map(|(revision, i)| (*i, *revision)).collect()).unwrap_or_default();
    let mut history = lin::History::with_capacity(calls.len() + 1);
    let begin = calls.iter().map(|c| c.invoke).min().unwrap_or(0);
    // Versions put it first. Where no earlier time is left it may be as early as the first call.
    let begin = begin.saturating_sub(settings.skew_ns.saturating_mul(2).saturating_add(1)).max(-lin::TIME_LIMIT);
    for (i, call) in calls.iter().enumerate() {
        let revision = if call.unknown { filled.get(&i).copied() } else { Some(call.output.revision) };
        let writes = call.mutates() || call.unknown;
        // What did not happen, or nobody saw, orders nothing.
        let outcome = match (call.unknown, revision) {
            (false, _) => lin::OpOutcome::Ok,
            (true, Some(_)) => lin::OpOutcome::Unknown,
            (true, None) => lin::OpOutcome::Fail,
        };
        let kind = if writes { lin::Kind::Write } else { lin::Kind::Read };
        let value = revision.unwrap_or(0);
        let op = lin::Operation {
            process: call.process,
            version: revision.and_then(|r| u64::try_from(r).ok()),
            outcome,
            row: u32::try_from(i).map_err(|_| (i, "the history is too long".to_string()))?,
            ..lin::Operation::ok(kind, value, call.invoke, call.ret)
        };
        history.push(op).map_err(|bad| (i, bad.to_string()))?;
    }
    let first = lin::Operation { version: Some(1), row: u32::MAX, ..lin::Operation::ok(lin::Kind::Write, 1, begin, begin) };
    history.push(first).map_err(|bad| (0, bad.to_string()))?;
    let mut verdicts = lin::check(&history, lin::DataType::Register, settings);
    for key in &mut verdicts.keys {
        // The write that stands for the empty store is no operation of the history.
        key.operations = key.operations.saturating_sub(1);
        key.ok_operations = key.ok_operations.saturating_sub(1);
        if key.ok_operations == 0 && matches!(key.verdict, lin::Verdict::Linearizable) {
            key.verdict = lin::Verdict::Vacuous;
        }
    }
    let mut said =
        vec!["the store is one object: its revisions force the order, and its contents are replayed at each of them".to_string()];
    if !filled.is_empty() {
        said.push(format!("{} operations of unknown outcome made a revision that answers show", filled.len()));
    }
    let (unclear, replayed) = match replayed {
        Ok(_) => (None, None),
        Err(Stop::Unclear(why)) => {
            doubt(&mut verdicts);
            (Some(why), None)
        }
        Err(Stop::Wrong(i, why)) => (None, wrong(&mut verdicts, history.operation(i)).then_some(why)),
    };
    Ok((Said { verdicts, said, unclear, replayed }, history))
}

/// Leaves only those contradictions that stand whatever else was written: two revisions in the wrong order, or one given twice.
fn doubt(outcome: &mut lin::Outcome) {
    for key in &mut outcome.keys {
        let stands = match &key.verdict {
            lin::Verdict::Violation(e) => {
                matches!(e.reason, lin::Reason::VersionWentBack { .. } | lin::Reason::SplitBrain { .. })
            }
            _ => false,
        };
        if !stands {
            let open = lin::Undecided { gap: lin::Gap::ForeignOperation, explained: 0, stuck_at: None };
            key.verdict = lin::Verdict::Undecided(Box::new(open));
        }
    }
}

/// Puts a contradiction of contents in the place of a verdict that saw none; whether it did.
fn wrong(outcome: &mut lin::Outcome, op: lin::Operation) -> bool {
    let mut put = false;
    for key in &mut outcome.keys {
        if !matches!(key.verdict, lin::Verdict::Violation(_)) {
            put = true;
            let version = op.version.unwrap_or(0);
            let reason = lin::Reason::VersionValueMismatch { version };
            let example = lin::Counterexample { reason, operations: vec![op], margin_ns: None, rest: lin::Rest::All };
            key.verdict = lin::Verdict::Violation(Box::new(example));
        }
    }
    put
}
