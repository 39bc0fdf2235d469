//! Events paired into operations: an invocation and what became of it are one row.
//!
//! In: events in the order of the file. Out: tables of history and faults, and what had to be assumed. A process has one operation at a time; after
//! one of unknown outcome it goes on as a new logical process. What the nemesis did becomes faults. Refuses to know formats, and files whose
//! meaning is not certain.

use super::edn::Edn;
use super::fault::Problem;
use super::nemesis::{Deed, injections};
use super::rows::{finish, push};
use super::values::{json, names, transaction, val};
use crate::evidence::kinds::{Injection, OpKind, Operation, Outcome};
use crate::evidence::record::{Kind, Record};
use crate::evidence::symbol::{Sym, Symbols, Val};
use crate::evidence::table::{ABSENT, Raw, Table};
use std::collections::HashMap;

/// What a file with transactions gets.
const TRANSACTIONAL: &str = "transactional history, not supported yet";

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An operation begins.
    Invoke,
    /// It took effect.
    Ok,
    /// It did not, and never will.
    Fail,
    /// Nobody knows, or it is a remark.
    Info,
}

impl Step {
    /// The step of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Some(match word {
            "invoke" => Self::Invoke,
            "ok" => Self::Ok,
            "fail" => Self::Fail,
            "info" => Self::Info,
            _ => return None,
        })
    }
}

/// One event.
#[derive(Debug)]
pub struct Event {
    /// The line it stands on, from 1.
    pub line: u32,
    /// Whose; a keyword is no client.
    pub process: Edn,
    /// What it says.
    pub step: Step,
    /// The operation's name.
    pub f: Option<Box<str>>,
    /// The key, when it has a field of its own.
    pub key: Option<Edn>,
    /// The value.
    pub value: Edn,
    /// The time in nanoseconds.
    pub time: Option<i64>,
    /// The error.
    pub error: Option<Edn>,
}

/// The value of an event, cut up as far as may matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arg {
    One(Val),
    Two(Val, Val),
    KeyTwo(Val, Val, Val),
}

/// What is asked, as far as it is known before keys are taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    op: OpKind,
    negative: bool,
}

/// One operation.
#[derive(Debug)]
struct Call {
    process: Sym,
    client: Sym,
    line: u32,
    asked: Asked,
    key: Option<Val>,
    arg: Arg,
    done: Option<Arg>,
    invoke: i64,
    ret: Option<i64>,
    result: Outcome,
    error: Option<Sym>,
}

/// Whether values are pairs of key and value, as far as seen.
#[derive(Debug, Default)]
struct Keys {
    sure: bool,
    hint: bool,
    single: Option<u32>,
    pairs: bool,
    fields: bool,
}

/// Events gathered.
#[derive(Debug)]
pub struct Pairs<'y> {
    /// Texts.
    pub symbols: &'y mut Symbols,
    keyed: Option<bool>,
    keys: Keys,
    calls: Vec<Call>,
    open: HashMap<Sym, usize>,
    gone: HashMap<Sym, u32>,
    deeds: Vec<Deed>,
    events: i64,
    timed: Option<bool>,
    /// Remarks of the format.
    pub notes: Vec<String>,
    /// Rows that a format of whole operations adds by itself.
    rows: Option<Table>,
}

/// What came of a file.
#[derive(Debug)]
pub struct Paired {
    /// Operations.
    pub history: Table,
    /// Faults.
    pub faults: Table,
    /// Whether there were no times, so that the order of the lines stands for them.
    pub order_only: bool,
    /// What was assumed or left out.
    pub notes: Vec<String>,
}

fn wrong(line: u32, message: impl Into<String>) -> Problem {
    Problem::new(message, b"", None).on(u64::from(line.saturating_sub(1)))
}

/// A transactional history.
pub fn transactional(line: u32, what: &str) -> Problem {
    wrong(line, format!("{TRANSACTIONAL}: {what}"))
        .help("this tool judges histories of single objects: registers, queues, sets, counters, logs, mutexes")
}

fn asked(name: &str, line: u32) -> Result<Asked, Problem> {
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
            let name = super::fault::cut(name, 40);
            return Err(wrong(line, format!("no data type here has an operation :f :{name}")).help(format!("known: {known}")));
        }
    };
    Ok(Asked { op, negative: name.starts_with("dec") })
}

