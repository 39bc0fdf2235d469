//! One operation, and its row of history.
//!
//! In: what was invoked and what came back. Out: a row, or why the two do not fit. Refuses to know which events belong together, and how it came to be
//! known that values hold keys.

use super::event::{transactional, wrong};
use super::keys::Arg;
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::read::fault::{Problem, cut};
use crate::evidence::read::rows::push;
use crate::evidence::record::Record;
use crate::evidence::symbol::{Sym, Symbols, Val};
use crate::evidence::table::{ABSENT, Raw, Table};
use hashbrown::HashMap;

/// What is asked, as far as it is known before keys are taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) op: OpKind,
    pub(super) negative: bool,
}

impl Asked {
    /// Its name.
    pub(super) fn word(self) -> &'static str {
        if self.negative { "decrement" } else { self.op.word() }
    }
}

/// One operation.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) process: Sym,
    pub(super) client: Sym,
    pub(super) line: u32,
    pub(super) asked: Asked,
    pub(super) key: Option<Val>,
    pub(super) arg: Arg,
    pub(super) done: Option<Arg>,
    pub(super) invoke: i64,
    pub(super) ret: Option<i64>,
    pub(super) result: Outcome,
    pub(super) error: Option<Sym>,
}

/// What a name asks.
///
/// # Errors
/// A name that no data type here has.
pub(super) fn asked(name: &str, line: u32) -> Result<Asked, Problem> {
    let op = match name {
        "read" | "get" | "r" => OpKind::Read,
        "write" | "put" | "w" => OpKind::Write,
        "cas" | "compare-and-set" => OpKind::Cas,
        "append" => OpKind::Append,
        "add" => OpKind::Add,
        "remove" => OpKind::Remove,
        "enqueue" => OpKind::Enqueue,
        "dequeue" => OpKind::Dequeue,
        "push" => OpKind::Push,
        "pop" => OpKind::Pop,
        "acquire" | "lock" => OpKind::Acquire,
        "release" | "unlock" => OpKind::Release,
        "increment" | "inc" | "decrement" | "dec" => OpKind::Increment,
        "txn" | "transfer" => return Err(transactional(line, &format!("an operation is :f :{name}"))),
        _ => {
            let known = "read, write, cas, append, add, remove, enqueue, dequeue, push, pop, acquire, release, increment";
            let name = cut(name, 40);
            return Err(wrong(line, format!("no data type here has an operation :f :{name}")).help(format!("known: {known}")));
        }
    };
    Ok(Asked { op, negative: name.starts_with("dec") })
}

/// The cells that an operation fills.
const FILLED: [&str; 10] = ["client", "process", "op", "key", "value", "expected", "invoke", "return", "result", "error"];

/// Writes rows; what is the same for many of them is looked up once.
#[derive(Debug)]
pub(super) struct Writer {
    places: [Option<usize>; FILLED.len()],
    row: Vec<Raw>,
    texts: HashMap<Val, Sym>,
}

impl Writer {
    pub(super) fn new() -> Self {
        let row = vec![ABSENT; Operation::KIND.fields.len()];
        Self { places: FILLED.map(|name| Operation::KIND.field(name)), row, texts: HashMap::new() }
    }

    /// The text of a key.
    fn text(&mut self, key: Val, symbols: &mut Symbols) -> Sym {
        *self.texts.entry(key).or_insert_with(|| {
            let text = symbols.value(key);
            symbols.intern(&text)
        })
    }

    fn put(&mut self, line: u32, cells: &[Raw; FILLED.len()], history: &mut Table) {
        for (place, cell) in self.places.iter().zip(cells) {
            if let Some(place) = place {
                self.row[*place] = *cell;
            }
        }
        push(history, Operation::KIND, &self.row, line);
    }
}

impl Call {
    /// Adds its row.
    ///
    /// # Errors
    /// What came back does not fit what was invoked.
    pub(super) fn row(&self, keyed: bool, symbols: &mut Symbols, rows: &mut Writer, history: &mut Table) -> Result<(), Problem> {
        let (key, asked) = self.peel(self.arg, keyed)?;
        let done = match self.done {
            Some(done) => Some(self.peel(done, keyed)?),
            None => None,
        };
        let same_key = done.is_none_or(|(k, _)| k == key);
        let (mut value, mut expected) = (asked, None);
        match self.asked.op {
            OpKind::Read | OpKind::Dequeue | OpKind::Pop => value = done.map_or(Arg::One(Val::NIL), |d| d.1),
            OpKind::Acquire | OpKind::Release => value = Arg::One(Val::NIL),
            OpKind::Cas => match asked {
                Arg::Two(old, new) => (expected, value) = (Some(old), Arg::One(new)),
                _ if self.result == Outcome::Fail => {}
                _ => return Err(wrong(self.line, "the value of a cas is no pair of the old and the new value")),
            },
            OpKind::Increment => value = self.amount(asked)?,
            _ => {}
        }
        let changes = !matches!(self.asked.op, OpKind::Read | OpKind::Dequeue | OpKind::Pop | OpKind::Acquire | OpKind::Release);
        let nil = Arg::One(Val::NIL);
        if !same_key || (changes && done.is_some_and(|(_, d)| d != asked && d != nil)) {
            return Err(wrong(self.line, "the operation came back with another key or value than it was invoked with"));
        }
        let value = value.whole(symbols);
        let key = key.or(self.key).map(|key| rows.text(key, symbols));
        let cells = [
            Raw::from(self.client.0),
            Raw::from(self.process.0),
            self.asked.op as Raw,
            key.map_or(ABSENT, |k| Raw::from(k.0)),
            value.0,
            expected.map_or(ABSENT, |e| e.0),
            self.invoke,
            self.ret.unwrap_or(ABSENT),
            self.result as Raw,
            self.error.map_or(ABSENT, |e| Raw::from(e.0)),
        ];
        rows.put(self.line, &cells, history);
        Ok(())
    }

    /// Key and value of a value.
    fn peel(&self, arg: Arg, keyed: bool) -> Result<(Option<Val>, Arg), Problem> {
        match (keyed, arg) {
            (false, arg) => Ok((None, arg)),
            (true, Arg::Two(key, value)) => Ok((Some(key), Arg::One(value))),
            (true, Arg::KeyTwo(key, a, b)) => Ok((Some(key), Arg::Two(a, b))),
            (true, Arg::One(_)) => {
                Err(wrong(self.line, "the value is no pair of key and value, as those of other operations are"))
            }
        }
    }

    /// By how much it increments.
    fn amount(&self, arg: Arg) -> Result<Arg, Problem> {
        let amount = match arg {
            Arg::One(Val::NIL) => 1,
            Arg::One(v) if v.as_text().is_none() => v.0,
            _ => return Err(wrong(self.line, "the value of an increment is no number")),
        };
        Ok(Arg::One(Val(if self.asked.negative { -amount } else { amount })))
    }
}
