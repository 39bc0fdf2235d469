//! One block: its lines become the rows of a chunk.
//!
//! In: bytes that end at a line end. Out: a [`Chunk`], which depends on nothing but the block and the plan, so that blocks can be parsed in any
//! order. Refuses to know the rest of the file.

use super::envelope;
use super::fault::{Problem, not_utf8, too_long};
use super::lines::Lines;
use super::rows::{Chunk, Maker, Recipe, finish};
use super::shape::{Cells, Shape};

/// Bytes of a file for each text that room is made for at the start; more of them only take longer.
const TEXT: usize = 200;

/// What all blocks of a file have in common.
pub struct Job<'s> {
    /// How its lines are read.
    pub lines: &'static Lines,
    /// Which cells are wanted.
    pub shape: &'s Shape,
    /// How rows are made.
    pub recipes: Vec<Recipe>,
    /// The line of column names.
    pub columns: Option<String>,
    /// The longest line allowed.
    pub line: usize,
}

/// Parses the lines of a block. `broken` says that it ends in a line longer than allowed, `last` that the file ends with it.
#[must_use]
pub fn parse(bytes: &[u8], broken: bool, last: bool, job: &Job<'_>) -> Chunk {
    let mut chunk = Chunk::new(&job.recipes);
    let (text, rest) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let good = error.valid_up_to();
            let start = bytes[..good].iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
            let end = bytes[good..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |i| good + i);
            let text = std::str::from_utf8(&bytes[..start]).unwrap_or_default();
            (text, Some(not_utf8(&bytes[start..end], good - start)))
        }
    };
    if broken {
        chunk.problem = Some(too_long(bytes, job.line));
        return chunk;
    }
    chunk.symbols.reserve(text.len() / TEXT);
    let done = lines(text, last, job, &mut chunk);
    let lines = chunk.lines;
    chunk.problem = done.err().or(rest).map(|p| p.on(lines));
    for rows in &mut chunk.rows {
        finish(&mut rows.table);
        finish(&mut rows.stops);
    }
    chunk
}

fn cut_short(problem: Problem) -> Problem {
    let message = format!("the last line is cut short: {}", problem.message);
    Problem { message, ..problem }.help("the file ends without a newline; its writer was stopped or its copy is not whole")
}

/// What is wrong with a line that is no record, when it is an end mark: that it is not the last one.
fn early_end(line: &str, job: &Job<'_>, problem: Problem) -> Problem {
    if line.strip_prefix(job.lines.mark).and_then(envelope::end).is_none() {
        return problem;
    }
    let help = "nothing may follow the end mark: two runs were joined, or something wrote after the end";
    Problem::new("the end mark stands before the last record", line.as_bytes(), None).help(help).on(problem.line)
}

fn lines(text: &str, last: bool, job: &Job<'_>, chunk: &mut Chunk) -> Result<(), Problem> {
    let mut parser = (job.lines.parser)(job.shape, job.columns.as_deref())?;
    let mut maker = Maker::new(&job.recipes);
    let mut cells = Cells::new(job.shape);
    let mut rest = text;
    while !rest.is_empty() {
        let (line, next, cut) = match memchr::memchr(b'\n', rest.as_bytes()) {
            Some(end) => (&rest[..end], &rest[end + 1..], false),
            None => (rest, "", last),
        };
        rest = next;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            let help = "records stand on lines without empty ones between or after them";
            return Err(Problem::new("an empty line", b"", None).help(help));
        }
        if line.len() > job.line {
            return Err(too_long(line.as_bytes(), job.line));
        }
        cells.clear();
        let early = |p: Problem| early_end(line, job, p);
        parser.record(line, &mut cells).map_err(early).map_err(|p| if cut { cut_short(p) } else { p })?;
        if chunk.first.is_none() {
            chunk.first = Some(Problem::new("", line.as_bytes(), None).on(chunk.lines));
        }
        let number = u32::try_from(chunk.lines).unwrap_or(u32::MAX);
        maker.add(&cells, line, number, chunk).map_err(early)?;
        chunk.lines += 1;
        chunk.records += 1;
    }
    parser.unmapped(&mut chunk.unmapped);
    Ok(())
}