impl<'y> Pairs<'y> {
    /// Nothing gathered yet; `keyed` says whether values are pairs of key and value, if that is declared.
    pub fn new(symbols: &'y mut Symbols, keyed: Option<bool>) -> Self {
        Self {
            symbols,
            keyed,
            keys: Keys::default(),
            calls: Vec::new(),
            open: HashMap::new(),
            gone: HashMap::new(),
            deeds: Vec::new(),
            events: 0,
            timed: None,
            notes: Vec::new(),
            rows: None,
        }
    }

    /// Adds one event.
    ///
    /// # Errors
    /// An event that does not fit those before, or whose meaning is not known.
    pub fn add(&mut self, event: Event) -> Result<(), Problem> {
        let line = event.line;
        let at = self.time(&event)?;
        if matches!(event.step, Step::Invoke | Step::Ok)
            && !matches!(event.process, Edn::Keyword(_))
            && let Some(what) = transaction(&event)
        {
            return Err(transactional(line, what));
        }
        let process = match &event.process {
            Edn::Int(n) => n.to_string(),
            Edn::Text(t) if &**t != "nemesis" => t.to_string(),
            Edn::Keyword(_) | Edn::Text(_) => {
                let names = names(&event.value);
                self.deeds.push(Deed { f: event.f.unwrap_or_else(|| "fault".into()), line, at, names });
                return Ok(());
            }
            Edn::Nil => {
                let help = "without it, it is not known which completion belongs to which invocation";
                return Err(wrong(line, "the operation names no :process").help(help));
            }
            _ => return Err(wrong(line, "the :process is neither a number nor a name")),
        };
        let client = self.symbols.intern(&process);
        if event.step == Step::Invoke { self.invoke(event, client, at) } else { self.complete(event, client, at) }
    }

    /// The time of an event: its own, or its place in the file when there are no times.
    fn time(&mut self, event: &Event) -> Result<i64, Problem> {
        self.events += 1;
        let timed = event.time.is_some();
        if *self.timed.get_or_insert(timed) != timed {
            return Err(wrong(event.line, "some events have a :time and some have none"));
        }
        Ok(event.time.unwrap_or(self.events))
    }

    fn invoke(&mut self, event: Event, client: Sym, at: i64) -> Result<(), Problem> {
        let line = event.line;
        let Some(f) = &event.f else { return Err(wrong(line, "the operation names no :f")) };
        let asked = asked(f, line)?;
        if let Some(&open) = self.open.get(&client) {
            let (name, first) = (self.symbols.text(client), self.calls[open].line);
            return Err(wrong(line, format!("process {name} invokes again before its operation of line {first} came back")));
        }
        let process = match self.gone.get(&client) {
            None => client,
            Some(n) => self.symbols.intern(&format!("{}~{n}", self.symbols.text(client))),
        };
        let key = event.key.as_ref().map(|key| val(key, self.symbols));
        let arg = self.arg(&event);
        self.seen(asked.op, arg, key, line, true);
        self.open.insert(client, self.calls.len());
        let (done, ret, error) = (None, None, None);
        self.calls.push(Call { process, client, line, asked, key, arg, done, invoke: at, ret, result: Outcome::Unknown, error });
        Ok(())
    }

    fn complete(&mut self, event: Event, client: Sym, at: i64) -> Result<(), Problem> {
        let line = event.line;
        let Some(open) = self.open.remove(&client) else {
            let name = self.symbols.text(client);
            return Err(wrong(line, format!("process {name} completes an operation that it did not invoke"))
                .help("the file does not begin where the run began, or lines are missing"));
        };
        let error = event.error.as_ref().map(|e| val(e, self.symbols));
        let error = error.map(|e| self.symbols.value(e)).map(|text| self.symbols.intern(&text));
        let arg = self.arg(&event);
        let started = self.calls[open].asked;
        if let Some(f) = &event.f
            && asked(f, line)? != started
        {
            return Err(wrong(line, format!("a :{f} completes a {}", started.op.word())));
        }
        let call = &mut self.calls[open];
        call.error = error;
        match event.step {
            Step::Info => *self.gone.entry(client).or_default() += 1,
            step => {
                let ok = step == Step::Ok;
                call.result = if ok { Outcome::Ok } else { Outcome::Fail };
                (call.ret, call.line) = (Some(at), line);
                if at < call.invoke {
                    return Err(wrong(line, "the operation came back before it was invoked, by its :time"));
                }
                if ok {
                    call.done = Some(arg);
                    let (op, key) = (call.asked.op, call.key);
                    self.seen(op, arg, key, line, false);
                }
            }
        }
        Ok(())
    }

