//! When faults lasted, on the clock of a plot.

use crate::contract::Clock;
use crate::evidence::Evidence;
use crate::evidence::clocks::same;
use crate::evidence::kinds::{Injection, Operation};
use crate::evidence::table::Ns;
use serde::Serialize;

/// The faults of a test on the axis of a plot.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FaultWindows {
    /// The first of them.
    pub first: Vec<FaultWindow>,
    /// How many there were.
    pub of: u64,
    /// When any of all of them lasted, in ns on the axis of the plot; stretches that nearly touch are joined.
    pub shades: Vec<(i64, i64)>,
}

/// When a fault lasted.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FaultWindow {
    /// Its id.
    pub id: String,
    /// What it was.
    pub fault: String,
    /// What it struck.
    pub targets: String,
    /// From, in ns on the axis of the plot.
    pub start: i64,
    /// To; the end of the plot when it never stopped.
    pub stop: i64,
}

/// The most windows that a plot keeps.
const MOST: usize = 60;
/// Stretches nearer to one another than this part of the plot are joined.
const NEAR: i64 = 320;

/// The faults of a test on one clock, cut to a plot that begins at `zero` and lasts for `span`.
pub(super) fn faults(evidence: &Evidence, test: &str, clock: &Clock, zero: i64, span: i64) -> FaultWindows {
    if !evidence.binds(test, "faults") {
        return FaultWindows::default();
    }
    let Ok(rows) = evidence.rows::<Injection>(test) else { return FaultWindows::default() };
    if rows.parts().iter().any(|p| !same(&p.clock, clock)) {
        return FaultWindows::default();
    }
    let mut found: Vec<(i64, i64, Injection)> = Vec::new();
    for (_, fault) in rows.iter() {
        let start = fault.start_lo.0.saturating_sub(zero);
        let stop = fault.stop_hi.map_or(span, |s| s.0.saturating_sub(zero));
        if start <= span && stop >= 0 {
            found.push((start.max(0), stop.min(span), fault));
        }
    }
    found.sort_by(|a, b| (a.0, a.1, evidence.text(a.2.id)).cmp(&(b.0, b.1, evidence.text(b.2.id))));
    let of = found.len() as u64;
    let shades = joined(found.iter().map(|f| (f.0, f.1)), span / NEAR);
    let window = |(start, stop, fault): (i64, i64, Injection)| FaultWindow {
        id: evidence.text(fault.id).to_string(),
        fault: evidence.text(fault.fault).to_string(),
        targets: evidence.texts(fault.targets).join(", "),
        start,
        stop,
    };
    FaultWindows { first: found.into_iter().take(MOST).map(window).collect(), of, shades }
}

/// Stretches, sorted by their start, joined where less than `near` lies between them.
fn joined(sorted: impl Iterator<Item = (i64, i64)>, near: i64) -> Vec<(i64, i64)> {
    let mut out: Vec<(i64, i64)> = Vec::new();
    for (start, stop) in sorted {
        match out.last_mut() {
            Some(last) if start.saturating_sub(last.1) <= near => last.1 = last.1.max(stop),
            _ => out.push((start, stop)),
        }
    }
    out
}

/// Where a test begins on a clock: its first operation, when its history is on that clock.
pub(super) fn first_operation(evidence: &Evidence, test: &str, clock: &Clock) -> Option<i64> {
    if !evidence.binds(test, "history") {
        return None;
    }
    let rows = evidence.rows::<Operation>(test).ok()?;
    if rows.parts().iter().any(|p| !same(&p.clock, clock)) {
        return None;
    }
    rows.cells::<Ns>("invoke").flatten().map(|t| t.0).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_windows_become_few_stretches() {
        assert_eq!(joined([(0, 10), (2, 4), (12, 20), (90, 95)].into_iter(), 2), [(0, 20), (90, 95)]);
        let many = joined((0..100_000).map(|i| (i * 100, i * 100 + 1)), 10_000_000 / NEAR);
        assert_eq!(many, [(0, 9_999_901)]);
    }
}
