//! The error budget that the recorded failovers leave, one after another.

use super::FailoverChart;
use crate::contract::Contract;
use crate::exact::Ratio;
use crate::figure::error_budget::{allowed, used};
use serde::Serialize;

/// The error budget and what takes of it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BudgetChart {
    /// The service level objective, in per cent.
    pub slo: String,
    /// The window, in ns.
    pub window: i64,
    /// T_budget in seconds.
    pub allowed: String,
    /// The share of the budget that a release may take, in millionths.
    pub share: i64,
    /// The failovers in the order of the tests.
    pub steps: Vec<BudgetStep>,
    /// How many failovers there were.
    pub of: u64,
    /// What all of them take together, in millionths of the budget, rounded up.
    pub all: i64,
}

/// One failover.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BudgetStep {
    /// The test.
    pub test: String,
    /// Its id.
    pub failover: String,
    /// The longest that it can have lasted, in ns.
    pub longest: i64,
    /// What it takes, in millionths of the budget, rounded up.
    pub takes: i64,
    /// What is left after it and those before it, in millionths of the budget, rounded down.
    pub left: i64,
}

/// The most failovers that are kept.
const MOST: usize = 40;
const MILLION: i64 = 1_000_000;

/// The budget; none when it is not declared, allows nothing, or no failover was recorded.
pub(super) fn of(contract: &Contract, failovers: &[FailoverChart]) -> Option<BudgetChart> {
    let budget = contract.budget.as_ref()?;
    let allowed = allowed(budget.slo, budget.window).filter(|a| *a > Ratio::ZERO)?;
    let mut steps = Vec::new();
    let mut down = 0i64;
    for failover in failovers {
        down = down.saturating_add(failover.total);
        let left = MILLION.saturating_sub(millionths_up(used(down, allowed)?));
        let takes = millionths_up(used(failover.total, allowed)?);
        let (test, name) = (failover.test.clone(), failover.failover.clone());
        steps.push(BudgetStep { test, failover: name, longest: failover.total, takes, left });
    }
    let of = steps.len() as u64;
    let all = MILLION.saturating_sub(steps.last()?.left);
    steps.truncate(MOST);
    Some(BudgetChart {
        slo: budget.slo.mul(Ratio::int(100))?.to_string(),
        window: budget.window,
        allowed: allowed.to_string(),
        share: i64::try_from(budget.share.mul(Ratio::int(MILLION))?.floor()).ok()?,
        steps,
        of,
        all,
    })
}

/// A share in millionths, rounded up.
fn millionths_up(share: Ratio) -> i64 {
    let millions = share.mul(Ratio::int(-MILLION)).map_or(i128::MIN, Ratio::floor);
    i64::try_from(millions.saturating_neg()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_against_the_release() {
        let share = |text: &str| millionths_up(Ratio::parse(text).unwrap());
        assert_eq!([share("0.001"), share("0.0010000001"), share("0"), share("1.5")], [1_000, 1_001, 0, 1_500_000]);
    }
}
