//! From rows of history to operations for the linearizability judge: one adapter for gates and for `check`.
//!
//! In: typed rows, their texts, and the data type they are judged as. Out: operations, or why a row fits no operation of that type. Refuses to know
//! gates, contracts and files.

use super::linearizability as lin;
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::symbol::{Sym, Symbols, Val};
use std::collections::{BTreeMap, BTreeSet};

/// The models, by name.
pub const MODELS: &[(&str, lin::DataType)] = &[
    ("cas-register", lin::DataType::Register),
    ("register", lin::DataType::Register),
    ("mutex", lin::DataType::Mutex),
    ("queue", lin::DataType::Queue),
    ("set", lin::DataType::Set),
    ("stack", lin::DataType::Stack),
    ("counter", lin::DataType::Counter),
    ("log", lin::DataType::Log),
    ("kv", lin::DataType::Text),
];

/// The data type of a model.
#[must_use]
pub fn data_type(model: &str) -> Option<lin::DataType> {
    MODELS.iter().find(|(name, _)| *name == model).map(|(_, data)| *data)
}

/// The code of a value.
#[must_use]
pub fn code(value: Val) -> i64 {
    if value == Val::NIL { lin::NIL } else { value.0 }
}

/// The code of an initial value. A text of digits means the integer, unless the history holds such texts.
pub fn initial(text: Option<&str>, symbols: &Symbols, mut operations: impl Iterator<Item = Operation>) -> i64 {
    let Some(text) = text else { return lin::NIL };
    let as_text = symbols.find(text).map(Val::text);
    let as_int = text.parse::<i64>().ok().filter(|n| n.to_string() == *text).and_then(Val::int);
    let held = as_text.filter(|v| operations.any(|op| op.value == Some(*v) || op.expected == Some(*v)));
    let nowhere = Val::text(Sym(u32::MAX));
    code(held.or(as_int).or(as_text).unwrap_or(nowhere))
}

/// What a row's client was told.
#[must_use]
pub fn outcome(result: Outcome) -> lin::OpOutcome {
    match result {
        Outcome::Ok => lin::OpOutcome::Ok,
        Outcome::Fail => lin::OpOutcome::Fail,
        Outcome::Unknown => lin::OpOutcome::Unknown,
    }
}

/// Translates rows for one data type.
#[derive(Debug)]
pub struct Translator<'s> {
    symbols: &'s Symbols,
    data: lin::DataType,
    /// Elements that are read but stand nowhere else.
    strange: BTreeMap<String, i64>,
}

impl<'s> Translator<'s> {
    /// A translator.
    #[must_use]
    pub fn new(symbols: &'s Symbols, data: lin::DataType) -> Self {
        Self { symbols, data, strange: BTreeMap::new() }
    }

    fn kind(&self, op: OpKind) -> Result<lin::Kind, String> {
        use lin::{DataType as D, Kind as K};
        let kind = match (self.data, op) {
            (D::Register, OpKind::Read) => K::Read,
            (D::Register, OpKind::Write) => K::Write,
            (D::Register, OpKind::Cas) => K::Cas,
            (D::Counter, OpKind::Read) => K::ReadCounter,
            (D::Counter, OpKind::Increment | OpKind::Add) => K::Increment,
            (D::Mutex, OpKind::Acquire) => K::Acquire,
            (D::Mutex, OpKind::Release) => K::Release,
            (D::Queue, OpKind::Enqueue) => K::Enqueue,
            (D::Queue, OpKind::Dequeue) => K::Dequeue,
            (D::Stack, OpKind::Push) => K::Push,
            (D::Stack, OpKind::Pop) => K::Pop,
            (D::Set, OpKind::Add) => K::Add,
            (D::Set, OpKind::Remove) => K::Remove,
            (D::Set, OpKind::Read) => K::ReadLog,
            (D::Log, OpKind::Append) => K::Append,
            (D::Log, OpKind::Read) => K::ReadLog,
            (D::Text, OpKind::Read) => K::Get,
            (D::Text, OpKind::Write) => K::Put,
            (D::Text, OpKind::Append) => K::AppendText,
            (data, other) => return Err(format!("a {} has no operation {}", word(data), other.word())),
        };
        Ok(kind)
    }

