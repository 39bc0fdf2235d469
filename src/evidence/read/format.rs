//! Formats: how lines become records of named cells, or events become rows. A new format is one file and one row in [`FORMATS`].
//!
//! In: a name, a file's ending, or the start of its text. Out: a [`Format`]. Refuses to know kinds and tests.

use super::events::Pairs;
use super::fault::Problem;
use super::json::JsonLines;
use super::shape::{Cells, Shape};
use super::stream::Stream;
use super::{csv, etcd, jepsen, jepsen_log};
use std::collections::BTreeMap;

/// Parses the records of one block.
pub trait Parser<'a> {
    /// Fills the cells of one line. The cells are empty before.
    ///
    /// # Errors
    /// What is wrong with the line.
    fn record(&mut self, line: &'a str, cells: &mut Cells<'a>) -> Result<(), Problem>;

    /// Adds the fields that nobody wants.
    fn unmapped(&self, counts: &mut Counts);
}

/// Reads a line of column names.
pub type Names = fn(&str) -> Result<Vec<String>, Problem>;

/// A parser of any block.
pub type AnyParser<'s> = Box<dyn for<'a> Parser<'a> + 's>;

/// Makes a parser for a shape, given the line of column names.
pub type Make = for<'s> fn(&'s Shape, Option<&str>) -> Result<AnyParser<'s>, Problem>;

/// A format whose records are lines, each for itself: blocks of it are parsed on several threads.
pub struct Lines {
    /// What stands before a header or end mark on its line; records never start with it unless it is empty.
    pub mark: &'static str,
    /// The names on the line before the records, in formats that have one.
    pub columns: Option<Names>,
    /// A parser for a shape, given the line of column names.
    pub parser: Make,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lines({:?})", self.mark)
    }
}

/// Reads a file of events, in which several lines are one record, from its first byte to its last.
pub type ReadEvents = fn(&mut Stream<'_>, &mut Pairs<'_>) -> Result<(), Problem>;

/// How a format is read.
pub enum Reads {
    /// Line by line, by a mapping.
    Lines(Lines),
    /// In order, into history and faults. It has no mapping.
    Events(ReadEvents),
}

/// A format.
pub struct Format {
    /// Its name in a matrix.
    pub name: &'static str,
    /// Endings of files that are taken to be in it.
    pub endings: &'static [&'static str],
    /// Whether the start of a file that has no other sign is in it.
    pub sign: fn(&str) -> bool,
    /// How it is read.
    pub reads: Reads,
}

impl Format {
    /// Its line reader; events have none.
    #[must_use]
    pub fn lines(&self) -> Option<&Lines> {
        match &self.reads {
            Reads::Lines(lines) => Some(lines),
            Reads::Events(_) => None,
        }
    }
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// All formats. The start of a file is asked of each in this order.
pub const FORMATS: &[Format] = &[
    Format { name: "etcd-robustness", endings: &[], sign: etcd::sign, reads: Reads::Events(etcd::read) },
    Format { name: "jepsen-json", endings: &[], sign: jepsen::json_sign, reads: Reads::Events(jepsen::json) },
    Format { name: "jepsen-edn", endings: &[".edn"], sign: jepsen::edn_sign, reads: Reads::Events(jepsen::edn) },
    Format { name: "jepsen-log", endings: &[], sign: jepsen_log::sign, reads: Reads::Events(jepsen_log::read) },
    Format {
        name: "jsonl",
        endings: &[".jsonl", ".ndjson"],
        sign: |text| text.trim_start().starts_with('{'),
        reads: Reads::Lines(Lines { mark: "", columns: None, parser: |shape, _| Ok(Box::new(JsonLines::new(shape))) }),
    },
    Format {
        name: "csv",
        endings: &[".csv"],
        sign: csv::sign,
        reads: Reads::Lines(Lines {
            mark: "# ",
            columns: Some(csv::names),
            parser: |shape, columns| Ok(Box::new(csv::parser(shape, columns)?)),
        }),
    },
];

/// The format of a name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|f| f.name == name)
}

/// The format of a file's ending.
#[must_use]
pub fn by_ending(path: &str) -> Option<&'static Format> {
    let path = path.strip_suffix(".gz").or_else(|| path.strip_suffix(".zst")).unwrap_or(path);
    FORMATS.iter().find(|f| f.endings.iter().any(|e| path.ends_with(e)))
}

/// The format that the start of a file looks like.
#[must_use]
pub fn by_start(text: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|f| (f.sign)(text))
}

/// The most names that are counted one by one.
const NAMES: usize = 1000;

/// Fields that nothing maps, with the number of records that have them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    names: BTreeMap<String, u64>,
    others: u64,
}

impl Counts {
    /// Counts a name.
    pub fn add(&mut self, name: &str, count: u64) {
        if count == 0 {
        } else if let Some(n) = self.names.get_mut(name) {
            *n += count;
        } else if self.names.len() < NAMES {
            self.names.insert(name.into(), count);
        } else {
            self.others += count;
        }
    }

    /// Adds the counts of a later block.
    pub fn merge(&mut self, later: &Self) {
        for (name, count) in &later.names {
            self.add(name, *count);
        }
        self.others += later.others;
    }

    /// By name; what went over the limit stands last.
    #[must_use]
    pub fn list(self) -> Vec<(String, u64)> {
        let mut list: Vec<_> = self.names.into_iter().collect();
        if self.others > 0 {
            list.push(("(more names)".into(), self.others));
        }
        list
    }
}
