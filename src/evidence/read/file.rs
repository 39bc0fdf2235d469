//! One file: hashed, split, parsed, merged, and what is known of it as a whole.
//!
//! In: a plan and a reader. Out: its rows and its state, or its first fault. Refuses to know other files.

use super::Limits;
use super::blocks::{Block, Blocks};
use super::cell::{Cell, Timing, typed};
use super::fault::Problem;
use super::format::Reads;
use super::frame::{Frame, Front, clocks, close, open, state};
use super::join::join;
use super::lines::Counts;
use super::merge::merge;
use super::parse::{Job, parse};
use super::plan::{FilePlan, Output};
use super::pool;
use super::rows::{Chunk, Recipe, Rows, constant};
use crate::contract::{Clock, ClockKind, Origin, TimeUnit};
use crate::error::{Fault, RecordPlace};
use crate::evidence::State;
use crate::evidence::symbol::Symbols;
use crate::evidence::table::Table;
use std::borrow::Cow;
use std::cell::RefCell;
use std::io::Read;

/// What was read from a file.
#[derive(Debug)]
pub struct FileRead {
    /// SHA-256 in hex.
    pub sha256: String,
    /// Length.
    pub bytes: u64,
    /// Lines that are records.
    pub records: u64,
    /// Records of which no binding made a row.
    pub untaken: u64,
    /// Fields that nothing maps.
    pub unmapped: Counts,
    /// Whether the header says so.
    pub synthetic: bool,
    /// The lock that it names.
    pub lock: Option<String>,
    /// What is known of it.
    pub state: State,
    /// What was assumed or left out while reading.
    pub notes: Vec<String>,
    /// By binding: who wrote it, on which clock, and the rows.
    pub parts: Vec<(Origin, Clock, Table)>,
}

impl FileRead {
    /// What is known of a file that is not there.
    pub fn absent(plan: &FilePlan<'_>) -> Self {
        let clock = Clock { kind: ClockKind::Monotonic, id: String::new(), unit: TimeUnit::Ns };
        let part = |(o, r): (&Output<'_>, &Recipe)| {
            let (origin, clock) = (o.binding.origin.unwrap_or(Origin::Client), o.binding.clock.clone().unwrap_or(clock.clone()));
            (origin, clock, Table::new(r.kind.fields.len()))
        };
        Self {
            sha256: String::new(),
            bytes: 0,
            records: 0,
            untaken: 0,
            unmapped: Counts::default(),
            synthetic: false,
            lock: None,
            state: State::Absent,
            notes: Vec::new(),
            parts: plan.outputs.iter().zip(&plan.recipes).map(part).collect(),
        }
    }
}

/// What is read so far.
struct Body {
    rows: Vec<Rows>,
    lines: u64,
    records: u64,
    untaken: u64,
    ends: u64,
    unmapped: Counts,
    first: Option<Problem>,
}

impl Body {
    fn add(&mut self, chunk: Chunk, recipes: &[Recipe], path: &str, symbols: &mut Symbols) -> Result<(), Fault> {
        if let Some(problem) = chunk.problem {
            return Err(problem.fault(path, self.lines));
        }
        merge(&mut self.rows, &chunk, recipes, self.lines, symbols);
        if self.first.is_none() {
            self.first = chunk.first.map(|p| Problem { line: p.line + self.lines, ..p });
        }
        self.unmapped.merge(&chunk.unmapped);
        self.lines += chunk.lines;
        self.records += chunk.records;
        self.untaken += chunk.untaken;
        self.ends += chunk.ends;
        Ok(())
    }
}

/// A file that the system does not give.
pub(super) fn unreadable(path: &str, error: &std::io::Error) -> Fault {
    let place = RecordPlace { path: path.into(), line: 0, byte: 0, excerpt: String::new() };
    Fault::record(place, format!("{path} cannot be read: {error}"))
}

/// A part of the file that holds records.
struct Piece {
    block: Block,
    start: usize,
    end: usize,
    last: bool,
}