    /// One operation. `outcome` may differ from the row's where an endpoint promises less.
    ///
    /// # Errors
    /// What the row lacks, or why it fits no operation of the data type.
    pub fn operation(
        &mut self,
        op: &Operation,
        outcome: lin::OpOutcome,
        row: u32,
        history: &mut lin::History,
    ) -> Result<lin::Operation, String> {
        let kind = self.kind(op.op)?;
        let answers = matches!(kind, lin::Kind::Dequeue | lin::Kind::Pop) || kind.observes_only();
        let open = outcome == lin::OpOutcome::Fail || (answers && outcome == lin::OpOutcome::Unknown);
        let holds = matches!(kind, lin::Kind::Acquire | lin::Kind::Release);
        let value = match op.value {
            _ if holds => lin::NIL,
            _ if open && matches!(self.data, lin::DataType::Text | lin::DataType::Log | lin::DataType::Set) => lin::NIL,
            _ if open => op.value.map_or(lin::NIL, code),
            Some(value) => self.value(kind, value, history)?,
            None => return Err(format!("a {} carries no value", op.op.word())),
        };
        if op.op == OpKind::Cas && op.expected.is_none() && outcome != lin::OpOutcome::Fail {
            return Err("a cas carries no expected value".into());
        }
        Ok(lin::Operation {
            process: op.process.unwrap_or(op.client).0,
            key: op.key.map_or(0, |k| k.0.saturating_add(1)),
            kind,
            value,
            expected: op.expected.map_or(lin::NIL, code),
            version: op.version.and_then(|v| u64::try_from(v).ok()),
            invoke: op.invoke.0,
            ret: op.returned.map_or(lin::NEVER, |r| r.0),
            outcome,
            row,
        })
    }

    fn value(&mut self, kind: lin::Kind, value: Val, history: &mut lin::History) -> Result<i64, String> {
        let number = || match value.as_text() {
            None if value != Val::NIL => Ok(value.0),
            _ => Err(format!("{} is no number", self.symbols.value(value))),
        };
        match kind {
            lin::Kind::Increment | lin::Kind::ReadCounter => number(),
            lin::Kind::ReadLog => {
                let mut elements = self.elements(value)?;
                if self.data == lin::DataType::Set {
                    let read = elements.len();
                    elements = elements.into_iter().collect::<BTreeSet<i64>>().into_iter().collect();
                    if elements.len() != read {
                        return Err("a read of a set lists an element twice".into());
                    }
                }
                Ok(history.list(&elements))
            }
            lin::Kind::Get | lin::Kind::Put | lin::Kind::AppendText => Ok(history.text(&self.text(value))),
            _ => Ok(code(value)),
        }
    }

    /// The text of a text value.
    fn text(&self, value: Val) -> String {
        if value == Val::NIL {
            return String::new();
        }
        let text = self.symbols.value(value);
        if text.starts_with('"') { serde_json::from_str(&text).unwrap_or(text) } else { text }
    }

    /// The elements of a list that is read.
    fn elements(&mut self, value: Val) -> Result<Vec<i64>, String> {
        if value == Val::NIL {
            return Ok(Vec::new());
        }
        let text = self.symbols.value(value);
        let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        let inner = inner.ok_or_else(|| format!("{} is no list", cut(&text)))?;
        Ok(split(inner).into_iter().map(|element| self.element(element)).collect())
    }

