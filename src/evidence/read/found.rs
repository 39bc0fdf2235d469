//! What was read from a file.
//!
//! In: rows, counts and what was noted. Out: the same, side by side. Refuses to know how it was read.

use super::lines::Counts;
use super::output::Output;
use super::plan::FilePlan;
use super::rows::Recipe;
use crate::contract::{Clock, ClockKind, Origin, TimeUnit};
use crate::evidence::State;
use crate::evidence::table::Table;

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
