//! What plots are drawn from: small lists of integers, thinned deterministically.

use crate::contract::Contract;
use crate::evidence::kinds::{Injection, OpKind, Operation, Outcome, Phase};
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, RowId, Rows};
use serde::Serialize;
use std::collections::BTreeMap;

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

/// Steps of time in a latency plot: of each, the fastest and the slowest answer of a class are kept.
const STEPS: i128 = 800;
/// The most operations without success that are kept.
const MOST_UNSUCCESSFUL: usize = 2_000;

/// Gathers the data of all plots. Evidence with a gap gives no plot.
#[must_use]
pub(super) fn charts(contract: &Contract, evidence: &Evidence, tests: &[String]) -> Charts {
    let mut failovers: Vec<FailoverChart> = tests.iter().flat_map(|test| failovers(contract, evidence, test)).collect();
    failovers.sort_by(|a, b| b.total.cmp(&a.total).then(a.test.cmp(&b.test)).then(a.failover.cmp(&b.failover)));
    Charts { failovers, latency: tests.iter().filter_map(|test| latency(contract, evidence, test)).collect() }
}

fn failovers(contract: &Contract, evidence: &Evidence, test: &str) -> Vec<FailoverChart> {
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
    groups.into_iter().map(chart).collect()
}

fn bar(phase: &Phase) -> PhaseBar {
    PhaseBar {
        name: phase.phase.word().to_string(),
        lo: phase.stop_lo.0.saturating_sub(phase.start_hi.0).max(0),
        hi: phase.stop_hi.0.saturating_sub(phase.start_lo.0).max(0),
    }
}

/// The latency plot of a test; none when its history is on several clocks.
fn latency(contract: &Contract, evidence: &Evidence, test: &str) -> Option<LatencyChart> {
    let rows = evidence.rows::<Operation>(test).ok()?;
    rows.clock()?;
    let first = rows.iter().map(|(_, op)| op.invoke.0).min()?;
    let last = rows.iter().map(|(_, op)| op.returned.map_or(op.invoke.0, |r| r.0.max(op.invoke.0))).max()?;
    let span = last.saturating_sub(first);
    let objectives = [("write p99", contract.objectives.write_p99), ("read p99", contract.objectives.read_p99)];
    Some(LatencyChart {
        test: test.to_string(),
        span,
        points: points(&rows, first, last),
        of: rows.len() as u64,
        faults: windows(evidence, &rows, test, first, span),
        objectives: objectives.into_iter().filter_map(|(name, o)| Some((name.to_string(), o?.value))).collect(),
    })
}

/// The extremes of each step and class among successful operations, and the others, by time.
fn points(rows: &Rows<'_, Operation>, first: i64, last: i64) -> Vec<LatencyPoint> {
    let mut extremes: BTreeMap<(i128, &'static str), (Timed, Timed)> = BTreeMap::new();
    let mut others: Vec<(Timed, &'static str, Outcome)> = Vec::new();
    let span = (i128::from(last) - i128::from(first)).max(1);
    for (id, op) in rows.iter() {
        let class = if op.op == OpKind::Read { "read" } else { "write" };
        let start = op.scheduled.map_or(op.invoke.0, |s| s.0.min(op.invoke.0));
        let ns = op.returned.map_or(last, |r| r.0).saturating_sub(start).max(0);
        let timed = Timed { ns, t: op.invoke.0.saturating_sub(first), id };
        if op.result != Outcome::Ok {
            others.push((timed, class, op.result));
            continue;
        }
        let step = i128::from(timed.t) * STEPS / span;
        let found = extremes.entry((step, class)).or_insert((timed, timed));
        *found = (found.0.min(timed), found.1.max(timed));
    }
    let point = |timed: Timed, class: &'static str, result: Outcome| LatencyPoint {
        t: timed.t,
        latency: timed.ns,
        class,
        result: result.word(),
        line: rows.source(timed.id).line.unwrap_or(0),
    };
    let mut points: Vec<LatencyPoint> = thinned(&others).map(|&(timed, class, result)| point(timed, class, result)).collect();
    for ((_, class), (least, most)) in extremes {
        points.push(point(least, class, Outcome::Ok));
        if most != least {
            points.push(point(most, class, Outcome::Ok));
        }
    }
    points.sort_by(|a, b| (a.t, a.class, a.line, a.latency).cmp(&(b.t, b.class, b.line, b.latency)));
    points
}

/// Where an operation stands in a plot; compared by latency first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Timed {
    ns: i64,
    t: i64,
    id: RowId,
}

/// At most [`MOST_UNSUCCESSFUL`] of a list, evenly spread.
fn thinned<T>(list: &[T]) -> impl Iterator<Item = &T> {
    let kept = list.len().min(MOST_UNSUCCESSFUL);
    (0..kept).map(move |i| &list[i * list.len() / kept.max(1)])
}

/// The faults of a test on the clock of its history, cut to the run.
fn windows(evidence: &Evidence, rows: &Rows<'_, Operation>, test: &str, first: i64, span: i64) -> Vec<FaultWindow> {
    let Ok(faults) = evidence.rows::<Injection>(test) else { return Vec::new() };
    if faults.clock() != rows.clock() {
        return Vec::new();
    }
    let window = |fault: Injection| {
        let start = fault.start_lo.0.saturating_sub(first);
        let stop = fault.stop_hi.map_or(span, |s| s.0.saturating_sub(first));
        (start <= span && stop >= 0).then(|| FaultWindow {
            id: evidence.text(fault.id).to_string(),
            fault: evidence.text(fault.fault).to_string(),
            start: start.max(0),
            stop: stop.min(span),
        })
    };
    faults.iter().filter_map(|(_, fault)| window(fault)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::kinds::PhaseName;
    use crate::evidence::table::Ns;

    #[test]
    fn thinning_keeps_short_lists_whole_and_long_ones_even() {
        assert_eq!(thinned(&[1, 2, 3]).copied().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(thinned::<u8>(&[]).count(), 0);
        let long: Vec<usize> = (0..10_000).collect();
        let kept: Vec<usize> = thinned(&long).copied().collect();
        assert_eq!((kept.len(), kept[0], kept[1], kept[1999]), (2_000, 0, 5, 9_995));
    }

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
