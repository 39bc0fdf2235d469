//! The evidence: typed records with the file, line and digest that each came from.
//!
//! In: bytes, through `read`. Out: [`Evidence`], from which a judge asks for the rows of a kind and gets either rows or a [`Gap`]. A file that is
//! absent, empty, not shown to be whole, or of another test is a gap: no judge can pass on it. Refuses to know gates.

pub mod clocks;
pub mod edit;
pub mod kinds;
pub mod read;
pub mod record;
pub mod symbol;
pub mod table;

use crate::contract::{Clock, ClockKind, Model, Origin, Skew};
use crate::verdict::{Gap, SourceRef};
use record::{Record, Slot};
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use symbol::{Sym, Symbols, Syms};
use table::{Column, Table};

/// What is known of a file as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Read to its last byte and shown to be whole.
    Whole,
    /// Not there.
    Absent,
    /// There, without a byte or without a record.
    Empty,
    /// Nothing shows that it is whole, or its end mark is missing or counts other than its records.
    Unproven(String),
    /// Its marks or times say that it belongs to another test.
    Foreign(String),
}

/// One evidence file.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Path below the evidence root.
    pub path: Arc<str>,
    /// SHA-256 of its bytes in hex; empty when absent.
    pub sha256: Arc<str>,
    /// Its length in bytes.
    pub bytes: u64,
    /// Lines that were records (marks and headers are none).
    pub records: u64,
    /// Records of which no binding made a row: left out by `when`, `unless` or `each`.
    pub untaken: u64,
    /// Fields that nothing maps, by name, with the number of records that have them.
    pub unmapped: Vec<(String, u64)>,
    /// Whether the header says that it was generated.
    pub synthetic: bool,
    /// SHA-256 in hex of the lock under which it was recorded, when the file says so.
    pub lock: Option<Arc<str>>,
    /// What is known of it as a whole.
    pub state: State,
    /// What was assumed or left out while reading it.
    pub notes: Vec<String>,
    /// The tests that use it.
    pub tests: Vec<String>,
}

impl Artifact {
    /// A reference to the whole file.
    #[must_use]
    pub fn source(&self) -> SourceRef {
        SourceRef { path: self.path.clone(), sha256: self.sha256.clone(), line: None }
    }
}

/// Rows of one kind from one file for one test.
#[derive(Debug, Clone)]
pub struct Part {
    /// The test.
    pub test: String,
    /// The kind.
    pub kind: &'static str,
    /// The file, as a position in [`Evidence::artifacts`].
    pub artifact: usize,
    /// Who wrote it.
    pub origin: Origin,
    /// The clock of its times.
    pub clock: Clock,
    /// The data model, for histories.
    pub model: Model,
    /// The rows; shared, so that a changed copy of the evidence costs what it changes.
    pub table: Arc<Table>,
}

/// All evidence of a release.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// All texts.
    pub symbols: Arc<Symbols>,
    /// All files, sorted by path.
    pub artifacts: Vec<Artifact>,
    /// All rows, in the order of the matrix.
    pub parts: Vec<Part>,
    /// Declared bounds on how far clocks are apart.
    pub skews: Vec<Skew>,
    /// What was asked for since the last [`Evidence::take_reads`]; nothing is noted unless asked to.
    reads: Option<Arc<Mutex<Reads>>>,
}

/// Tests and kinds whose rows, or the lack of them, a judgement asked for.
pub type Reads = BTreeSet<(String, &'static str)>;

/// The position of a row among [`Rows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RowId {
    part: u32,
    row: u32,
}

#[cfg(test)]
impl RowId {
    /// A row of a file.
    pub(crate) fn at(part: u32, row: u32) -> Self {
        Self { part, row }
    }
}

/// The rows of one kind in one test, over all its files.
#[derive(Debug, Clone)]
pub struct Rows<'e, R> {
    evidence: &'e Evidence,
    parts: Vec<&'e Part>,
    /// Half of what the clocks of the files may differ, rounded up: two rows widened by it are apart only if they surely are.
    widen: i64,
    record: PhantomData<R>,
}

impl Evidence {
    /// The same evidence, which notes what is asked of it. Only [`Evidence::rows`] and [`Evidence::binds`] are noted.
    #[must_use]
    pub fn watched(&self) -> Self {
        Self { reads: Some(Arc::default()), ..self.clone() }
    }

