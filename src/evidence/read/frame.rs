//! The frame of a file: what stands around its records and shows whether it is whole and whose it is.
//!
//! In: the lines at the front and the last line. Out: a [`Frame`], and in the end a [`State`]. Refuses to know rows.

use super::Limits;
use super::blocks::{Block, Blocks};
use super::envelope::{self, Header};
use super::fault::Problem;
use super::fault::{not_utf8, too_long};
use super::file::unreadable;
use super::plan::{FilePlan, Marks};
use super::rows::{Condition, View};
use super::shape::{Cells, Shape};
use crate::contract::{Clock, Origin, TimeUnit};
use crate::error::Fault;
use crate::evidence::State;

/// The lines around the records.
#[derive(Debug, Default)]
pub struct Frame {
    /// The header.
    pub header: Option<Header>,
    /// The line of column names.
    pub columns: Option<String>,
    /// Records that the end mark counts.
    pub end: Option<u64>,
    /// The lock that header or first line name.
    pub lock: Option<String>,
    /// Lines before the records.
    pub head: u64,
    /// Why the file is of another test.
    foreign: Option<String>,
    /// Why a declared mark does not show that the file is whole.
    unproven: Option<String>,
    /// Whether a declared last mark stands at the end.
    marked: bool,
}

/// The bytes of a file from the front.
pub struct Front<'r> {
    /// What is left after the block.
    pub blocks: Blocks<'r>,
    /// The block in hand.
    pub block: Option<Block>,
    /// What of it is taken.
    pub start: usize,
}

impl<'r> Front<'r> {
    /// Nothing taken yet.
    #[must_use]
    pub fn new(blocks: Blocks<'r>) -> Self {
        Self { blocks, block: None, start: 0 }
    }

    /// The next line without its end and its size with it, if there is a line; it is not taken.
    ///
    /// # Errors
    /// A line that is too long or no text, or what the system said.
    pub fn peek(&mut self, plan: &FilePlan<'_>, before: u64, limits: Limits) -> Result<Option<(&str, usize)>, Fault> {
        let path = plan.path;
        if self.block.as_ref().is_none_or(|b| self.start >= b.bytes().len()) {
            self.block = self.blocks.next().map_err(|e| unreadable(path, &e))?;
            self.start = 0;
        }
        let Some(block) = &self.block else { return Ok(None) };
        let rest = &block.bytes()[self.start..];
        let (line, size) = match rest.iter().position(|&b| b == b'\n') {
            Some(end) => (&rest[..end], end + 1),
            None => (rest, rest.len()),
        };
        if line.len() > limits.line {
            return Err(too_long(line, limits.line).fault(path, before));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(line) => Ok(Some((line, size))),
            Err(error) => Err(not_utf8(line, error.valid_up_to()).fault(path, before)),
        }
    }
}

/// Takes header, column names and first mark from the front.
///
/// # Errors
/// A header that is bad or of another kind, or a native file without one.
pub fn open(plan: &FilePlan<'_>, front: &mut Front<'_>, limits: Limits) -> Result<Frame, Fault> {
    let mut frame = Frame::default();
    let path = plan.path;
    let Some((line, size)) = front.peek(plan, 0, limits)? else { return Ok(frame) };
    if line.starts_with('\u{feff}') {
        let help = "write UTF-8 without one; the first three bytes are EF BB BF";
        let problem = Problem::new("the file starts with a byte order mark", line.as_bytes(), Some(0));
        return Err(problem.help(help).fault(path, 0));
    }
    frame.lock = named_lock(plan, line)?;
    frame.header = take_header(plan, line)?;
    frame.lock = frame.header.as_ref().and_then(|h| h.lock.clone()).or(frame.lock);
    if frame.header.is_some() {
        frame.head = 1;
        front.start += size;
    }
    if let Some(names) = plan.lines.and_then(|l| l.columns)
        && let Some((line, size)) = front.peek(plan, frame.head, limits)?
    {
        let found = names(line).map_err(|p| p.fault(path, frame.head))?;
        columns(plan, line, &found, frame.head)?;
        frame.columns = Some(line.to_string());
        frame.head += 1;
        front.start += size;
    }
    first_mark(plan, front, &mut frame, limits)?;
    Ok(frame)
}

/// The lock that the first line names, in the field that a binding says.
fn named_lock(plan: &FilePlan<'_>, line: &str) -> Result<Option<String>, Fault> {
    let Some(field) = plan.outputs.iter().find_map(|o| o.binding.lock.as_ref()) else { return Ok(None) };
    let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else { return Ok(None) };
    let Some(text) = field.value.split('.').try_fold(&value, |v, part| v.get(part)).and_then(|v| v.as_str()) else {
        return Ok(None);
    };
    let digest = envelope::lock_digest(text).ok_or_else(|| {
        let problem = Problem::new(format!("the lock {text:?} is no digest such as sha256:…"), line.as_bytes(), None);
        problem.fault(plan.path, 0).and(field.span, "named here")
    });
    digest.map(Some)
}

