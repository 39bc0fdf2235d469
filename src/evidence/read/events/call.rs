//! One operation, and its row of history.
//!
//! In: what was invoked and what came back. Out: a row, or why the two do not fit. Refuses to know which events belong together, and how it came to be
//! known that values hold keys.

use super::event::{transactional, wrong};
use super::keys::Arg;
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::read::fault::{Problem, cut};
use crate::evidence::read::rows::put;
use crate::evidence::record::Record;
use crate::evidence::symbol::{Sym, Symbols, Val};
use crate::evidence::table::{ABSENT, Raw, Table};

/// What is asked, as far as it is known before keys are taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) op: OpKind,
    pub(super) negative: bool,
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

impl Call {
    /// Adds its row.
    ///
    /// # Errors
    /// What came back does not fit what was invoked.
    pub(super) fn row(&self, keyed: bool, symbols: &mut Symbols, history: &mut Table) -> Result<(), Problem> {
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
        let word =
            |w: &[&str], text: &str| w.iter().position(|x| *x == text).and_then(|i| Raw::try_from(i).ok()).unwrap_or(ABSENT);
        let key = key.or(self.key).map(|k| symbols.value(k)).map(|text| symbols.intern(&text));
        put(
            history,
            Operation::KIND,
            self.line,
            &[
                ("client", Raw::from(self.client.0)),
                ("process", Raw::from(self.process.0)),
                ("op", word(OpKind::WORDS, self.asked.op.word())),
                ("key", key.map_or(ABSENT, |k| Raw::from(k.0))),
                ("value", value.0),
                ("expected", expected.map_or(ABSENT, |e| e.0)),
                ("invoke", self.invoke),
                ("return", self.ret.unwrap_or(ABSENT)),
                ("result", word(Outcome::WORDS, self.result.word())),
                ("error", self.error.map_or(ABSENT, |e| Raw::from(e.0))),
            ],
        );
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
