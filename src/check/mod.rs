//! Check: one or more files judged as one history, without a contract.
//!
//! In: what was asked, and a way to open files. Out: [`Checked`], all facts of the answer, and what was guessed or assumed. Refuses to know how it is
//! printed, and to call anything linearizable whose meaning is not certain.

mod facts;
mod guess;
mod notes;
mod read;

pub use facts::{Answer, Checked, Example, FileFacts, KeyFacts, Mark, OpFacts};
pub use read::{Loaded, read};

use crate::contract::NilRead;
use crate::error::{Error, ErrorKind};
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::record::Slot;
use crate::evidence::{Evidence, RowId, Rows};
use crate::judge::histories::{self, Translator};
use crate::judge::linearizability as lin;
use crate::judge::revisions;
use facts::Facts;
use std::sync::atomic::AtomicBool;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The files, which together are one history.
    pub files: Vec<String>,
    /// Their format, if it is not to be guessed.
    pub format: Option<String>,
    /// The model, if it is not to be guessed.
    pub model: Option<String>,
    /// The value before the first write; nil when left out.
    pub initial: Option<String>,
    /// What a nil read says.
    pub nil_read: NilRead,
    /// Whether values are pairs of key and value, if it is not to be guessed.
    pub keyed: Option<bool>,
    /// By how much each time may be wrong.
    pub skew_ns: i64,
    /// How many threads may be used.
    pub threads: usize,
}

impl Default for Ask {
    fn default() -> Self {
        let (files, nil_read) = (Vec::new(), NilRead::Absent);
        Self { files, format: None, model: None, initial: None, nil_read, keyed: None, skew_ns: 0, threads: 1 }
    }
}

/// The history of a check.
struct History<'e> {
    rows: Rows<'e, Operation>,
    ids: Vec<RowId>,
    history: lin::History,
    versions: bool,
}

fn unreadable(message: impl Into<String>) -> Error {
    Error::plain(ErrorKind::Evidence, message)
}

/// Judges what was read. `stop` gives up: what is not judged by then is undecided.
///
/// # Errors
/// A history that has no single meaning, and settings that do not fit its model.
pub fn judge(ask: &Ask, loaded: &Loaded, stop: &AtomicBool) -> Result<Checked, Error> {
    let evidence = &loaded.evidence;
    let rows = match evidence.rows::<Operation>(&loaded.test) {
        Ok(rows) => rows,
        Err(gap) => return Ok(facts::open(loaded, gap.why)),
    };
    one_order(&rows, ask)?;
    if rows.cells::<OpKind>("op").any(|op| op == Some(OpKind::Txn)) {
        return transactions(ask, loaded, &rows, stop);
    }
    let (model, guessed) = guess::model(ask, evidence, &rows)?;
    let data = histories::data_type(&model).ok_or_else(|| {
        let known = histories::MODELS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        Error::plain(ErrorKind::Usage, format!("there is no model `{model}`; known: {known}"))
    })?;
    let register = data == lin::DataType::Register;
    if !register && (ask.initial.as_deref().is_some_and(|i| i != "nil") || ask.nil_read == NilRead::Any) {
        return Err(Error::plain(
            ErrorKind::Usage,
            format!("`--initial` and `--nil-read` go with registers, not with a {model}"),
        ));
    }
    let held = prepare(evidence, rows, data)?;
    let settings = lin::Settings {
        initial: histories::initial(
            ask.initial.as_deref().filter(|i| *i != "nil"),
            &evidence.symbols,
            held.rows.iter().map(|(_, op)| op),
        ),
        nil_read: if ask.nil_read == NilRead::Any { lin::NilRead::Any } else { lin::NilRead::Absent },
        failed_cas: lin::FailedCas::NoEffect,
        skew_ns: ask.skew_ns,
        threads: ask.threads,
        stop: Some(stop),
        use_versions: held.versions,
        ..lin::Settings::default()
    };
    let outcome = lin::check(&held.history, data, &settings);
    let names_initial = |op: lin::Operation| op.value == settings.initial || op.expected == settings.initial;
    let unnamed = ask.initial.as_deref().filter(|text| *text != "nil" && !held.history.operations().any(names_initial));
    let facts = Facts { ask, loaded, evidence, rows: &held.rows, ids: &held.ids, history: &held.history, model: &model, guessed };
    let mut checked = facts.checked(&outcome);
    if let Some(text) = unnamed {
        checked.note(vec![format!(
            "the initial value {text} occurs in no operation: no read found it and no compare-and-set expected it; if one did, \
             name it as the file writes it (a text with or without its quotes, a list as JSON)"
        )]);
    }
    let told = held.history.operations().any(|op| op.version.is_some());
    let by_values = outcome.keys.iter().filter(|key| told && register && key.method != lin::Method::VersionSweep).count();
    if by_values > 0 {
        checked.note(vec![format!(
            "versions are told but do not fix the whole order on {by_values} keys, which are judged by values"
        )]);
    }
    Ok(checked)
}

