//! One file: hashed, split, parsed, merged, and what is known of it as a whole.
//!
//! In: a plan and a reader. Out: its rows and its state, or its first fault. Refuses to know other files.

use super::Limits;
use super::blocks::{Block, Blocks};
use super::cell::Timing;
use super::envelope::{self, Header};
use super::fault::Problem;
use super::format::Counts;
use super::merge::merge;
use super::parse::{Job, not_utf8, parse, too_long};
use super::plan::{FilePlan, Output};
use super::rows::{Chunk, Recipe, Rows};
use crate::contract::{Clock, ClockKind, Origin, TimeUnit};
use crate::error::{Fault, RecordPlace};
use crate::evidence::State;
use crate::evidence::symbol::Symbols;
use crate::evidence::table::Table;
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
    /// Fields that nothing maps.
    pub unmapped: Counts,
    /// Whether the header says so.
    pub synthetic: bool,
    /// What is known of it.
    pub state: State,
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
            unmapped: Counts::default(),
            synthetic: false,
            state: State::Absent,
            parts: plan.outputs.iter().zip(&plan.recipes).map(part).collect(),
        }
    }
}

/// The lines around the records.
#[derive(Debug, Default)]
struct Frame {
    header: Option<Header>,
    columns: Option<String>,
    end: Option<u64>,
    /// Lines before the records.
    head: u64,
}

/// What is read so far.
struct Body {
    rows: Vec<Rows>,
    lines: u64,
    records: u64,
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
        Ok(())
    }
}

/// The bytes of a file from the front.
struct Front<'r> {
    blocks: Blocks<'r>,
    block: Option<Block>,
    start: usize,
}

impl Front<'_> {
    /// The next line without its end, if there is one; it is not taken.
    fn peek(&mut self, path: &str) -> Result<Option<(&[u8], usize, bool)>, Fault> {
        if self.block.as_ref().is_none_or(|b| self.start >= b.bytes.len()) {
            self.block = self.blocks.next().map_err(|e| unreadable(path, &e))?;
            self.start = 0;
        }
        let Some(block) = &self.block else { return Ok(None) };
        let rest = &block.bytes[self.start..];
        let (line, size) = match rest.iter().position(|&b| b == b'\n') {
            Some(end) => (&rest[..end], end + 1),
            None => (rest, rest.len()),
        };
        Ok(Some((line.strip_suffix(b"\r").unwrap_or(line), size, block.broken)))
    }
}

/// A file that the system does not give.
pub(super) fn unreadable(path: &str, error: &std::io::Error) -> Fault {
    let place = RecordPlace { path: path.into(), line: 0, byte: 0, excerpt: String::new() };
    Fault::record(place, format!("{path} cannot be read: {error}"))
}

/// Reads a file.
///
/// # Errors
/// The first fault of the file.
pub fn read_file<'r>(
    plan: &FilePlan<'_>,
    reader: Box<dyn Read + Send + 'r>,
    limits: Limits,
    _threads: usize,
    symbols: &mut Symbols,
) -> Result<FileRead, Fault> {
    let path = plan.path;
    let mut front = Front { blocks: Blocks::new(reader, limits.block, limits.line), block: None, start: 0 };
    if front.peek(path)?.is_none() {
        let (sha256, bytes) = front.blocks.digest();
        return Ok(FileRead { sha256, bytes, state: State::Empty, ..FileRead::absent(plan) });
    }
    let mut frame = open(plan, &mut front, limits)?;
    let clocks = clocks(plan, frame.header.as_ref())?;
    let mut recipes = plan.recipes.clone();
    for (recipe, (_, clock)) in recipes.iter_mut().zip(&clocks) {
        recipe.timing = Timing::new(clock.unit, clock.kind);
    }
    let job = Job { format: plan.format, shape: &plan.shape, recipes, columns: frame.columns.take(), line: limits.line };
    let rows = Chunk::new(&job.recipes).rows;
    let mut body = Body { rows, lines: frame.head, records: 0, unmapped: Counts::default(), first: None };
    let Front { mut blocks, block, start } = front;
    let mut current = block.map(|b| (b, start));
    while let Some((block, start)) = current {
        let next = blocks.next().map_err(|e| unreadable(path, &e))?;
        let end = if next.is_none() { close(plan, &block, start, &mut frame) } else { block.bytes.len() };
        body.add(parse(&block.bytes[start..end], block.broken, &job), &job.recipes, path, symbols)?;
        current = next.map(|b| (b, 0));
    }
    let (sha256, bytes) = blocks.digest();
    let state = state(plan, &frame, &body);
    let synthetic = frame.header.as_ref().is_some_and(|h| h.synthetic);
    let mut parts = Vec::new();
    for (((origin, clock), rows), output) in clocks.into_iter().zip(body.rows).zip(&plan.outputs) {
        let mut table = rows.table;
        for (field, text) in &output.constants {
            let raw = i64::from(symbols.intern(&text.value).0);
            super::rows::constant(&mut table, *field, raw);
        }
        parts.push((origin, clock, table));
    }
    Ok(FileRead { sha256, bytes, records: body.records, unmapped: body.unmapped, synthetic, state, parts })
}

