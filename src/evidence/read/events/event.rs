//! One event, as a format hands it over.
//!
//! In: what a line says. Out: an [`Event`], and what is said of one that cannot be taken. Refuses to know other events.

use crate::evidence::read::edn::Edn;
use crate::evidence::read::fault::Problem;

use std::borrow::Cow;

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
    pub f: Option<Cow<'static, str>>,
    /// The key, when it has a field of its own.
    pub key: Option<Edn>,
    /// The value.
    pub value: Edn,
    /// Whether no value stands in it, not even nil.
    pub bare: bool,
    /// The time in nanoseconds.
    pub time: Option<i64>,
    /// The error.
    pub error: Option<Edn>,
}

impl Event {
    /// An event that says nothing.
    pub const BLANK: Self = Self {
        line: 0,
        process: Edn::Nil,
        step: Step::Info,
        f: None,
        key: None,
        value: Edn::Nil,
        bare: true,
        time: None,
        error: None,
    };

    /// Why it belongs to a transactional history.
    pub fn transaction(&self) -> Option<&'static str> {
        let items = match &self.value {
            Edn::Vector(items) | Edn::List(items) => items,
            Edn::Map(_) => return Some("a value is a map of several objects"),
            _ => return None,
        };
        let micro = |item: &Edn| match item {
            Edn::Vector(parts) | Edn::List(parts) if parts.len() == 3 => match &parts[0] {
                Edn::Keyword(w) | Edn::Text(w) => matches!(&**w, "r" | "w" | "append" | "read" | "write" | "inc"),
                _ => false,
            },
            _ => false,
        };
        items.iter().any(micro).then_some("a value is a list of micro-operations")
    }
}

/// A fault of a line.
pub(super) fn wrong(line: u32, message: impl Into<String>) -> Problem {
    Problem::new(message, b"", None).on(u64::from(line.saturating_sub(1)))
}

/// A transactional history.
pub(super) fn transactional(line: u32, what: &str) -> Problem {
    wrong(line, format!("{TRANSACTIONAL}: {what}"))
        .help("this tool judges histories of single objects: registers, queues, sets, counters, logs, mutexes")
}
