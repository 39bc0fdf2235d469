//! When faults lasted, on the clock of a plot.

use crate::contract::Clock;
use crate::evidence::Evidence;
use crate::evidence::clocks::same;
use crate::evidence::kinds::{Injection, Operation};
use crate::evidence::table::Ns;
use serde::Serialize;

/// When a fault lasted.
#[derive(Debug, Clone, Serialize)]
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
const MOST: usize = 120;

/// The faults of a test on one clock, cut to a plot that begins at `zero` and lasts for `span`: the first of them, and how many there were.
pub(super) fn faults(evidence: &Evidence, test: &str, clock: &Clock, zero: i64, span: i64) -> (Vec<FaultWindow>, u64) {
    if !evidence.binds(test, "faults") {
        return (Vec::new(), 0);
    }
    let Ok(rows) = evidence.rows::<Injection>(test) else { return (Vec::new(), 0) };
    if rows.parts().iter().any(|p| !same(&p.clock, clock)) {
        return (Vec::new(), 0);
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
    let window = |(start, stop, fault): (i64, i64, Injection)| FaultWindow {
        id: evidence.text(fault.id).to_string(),
        fault: evidence.text(fault.fault).to_string(),
        targets: evidence.texts(fault.targets).join(", "),
        start,
        stop,
    };
    (found.into_iter().take(MOST).map(window).collect(), of)
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
