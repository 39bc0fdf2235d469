//! What a format of lines is: a parser that fills named cells, and the names of those that nobody wants.
//!
//! In: nothing. Out: the traits and types that such formats share. Refuses to know which formats there are.

use super::fault::Problem;
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
