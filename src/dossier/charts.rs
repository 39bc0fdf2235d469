//! What plots are drawn from: small lists of integers, thinned deterministically.

use crate::contract::Contract;
use crate::evidence::Evidence;
use serde::Serialize;

/// The data of all plots.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Charts {
    /// Failovers, worst first.
    pub failovers: Vec<FailoverChart>,
    /// Latency over time, one a test.
    pub latency: Vec<LatencyChart>,
}

/// The phases of one failover.
#[derive(Debug, Clone, Serialize)]
pub struct FailoverChart {
    /// The test.
    pub test: String,
    /// Its id.
    pub failover: String,
    /// The phases in order.
    pub phases: Vec<PhaseBar>,
    /// Upper bound of the whole, in ns.
    pub total: i64,
    /// The recovery objective, in ns.
    pub objective: Option<i64>,
}

/// One phase.
#[derive(Debug, Clone, Serialize)]
pub struct PhaseBar {
    /// Its name.
    pub name: String,
    /// Least length, in ns.
    pub lo: i64,
    /// Greatest length, in ns.
    pub hi: i64,
}

/// Latency over time in one test.
#[derive(Debug, Clone, Serialize)]
pub struct LatencyChart {
    /// The test.
    pub test: String,
    /// Length of the run, in ns.
    pub span: i64,
    /// Points, thinned to the extremes of each step of time.
    pub points: Vec<LatencyPoint>,
    /// How many operations there were.
    pub of: u64,
    /// When faults lasted.
    pub faults: Vec<FaultWindow>,
    /// Objectives by name, in ns.
    pub objectives: Vec<(String, i64)>,
}

/// One operation.
#[derive(Debug, Clone, Serialize)]
pub struct LatencyPoint {
    /// When it was sent, in ns from the first operation.
    pub t: i64,
    /// How long it took, in ns; for an operation without answer, until the end of the run.
    pub latency: i64,
    /// `read` or `write`.
    pub class: &'static str,
    /// `ok`, `fail` or `unknown`.
    pub result: &'static str,
    /// Its line in the history.
    pub line: u64,
}

/// When a fault lasted.
#[derive(Debug, Clone, Serialize)]
pub struct FaultWindow {
    /// Its id.
    pub id: String,
    /// What it was.
    pub fault: String,
    /// From, in ns from the first operation.
    pub start: i64,
    /// To; the end of the run when it never stopped.
    pub stop: i64,
}

/// Gathers the data of all plots.
#[must_use]
pub(super) fn charts(_contract: &Contract, _evidence: &Evidence, _tests: &[String]) -> Charts {
    Charts::default()
}
