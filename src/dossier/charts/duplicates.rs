//! Scenarios that applied a command twice, rate by rate, of the system and of the unprotected baseline.

use crate::contract::{Contract, Matrix, Subject};
use crate::evidence::Evidence;
use crate::exact::Ratio;
use crate::figure::binomial::bounds;
use crate::judge::scenarios::runs;
use serde::Serialize;
use std::collections::BTreeMap;

/// Duplicates against the fault rate.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DuplicateChart {
    /// By rising rate; scenarios without one come first.
    pub rates: Vec<RatePoint>,
    /// The confidence of each interval, two-sided, in per cent.
    pub confidence: String,
}

/// One fault rate.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RatePoint {
    /// The rate in millionths.
    pub rate: Option<i64>,
    /// Scenarios against the system.
    pub system: Option<ShareBar>,
    /// Scenarios against the baseline.
    pub baseline: Option<ShareBar>,
}

/// A share of scenarios with its exact interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShareBar {
    /// Scenarios that applied a command more than once.
    pub count: u64,
    /// All scenarios.
    pub of: u64,
    /// The lower bound in millionths, rounded down.
    pub lower: i64,
    /// The upper bound in millionths, rounded up.
    pub upper: i64,
}

/// The most rates that are kept.
const MOST: usize = 24;

/// Duplicates; none when no test of either kind records scenarios, or one of them has a gap.
pub(super) fn of(contract: &Contract, matrix: &Matrix, evidence: &Evidence) -> Option<DuplicateChart> {
    let confidence = contract.objectives.confidence;
    let each_side = Ratio::ONE.add(confidence)?.div(Ratio::int(2))?;
    let mut rates: BTreeMap<Option<i64>, [(u64, u64); 2]> = BTreeMap::new();
    for test in matrix.tests.iter().filter(|t| evidence.binds(&t.id.value, "scenarios")) {
        for run in runs(evidence, test).ok()? {
            let pair = &mut rates.entry(run.rate).or_default()[usize::from(test.subject == Subject::Baseline)];
            *pair = (pair.0 + u64::from(!run.duplicates.is_empty()), pair.1 + 1);
        }
    }
    let point = |(rate, [system, baseline]): (Option<i64>, [(u64, u64); 2])| RatePoint {
        rate,
        system: share(system, each_side),
        baseline: share(baseline, each_side),
    };
    let rates: Vec<RatePoint> = rates.into_iter().take(MOST).map(point).collect();
    let confidence = confidence.mul(Ratio::int(100))?.to_string();
    (!rates.is_empty()).then_some(DuplicateChart { rates, confidence })
}

fn share((count, of): (u64, u64), each_side: Ratio) -> Option<ShareBar> {
    let interval = bounds(count, of, each_side)?;
    let floor = |r: Ratio| r.mul(Ratio::int(1_000_000)).and_then(|m| i64::try_from(m.floor()).ok());
    let upper = floor(Ratio::ZERO.sub(interval.upper)?)?;
    Some(ShareBar { count, of, lower: floor(interval.lower)?, upper: -upper })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_exact_and_rounded_outwards() {
        let side = Ratio::new(975, 1000).unwrap();
        let bar = share((8, 250), side).unwrap();
        assert_eq!((bar.lower / 100, bar.upper / 100), (139, 620), "1.39 % to 6.21 %: {bar:?}");
        assert_eq!(share((0, 0), side), None);
        assert_eq!(share((0, 100), side).unwrap().lower, 0);
    }
}