    /// What was asked for since the last call, and forgets it.
    #[must_use]
    pub fn take_reads(&self) -> Reads {
        let taken = |reads: &Arc<Mutex<Reads>>| std::mem::take(&mut *reads.lock().unwrap_or_else(PoisonError::into_inner));
        self.reads.as_ref().map(taken).unwrap_or_default()
    }

    fn note(&self, test: &str, kind: &str) {
        if let (Some(reads), Some(kind)) = (&self.reads, kinds::kind(kind)) {
            reads.lock().unwrap_or_else(PoisonError::into_inner).insert((test.to_string(), kind.name));
        }
    }

    /// The rows of a kind in a test.
    ///
    /// # Errors
    /// A [`Gap`] when no file is bound, a file is absent, empty, unproven or foreign, or there is no record at all.
    pub fn rows<R: Record>(&self, test: &str) -> Result<Rows<'_, R>, Gap> {
        let kind = R::KIND.name;
        self.note(test, kind);
        let parts: Vec<&Part> = self.parts.iter().filter(|p| p.kind == kind && p.test == test).collect();
        if parts.is_empty() {
            return Err(Gap::new(format!("test {test} binds no {kind} evidence")));
        }
        self.all_whole(&parts)?;
        if let Some(part) = parts.iter().find(|p| p.table.rows() == 0) {
            let artifact = &self.artifacts[part.artifact];
            return Err(Gap { why: format!("{} holds no {kind} record", artifact.path), sources: vec![artifact.source()] });
        }
        // Where nothing bounds the clocks, judges ask `among` and stop.
        let widen = self.widening(parts.iter().copied()).map_or(0, |w| w / 2 + w % 2);
        Ok(Rows { evidence: self, parts, widen, record: PhantomData })
    }

    /// Whether every file of a test is there and shown to be whole.
    ///
    /// # Errors
    /// A [`Gap`] with the first that is not.
    pub fn whole(&self, test: &str) -> Result<(), Gap> {
        let parts: Vec<&Part> = self.parts.iter().filter(|p| p.test == test).collect();
        parts.iter().for_each(|p| self.note(test, p.kind));
        self.all_whole(&parts)
    }

    fn all_whole(&self, parts: &[&Part]) -> Result<(), Gap> {
        for part in parts {
            let (artifact, kind) = (&self.artifacts[part.artifact], part.kind);
            let why = match &artifact.state {
                State::Whole => continue,
                State::Absent => "is missing".to_string(),
                State::Empty => "is empty".to_string(),
                State::Unproven(why) | State::Foreign(why) => why.clone(),
            };
            let source = if artifact.state == State::Absent { Vec::new() } else { vec![artifact.source()] };
            return Err(Gap { why: format!("{kind} evidence {} {why}", artifact.path), sources: source });
        }
        Ok(())
    }

    /// The file, digest and line of a row of a kind in a test.
    #[must_use]
    pub fn source_of(&self, test: &str, kind: &str, id: RowId) -> Option<SourceRef> {
        let part = self.parts.iter().filter(|p| p.test == test && p.kind == kind).nth(id.part as usize)?;
        let line = part.table.lines.get(id.row as usize).map(|l| u64::from(*l));
        Some(SourceRef { line, ..self.artifacts[part.artifact].source() })
    }

    /// Whether a test binds a kind at all.
    #[must_use]
    pub fn binds(&self, test: &str, kind: &str) -> bool {
        self.note(test, kind);
        self.parts.iter().any(|p| p.kind == kind && p.test == test)
    }

    /// The day (UTC, `YYYY-MM-DD`) of the newest time on a wall clock, if any evidence has one.
    #[must_use]
    pub fn newest_wall_day(&self) -> Option<String> {
        let wall = self.parts.iter().filter(|p| p.clock.kind == ClockKind::Wall);
        let newest = wall.filter_map(|p| p.table.greatest(times(p.kind))).max()?;
        let since = std::time::Duration::from_nanos(u64::try_from(newest).ok()?);
        let stamp = humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + since).to_string();
        stamp.get(..10).map(str::to_string)
    }

    /// The text of a symbol.
    #[must_use]
    pub fn text(&self, sym: Sym) -> &str {
        self.symbols.text(sym)
    }

    /// The texts of a list.
    #[must_use]
    pub fn texts(&self, syms: Syms) -> Vec<&str> {
        self.symbols.list(syms).iter().map(|s| self.symbols.text(*s)).collect()
    }
}

