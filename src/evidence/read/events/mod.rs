//! Events paired into operations: an invocation and what became of it are one row.
//!
//! In: events in the order of the file. Out: tables of history and faults, and what had to be assumed. A process has one operation at a time; after
//! one of unknown outcome it goes on as a new logical process. What the nemesis did becomes faults. Refuses to know formats, and files whose
//! meaning is not certain.

mod call;
mod event;
mod keys;

pub use event::{Event, Step};

use super::edn::Edn;
use super::fault::Problem;
use super::nemesis::{Deed, injections};
use super::rows::{finish, put};
use super::values::{names, val};
use crate::evidence::kinds::{Injection, OpKind, Operation, Outcome};
use crate::evidence::record::Record;
use crate::evidence::symbol::{Sym, Symbols};
use crate::evidence::table::{Raw, Table};
use call::{Call, Writer, asked};
use event::{transactional, wrong};
use hashbrown::HashMap;
use keys::Keys;

/// Events gathered.
#[derive(Debug)]
pub struct Pairs<'y> {
    /// Texts.
    pub symbols: &'y mut Symbols,
    keyed: Option<bool>,
    keys: Keys,
    calls: Vec<Call>,
    /// Numbers of processes, as texts.
    numbers: HashMap<i64, Sym>,
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

impl<'y> Pairs<'y> {
    /// Nothing gathered yet; `keyed` says whether values are pairs of key and value, if that is declared.
    pub fn new(symbols: &'y mut Symbols, keyed: Option<bool>) -> Self {
        Self {
            symbols,
            keyed,
            keys: Keys::default(),
            calls: Vec::new(),
            numbers: HashMap::new(),
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
            && let Some(what) = event.transaction()
        {
            return Err(transactional(line, what));
        }
        let client = match &event.process {
            Edn::Int(n) => *self.numbers.entry(*n).or_insert_with(|| self.symbols.intern(&n.to_string())),
            Edn::Text(t) if &**t != "nemesis" => self.symbols.intern(t),
            Edn::Keyword(_) | Edn::Text(_) => {
                let names = names(&event.value);
                self.deeds.push(Deed { f: event.f.as_deref().unwrap_or("fault").into(), line, at, names });
                return Ok(());
            }
            Edn::Nil => {
                let help = "without it, it is not known which completion belongs to which invocation";
                return Err(wrong(line, "the operation names no :process").help(help));
            }
            _ => return Err(wrong(line, "the :process is neither a number nor a name")),
        };
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
        let arg = self.keys.arg(&event.value, self.symbols);
        self.keys.seen(asked.op, arg, key, line, true);
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
        let arg = self.keys.arg(&event.value, self.symbols);
        let started = self.calls[open].asked;
        if let Some(f) = &event.f
            && asked(f, line)? != started
        {
            return Err(wrong(line, format!("an operation :{f} completes one that was invoked as :{}", started.word())));
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
                if ok && event.bare && matches!(started.op, OpKind::Read | OpKind::Dequeue | OpKind::Pop) {
                    let message = format!("a {} came back without a :value: what it found is not recorded", started.word());
                    return Err(wrong(line, message).help("one that found nothing has `:value nil`"));
                }
                if ok {
                    call.done = Some(arg);
                    let (op, key) = (call.asked.op, call.key);
                    self.keys.seen(op, arg, key, line, false);
                }
            }
        }
        Ok(())
    }

    /// Adds a row of history as it is.
    pub fn row(&mut self, line: u32, cells: &[(&str, Raw)]) {
        let table = self.rows.get_or_insert_with(|| Table::new(Operation::KIND.fields.len()));
        put(table, Operation::KIND, line, cells);
    }

    /// The tables.
    ///
    /// # Errors
    /// When it is not certain what values mean.
    pub fn finish(mut self) -> Result<Paired, Problem> {
        let keyed = self.keys.keyed(self.keyed)?;
        let order_only = self.timed == Some(false) && self.rows.is_none();
        let mut history = self.rows.take().unwrap_or_else(|| Table::new(Operation::KIND.fields.len()));
        let mut rows = Writer::new();
        for call in std::mem::take(&mut self.calls) {
            call.row(keyed, self.symbols, &mut rows, &mut history)?;
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
}
