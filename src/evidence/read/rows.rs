//! Rows: the cells of a record become typed cells of tables, for each binding of the file.
//!
//! In: cells and compiled bindings. Out: a [`Chunk`] of tables with symbols of its own. Refuses to know formats.

use super::cell::{Cell, Timing, quick, scale, shown, typed};
use super::fault::Problem;
use super::lines::Counts;
use super::shape::Cells;
use crate::contract::TimeUnit;
use crate::evidence::record::Kind;
use crate::evidence::symbol::Symbols;
use crate::evidence::table::{ABSENT, Column, FieldType, Raw, Table};
use std::borrow::Cow;

/// Where a cell is found: in an element, else in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loc {
    /// The slot of the record.
    pub outer: usize,
    /// The slot of an element, where elements are the records.
    pub inner: Option<usize>,
}

/// How a field is filled.
#[derive(Debug, Clone)]
pub enum How {
    /// With the value found there, translated.
    Cell {
        /// Where.
        at: Loc,
        /// Theirs and ours; empty keeps values.
        values: Vec<(String, String)>,
        /// The unit of times, when it is not the clock's.
        unit: Option<TimeUnit>,
        /// Whether it is the latest instant of an interval.
        up: bool,
    },
    /// True when there is a value.
    Present(Loc),
    /// True when there is none.
    Absent(Loc),
}

/// Which rows of a pair fill a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Both; the stop's value counts if there is one.
    Both,
    /// Only start rows.
    Start,
    /// Only stop rows.
    Stop,
}

/// One field of ours and how it is filled.
#[derive(Debug, Clone)]
pub struct Fill {
    /// Its position in the kind.
    pub field: usize,
    /// Which rows of a pair fill it.
    pub side: Side,
    /// How.
    pub how: How,
    /// Their name, for messages.
    pub from: String,
}

/// A condition: their field and its text.
pub type Condition = (Loc, String);

/// Joins start and stop rows.
#[derive(Debug, Clone)]
pub struct Join {
    /// What both share.
    pub by: Loc,
    /// Their name of it.
    pub name: String,
    /// What a start row has.
    pub start: Vec<Condition>,
    /// What a stop row has.
    pub stop: Vec<Condition>,
}

/// How one binding's rows are made.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The kind.
    pub kind: &'static Kind,
    /// Which records.
    pub when: Vec<Condition>,
    /// Which records not: those of which all of this holds.
    pub unless: Vec<Condition>,
    /// What the end mark has, when nothing counts the records: no record may look like it.
    pub end: Vec<Condition>,
    /// How times are written.
    pub timing: Timing,
    /// The group whose elements are the records.
    pub each: Option<usize>,
    /// Joins start and stop rows.
    pub join: Option<Join>,
    /// The fields.
    pub fills: Vec<Fill>,
    /// Fields that must not stay empty.
    pub required: Vec<usize>,
}

/// The rows of one binding in one block.
#[derive(Debug, Default)]
pub struct Rows {
    /// Rows; in a join, those of starts.
    pub table: Table,
    /// Rows of stops.
    pub stops: Table,
    /// What the start and stop rows share, with a mark for stops, in the order of the file.
    pub joins: Vec<(u32, bool)>,
}

/// What came of one block.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Texts of this block.
    pub symbols: Symbols,
    /// One a binding.
    pub rows: Vec<Rows>,
    /// Lines in the block.
    pub lines: u64,
    /// Lines that are records.
    pub records: u64,
    /// Records of which no binding made a row.
    pub untaken: u64,
    /// Records that look like an end mark.
    pub ends: u64,
    /// Fields that nothing maps.
    pub unmapped: Counts,
    /// What is wrong with the first bad line.
    pub problem: Option<Problem>,
    /// The first line that is a record.
    pub first: Option<Problem>,
}

impl Chunk {
    /// An empty chunk for these bindings.
    #[must_use]
    pub fn new(recipes: &[Recipe]) -> Self {
        let rows = |r: &Recipe| {
            let fields = r.kind.fields.len();
            Rows { table: Table::new(fields), stops: Table::new(fields), joins: Vec::new() }
        };
        Self { rows: recipes.iter().map(rows).collect(), ..Self::default() }
    }
}

/// A record and one of its elements.
#[derive(Clone, Copy)]
pub(super) struct View<'c, 'a> {
    pub cells: &'c Cells<'a>,
    /// The group and the element.
    pub element: Option<(usize, usize)>,
}

impl<'c, 'a> View<'c, 'a> {
    fn get(&self, at: Loc) -> &'c Cell<'a> {
        match (self.element, at.inner) {
            (Some((group, element)), Some(inner)) => {
                let group = &self.cells.groups[group];
                &group.cells[element * (group.cells.len() / group.count.max(1)) + inner]
            }
            _ => &self.cells.outer[at.outer],
        }
    }

    /// Whether all conditions hold; a field that an element lacks is looked up in its record.
    pub(super) fn holds(&self, conditions: &[Condition]) -> bool {
        conditions.iter().all(|(at, wanted)| {
            let cell = match self.get(*at) {
                Cell::Missing => &self.cells.outer[at.outer],
                cell => cell,
            };
            cell.text().is_some_and(|text| text == wanted.as_str())
        })
    }
}

