//! The test matrix: runs, and the evidence files bound to them.
//!
//! In: nothing. Out: domain types. Refuses to know which kinds and formats exist.

use super::choices::{ClockKind, Generator, NilRead, Origin, Subject, TimeUnit};
use super::mapping::FieldRule;
use crate::source::{At, SourceId};

/// A validated matrix.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// The text it came from.
    pub source: SourceId,
    /// The contract's file name.
    pub contract: At<String>,
    /// The folder of the evidence, relative to the matrix.
    pub evidence_root: At<String>,
    /// Declared bounds on how far clocks are apart.
    pub skews: Vec<Skew>,
    /// The runs, in the order they were written.
    pub tests: Vec<Test>,
    /// The kinds of the files that all tests share, those among them that no test requires.
    pub idle: Vec<At<String>>,
}

/// A declared bound on how far two clocks of one kind are apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skew {
    /// Their ids.
    pub between: [String; 2],
    /// The most that they differ, in ns.
    pub bound: i64,
    /// How that is known.
    pub basis: String,
}

impl Matrix {
    /// The runs of the system. Those of an unprotected baseline are only compared, never judged as the system's.
    pub fn of_system(&self) -> impl Iterator<Item = &Test> + Clone {
        self.tests.iter().filter(|t| t.subject == Subject::System)
    }
}

/// One run.
#[derive(Debug, Clone)]
pub struct Test {
    /// Its id.
    pub id: At<String>,
    /// What it was run against.
    pub subject: Subject,
    /// Plan items covered, each one of [`super::PLAN_ITEMS`].
    pub plan: Vec<String>,
    /// What is done to the cluster.
    pub fault: String,
    /// How.
    pub method: String,
    /// The failure model.
    pub model: String,
    /// The layer.
    pub layer: String,
    /// The contract's fault assumptions that it tests.
    pub covers: Vec<At<String>>,
    /// What must be seen.
    pub expected: String,
    /// Evidence kinds without which the test proves nothing.
    pub requires: Vec<At<String>>,
    /// Rows of the partition matrix that it runs, each one of [`super::PARTITIONS`].
    pub partition: Vec<String>,
    /// How many faults are injected, when declared.
    pub injections: Option<At<u64>>,
    /// How the load generator behaves.
    pub generator: Option<Generator>,
    /// The files.
    pub evidence: Vec<Binding>,
}

impl Test {
    /// Whether the test names an evidence kind as required.
    #[must_use]
    pub fn requires(&self, kind: &str) -> bool {
        self.requires.iter().any(|k| k.value == kind)
    }
}

/// One file read as one kind of record.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The kind.
    pub kind: At<String>,
    /// The file, a clean relative path below the evidence root.
    pub path: At<String>,
    /// The format, if it is not told from the file's ending.
    pub format: Option<At<String>>,
    /// Who wrote it; `None` leaves it to the file's header.
    pub origin: Option<Origin>,
    /// The clock; `None` leaves it to the file's header.
    pub clock: Option<Clock>,
    /// The endpoint of all its operations.
    pub endpoint: Option<At<String>>,
    /// Field name and value, the same for all records.
    pub constants: Vec<(At<String>, String)>,
    /// Their field and the value it must have.
    pub when: Vec<(String, String)>,
    /// Their field and the value it must not have.
    pub unless: Vec<(String, String)>,
    /// An array in each record whose elements are the records wanted.
    pub each: Option<String>,
    /// Joins start and stop records.
    pub pair: Option<Pair>,
    /// How it is known that the file is whole.
    pub whole: Option<Whole>,
    /// The field of the first line that names the lock under which the file was recorded.
    pub lock: Option<At<String>>,
    /// Our field and how it is found. Empty for native files.
    pub fields: Vec<(At<String>, At<FieldRule>)>,
    /// Whether values are pairs of key and value, in formats where they may be.
    pub keyed: Option<bool>,
    /// Whether it is read without a header though its fields have our names. No matrix can say so; `check` does.
    pub bare: bool,
    /// The fields that are read when they have our names; all when left out. No matrix can say so; `check` reads what it judges by.
    pub only: Option<&'static [&'static str]>,
    /// The data model of a history.
    pub model: Model,
}

/// The clock of a file's times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// Its kind.
    pub kind: ClockKind,
    /// Which clock.
    pub id: String,
    /// The unit of its times.
    pub unit: TimeUnit,
}

/// Joins a start and a stop record into one.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The field that both share.
    pub by: String,
    /// What a start record has.
    pub start: Vec<(String, String)>,
    /// What a stop record has.
    pub stop: Vec<(String, String)>,
}

/// How it is known that a file is whole and belongs to its test.
#[derive(Debug, Clone)]
pub enum Whole {
    /// By marks around the records.
    Marks {
        /// What the first line has (empty: there is no first mark).
        first: Vec<(String, String)>,
        /// What the last line has.
        last: Vec<(String, String)>,
        /// The field of the last line that counts the lines between.
        count: Option<String>,
    },
    /// The records reach the end of the run to within this time, in ns.
    CoversRun(i64),
}

/// The data model of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// `register` or `cas-register`.
    pub name: String,
    /// The value of every key before the first write; `None` is nil.
    pub initial: Option<String>,
    /// What a read that found nothing says.
    pub nil_read: NilRead,
}
