//! The phases of failovers.

use crate::contract::Contract;
use crate::evidence::Evidence;
use crate::evidence::kinds::Phase;
use crate::evidence::symbol::Sym;
use serde::Serialize;
use std::collections::BTreeMap;

/// The phases of one failover.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PhaseBar {
    /// Its name.
    pub name: String,
    /// Least length, in ns.
    pub lo: i64,
    /// Greatest length, in ns.
    pub hi: i64,
}

/// The failovers of a test, by name.
pub(super) fn of(contract: &Contract, evidence: &Evidence, test: &str) -> Vec<FailoverChart> {
    let Ok(rows) = evidence.rows::<Phase>(test) else { return Vec::new() };
    let mut groups: BTreeMap<Sym, Vec<Phase>> = BTreeMap::new();
    for (_, phase) in rows.iter() {
        groups.entry(phase.failover).or_default().push(phase);
    }
    let chart = |(name, mut phases): (Sym, Vec<Phase>)| {
        phases.sort_by_key(|p| (p.phase, p.start_lo));
        let first = phases.iter().map(|p| p.start_lo.0).min().unwrap_or(0);
        let last = phases.iter().map(|p| p.stop_hi.0).max().unwrap_or(0);
        FailoverChart {
            test: test.to_string(),
            failover: evidence.text(name).to_string(),
            phases: phases.iter().map(bar).collect(),
            total: last.saturating_sub(first).max(0),
            objective: contract.objectives.recovery.map(|r| r.value),
        }
    };
    let mut all: Vec<FailoverChart> = groups.into_iter().map(chart).collect();
    all.sort_by(|a, b| a.failover.cmp(&b.failover));
    all
}

fn bar(phase: &Phase) -> PhaseBar {
    PhaseBar {
        name: phase.phase.word().to_string(),
        lo: phase.stop_lo.0.saturating_sub(phase.start_hi.0).max(0),
        hi: phase.stop_hi.0.saturating_sub(phase.start_lo.0).max(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::kinds::PhaseName;
    use crate::evidence::table::Ns;

    #[test]
    fn phases_become_bars_of_least_and_greatest_length() {
        let phase = Phase {
            failover: Sym(0),
            phase: PhaseName::Elect,
            start_lo: Ns(10),
            start_hi: Ns(20),
            stop_lo: Ns(15),
            stop_hi: Ns(40),
        };
        let bar = bar(&phase);
        assert_eq!((bar.name.as_str(), bar.lo, bar.hi), ("elect", 0, 30));
    }
}
