//! From rows of history to operations for the linearizability judge: one adapter for gates and for `check`.
//!
//! In: typed rows, their texts, and the data type they are judged as. Out: operations, or why a row fits no operation of that type. Refuses to know
//! gates, contracts and files.

use super::linearizability as lin;
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::symbol::{Sym, Symbols, Val, named};
use crate::words::a;
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
#[inline]
pub fn code(value: Val) -> i64 {
    if value == Val::NIL { lin::NIL } else { value.0 }
}

/// The code of an initial value. It names the value that the history holds: as it is written, as a text, or as an integer; in this order.
pub fn initial(text: Option<&str>, symbols: &Symbols, operations: impl Iterator<Item = Operation>) -> i64 {
    let Some(text) = text else { return lin::NIL };
    let as_int = text.parse::<i64>().ok().filter(|n| n.to_string() == *text).and_then(Val::int);
    let texts = [text, &*named(text)].map(|text| symbols.find(text).map(Val::text));
    let mut held = [false; 2];
    if texts.iter().any(Option::is_some) {
        for op in operations {
            for (held, wanted) in held.iter_mut().zip(texts) {
                *held |= wanted.is_some() && (op.value == wanted || op.expected == wanted);
            }
        }
    }
    let found = texts.iter().zip(held).find_map(|(value, held)| value.filter(|_| held));
    let nowhere = Val::text(Sym(u32::MAX));
    code(found.or(as_int).unwrap_or(nowhere))
}

/// What a row's client was told.
#[must_use]
#[inline]
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
            (data, other) => return Err(format!("{} has no operation {}", a(word(data)), other.word())),
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
            None => return Err(format!("{} carries no value", a(op.op.word()))),
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
        let inner = text.strip_prefix("#{").and_then(|t| t.strip_suffix('}'));
        let inner = inner.or_else(|| text.strip_prefix('[').and_then(|t| t.strip_suffix(']')));
        let inner = inner.ok_or_else(|| format!("{} is no list", cut(&text)))?;
        Ok(split(inner).into_iter().map(|element| self.element(element.trim())).collect())
    }

    /// The code of an element: that of the same value where it stands alone.
    fn element(&mut self, text: &str) -> i64 {
        if let Some(n) = text.parse::<i64>().ok().filter(|n| n.to_string() == *text).and_then(Val::int) {
            return n.0;
        }
        if matches!(text, "null" | "nil") {
            return lin::NIL;
        }
        let decoded: Option<String> = if text.starts_with('"') { serde_json::from_str(text).ok() } else { None };
        let known = match &decoded {
            Some(decoded) => self.symbols.find(&named(decoded)),
            None => self.symbols.find(text),
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_their_own_commas() {
        assert_eq!(split(r#"1,"a,b",[2,3],"\",""#), ["1", r#""a,b""#, "[2,3]", r#""\",""#]);
        assert!(split("").is_empty());
    }
}