    fn element(&mut self, text: &str) -> i64 {
        if let Some(n) = text.parse::<i64>().ok().and_then(Val::int) {
            return n.0;
        }
        if text == "null" {
            return lin::NIL;
        }
        let decoded: Option<String> = serde_json::from_str(text).ok();
        let known = decoded.and_then(|d| self.symbols.find(&d)).or_else(|| self.symbols.find(text));
        if let Some(sym) = known {
            return Val::text(sym).0;
        }
        let next = i64::MIN / 2 - i64::try_from(self.strange.len()).unwrap_or(0);
        *self.strange.entry(text.to_string()).or_insert(next)
    }
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The name of a data type.
#[must_use]
pub fn word(data: lin::DataType) -> &'static str {
    match data {
        lin::DataType::Register => "register",
        lin::DataType::Log => "log",
        lin::DataType::Set => "set",
        lin::DataType::Queue => "queue",
        lin::DataType::Stack => "stack",
        lin::DataType::Counter => "counter",
        lin::DataType::Mutex => "mutex",
        lin::DataType::Text => "key-value store of texts",
    }
}

/// The parts of a list between its commas, where those inside of texts and lists do not count.
fn split(inner: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start, mut quoted, mut escaped) = (Vec::new(), 0_i32, 0, false, false);
    for (i, c) in inner.char_indices() {
        match c {
            _ if quoted => {
                quoted = escaped || c != '"';
                escaped = !escaped && c == '\\';
            }
            '"' => quoted = true,
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    if !inner.is_empty() {
        parts.push(&inner[start..]);
    }
    parts
}

/// A set whose reads answer with all elements: no fast method applies, so it is searched.
struct WholeReads<'h>(&'h lin::History);

impl lin::Model for WholeReads<'_> {
    type State = Vec<i64>;
    type Op = (lin::Kind, i64);

    fn initial(&self) -> Vec<i64> {
        Vec::new()
    }

    fn step(&self, state: &Vec<i64>, (kind, value): &(lin::Kind, i64)) -> Option<Vec<i64>> {
        let mut next = state.clone();
        match (kind, next.binary_search(value)) {
            (lin::Kind::Add, Err(place)) => next.insert(place, *value),
            (lin::Kind::Add, Ok(_)) => {}
            (lin::Kind::Remove, Ok(place)) => {
                next.remove(place);
            }
            (lin::Kind::ReadLog, _) if self.0.list_of(*value) == &state[..] => {}
            _ => return None,
        }
        Some(next)
    }

    fn observes_only(&self, (kind, _): &(lin::Kind, i64)) -> bool {
        *kind == lin::Kind::ReadLog
    }

    fn size(&self, state: &Vec<i64>) -> usize {
        24 + 8 * state.len()
    }
}

/// Judges a history by its data type; sets with whole reads by a search.
#[must_use]
pub fn check(history: &lin::History, data: lin::DataType, settings: &lin::Settings<'_>) -> lin::Outcome {
    if data != lin::DataType::Set || !history.operations().any(|op| op.kind == lin::Kind::ReadLog) {
        return lin::check(history, data, settings);
    }
    let mut keys: BTreeMap<u32, Vec<lin::Call<(lin::Kind, i64)>>> = BTreeMap::new();
    for shown in history.operations() {
        keys.entry(shown.key).or_default().push(lin::Call { op: (shown.kind, shown.value), shown });
    }
    let verdicts = keys.into_iter().map(|(key, calls)| lin::KeyVerdict {
        key,
        operations: u32::try_from(calls.len()).unwrap_or(u32::MAX),
        ok_operations: u32::try_from(calls.iter().filter(|c| c.shown.outcome == lin::OpOutcome::Ok).count()).unwrap_or(u32::MAX),
        verdict: lin::check_model(&WholeReads(history), &calls, settings),
        method: lin::Method::ModelSearch,
        why: "reads answer with the whole set",
        values_alone: None,
    });
    lin::Outcome { keys: verdicts.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_their_own_commas() {
        assert_eq!(split(r#"1,"a,b",[2,3],"\",""#), ["1", r#""a,b""#, "[2,3]", r#""\",""#]);
        assert!(split("").is_empty());
    }
}