/// All rows must be ordered by one clock, or by the lines of one file.
fn one_order(rows: &Rows<'_, Operation>, ask: &Ask) -> Result<(), Error> {
    let by_lines = |id: &str| id.starts_with("order of lines in ");
    if rows.clock().is_none() {
        let ids: Vec<&str> = rows.parts().iter().map(|p| p.clock.id.as_str()).collect();
        let message = if ids.iter().any(|id| by_lines(id)) {
            "files without times cannot be put into one order with others".to_string()
        } else {
            format!("the files are on different clocks ({}): their times cannot be compared", ids.join(", "))
        };
        return Err(unreadable(message));
    }
    if ask.skew_ns != 0 && rows.clock().is_some_and(by_lines) {
        return Err(Error::plain(ErrorKind::Usage, "`--skew` needs times: this history has only the order of its lines"));
    }
    Ok(())
}

/// The rows, with those of their fields that [`Translator`] looks at: half the time of whole rows.
fn operations<'r>(rows: &'r Rows<'_, Operation>) -> impl Iterator<Item = Option<Operation>> + 'r {
    let fields = ["client", "process", "op", "key", "value", "expected", "invoke", "return", "result", "version"];
    rows.columns(fields).flat_map(|([client, process, op, key, value, expected, invoke, returned, result, version], count)| {
        (0..count).map(move |row| {
            Some(Operation {
                client: Slot::slot(client.get(row))?,
                process: Slot::slot(process.get(row))?,
                op: Slot::slot(op.get(row))?,
                key: Slot::slot(key.get(row))?,
                value: Slot::slot(value.get(row))?,
                expected: Slot::slot(expected.get(row))?,
                invoke: Slot::slot(invoke.get(row))?,
                returned: Slot::slot(returned.get(row))?,
                result: Slot::slot(result.get(row))?,
                version: Slot::slot(version.get(row))?,
                endpoint: None,
                command_id: None,
                attempt: None,
                scheduled: None,
                error: None,
                leader: None,
                member: None,
                term: None,
                commit_index: None,
                acks: None,
                path: None,
                degraded: None,
            })
        })
    })
}

fn prepare<'e>(evidence: &'e Evidence, rows: Rows<'e, Operation>, data: lin::DataType) -> Result<History<'e>, Error> {
    let mut translator = Translator::new(&evidence.symbols, data);
    let mut history = lin::History::with_capacity(rows.len());
    let (mut ids, mut versions) = (Vec::with_capacity(rows.len()), true);
    for (id, op) in rows.ids().zip(operations(&rows)) {
        let Some(op) = op.filter(|op| op.op != OpKind::Read || op.result == Outcome::Ok) else { continue };
        let fault = |why: String| {
            let at = rows.source(id);
            unreadable(format!("{}:{}: {why}", at.path, at.line.unwrap_or(0)))
        };
        if op.returned.is_some_and(|ret| ret.0 < op.invoke.0) {
            return Err(fault("the operation came back before it was invoked".into()));
        }
        let row = u32::try_from(ids.len()).map_err(|_| fault("the history is too long".into()))?;
        let operation = translator.operation(&op, histories::outcome(op.result), row, &mut history).map_err(fault)?;
        versions &= op.result != Outcome::Ok || op.version.is_some_and(|v| v >= 0);
        history.push(operation).map_err(|bad| fault(bad.to_string()))?;
        ids.push(id);
    }
    Ok(History { rows, ids, history, versions })
}

/// Operations of etcd with revisions: the revisions force the order, and the whole store is judged at each of them.
fn transactions(ask: &Ask, loaded: &Loaded, rows: &Rows<'_, Operation>, stop: &AtomicBool) -> Result<Checked, Error> {
    let evidence = &loaded.evidence;
    if loaded.files.iter().any(|f| f.format != "etcd-robustness") {
        return Err(unreadable("transactional history, not supported yet: there are operations txn"));
    }
    if ask.model.as_deref().is_some_and(|m| m != "kv") {
        return Err(Error::plain(ErrorKind::Usage, "etcd's operations are judged as model kv, by their revisions"));
    }
    let mut ids = Vec::new();
    let mut calls = Vec::new();
    for (id, op) in rows.iter() {
        let at = rows.source(id);
        let text = op.value.map(|v| evidence.symbols.value(v)).unwrap_or_default();
        let place = |why: String| unreadable(format!("{}:{}: {why}", at.path, at.line.unwrap_or(0)));
        calls.push(revisions::call(&text, &op).map_err(place)?);
        ids.push(id);
    }
    let settings = lin::Settings { skew_ns: ask.skew_ns, threads: ask.threads, stop: Some(stop), ..lin::Settings::default() };
    let (outcome, history) = revisions::check(&calls, &settings).map_err(|(i, why)| {
        let at = ids.get(i).map(|id| rows.source(*id));
        unreadable(at.map_or_else(|| why.clone(), |at| format!("{}:{}: {why}", at.path, at.line.unwrap_or(0))))
    })?;
    let facts = Facts { ask, loaded, evidence, rows, ids: &ids, history: &history, model: "kv", guessed: ask.model.is_none() };
    let mut checked = facts.checked(&outcome.verdicts);
    checked.note(outcome.said);
    if let Some(why) = outcome.replayed {
        checked.because(&why);
    }
    if let Some(why) = outcome.unclear {
        checked.unclear(why);
    }
    Ok(checked)
}