    /// Cuts a value up.
    fn arg(&mut self, event: &Event) -> Arg {
        let value = match &event.value {
            Edn::Tagged(tag, inner) if tag.contains("independent") => {
                self.keys.sure = true;
                &**inner
            }
            value => value,
        };
        if let Edn::Vector(pair) = value
            && let [first, second] = &pair[..]
        {
            let first = val(first, self.symbols);
            if let Edn::Vector(inner) = second
                && let [a, b] = &inner[..]
            {
                return Arg::KeyTwo(first, val(a, self.symbols), val(b, self.symbols));
            }
            return Arg::Two(first, val(second, self.symbols));
        }
        Arg::One(val(value, self.symbols))
    }

    /// Takes notice of the shape of a value.
    fn seen(&mut self, op: OpKind, arg: Arg, key: Option<Val>, line: u32, invoke: bool) {
        let keys = &mut self.keys;
        keys.fields |= key.is_some();
        match arg {
            Arg::One(_) => keys.single = keys.single.or(Some(line)),
            Arg::Two(_, v) => {
                keys.pairs |= op != OpKind::Cas;
                keys.hint |= invoke && op == OpKind::Read && v == Val::NIL;
                if op == OpKind::Cas {
                    keys.single = keys.single.or(Some(line));
                }
            }
            Arg::KeyTwo(..) => {
                keys.pairs |= op != OpKind::Cas;
                keys.hint |= invoke && op == OpKind::Cas;
            }
        }
    }

    /// Adds a row of history as it is.
    pub fn row(&mut self, line: u32, cells: &[(&str, Raw)]) {
        let table = self.rows.get_or_insert_with(|| Table::new(Operation::KIND.fields.len()));
        put(table, Operation::KIND, line, cells);
    }

    /// Whether values are pairs of key and value.
    fn are_keyed(&self) -> Result<bool, Problem> {
        let keys = &self.keys;
        match self.keyed {
            Some(true) if keys.fields => Err(wrong(1, "the operations have a :key of their own, and `keyed` is declared")),
            Some(keyed) => Ok(keyed),
            None if keys.fields => Ok(false),
            None if keys.sure => Ok(true),
            None if keys.single.is_none() && keys.hint => Ok(true),
            None if keys.hint || (keys.single.is_none() && keys.pairs) => {
                let help = "declare it: `keyed = true` or `false` in the matrix, `--keyed` or `--keyed=no` on the command line";
                Err(wrong(1, "it is not clear whether the values are pairs of key and value").help(help))
            }
            None => Ok(false),
        }
    }

    /// The tables.
    ///
    /// # Errors
    /// When it is not certain what values mean.
    pub fn finish(mut self) -> Result<Paired, Problem> {
        let keyed = self.are_keyed()?;
        let order_only = self.timed == Some(false) && self.rows.is_none();
        let mut history = self.rows.take().unwrap_or_else(|| Table::new(Operation::KIND.fields.len()));
        for call in std::mem::take(&mut self.calls) {
            self.call(&call, keyed, &mut history)?;
        }
        let mut faults = Table::new(Injection::KIND.fields.len());
        let deeds = std::mem::take(&mut self.deeds);
        injections(deeds, self.symbols, &mut faults);
        finish(&mut history);
        finish(&mut faults);
        let mut notes = self.notes;
        if keyed {
            notes.push("values are pairs of key and value".into());
        }
        if order_only {
            notes.push("there are no times: the order of the lines stands for real time".into());
        }
        let open = self.open.len();
        if open > 0 {
            notes.push(format!("{open} operations never completed: their outcome is unknown"));
        }
        Ok(Paired { history, faults, order_only, notes })
    }

