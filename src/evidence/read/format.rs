//! Formats: how lines become records of named cells. A new format is one file and one row in [`FORMATS`].
//!
//! In: a name or a file's ending. Out: a [`Format`]. Refuses to know kinds and tests.

use super::csv;
use super::fault::Problem;
use super::json::JsonLines;
use super::shape::{Cells, Shape};
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

/// A format of records that are lines.
pub struct Format {
    /// Its name in a matrix.
    pub name: &'static str,
    /// Endings of files that are taken to be in it.
    pub endings: &'static [&'static str],
    /// What stands before a header or end mark on its line; records never start with it unless it is empty.
    pub mark: &'static str,
    /// The names on the line before the records, in formats that have one.
    pub columns: Option<Names>,
    /// A parser for a shape, given the line of column names.
    pub parser: Make,
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// All formats.
pub const FORMATS: &[Format] = &[
    Format {
        name: "jsonl",
        endings: &[".jsonl", ".ndjson"],
        mark: "",
        columns: None,
        parser: |shape, _| Ok(Box::new(JsonLines::new(shape))),
    },
    Format {
        name: "csv",
        endings: &[".csv"],
        mark: "# ",
        columns: Some(csv::names),
        parser: |shape, columns| Ok(Box::new(csv::parser(shape, columns)?)),
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