/// Makes rows of one record for all bindings.
pub(super) struct Maker<'r> {
    recipes: &'r [Recipe],
    /// The row being made of each recipe. What no fill fills is always empty.
    made: Vec<Vec<Raw>>,
}

/// A sentence about a field, and the value it is about.
struct Wrong<'a> {
    message: String,
    at: Option<&'a str>,
    help: Option<String>,
}

impl<'r> Maker<'r> {
    pub(super) fn new(recipes: &'r [Recipe]) -> Self {
        Self { recipes, made: recipes.iter().map(|r| vec![ABSENT; r.kind.fields.len()]).collect() }
    }

    /// Adds the rows of one record.
    pub(super) fn add<'a>(&mut self, cells: &Cells<'a>, line: &'a str, number: u32, chunk: &mut Chunk) -> Result<(), Problem> {
        let recipes = self.recipes;
        let mut taken = false;
        let whole = View { cells, element: None };
        chunk.ends += u64::from(recipes.iter().any(|r| !r.end.is_empty() && whole.holds(&r.end)));
        for ((recipe, rows), row) in recipes.iter().zip(&mut chunk.rows).zip(&mut self.made) {
            let group = recipe.each.filter(|&g| cells.groups[g].there);
            let count = group.map_or(1, |g| cells.groups[g].count);
            for i in 0..count {
                let view = View { cells, element: group.map(|g| (g, i)) };
                let left_out = !recipe.unless.is_empty() && view.holds(&recipe.unless);
                if left_out || !view.holds(&recipe.when) {
                    continue;
                }
                taken = true;
                one(recipe, view, number, &mut chunk.symbols, rows, row).map_err(|wrong| {
                    let at = wrong.at.map(|part| part.as_ptr().addr().wrapping_sub(line.as_ptr().addr()));
                    let problem = Problem::new(wrong.message, line.as_bytes(), at.filter(|&at| at < line.len()));
                    Problem { help: wrong.help, ..problem }
                })?;
            }
        }
        chunk.untaken += u64::from(!taken);
        Ok(())
    }
}

/// Adds the row of one record or element for one binding.
fn one<'a>(
    recipe: &Recipe,
    view: View<'_, 'a>,
    line: u32,
    symbols: &mut Symbols,
    rows: &mut Rows,
    row: &mut [Raw],
) -> Result<(), Wrong<'a>> {
    let Some(join) = &recipe.join else {
        return straight(recipe, view, line, symbols, &mut rows.table, row);
    };
    let side = if view.holds(&join.start) {
        Side::Start
    } else if view.holds(&join.stop) {
        Side::Stop
    } else {
        return Ok(());
    };
    let shared = match view.get(join.by) {
        Cell::Missing => &view.cells.outer[join.by.outer],
        cell => cell,
    };
    let Some(text) = shared.text().filter(|_| shared.is_there()) else {
        return Err(Wrong { message: format!("no `{}`, by which start and stop are joined", join.name), at: None, help: None });
    };
    let by = symbols.intern(&text).0;
    fill(recipe, side, view, symbols, row)?;
    rows.joins.push((by, side == Side::Stop));
    let table = if side == Side::Stop { &mut rows.stops } else { &mut rows.table };
    add(table, recipe, row, line);
    Ok(())
}

/// Adds the row of a record that is one row, each cell straight into its column. After a fault nothing of the chunk is used.
fn straight<'a>(
    recipe: &Recipe,
    view: View<'_, 'a>,
    line: u32,
    symbols: &mut Symbols,
    table: &mut Table,
    row: &mut [Raw],
) -> Result<(), Wrong<'a>> {
    let number = table.rows();
    for fill in &recipe.fills {
        let raw = filled(recipe, fill, view, symbols)?;
        row[fill.field] = raw;
        if raw != ABSENT {
            table.columns[fill.field].push(number, recipe.kind.fields[fill.field].ty, raw);
        }
    }
    if let Some(&field) = recipe.required.iter().find(|&&field| row[field] == ABSENT) {
        return Err(empty(recipe, field));
    }
    table.lines.push(line);
    Ok(())
}

/// Makes the cells of a row that fills fill.
fn fill<'a>(recipe: &Recipe, side: Side, view: View<'_, 'a>, symbols: &mut Symbols, row: &mut [Raw]) -> Result<(), Wrong<'a>> {
    for fill in &recipe.fills {
        let other = side != Side::Both && fill.side != Side::Both && fill.side != side;
        row[fill.field] = if other { ABSENT } else { filled(recipe, fill, view, symbols)? };
    }
    Ok(())
}