    fn call(&mut self, call: &Call, keyed: bool, history: &mut Table) -> Result<(), Problem> {
        let (key, asked) = self.peel(call.arg, keyed, call)?;
        let done = match call.done {
            Some(done) => Some(self.peel(done, keyed, call)?),
            None => None,
        };
        let same_key = done.is_none_or(|(k, _)| k == key);
        let (mut value, mut expected) = (asked, None);
        match call.asked.op {
            OpKind::Read | OpKind::Dequeue | OpKind::Pop => value = done.map_or(Arg::One(Val::NIL), |d| d.1),
            OpKind::Acquire | OpKind::Release => value = Arg::One(Val::NIL),
            OpKind::Cas => match asked {
                Arg::Two(old, new) => (expected, value) = (Some(old), Arg::One(new)),
                _ if call.result == Outcome::Fail => {}
                _ => return Err(wrong(call.line, "the value of a cas is no pair of the old and the new value")),
            },
            OpKind::Increment => value = self.amount(asked, call)?,
            _ => {}
        }
        let changes = !matches!(call.asked.op, OpKind::Read | OpKind::Dequeue | OpKind::Pop | OpKind::Acquire | OpKind::Release);
        let nil = Arg::One(Val::NIL);
        if !same_key || (changes && done.is_some_and(|(_, d)| d != asked && d != nil)) {
            return Err(wrong(call.line, "the operation came back with another key or value than it was invoked with"));
        }
        let value = self.whole(value);
        let word =
            |w: &[&str], text: &str| w.iter().position(|x| *x == text).and_then(|i| Raw::try_from(i).ok()).unwrap_or(ABSENT);
        let key = key.or(call.key).map(|k| self.symbols.value(k)).map(|text| self.symbols.intern(&text));
        put(
            history,
            Operation::KIND,
            call.line,
            &[
                ("client", Raw::from(call.client.0)),
                ("process", Raw::from(call.process.0)),
                ("op", word(OpKind::WORDS, call.asked.op.word())),
                ("key", key.map_or(ABSENT, |k| Raw::from(k.0))),
                ("value", value.0),
                ("expected", expected.map_or(ABSENT, |e| e.0)),
                ("invoke", call.invoke),
                ("return", call.ret.unwrap_or(ABSENT)),
                ("result", word(Outcome::WORDS, call.result.word())),
                ("error", call.error.map_or(ABSENT, |e| Raw::from(e.0))),
            ],
        );
        Ok(())
    }

    /// Key and value of a value.
    fn peel(&self, arg: Arg, keyed: bool, call: &Call) -> Result<(Option<Val>, Arg), Problem> {
        match (keyed, arg) {
            (false, arg) => Ok((None, arg)),
            (true, Arg::Two(key, value)) => Ok((Some(key), Arg::One(value))),
            (true, Arg::KeyTwo(key, a, b)) => Ok((Some(key), Arg::Two(a, b))),
            (true, Arg::One(_)) => {
                Err(wrong(call.line, "the value is no pair of key and value, as those of other operations are"))
            }
        }
    }

    fn amount(&self, arg: Arg, call: &Call) -> Result<Arg, Problem> {
        let amount = match arg {
            Arg::One(Val::NIL) => 1,
            Arg::One(v) if v.as_text().is_none() => v.0,
            _ => return Err(wrong(call.line, "the value of an increment is no number")),
        };
        Ok(Arg::One(Val(if call.asked.negative { -amount } else { amount })))
    }

    /// A value in one piece.
    fn whole(&mut self, arg: Arg) -> Val {
        let parts = match arg {
            Arg::One(v) => return v,
            Arg::Two(a, b) => vec![json(a, self.symbols), json(b, self.symbols)],
            Arg::KeyTwo(a, b, c) => {
                let inner = format!("[{},{}]", json(b, self.symbols), json(c, self.symbols));
                vec![json(a, self.symbols), inner]
            }
        };
        Val::text(self.symbols.intern(&format!("[{}]", parts.join(","))))
    }
}

/// Adds a row with these cells.
pub(super) fn put(table: &mut Table, kind: &Kind, line: u32, cells: &[(&str, Raw)]) {
    let mut row = vec![ABSENT; kind.fields.len()];
    for (name, raw) in cells {
        if let Some(field) = kind.field(name) {
            row[field] = *raw;
        }
    }
    push(table, kind, &row, line);
}
