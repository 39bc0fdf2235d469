//! CSV: one record a line, columns named by the line before the records.
//!
//! In: a line. Out: cells without a type; an empty one is none. A header or end mark stands after `# `. Quoted newlines are refused, so that a line
//! number names a record. Refuses to know kinds.

use super::cell::Cell;
use super::fault::Problem;
use super::lines::{Counts, Parser};
use super::shape::{Cells, Shape};
use std::borrow::Cow;

/// A parser of lines of one table.
pub struct Csv {
    columns: Vec<(String, Option<usize>, u64)>,
}

/// A parser for a shape, given the line of column names.
///
/// # Errors
/// A bad line of column names.
pub fn parser(shape: &Shape, columns: Option<&str>) -> Result<Csv, Problem> {
    let line = columns.unwrap_or_default();
    let mut found: Vec<(String, Option<usize>, u64)> = Vec::new();
    for name in split(line)? {
        if found.iter().any(|c| c.0 == name) {
            return Err(Problem::new(format!("the column {name:?} stands twice"), line.as_bytes(), None));
        }
        let slot = shape.column(&name);
        found.push((name.into_owned(), slot, 0));
    }
    Ok(Csv { columns: found })
}

/// The names on a line of column names.
///
/// # Errors
/// A line that is no CSV.
pub fn names(line: &str) -> Result<Vec<String>, Problem> {
    Ok(split(line)?.into_iter().map(Cow::into_owned).collect())
}

fn split(line: &str) -> Result<Vec<Cow<'_, str>>, Problem> {
    if let Some(at) = line.find('\0') {
        return Err(Problem::new("a NUL byte in a text file", line.as_bytes(), Some(at)));
    }
    if !line.contains('"') {
        return Ok(line.split(',').map(Cow::Borrowed).collect());
    }
    if line.bytes().filter(|&b| b == b'"').count() % 2 == 1 {
        let problem = Problem::new("a quote is not closed on its line", line.as_bytes(), line.rfind('"'));
        return Err(problem.help("one record is one line: a cell cannot hold a newline"));
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(_) => Ok(record.iter().map(|cell| Cow::Owned(cell.to_string())).collect()),
        Err(error) => Err(Problem::new(format!("not CSV: {error}"), line.as_bytes(), None)),
    }
}

impl<'a> Parser<'a> for Csv {
    fn record(&mut self, line: &'a str, cells: &mut Cells<'a>) -> Result<(), Problem> {
        let found = split(line)?;
        if found.len() != self.columns.len() {
            let message = format!("{} cells, but {} columns", found.len(), self.columns.len());
            return Err(Problem::new(message, line.as_bytes(), None));
        }
        for (cell, (_, slot, count)) in found.into_iter().zip(&mut self.columns) {
            if cell.is_empty() {
                continue;
            }
            match slot {
                Some(slot) => cells.outer[*slot] = Cell::Plain(cell),
                None => *count += 1,
            }
        }
        Ok(())
    }

    fn unmapped(&self, counts: &mut Counts) {
        for (name, slot, count) in &self.columns {
            if slot.is_none() {
                counts.add(name, *count);
            }
        }
    }
}

/// Whether a text begins as a CSV file does: a header, or a line of our names.
pub fn sign(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let names = || first.split(',').map(str::trim);
    first.starts_with("# {\"quorate\"") || ["client", "op", "invoke"].iter().all(|n| names().any(|m| m == *n))
}