/// Takes the declared first mark.
fn first_mark(plan: &FilePlan<'_>, front: &mut Front<'_>, frame: &mut Frame, limits: Limits) -> Result<(), Fault> {
    if !plan.outputs.iter().filter_map(|o| o.marks.as_ref()).any(|m| !m.first.is_empty()) {
        return Ok(());
    }
    let Some((line, size)) = front.peek(plan, frame.head, limits)? else { return Ok(()) };
    let taken = match mark(plan, line, frame.columns.as_deref(), |m| &m.first) {
        Check::Holds(_) => true,
        Check::Other(found) => {
            frame.foreign = Some(format!("is of another test: its first mark has {found}"));
            true
        }
        Check::None => {
            frame.unproven = Some("is not shown to be whole: it lacks the declared first mark".into());
            false
        }
    };
    frame.head += u64::from(taken);
    front.start += if taken { size } else { 0 };
    Ok(())
}

fn take_header(plan: &FilePlan<'_>, line: &str) -> Result<Option<Header>, Fault> {
    let path = plan.path;
    let problem = |why: String| Problem::new(why, line.as_bytes(), None);
    let native = || plan.outputs.iter().zip(&plan.recipes).filter(|(o, _)| o.binding.fields.is_empty() && !o.binding.bare);
    let found = line.strip_prefix(plan.lines.map_or("", |l| l.mark)).and_then(envelope::header).transpose();
    let Some(header) = found.map_err(|(why, help)| problem(why).help(help).fault(path, 0))? else {
        let Some((output, _)) = native().next() else { return Ok(None) };
        let help = "native files begin with a header; name the fields of other files with `fields`";
        let fault = problem("the first line is no header".into()).help(help).fault(path, 0);
        return Err(fault.and(output.binding.path.span, "bound here without `fields`"));
    };
    match native().find(|(_, recipe)| recipe.kind.name != header.kind) {
        None => Ok(Some(header)),
        Some((output, recipe)) => {
            let fault = problem(format!("the file holds {} records, not {}", header.kind, recipe.kind.name)).fault(path, 0);
            Err(fault.and(output.binding.kind.span, "bound here"))
        }
    }
}

/// Refuses a mapping that names a column there is not.
fn columns(plan: &FilePlan<'_>, line: &str, found: &[String], before: u64) -> Result<(), Fault> {
    for output in &plan.outputs {
        if let Some((name, span)) = output.names.iter().find(|(name, _)| !found.contains(name)) {
            let help = format!("the file has: {}", found.join(", "));
            let problem = Problem::new(format!("there is no column `{name}`"), line.as_bytes(), None).help(help);
            return Err(problem.fault(plan.path, before).and(*span, "mapped here"));
        }
    }
    Ok(())
}

/// What a line says to declared marks.
enum Check {
    /// It is the mark, with this count.
    Holds(Option<String>),
    /// It is a mark with another content.
    Other(String),
    /// It is no mark.
    None,
}

fn mark(plan: &FilePlan<'_>, line: &str, columns: Option<&str>, which: fn(&Marks) -> &[Condition]) -> Check {
    let Some(cells) = cells(plan, &plan.shape, line, columns) else { return Check::None };
    let view = View { cells: &cells, element: None };
    let mut count = None;
    let mut any = false;
    let mut other = None;
    for marks in plan.outputs.iter().filter_map(|o| o.marks.as_ref()) {
        for (at, wanted) in which(marks) {
            let found = cells.outer[at.outer].text();
            any |= found.is_some();
            if found.as_deref() != Some(wanted.as_str()) && other.is_none() {
                let found = found.map_or("nothing".into(), |t| super::fault::cut(&t, 60).to_string());
                other = Some(format!("{found} where {wanted} is declared"));
            }
        }
        if view.holds(which(marks)) {
            count = count.or(marks.count.and_then(|at| Some(cells.outer[at.outer].text()?.into_owned())));
        }
    }
    match other {
        None => Check::Holds(count),
        Some(other) if any => Check::Other(other),
        Some(_) => Check::None,
    }
}

fn cells<'a>(plan: &FilePlan<'_>, shape: &Shape, line: &'a str, columns: Option<&str>) -> Option<Cells<'a>> {
    let mut cells = Cells::new(shape);
    let mut parser = (plan.lines?.parser)(shape, columns).ok()?;
    parser.record(line, &mut cells).ok()?;
    Some(cells)
}

