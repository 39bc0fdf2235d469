//! Error budgets: how much failure an objective allows, and how much of it one failover takes.
//!
//! In: a service level objective, a window and a downtime. Out: exact figures. Assumes that a failover is felt by every customer for its
//! whole length. Refuses to know where the downtime was measured.

use crate::exact::{Ratio, seconds};
use crate::verdict::{Figure, SourceRef};

/// Nanoseconds in a second.
const SECOND: i128 = 1_000_000_000;

/// One row of a multi-window burn-rate alert: the rate, the long window and the short one, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BurnRate {
    /// How many times faster than allowed the budget burns, in tenths.
    pub tenths: i64,
    /// The long window.
    pub long: i64,
    /// The short window.
    pub short: i64,
    /// Both windows in words.
    pub words: &'static str,
}

/// The pairs that are customary for a window of 30 days.
pub const BURN_RATES: [BurnRate; 4] = [
    BurnRate { tenths: 144, long: 3_600, short: 300, words: "1 h and 5 m" },
    BurnRate { tenths: 60, long: 21_600, short: 1_800, words: "6 h and 30 m" },
    BurnRate { tenths: 30, long: 86_400, short: 7_200, words: "1 d and 2 h" },
    BurnRate { tenths: 10, long: 259_200, short: 21_600, words: "3 d and 6 h" },
];

/// T_budget = (1 − SLO) · window, in seconds.
#[must_use]
pub fn allowed(slo: Ratio, window_ns: i64) -> Option<Ratio> {
    Ratio::ONE.sub(slo)?.mul(Ratio::new(i128::from(window_ns), SECOND)?)
}

/// B = T_down / T_budget; `None` when nothing is allowed.
#[must_use]
pub fn used(down_ns: i64, allowed: Ratio) -> Option<Ratio> {
    Ratio::new(i128::from(down_ns), SECOND)?.div(allowed)
}

/// ⌊T_budget / T_failover⌋; `None` when a failover takes no time.
#[must_use]
pub fn affordable(allowed: Ratio, failover_ns: i64) -> Option<i128> {
    if failover_ns <= 0 { None } else { Some(allowed.div(Ratio::new(i128::from(failover_ns), SECOND)?)?.floor()) }
}

/// A share as a percentage with three places.
#[must_use]
pub fn percent(share: Ratio) -> String {
    share.mul(Ratio::int(100)).unwrap_or(Ratio::ZERO).decimal(3)
}

fn minutes(seconds: Ratio) -> Ratio {
    seconds.div(Ratio::int(60)).unwrap_or(Ratio::ZERO)
}

/// The figure of T_budget, in minutes.
#[must_use]
pub fn allowed_figure(slo: Ratio, window_ns: i64, sources: Vec<SourceRef>) -> Option<Figure> {
    let window = minutes(Ratio::new(i128::from(window_ns), SECOND)?);
    Some(Figure {
        id: "error-budget".into(),
        symbol: "T_budget".into(),
        formula: "(1 − SLO) · window".into(),
        substitution: format!("(1 − {slo}) · {window} min"),
        value: minutes(allowed(slo, window_ns)?).to_string(),
        unit: "min".into(),
        sources,
    })
}

/// The figure of B, in per cent.
#[must_use]
pub fn used_figure(down_ns: i64, allowed: Ratio, sources: Vec<SourceRef>) -> Option<Figure> {
    let share = used(down_ns, allowed)?;
    Some(Figure {
        id: "error-budget-use".into(),
        symbol: "B".into(),
        formula: "T_down / T_budget".into(),
        substitution: format!("{} / ({} · 60) = {}", seconds(down_ns), minutes(allowed), share.decimal(5)),
        value: percent(share),
        unit: "%".into(),
        sources,
    })
}

/// The figure of affordable failovers in one window.
#[must_use]
pub fn affordable_figure(allowed: Ratio, failover_ns: i64, sources: Vec<SourceRef>) -> Option<Figure> {
    Some(Figure {
        id: "affordable-failovers".into(),
        symbol: "n_failover".into(),
        formula: "⌊T_budget / T_failover⌋".into(),
        substitution: format!("⌊{} / {}⌋", allowed, seconds(failover_ns)),
        value: affordable(allowed, failover_ns)?.to_string(),
        unit: String::new(),
        sources,
    })
}

/// The error ratios at which the customary burn-rate alerts fire, with the share of the budget gone by then.
#[must_use]
pub fn burn_rate_figures(slo: Ratio, window_ns: i64) -> Vec<Figure> {
    BURN_RATES.iter().filter_map(|row| burn_rate_figure(row, slo, window_ns)).collect()
}

fn burn_rate_figure(row: &BurnRate, slo: Ratio, window_ns: i64) -> Option<Figure> {
    let rate = Ratio::new(i128::from(row.tenths), 10)?;
    let window = Ratio::new(i128::from(window_ns), SECOND)?;
    let gone = rate.mul(Ratio::int(row.long))?.div(window)?;
    Some(Figure {
        id: format!("burn-rate-{rate}"),
        symbol: "error ratio".into(),
        formula: format!("burn rate · (1 − SLO), over {}", row.words),
        substitution: format!("{rate} · (1 − {slo}); {} % of the budget is gone by then", percent(gone)),
        value: rate.mul(Ratio::ONE.sub(slo)?)?.to_string(),
        unit: String::new(),
        sources: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000_000;

    #[test]
    fn worked_numbers() {
        let slo = Ratio::parse("0.999").unwrap();
        let budget = allowed(slo, 30 * DAY).unwrap();
        assert_eq!(budget, Ratio::int(2592));
        let figure = allowed_figure(slo, 30 * DAY, vec![]).unwrap();
        assert_eq!((figure.value.as_str(), figure.substitution.as_str()), ("43.2", "(1 − 0.999) · 43200 min"));
        let share = used_figure(2_600_000_000, budget, vec![]).unwrap();
        assert_eq!((share.substitution.as_str(), share.value.as_str()), ("2.600 / (43.2 · 60) = 0.00100", "0.100"));
        assert_eq!(affordable(budget, 2_600_000_000), Some(996));
        assert_eq!(affordable(budget, 0), None);
        assert_eq!(used(1, Ratio::ZERO), None);
    }

    #[test]
    fn burn_rates_are_listed() {
        let figures = burn_rate_figures(Ratio::parse("0.999").unwrap(), 30 * DAY);
        let values: Vec<&str> = figures.iter().map(|f| f.value.as_str()).collect();
        assert_eq!(values, ["0.0144", "0.006", "0.003", "0.001"]);
        assert!(figures[0].substitution.contains("2.000 %") && figures[1].substitution.contains("5.000 %"));
    }
}
