//! What plots are drawn from: small lists of integers, thinned as they are gathered.
//!
//! In: contract, matrix, evidence and what the gates say. Out: [`Charts`]. Every list is bounded whatever the evidence holds, each counts what it was
//! thinned from, and thinning keeps the extremes of each step. Evidence with a gap gives no plot. Refuses to know pixels and pages.

mod budget;
mod commits;
mod coverage;
mod duplicates;
mod example;
mod failover;
mod fencing;
mod latency;
mod percentiles;
mod takeover;
mod windows;

pub use budget::{BudgetChart, BudgetStep};
pub use commits::{CommitChart, CommitPoint, LeaderSpan, MemberLine};
pub use coverage::{AssumptionRow, CoverageCell, CoverageChart};
pub use duplicates::{DuplicateChart, RatePoint, ShareBar};
pub use example::{ExampleChart, ExampleOp};
pub use failover::{FailoverChart, PhaseBar};
pub use fencing::{EpochLane, FencingChart, Try};
pub use latency::{LatencyChart, LatencyPoint, LatencyStep, Spread};
pub use percentiles::{Curve, PercentileChart, Quantile};
pub use takeover::{Doing, TakeoverChart};
pub use windows::{FaultWindow, FaultWindows};

use super::GateFacts;
use super::build::Inputs;
use serde::Serialize;

/// The data of all plots.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Charts {
    /// Which failure models were tried at which layer.
    pub coverage: Option<CoverageChart>,
    /// Counterexamples of failed gates of consistency.
    pub examples: Vec<ExampleChart>,
    /// Epochs and what the protected resource made of requests, one a test.
    pub fencing: Vec<FencingChart>,
    /// A worker that lost its authority and came back, one a test.
    pub takeovers: Vec<TakeoverChart>,
    /// The commit index of each member, one a test.
    pub commits: Vec<CommitChart>,
    /// Commands that took effect twice against the fault rate.
    pub duplicates: Option<DuplicateChart>,
    /// Latency over time, one a test.
    pub latency: Vec<LatencyChart>,
    /// Percentiles of latency, one a test.
    pub percentiles: Vec<PercentileChart>,
    /// Failovers, worst first.
    pub failovers: Vec<FailoverChart>,
    /// The error budget that failovers leave.
    pub budget: Option<BudgetChart>,
}

/// Gathers the data of all plots.
#[must_use]
pub(super) fn charts(inputs: &Inputs<'_>, gates: &[GateFacts]) -> Charts {
    let (contract, evidence) = (inputs.contract, inputs.evidence);
    let tests: Vec<&str> = inputs.matrix.of_system().map(|t| t.id.value.as_str()).collect();
    let mut failovers: Vec<FailoverChart> = tests.iter().flat_map(|test| failover::of(contract, evidence, test)).collect();
    let budget = budget::of(contract, &failovers);
    failovers.sort_by(|a, b| b.total.cmp(&a.total).then(a.test.cmp(&b.test)).then(a.failover.cmp(&b.failover)));
    Charts {
        coverage: coverage::of(contract, inputs.matrix),
        examples: example::of(evidence, gates),
        fencing: tests.iter().filter_map(|test| fencing::of(evidence, test)).collect(),
        takeovers: tests.iter().filter_map(|test| takeover::of(evidence, test)).collect(),
        commits: tests.iter().filter_map(|test| commits::of(evidence, test)).collect(),
        duplicates: duplicates::of(contract, inputs.matrix, evidence),
        latency: tests.iter().filter_map(|test| latency::of(contract, evidence, test)).collect(),
        percentiles: tests.iter().filter_map(|test| percentiles::of(contract, evidence, test)).collect(),
        failovers,
        budget,
    }
}

/// The step of `steps` in which an instant lies, of a span that begins at zero.
fn step(t: i64, span: i64, steps: usize) -> usize {
    let at = i128::from(t.max(0)) * steps as i128 / i128::from(span.max(1));
    usize::try_from(at).unwrap_or(usize::MAX).min(steps.saturating_sub(1))
}

/// The least and the greatest of what was put into it.
#[derive(Debug, Clone, Copy, Default)]
struct Extremes<T>(Option<(T, T)>);

impl<T: Ord + Copy> Extremes<T> {
    fn put(&mut self, item: T) {
        self.0 = Some(self.0.map_or((item, item), |(least, most)| (least.min(item), most.max(item))));
    }

    /// One item when both are the same.
    fn items(self) -> impl Iterator<Item = T> {
        let (least, most) = (self.0.map(|e| e.0), self.0.map(|e| e.1));
        least.into_iter().chain(most.filter(|most| Some(*most) != least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_share_a_span_evenly() {
        assert_eq!([-5, 0, 9, 10, 99, 100, 500].map(|t| step(t, 100, 10)), [0, 0, 0, 1, 9, 9, 9]);
        assert_eq!(step(i64::MAX, i64::MAX, 7), 6);
        assert_eq!(step(0, 0, 7), 0);
    }

    #[test]
    fn extremes_survive() {
        let mut found = Extremes::default();
        [5, 1, 900, 2].into_iter().for_each(|n| found.put(n));
        assert_eq!(found.items().collect::<Vec<_>>(), [1, 900]);
        let mut one = Extremes::default();
        one.put(3);
        assert_eq!(one.items().collect::<Vec<_>>(), [3]);
        assert_eq!(Extremes::<u8>::default().items().count(), 0);
    }
}
