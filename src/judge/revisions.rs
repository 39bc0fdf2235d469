//! A store whose every answer carries a global revision, as etcd: the revisions force the order of all operations on all keys.
//!
//! In: operations with request and answer as JSON. Out: a verdict on the order (revisions against real time), and a replay of the whole store: at
//! each revision the conditions, ranges and counts that were answered must be what a correct store holds. A revision that no acknowledged
//! operation made must have been made by one of unknown outcome, and is only taken as such where a read names its key and value, or where just one
//! operation fits; otherwise the verdict is undecided. Refuses to know files.

use super::linearizability as lin;
use crate::evidence::kinds::{Operation, Outcome as Told};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// One operation.
#[derive(Debug)]
pub struct Call {
    input: Input,
    output: Output,
    process: u32,
    invoke: i64,
    ret: i64,
    unknown: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Both {
    input: Input,
    output: Output,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    r#type: String,
    range: Option<Range>,
    txn: Option<Txn>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Txn {
    conditions: Option<Vec<Condition>>,
    operations_on_success: Option<Vec<Step>>,
    operations_on_failure: Option<Vec<Step>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    key: String,
    expected_revision: Option<i64>,
    expected_version: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Step {
    r#type: String,
    range: Range,
    put: Put,
    delete: Delete,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    key: String,
    value: Value,
    #[serde(rename = "LeaseID", default)]
    lease_id: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    key: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Range {
    start: String,
    end: String,
    #[serde(default)]
    limit: i64,
    #[serde(default)]
    revision: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Value {
    value: String,
    hash: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    txn: Option<TxnAnswer>,
    range: Option<Answer>,
    revision: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TxnAnswer {
    failure: bool,
    results: Option<Vec<Answer>>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(rename = "KVs")]
    kvs: Option<Vec<Kv>>,
    #[serde(rename = "Count")]
    count: i64,
    #[serde(rename = "Deleted", default)]
    deleted: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kv {
    key: String,
    value: Value,
    mod_revision: i64,
}

/// The verdict.
#[derive(Debug)]
pub struct Said {
    /// Verdicts, of the one object that the store is.
    pub verdicts: lin::Outcome,
    /// What is to be known.
    pub said: Vec<String>,
    /// Why a verdict that stands is not to be trusted.
    pub unclear: Option<String>,
}

/// An operation of request and answer.
///
/// # Errors
/// What this judge does not know.
pub fn call(text: &str, row: &Operation) -> Result<Call, String> {
    let Both { input, output } = serde_json::from_str(text).map_err(|e| format!("the operation cannot be read: {e}"))?;
    let unknown = row.result != Told::Ok;
    let steps = input.txn.iter().flat_map(|t| t.operations_on_success.iter().chain(&t.operations_on_failure).flatten());
    for step in steps {
        if !matches!(step.r#type.as_str(), "put-operation" | "delete-operation" | "range-operation") {
            return Err(format!("this judge does not know the operation {}", step.r#type));
        }
        if step.put.lease_id != 0 {
            return Err("this judge does not know leases".into());
        }
    }
    let mixed = |steps: &[Step]| {
        let ranges = steps.iter().filter(|s| s.r#type == "range-operation").count();
        ranges > 0 && ranges < steps.len()
    };
    let branches = input.txn.iter().flat_map(|t| t.operations_on_success.iter().chain(&t.operations_on_failure));
    if branches.clone().any(|steps| mixed(steps)) {
        return Err("this judge knows no transactions that change and read at once".into());
    }
    if input.txn.iter().any(|t| t.operations_on_failure.iter().flatten().any(|s| s.r#type != "range-operation")) {
        return Err("this judge knows no transactions that change something when their conditions fail".into());
    }
    let conditions = input.txn.iter().flat_map(|t| t.conditions.iter().flatten());
    for condition in conditions {
        if condition.expected_version.is_some_and(|v| v != 0) || condition.expected_revision.is_none() {
            return Err("this judge knows conditions on revisions only".into());
        }
    }
    let fits = match input.r#type.as_str() {
        "txn" => input.txn.is_some() && (unknown || output.txn.is_some()),
        "range" => input.range.is_some() && (unknown || output.range.is_some()),
        // They change no key.
        "defragment" => true,
        other => return Err(format!("this judge does not know the request {other}")),
    };
    if !fits || (!unknown && output.revision < 1) {
        return Err("the answer does not fit the request".into());
    }
    let process = row.process.unwrap_or(row.client).0;
    Ok(Call { input, output, process, invoke: row.invoke.0, ret: row.returned.map_or(lin::NEVER, |r| r.0), unknown })
}

impl Call {
    /// What it did when it succeeded, with the answers.
    fn branch(&self) -> Option<(&[Step], &[Answer])> {
        let (txn, answer) = (self.input.txn.as_ref()?, self.output.txn.as_ref()?);
        let steps = if answer.failure { &txn.operations_on_failure } else { &txn.operations_on_success };
        Some((steps.as_deref().unwrap_or_default(), answer.results.as_deref().unwrap_or_default()))
    }

    /// Whether it made a revision.
    fn mutates(&self) -> bool {
        let Some((steps, answers)) = self.branch().filter(|_| !self.unknown) else { return false };
        steps.iter().enumerate().any(|(i, step)| match step.r#type.as_str() {
            "put-operation" => true,
            "delete-operation" => answers.get(i).is_some_and(|a| a.deleted > 0),
            _ => false,
        })
    }

    /// What it may have changed, when its outcome is unknown.
    fn changes(&self) -> Vec<&Step> {
        let txn = self.input.txn.as_ref().filter(|_| self.unknown);
        let steps = txn.iter().flat_map(|t| t.operations_on_success.iter().flatten());
        steps.filter(|s| s.r#type != "range-operation").collect()
    }
}

type Store = BTreeMap<String, (Value, i64)>;

fn holds(store: &Store, conditions: Option<&[Condition]>) -> bool {
    let revision = |key: &str| store.get(key).map_or(0, |(_, r)| *r);
    conditions.unwrap_or_default().iter().all(|c| revision(&c.key) == c.expected_revision.unwrap_or(0))
}

fn ranged(store: &Store, range: &Range, answer: &Answer) -> bool {
    let found: Vec<(&String, &(Value, i64))> = if range.end.is_empty() {
        store.get_key_value(&range.start).into_iter().collect()
    } else {
        store.range(range.start.clone()..).take_while(|(k, _)| range.end == "\0" || **k < range.end).collect()
    };
    let limit = usize::try_from(range.limit).ok().filter(|l| *l > 0).unwrap_or(usize::MAX);
    let got = answer.kvs.as_deref().unwrap_or_default();
    i64::try_from(found.len()).is_ok_and(|n| n == answer.count)
        && got.len() == found.len().min(limit)
        && found
            .iter()
            .zip(got)
            .all(|((key, (value, revision)), kv)| **key == kv.key && *value == kv.value && *revision == kv.mod_revision)
}

fn apply(store: &mut Store, steps: &[&Step], revision: i64) {
    for step in steps {
        if step.r#type == "put-operation" {
            store.insert(step.put.key.clone(), (step.put.value.clone(), revision));
        } else if step.r#type == "delete-operation" {
            store.remove(&step.delete.key);
        }
    }
}

/// All that happened at the revisions.
struct Replay<'c> {
    calls: &'c [Call],
    /// What made each revision.
    made: BTreeMap<i64, usize>,
    /// Who answered with each revision without making it.
    seen: BTreeMap<i64, Vec<usize>>,
    /// Ranges at an older revision than the answer's.
    old: BTreeMap<i64, Vec<usize>>,
    /// Key and value of each revision that an answer names.
    named: BTreeMap<i64, (String, Value)>,
    /// By revision: when the first answer with it or a later one came.
    known: BTreeMap<i64, i64>,
    skew: i64,
}

enum Stop {
    /// This operation's answer is wrong.
    Wrong(usize),
    /// It cannot be said.
    Unclear(String),
}

impl<'c> Replay<'c> {
    fn new(calls: &'c [Call], skew: i64) -> Result<Self, Stop> {
        let (made, seen, old, named) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut replay = Self { calls, made, seen, old, named, known: BTreeMap::new(), skew };
        for (i, call) in calls.iter().enumerate().filter(|(_, c)| !c.unknown) {
            let at = call.output.revision;
            if call.mutates() {
                if replay.made.insert(at, i).is_some() {
                    return Err(Stop::Wrong(i));
                }
            } else {
                replay.seen.entry(at).or_default().push(i);
            }
            let known = replay.known.entry(at).or_insert(call.ret);
            *known = call.ret.min(*known);
            let historic = call.input.range.as_ref().map_or(0, |r| r.revision);
            if historic > at {
                return Err(Stop::Wrong(i));
            } else if historic > 0 && call.input.r#type == "range" {
                replay.old.entry(historic).or_default().push(i);
            }
            let answers = call.output.range.iter().chain(call.output.txn.iter().flat_map(|t| t.results.iter().flatten()));
            for kv in answers.flat_map(|a| a.kvs.iter().flatten()) {
                let found = (kv.key.clone(), kv.value.clone());
                if replay.named.entry(kv.mod_revision).or_insert_with(|| found.clone()) != &found {
                    return Err(Stop::Wrong(i));
                }
            }
        }
        let mut first = i64::MAX;
        for known in replay.known.values_mut().rev() {
            first = first.min(*known);
            *known = first;
        }
        Ok(replay)
    }

    /// Replays the store. Gives the operations of unknown outcome that made a revision.
    fn run(&self) -> Result<BTreeMap<i64, usize>, Stop> {
        let ends = [self.made.keys().last(), self.seen.keys().last(), self.named.keys().last()];
        let last = ends.into_iter().flatten().max().copied().unwrap_or(1);
        if last > i64::try_from(self.calls.len()).unwrap_or(i64::MAX).saturating_add(1) {
            return Err(Stop::Unclear(
                "there are more revisions than operations: the files of some clients seem to be missing".into(),
            ));
        }
        let mut store = Store::new();
        let mut filled: BTreeMap<i64, usize> = BTreeMap::new();
        let mut used: BTreeSet<usize> = BTreeSet::new();
        let mut guessed = false;
        for revision in 1..=last {
            let before = store.clone();
            if let Some(&i) = self.made.get(&revision) {
                let (steps, answers) = self.calls[i].branch().unwrap_or_default();
                self.branch_holds(i, &before).map_err(|s| s.after(guessed))?;
                let taken: Vec<&Step> = steps.iter().collect();
                for (step, answer) in steps.iter().zip(answers) {
                    let there = i64::from(before.contains_key(&step.delete.key));
                    if step.r#type == "delete-operation" && answer.deleted != there {
                        return Err(Stop::Wrong(i).after(guessed));
                    }
                }
                apply(&mut store, &taken, revision);
            } else if revision > 1 {
                let (i, sure) = self.candidate(revision, &before, &used)?;
                guessed |= !sure;
                used.insert(i);
                filled.insert(revision, i);
                apply(&mut store, &self.calls[i].changes(), revision);
            }
            self.answers(revision, &store).map_err(|s| s.after(guessed))?;
        }
        Ok(filled)
    }

    /// The operation of unknown outcome that made a revision, and whether an answer names what it wrote.
    fn candidate(&self, revision: i64, store: &Store, used: &BTreeSet<usize>) -> Result<(usize, bool), Stop> {
        let named = self.named.get(&revision);
        let known = self.known.range(revision..).next().map_or(i64::MAX, |(_, t)| *t);
        let latest = known.saturating_add(self.skew.saturating_mul(2));
        let fits = |call: &Call| {
            let changes = call.changes();
            let txn = call.input.txn.as_ref();
            let writes = |(key, value): &(String, Value)| changes.iter().any(|s| s.put.key == *key && s.put.value == *value);
            let deletes = || changes.iter().any(|s| s.r#type == "put-operation" || store.contains_key(&s.delete.key));
            !changes.is_empty()
                && call.invoke <= latest
                && holds(store, txn.and_then(|t| t.conditions.as_deref()))
                && named.map_or_else(deletes, writes)
        };
        let mut found = self.calls.iter().enumerate().filter(|(i, c)| !used.contains(i) && fits(c)).map(|(i, _)| i);
        match (found.next(), found.next()) {
            (Some(i), None) => Ok((i, named.is_some())),
            (Some(_), Some(_)) => {
                Err(Stop::Unclear(format!("several operations of unknown outcome may have made revision {revision}")))
            }
            (None, _) => {
                let why = format!("no recorded operation made revision {revision}: are the files of all clients given?");
                Err(Stop::Unclear(why))
            }
        }
    }

    fn branch_holds(&self, i: usize, store: &Store) -> Result<(), Stop> {
        let call = &self.calls[i];
        let (Some(txn), Some(answer)) = (&call.input.txn, &call.output.txn) else { return Ok(()) };
        if holds(store, txn.conditions.as_deref()) == answer.failure { Err(Stop::Wrong(i)) } else { Ok(()) }
    }

    /// Checks what was answered at a revision.
    fn answers(&self, revision: i64, store: &Store) -> Result<(), Stop> {
        for &i in self.old.get(&revision).into_iter().flatten() {
            let call = &self.calls[i];
            if let (Some(range), Some(answer)) = (&call.input.range, &call.output.range)
                && !ranged(store, range, answer)
            {
                return Err(Stop::Wrong(i));
            }
        }
        for &i in self.seen.get(&revision).into_iter().flatten() {
            let call = &self.calls[i];
            self.branch_holds(i, store)?;
            if let (Some(range), Some(answer)) = (&call.input.range, &call.output.range)
                && range.revision == 0
                && !ranged(store, range, answer)
            {
                return Err(Stop::Wrong(i));
            }
            let (steps, answers) = call.branch().unwrap_or_default();
            if answers.len() != steps.len() {
                return Err(Stop::Wrong(i));
            }
            for (step, answer) in steps.iter().zip(answers) {
                let right = match step.r#type.as_str() {
                    "range-operation" => ranged(store, &step.range, answer),
                    _ => !store.contains_key(&step.delete.key),
                };
                if !right {
                    return Err(Stop::Wrong(i));
                }
            }
        }
        Ok(())
    }
}

impl Stop {
    /// A contradiction that rests on a guess is none.
    fn after(self, guessed: bool) -> Self {
        match self {
            Self::Wrong(_) if guessed => {
                Self::Unclear("which operation of unknown outcome made which revision is not certain".into())
            }
            stop => stop,
        }
    }
}

/// Judges all operations. The history that goes out has one operation a call, at the call's position.
#[must_use]
pub fn check(calls: &[Call], settings: &lin::Settings<'_>) -> (Said, lin::History) {
    let replayed = Replay::new(calls, settings.skew_ns).and_then(|replay| replay.run());
    let filled: BTreeMap<usize, i64> =
        replayed.as_ref().map(|f| f.iter().map(|(revision, i)| (*i, *revision)).collect()).unwrap_or_default();
    let mut history = lin::History::with_capacity(calls.len() + 1);
    let begin = calls.iter().map(|c| c.invoke).min().unwrap_or(0).saturating_sub(1 + 2 * settings.skew_ns);
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
            row: u32::try_from(i).unwrap_or(u32::MAX),
            ..lin::Operation::ok(kind, value, call.invoke, call.ret)
        };
        // Times were checked when the operation was read.
        let _ = history.push(op);
    }
    let first = lin::Operation { version: Some(1), row: u32::MAX, ..lin::Operation::ok(lin::Kind::Write, 1, begin, begin) };
    let _ = history.push(first);
    let mut verdicts = lin::check(&history, lin::DataType::Register, settings);
    let mut said =
        vec!["the store is one object: its revisions force the order, and its contents are replayed at each of them".to_string()];
    if !filled.is_empty() {
        said.push(format!("{} operations of unknown outcome made a revision that answers show", filled.len()));
    }
    let unclear = match replayed {
        Ok(_) => None,
        Err(Stop::Unclear(why)) => {
            doubt(&mut verdicts);
            Some(why)
        }
        Err(Stop::Wrong(i)) => {
            wrong(&mut verdicts, history.operation(i));
            None
        }
    };
    (Said { verdicts, said, unclear }, history)
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

/// Puts a contradiction of contents in the place of a verdict that saw none.
fn wrong(outcome: &mut lin::Outcome, op: lin::Operation) {
    for key in &mut outcome.keys {
        if !matches!(key.verdict, lin::Verdict::Violation(_)) {
            let version = op.version.unwrap_or(0);
            let reason = lin::Reason::VersionValueMismatch { version };
            key.verdict =
                lin::Verdict::Violation(Box::new(lin::Counterexample { reason, operations: vec![op], margin_ns: None }));
        }
    }
}
