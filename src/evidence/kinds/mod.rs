//! The kinds of records. A new kind is one file here and one row in [`KINDS`].

mod applied;
mod attempts;
mod epochs;
mod faults;
mod fencing;
mod history;
mod latency;
mod log;
mod members;
mod phases;
mod probes;
mod progress;
mod replay;
mod run;
mod scenarios;
mod telemetry;
mod votes;

pub use applied::{Application, ApplySource};
pub use attempts::{Attempt, AttemptResult};
pub use epochs::Grant;
pub use faults::Injection;
pub use fencing::{Decision, Ruling};
pub use history::{OpKind, Operation, Outcome, ReadPath};
pub use latency::Bucket;
pub use log::{Entry, EntryState};
pub use members::{Role, Sample};
pub use phases::{Phase, PhaseName};
pub use probes::{Probe, ProbeKind, ProbeState};
pub use progress::Progress;
pub use replay::Recovery;
pub use run::Run;
pub use scenarios::Scenario;
pub use telemetry::{Point, SeriesType};
pub use votes::{Vote, VoteRole};

use super::record::{Kind, Record};

/// All kinds, by name.
pub const KINDS: &[&Kind] = &[
    Application::KIND,
    Attempt::KIND,
    Grant::KIND,
    Injection::KIND,
    Decision::KIND,
    Operation::KIND,
    Bucket::KIND,
    Entry::KIND,
    Sample::KIND,
    Phase::KIND,
    Probe::KIND,
    Progress::KIND,
    Recovery::KIND,
    Run::KIND,
    Scenario::KIND,
    Point::KIND,
    Vote::KIND,
];

/// The kind of a name.
#[must_use]
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|k| k.name == name)
}
