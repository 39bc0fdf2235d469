//! Start and stop rows joined.
//!
//! In: the start rows and stop rows of a file, in its order. Out: one row for each start. Refuses to know what is joined.

use super::fault::Problem;
use super::rows::{Recipe, Rows, finish, push};
use crate::evidence::symbol::{Sym, Symbols};
use crate::evidence::table::{ABSENT, Raw, Table};
use std::collections::HashMap;

/// The joined rows, and the line of a start that has no stop though its row needs one.
pub struct Joined {
    /// One row for each start that is complete.
    pub table: Table,
    /// The first line of a start that lacks its stop.
    pub open: Option<u32>,
}

fn at_line(line: u32, message: String) -> Problem {
    Problem::new(message, b"", None).on(u64::from(line.saturating_sub(1)))
}

/// Joins the rows of a binding; rows of a binding without `pair` stay as they are.
///
/// # Errors
/// A stop without a start, a second start before a stop, or a row without a required field.
pub fn join(rows: Rows, recipe: &Recipe, symbols: &Symbols) -> Result<Joined, Problem> {
    let Some(join) = &recipe.join else { return Ok(Joined { table: rows.table, open: None }) };
    let Rows { table: starts, stops, joins } = rows;
    let mut stop_of: Vec<Option<usize>> = Vec::new();
    let mut waiting: HashMap<u32, usize> = HashMap::new();
    let mut stopped = 0;
    for (by, stop) in joins {
        let name = || format!("{} = {}", join.name, symbols.text(Sym(by)));
        if !stop {
            let line = starts.lines[stop_of.len()];
            if waiting.insert(by, stop_of.len()).is_some() {
                return Err(at_line(line, format!("a second start of {} before its stop", name())));
            }
            stop_of.push(None);
        } else if let Some(start) = waiting.remove(&by) {
            stop_of[start] = Some(stopped);
            stopped += 1;
        } else {
            return Err(at_line(stops.lines[stopped], format!("a stop of {} without a start", name())));
        }
    }
    let mut joined = Joined { table: Table::new(recipe.kind.fields.len()), open: None };
    for (start, stop) in stop_of.into_iter().enumerate() {
        let row: Vec<Raw> = (0..recipe.kind.fields.len())
            .map(|field| {
                let stop = stop.map_or(ABSENT, |stop| stops.columns[field].get(stop));
                if stop == ABSENT { starts.columns[field].get(start) } else { stop }
            })
            .collect();
        let line = starts.lines[start];
        match recipe.required.iter().find(|&&field| row[field] == ABSENT) {
            None => push(&mut joined.table, recipe.kind, &row, line),
            Some(_) if stop.is_none() => joined.open = joined.open.or(Some(line)),
            Some(&field) => {
                let message = format!("the required field `{}` of {} is empty", recipe.kind.fields[field].name, recipe.kind.name);
                return Err(at_line(line, message));
            }
        }
    }
    finish(&mut joined.table);
    Ok(joined)
}