/// Reads a file.
///
/// # Errors
/// The first fault of the file.
pub fn read_file<'r>(
    plan: &FilePlan<'_>,
    reader: Box<dyn Read + Send + 'r>,
    limits: Limits,
    threads: usize,
    symbols: &mut Symbols,
) -> Result<FileRead, Fault> {
    let path = plan.path;
    let lines = match &plan.format.reads {
        Reads::Lines(lines) => lines,
        Reads::Events(read) => return super::sequence::read_events(plan, *read, reader, limits, symbols),
    };
    let mut front = Front::new(Blocks::new(reader, limits.block, limits.line));
    if front.peek(plan, 0, limits)?.is_none() {
        let (sha256, bytes) = front.blocks.digest().map_err(|e| unreadable(path, &e))?;
        return Ok(FileRead { sha256, bytes, state: State::Empty, ..FileRead::absent(plan) });
    }
    let mut frame = open(plan, &mut front, limits)?;
    let clocks = clocks(plan, frame.header.as_ref())?;
    let mut recipes = plan.recipes.clone();
    for (recipe, (_, clock)) in recipes.iter_mut().zip(&clocks) {
        recipe.timing = Timing { whole: frame.header.is_some(), ..Timing::new(clock.unit, clock.kind) };
    }
    let columns = frame.columns.clone();
    let job = Job { lines, shape: &plan.shape, recipes, columns, line: limits.line };
    let rows = Chunk::new(&job.recipes).rows;
    let mut body = Body { rows, lines: frame.head, records: 0, untaken: 0, ends: 0, unmapped: Counts::default(), first: None };
    let Front { mut blocks, block, start } = front;
    let mut current = block.map(|b| (b, start));
    let spare: RefCell<Vec<Block>> = RefCell::default();
    let next = || {
        let Some((block, start)) = current.take() else { return Ok(None) };
        spare.take().into_iter().for_each(|block| blocks.give_back(block));
        let next = blocks.next().map_err(|e| unreadable(path, &e))?;
        let last = next.is_none();
        let end = if last { close(plan, &block, start, &mut frame) } else { block.bytes().len() };
        current = next.map(|b| (b, 0));
        Ok(Some(Piece { block, start, end, last }))
    };
    let work = |piece: Piece| {
        let chunk = parse(&piece.block.bytes()[piece.start..piece.end], piece.block.broken, piece.last, &job);
        (chunk, piece.block)
    };
    pool::run(threads, next, work, |(chunk, block)| {
        spare.borrow_mut().push(block);
        body.add(chunk, &job.recipes, path, symbols)
    })?;
    let digest = blocks.digest().map_err(|e| unreadable(path, &e))?;
    finish(plan, frame, body, clocks, digest, &job.recipes, symbols)
}

/// Joins, fills constants and settles the state.
fn finish(
    plan: &FilePlan<'_>,
    frame: Frame,
    body: Body,
    clocks: Vec<(Origin, Clock)>,
    (sha256, bytes): (String, u64),
    recipes: &[Recipe],
    symbols: &mut Symbols,
) -> Result<FileRead, Fault> {
    let Body { rows, records, untaken, ends, unmapped, first, .. } = body;
    let mut tables = Vec::new();
    let mut open = None;
    for (rows, recipe) in rows.into_iter().zip(recipes) {
        let joined = join(rows, recipe, symbols).map_err(|p| p.fault(plan.path, 0))?;
        open = open.or(joined.open);
        tables.push(joined.table);
    }
    let synthetic = frame.header.as_ref().is_some_and(|h| h.synthetic);
    let lock = frame.lock.clone();
    let state = match state(plan, frame, records, open) {
        State::Whole if ends > 0 => {
            State::Unproven(format!("is not shown to be whole: {ends} of its records look like its end mark; add `count`"))
        }
        state => state,
    };
    let mut parts = Vec::new();
    for (i, ((origin, clock), mut table)) in clocks.into_iter().zip(tables).enumerate() {
        let (output, recipe) = (&plan.outputs[i], &recipes[i]);
        if let (State::Whole, 0, Some(first)) = (&state, table.rows(), &first) {
            return Err(nothing(plan.path, output, first));
        }
        for (field, text) in &output.constants {
            let cell = Cell::Plain(Cow::Borrowed(text));
            let refused = |why| Fault::at(output.binding.path.span, why, "a constant of this binding");
            let raw = typed(&cell, recipe.kind.fields[*field].ty, recipe.timing, symbols).map_err(refused)?;
            constant(&mut table, *field, raw);
        }
        parts.push((origin, clock, table));
    }
    Ok(FileRead { sha256, bytes, records, untaken, unmapped, synthetic, lock, state, notes: Vec::new(), parts })
}

/// No record of a whole file is one that a binding wants.
fn nothing(path: &str, output: &Output<'_>, first: &Problem) -> Fault {
    let binding = output.binding;
    let pairs = |list: &[(String, String)]| list.iter().map(|(k, v)| format!("{k} = {v}")).collect::<Vec<_>>().join(", ");
    let wanted = match (&binding.pair, binding.when.is_empty()) {
        (_, false) => format!("no record has {}", pairs(&binding.when)),
        (Some(pair), true) => format!("no record has {}", pairs(&pair.start)),
        (None, true) => "no record has an element".to_string(),
    };
    let problem = Problem { message: format!("{wanted}; the first record is shown"), ..first.clone() };
    problem.fault(path, 0).and(binding.kind.span, format!("no {} record comes of it", binding.kind.value))
}