/// The positions of the time fields of a kind.
fn times(kind: &str) -> impl Iterator<Item = usize> {
    let fields = kinds::kind(kind).map_or(&[][..], |k| k.fields);
    fields.iter().enumerate().filter(|(_, f)| f.ty == table::FieldType::Time).map(|(at, _)| at)
}

impl<'e, R: Record> Rows<'e, R> {
    /// All rows, file by file, in the order of their lines.
    pub fn iter(&self) -> impl Iterator<Item = (RowId, R)> + '_ {
        let widen = self.widen;
        self.parts.iter().enumerate().flat_map(move |(p, part)| {
            (0..part.table.rows()).filter_map(move |row| {
                let id = RowId { part: u32::try_from(p).ok()?, row: u32::try_from(row).ok()? };
                Some((id, R::read(&part.table, row)?.widened(widen)))
            })
        })
    }

    /// The ids of all rows, in the order of [`Rows::iter`].
    pub fn ids(&self) -> impl Iterator<Item = RowId> + '_ {
        self.parts.iter().enumerate().flat_map(|(p, part)| {
            let part_number = u32::try_from(p).unwrap_or(u32::MAX);
            (0..part.table.rows()).filter_map(move |row| Some(RowId { part: part_number, row: u32::try_from(row).ok()? }))
        })
    }

    /// The columns of some fields, file by file, with how many rows there are: the quickest look at many rows. A name that is no field is an empty one.
    pub fn columns<const N: usize>(&self, fields: [&str; N]) -> impl Iterator<Item = ([&'e Column; N], usize)> + '_ {
        let at = fields.map(|field| R::KIND.field(field));
        let column = |part: &'e Part, at: Option<usize>| at.and_then(|at| part.table.columns.get(at)).unwrap_or(&Column::Absent);
        self.parts.iter().map(move |part| (at.map(|at| column(part, at)), part.table.rows()))
    }

    /// The cells of one field, in the order of the rows; quicker than whole rows. Nothing for a name that is no field.
    pub fn cells<T: Slot>(&self, field: &str) -> impl Iterator<Item = Option<T>> + '_ {
        let at = R::KIND.field(field);
        self.parts.iter().flat_map(move |part| {
            let column = at.and_then(|at| part.table.columns.get(at));
            column.into_iter().flat_map(|column| (0..part.table.rows()).map(|row| T::slot(column.get(row))))
        })
    }

    /// One row.
    #[must_use]
    pub fn get(&self, id: RowId) -> Option<R> {
        R::read(&self.parts[id.part as usize].table, id.row as usize).map(|row| row.widened(self.widen))
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|p| p.table.rows()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The file, digest and line of a row.
    #[must_use]
    pub fn source(&self, id: RowId) -> SourceRef {
        let part = self.parts[id.part as usize];
        let line = part.table.lines[id.row as usize];
        SourceRef { line: Some(u64::from(line)), ..self.evidence.artifacts[part.artifact].source() }
    }

    /// The file and line of a row.
    #[must_use]
    pub fn source_line(&self, id: RowId) -> (&'e str, u64) {
        let part = self.parts[id.part as usize];
        (&self.evidence.artifacts[part.artifact].path, u64::from(part.table.lines[id.row as usize]))
    }

    /// The files.
    #[must_use]
    pub fn files(&self) -> Vec<SourceRef> {
        self.parts.iter().map(|p| self.evidence.artifacts[p.artifact].source()).collect()
    }

    /// Who wrote a row's file, its clock and its model.
    #[must_use]
    pub fn part(&self, id: RowId) -> &'e Part {
        self.parts[id.part as usize]
    }

    /// The id of the clock that all rows share; `None` when there are several.
    #[must_use]
    pub fn clock(&self) -> Option<&'e str> {
        let first = &self.parts.first()?.clock;
        self.parts.iter().all(|p| p.clock.id == first.id && p.clock.kind == first.kind).then_some(first.id.as_str())
    }

    /// The files with their origin, clock and model.
    #[must_use]
    pub fn parts(&self) -> &[&'e Part] {
        &self.parts
    }
}