/// The cell that a fill gives.
#[inline]
fn filled<'a>(recipe: &Recipe, fill: &Fill, view: View<'_, 'a>, symbols: &mut Symbols) -> Result<Raw, Wrong<'a>> {
    let (at, values, unit, up) = match &fill.how {
        How::Present(at) => return Ok(Raw::from(view.get(*at).is_there())),
        How::Absent(at) => return Ok(Raw::from(!view.get(*at).is_there())),
        How::Cell { at, values, unit, up } => (at, values, unit, up),
    };
    let cell = view.get(*at);
    if matches!(cell, Cell::Missing) {
        return Ok(ABSENT);
    }
    let ty = recipe.kind.fields[fill.field].ty;
    let scale = unit.map_or(recipe.timing.scale, scale);
    if values.is_empty()
        && let Some(raw) = quick(cell, ty, scale, symbols)
    {
        return Ok(raw);
    }
    let timing = Timing { scale, up: *up, ..recipe.timing };
    careful(fill, cell, ty, values, timing, symbols)
}

/// The same for what is not common.
fn careful<'a>(
    fill: &Fill,
    cell: &Cell<'a>,
    ty: FieldType,
    values: &[(String, String)],
    timing: Timing,
    symbols: &mut Symbols,
) -> Result<Raw, Wrong<'a>> {
    let help = || (!values.is_empty()).then(|| words(ty)).flatten();
    let wrong = |message| Wrong { message: format!("{}: {message}", fill.from), at: cell.borrowed(), help: help() };
    if values.is_empty() {
        return typed(cell, ty, timing, symbols).map_err(wrong);
    }
    let cell = translate(cell, values).map_err(wrong)?;
    typed(&cell, ty, timing, symbols).map_err(wrong)
}

/// Adds a row, of which only what fills fill can be there.
fn add(table: &mut Table, recipe: &Recipe, row: &[Raw], line: u32) {
    let number = table.rows();
    for fill in &recipe.fills {
        let raw = row[fill.field];
        if raw != ABSENT {
            table.columns[fill.field].push(number, recipe.kind.fields[fill.field].ty, raw);
        }
    }
    table.lines.push(line);
}

fn empty<'a>(recipe: &Recipe, field: usize) -> Wrong<'a> {
    let name = recipe.kind.fields[field].name;
    let from = recipe.fills.iter().find(|f| f.field == field).map(|f| f.from.as_str()).filter(|from| *from != name);
    let from = from.map(|from| format!(", from `{from}`,")).unwrap_or_default();
    let help = match from.is_empty() {
        true => format!(
            "each record needs `{name}`; where yours calls it otherwise, a matrix says so: {name} = \"your field\" below `fields`"
        ),
        false => {
            "is that what your records call it? Records that are of another kind are left out by `when` or `unless`".to_string()
        }
    };
    Wrong { message: format!("the required field `{name}`{from} of {} is empty", recipe.kind.name), at: None, help: Some(help) }
}

/// What a word of theirs may be translated to.
fn words(ty: FieldType) -> Option<String> {
    match ty {
        FieldType::Word(words) => Some(format!("add it to `values`; it may stand for {}", words.join(", "))),
        _ => None,
    }
}

/// Our value for theirs.
fn translate<'c>(cell: &'c Cell<'_>, values: &'c [(String, String)]) -> Result<Cow<'c, Cell<'c>>, String> {
    let text = cell.text().unwrap_or_default();
    if let Some((_, ours)) = values.iter().find(|(theirs, _)| *theirs == text) {
        return Ok(Cow::Owned(Cell::Plain(Cow::Borrowed(ours))));
    }
    if !cell.is_there() || matches!(cell, Cell::Plain(text) if text.is_empty()) {
        return Ok(Cow::Borrowed(cell));
    }
    let known: Vec<&str> = values.iter().map(|(theirs, _)| theirs.as_str()).collect();
    Err(format!("`values` does not translate {}; it knows {}", shown(cell), known.join(", ")))
}

pub(super) fn push(table: &mut Table, kind: &Kind, row: &[Raw], line: u32) {
    let number = table.rows();
    for ((column, field), raw) in table.columns.iter_mut().zip(kind.fields).zip(row) {
        if *raw != ABSENT {
            column.push(number, field.ty, *raw);
        }
    }
    table.lines.push(line);
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

/// Makes all columns of a table as long as it has rows.
pub(super) fn finish(table: &mut Table) {
    let rows = table.rows();
    for column in &mut table.columns {
        column.finish(rows);
    }
}

/// Whether a column holds numbers of texts, lists, or values that may be texts.
pub(super) fn has_symbols(ty: FieldType) -> bool {
    matches!(ty, FieldType::Text | FieldType::List | FieldType::Value)
}

/// Fills the cells of a field that are empty with the same value.
pub(super) fn constant(table: &mut Table, field: usize, raw: Raw) {
    let column = &mut table.columns[field];
    match column {
        Column::Absent => *column = Column::Const(raw),
        Column::Const(_) => {}
        Column::Wide(cells) => cells.iter_mut().filter(|c| **c == ABSENT).for_each(|c| *c = raw),
        Column::Narrow(cells) => {
            let raw = u32::try_from(raw).unwrap_or(u32::MAX);
            cells.iter_mut().filter(|c| **c == u32::MAX).for_each(|c| *c = raw);
        }
        Column::Byte(cells) => {
            let raw = u8::try_from(raw).unwrap_or(u8::MAX);
            cells.iter_mut().filter(|c| **c == u8::MAX).for_each(|c| *c = raw);
        }
    }
}