/// Where the records of the last block end; takes the end mark.
pub fn close(plan: &FilePlan<'_>, block: &Block, start: usize, frame: &mut Frame) -> usize {
    let bytes = &block.bytes()[start..];
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let from = whole.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let line = whole[from..].strip_suffix(b"\r").unwrap_or(&whole[from..]);
    let Ok(line) = std::str::from_utf8(line) else { return block.bytes().len() };
    if let Some(count) = line.strip_prefix(plan.lines.map_or("", |l| l.mark)).and_then(envelope::end) {
        frame.end = Some(count);
        return start + from;
    }
    if !plan.outputs.iter().any(|o| o.marks.is_some()) {
        return block.bytes().len();
    }
    let columns = frame.columns.clone();
    match mark(plan, line, columns.as_deref(), |m| &m.last) {
        Check::Holds(count) => {
            frame.marked = true;
            let counts = plan.outputs.iter().filter_map(|o| o.marks.as_ref()).any(|m| m.count.is_some());
            match count.map(|text| text.parse::<u64>().map_err(|_| text)) {
                Some(Ok(count)) => frame.end = Some(count),
                Some(Err(text)) => frame.unproven = Some(format!("has an end mark whose count is {text:?}")),
                None if counts => frame.unproven = Some("has an end mark without the declared count".into()),
                None => {}
            }
            start + from
        }
        Check::Other(found) => {
            frame.unproven = Some(format!("does not end with the declared mark: its last line has {found}"));
            start + from
        }
        Check::None => block.bytes().len(),
    }
}

/// Who wrote the records of each binding, and on which clock.
///
/// # Errors
/// When neither the header nor the binding says, or they differ.
pub fn clocks(plan: &FilePlan<'_>, header: Option<&Header>) -> Result<Vec<(Origin, Clock)>, Fault> {
    let mut found = Vec::new();
    for output in &plan.outputs {
        let (binding, span) = (output.binding, output.binding.path.span);
        let native = binding.fields.is_empty();
        let written = header.map(|h| Clock { kind: h.clock, id: h.clock_id.clone(), unit: TimeUnit::Ns });
        let clock = match (&binding.clock, written) {
            (Some(ours), Some(theirs)) if ours.kind != theirs.kind || ours.id != theirs.id => {
                let message = format!("the clock of {} is {} in its header and {} in the matrix", plan.path, theirs.id, ours.id);
                return Err(Fault::at(span, message, "in this binding"));
            }
            (Some(_), Some(clock)) if native => clock,
            (Some(clock), _) => clock.clone(),
            (None, Some(clock)) => clock,
            (None, None) => {
                let fault = Fault::at(span, format!("nothing says on which clock {} is", plan.path), "declare `clock` here");
                return Err(fault.help("clock = { kind = \"monotonic\", id = \"host-a\", unit = \"ns\" }"));
            }
        };
        let origin = match (binding.origin, header.map(|h| h.origin)) {
            (Some(ours), Some(theirs)) if ours != theirs => {
                let message =
                    format!("{} was written by a {} as its header says, not by a {}", plan.path, theirs.word(), ours.word());
                return Err(Fault::at(span, message, "in this binding"));
            }
            (ours, theirs) => ours.or(theirs),
        };
        let Some(origin) = origin else {
            let fault = Fault::at(span, format!("nothing says who wrote {}", plan.path), "declare `origin` here");
            return Err(fault.help(format!("one of {}", Origin::WORDS.join(", "))));
        };
        found.push((origin, clock));
    }
    Ok(found)
}

/// What is known of the file as a whole, before it is compared with other files. `open` is the line of a start that lacks its stop.
#[must_use]
pub fn state(plan: &FilePlan<'_>, frame: Frame, records: u64, open: Option<u32>) -> State {
    let other = frame.header.as_ref().and_then(|h| Some((h, plan.outputs.iter().find(|o| o.test != h.test)?)));
    if let Some((header, output)) = other {
        return State::Foreign(format!("belongs to test {}, not to {}", header.test, output.test));
    }
    if let Some(why) = frame.foreign {
        return State::Foreign(why);
    }
    if let Some(why) = frame.unproven {
        return State::Unproven(why);
    }
    let marks = plan.outputs.iter().any(|o| o.marks.is_some());
    let declared = plan.outputs.iter().any(|o| o.binding.whole.is_some());
    let native = plan.outputs.iter().any(|o| o.binding.fields.is_empty() && !o.binding.bare) && plan.lines.is_some();
    match frame.end {
        Some(count) if count != records => {
            return State::Unproven(format!("holds {records} records, but its end mark counts {count}"));
        }
        _ if records == 0 => return State::Empty,
        None if native => return State::Unproven("has no end mark: it may be cut short".into()),
        _ if marks && !frame.marked => {
            return State::Unproven("does not end with the declared mark: it may be cut short".into());
        }
        None if !declared => return State::Unproven("is not shown to be whole: declare `whole` for it".into()),
        _ => {}
    }
    match open {
        Some(line) => State::Unproven(format!("has a start without a stop on line {line}")),
        None => State::Whole,
    }
}