/// Takes header and column names from the front.
fn open(plan: &FilePlan<'_>, front: &mut Front<'_>, limits: Limits) -> Result<Frame, Fault> {
    let mut frame = Frame::default();
    let path = plan.path;
    let native = plan.outputs.iter().find(|o| o.binding.fields.is_empty());
    let Some((line, size, broken)) = front.peek(path)? else { return Ok(frame) };
    if broken || line.len() > limits.line {
        return Err(too_long(line, limits.line).fault(path, 0));
    }
    if line.starts_with(b"\xef\xbb\xbf") {
        let help = "write UTF-8 without one; the first three bytes are EF BB BF";
        return Err(Problem::new("the file starts with a byte order mark", line, None).help(help).fault(path, 0));
    }
    let text = std::str::from_utf8(line).map_err(|e| not_utf8(line, e.valid_up_to()).fault(path, 0))?;
    let mark = text.strip_prefix(plan.format.mark).and_then(envelope::header);
    match mark.transpose().map_err(|(why, help)| Problem::new(why, line, None).help(help).fault(path, 0))? {
        Some(header) => {
            let kinds = plan.outputs.iter().zip(&plan.recipes).filter(|(o, _)| o.binding.fields.is_empty());
            for (output, recipe) in kinds {
                if recipe.kind.name != header.kind {
                    let message = format!("the file holds {} records, not {}", header.kind, recipe.kind.name);
                    let fault = Problem::new(message, line, None).fault(path, 0);
                    return Err(fault.and(output.binding.kind.span, "bound here"));
                }
            }
            frame.header = Some(header);
            frame.head = 1;
            front.start += size;
        }
        None => {
            if let Some(output) = native {
                let help = "native files begin with a header; name the fields of other files with `fields`";
                let fault = Problem::new("the first line is no header", line, None).help(help).fault(path, 0);
                return Err(fault.and(output.binding.path.span, "bound here without `fields`"));
            }
        }
    }
    Ok(frame)
}

/// Where the records of the last block end; takes the end mark.
fn close(plan: &FilePlan<'_>, block: &Block, start: usize, frame: &mut Frame) -> usize {
    let bytes = &block.bytes[start..];
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let from = whole.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let line = whole[from..].strip_suffix(b"\r").unwrap_or(&whole[from..]);
    let text = std::str::from_utf8(line).ok().and_then(|t| t.strip_prefix(plan.format.mark));
    match text.and_then(envelope::end) {
        Some(count) => {
            frame.end = Some(count);
            start + from
        }
        None => block.bytes.len(),
    }
}

/// Who wrote the records of each binding, and on which clock.
fn clocks(plan: &FilePlan<'_>, header: Option<&Header>) -> Result<Vec<(Origin, Clock)>, Fault> {
    let mut found = Vec::new();
    for output in &plan.outputs {
        let binding = output.binding;
        let written = header.map(|h| Clock { kind: h.clock, id: h.clock_id.clone(), unit: TimeUnit::Ns });
        let clock = match (&binding.clock, written) {
            (Some(ours), Some(theirs)) if ours.kind != theirs.kind || ours.id != theirs.id => {
                let message = format!("{}: the header's clock is {}, the matrix says {}", plan.path, theirs.id, ours.id);
                return Err(Fault::at(binding.path.span, message, "in this binding"));
            }
            (Some(clock), _) => clock.clone(),
            (None, Some(clock)) => clock,
            (None, None) => {
                let fault = Fault::at(binding.path.span, format!("{} has no clock", plan.path), "declare `clock` here");
                return Err(fault.help("clock = { kind = \"monotonic\", id = \"host-a\", unit = \"ns\" }"));
            }
        };
        let Some(origin) = binding.origin.or(header.map(|h| h.origin)) else {
            let fault = Fault::at(binding.path.span, format!("nothing says who wrote {}", plan.path), "declare `origin` here");
            return Err(fault.help(format!("one of {}", Origin::WORDS.join(", "))));
        };
        found.push((origin, clock));
    }
    Ok(found)
}

/// What is known of the file as a whole.
fn state(plan: &FilePlan<'_>, frame: &Frame, body: &Body) -> State {
    if let Some(header) = &frame.header {
        if let Some(other) = plan.outputs.iter().find(|o| o.test != header.test) {
            return State::Foreign(format!("belongs to test {}, not to {}", header.test, other.test));
        }
    }
    if body.records == 0 {
        return State::Empty;
    }
    match frame.end {
        Some(count) if count == body.records => State::Whole,
        Some(count) => State::Unproven(format!("holds {} records, but its end mark counts {count}", body.records)),
        None => State::Unproven("has no end mark: it may be cut short".into()),
    }
}
