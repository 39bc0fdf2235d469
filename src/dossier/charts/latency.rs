//! Latency over time: the extremes of each step of time, and exact counts of coarser steps for the table.

use super::windows::{FaultWindows, faults};
use super::{Extremes, step};
use crate::contract::Contract;
use crate::evidence::kinds::{Operation, Outcome};
use crate::evidence::{Evidence, RowId, Rows};
use crate::judge::latency::Class;
use serde::Serialize;

/// Latency over time in one test.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LatencyChart {
    /// The test.
    pub test: String,
    /// Length of the run, in ns.
    pub span: i64,
    /// Points, thinned to the extremes of each step of time, by time.
    pub points: Vec<LatencyPoint>,
    /// How many operations there were.
    pub of: u64,
    /// All operations, counted in coarser steps.
    pub steps: Vec<LatencyStep>,
    /// When faults lasted; none where they are on another clock.
    pub faults: FaultWindows,
    /// Objectives by name, in ns.
    pub objectives: Vec<(String, i64)>,
}

/// One operation.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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

/// All operations that were sent in one step of time.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LatencyStep {
    /// From, in ns from the first operation.
    pub from: i64,
    /// To.
    pub to: i64,
    /// Reads that succeeded.
    pub reads: Spread,
    /// Writes that succeeded.
    pub writes: Spread,
    /// Operations that surely failed.
    pub failed: u64,
    /// Operations of unknown outcome.
    pub unknown: u64,
}

/// How many there were, and the least and greatest latency among them, in ns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// The least.
    pub least: i64,
    /// The greatest.
    pub most: i64,
}

impl Spread {
    fn put(&mut self, ns: i64) {
        (self.least, self.most) = if self.count == 0 { (ns, ns) } else { (self.least.min(ns), self.most.max(ns)) };
        self.count += 1;
    }
}

/// Steps of time in which the fastest and the slowest success of a class are kept.
const FINE: usize = 240;
/// Steps of time in which the fastest and the slowest of a class that did not succeed are kept: their marks are wider.
const WIDE: usize = 80;
/// Steps of time of the table.
const COARSE: usize = 12;

/// Where an operation stands in a plot; compared by latency first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Timed {
    ns: i64,
    t: i64,
    id: RowId,
}

/// The latency plot of a test; none when its history is on several clocks.
pub(super) fn of(contract: &Contract, evidence: &Evidence, test: &str) -> Option<LatencyChart> {
    let rows = evidence.rows::<Operation>(test).ok()?;
    rows.clock()?;
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for (_, op) in rows.iter() {
        first = first.min(op.invoke.0);
        last = last.max(op.returned.map_or(op.invoke.0, |r| r.0.max(op.invoke.0)));
    }
    let span = last.saturating_sub(first).max(0);
    let (points, steps) = thin(&rows, first, last);
    let faults = faults(evidence, test, &rows.parts().first()?.clock, first, span);
    let objectives = [("write p99", contract.objectives.write_p99), ("read p99", contract.objectives.read_p99)];
    Some(LatencyChart {
        test: test.to_string(),
        span,
        points,
        of: rows.len() as u64,
        steps,
        faults,
        objectives: objectives.into_iter().filter_map(|(name, o)| Some((name.to_string(), o?.value))).collect(),
    })
}

/// In one pass: the extremes of each step, class and result, and the counts of coarser steps.
fn thin(rows: &Rows<'_, Operation>, first: i64, last: i64) -> (Vec<LatencyPoint>, Vec<LatencyStep>) {
    let span = last.saturating_sub(first).max(1);
    let kinds = [(Class::Read, Outcome::Ok), (Class::Read, Outcome::Fail), (Class::Read, Outcome::Unknown)];
    let kinds: Vec<(Class, Outcome)> = kinds.into_iter().chain(kinds.map(|(_, result)| (Class::Write, result))).collect();
    let width = |result: Outcome| if result == Outcome::Ok { FINE } else { WIDE };
    let mut found: Vec<Vec<Extremes<Timed>>> = kinds.iter().map(|(_, result)| vec![Extremes(None); width(*result)]).collect();
    let coarse = i64::try_from(COARSE).unwrap_or(1);
    let edge = |i: i64| i64::try_from(i128::from(span) * i128::from(i) / i128::from(coarse)).unwrap_or(i64::MAX);
    let mut steps: Vec<LatencyStep> =
        (0..coarse).map(|i| LatencyStep { from: edge(i), to: edge(i + 1), ..LatencyStep::default() }).collect();
    for (id, op) in rows.iter() {
        let class = Class::of(op.op);
        let start = op.scheduled.map_or(op.invoke.0, |s| s.0.min(op.invoke.0));
        let ns = op.returned.map_or(last, |r| r.0).saturating_sub(start).max(0);
        let timed = Timed { ns, t: op.invoke.0.saturating_sub(first), id };
        let kind = usize::from(class == Class::Write) * 3 + op.result as usize;
        if let Some(list) = found.get_mut(kind) {
            let at = step(timed.t, span, list.len());
            list[at].put(timed);
        }
        let here = &mut steps[step(timed.t, span, COARSE)];
        match (op.result, class) {
            (Outcome::Ok, Class::Read) => here.reads.put(ns),
            (Outcome::Ok, Class::Write) => here.writes.put(ns),
            (Outcome::Fail, _) => here.failed += 1,
            (Outcome::Unknown, _) => here.unknown += 1,
        }
    }
    let mut points: Vec<LatencyPoint> = Vec::new();
    for ((class, result), list) in kinds.into_iter().zip(found) {
        for timed in list.into_iter().flat_map(Extremes::items) {
            let line = rows.source(timed.id).line.unwrap_or(0);
            points.push(LatencyPoint { t: timed.t, latency: timed.ns, class: class.word(), result: result.word(), line });
        }
    }
    points.sort_by(|a, b| (a.t, a.class, a.line, a.latency).cmp(&(b.t, b.class, b.line, b.latency)));
    (points, steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Clock, ClockKind, Model, NilRead, Origin, TimeUnit};
    use crate::evidence::record::Record;
    use crate::evidence::table::Table;
    use crate::evidence::{Artifact, Part, State};
    use std::sync::Arc;

    /// One operation: when it was sent, how long it took, whether it was a write, and its outcome.
    type Op = (i64, Option<i64>, bool, Outcome);

    fn evidence(ops: &[Op]) -> Evidence {
        let kind = Operation::KIND;
        let mut table = Table::new(kind.fields.len());
        for (row, (t, took, write, result)) in ops.iter().enumerate() {
            let cells =
                [("client", Some(0)), ("op", Some(i64::from(*write))), ("invoke", Some(*t)), ("return", took.map(|l| t + l))];
            for (name, raw) in cells.into_iter().chain([("result", Some(*result as i64))]) {
                let at = kind.field(name).unwrap();
                if let Some(raw) = raw {
                    table.columns[at].push(row, kind.fields[at].ty, raw);
                }
            }
            table.lines.push(u32::try_from(row + 2).unwrap());
        }
        table.columns.iter_mut().for_each(|c| c.finish(ops.len()));
        let artifact = Artifact {
            path: "h.jsonl".into(),
            sha256: "00".into(),
            bytes: 1,
            records: ops.len() as u64,
            untaken: 0,
            unmapped: Vec::new(),
            synthetic: true,
            lock: None,
            state: State::Whole,
            notes: Vec::new(),
            tests: vec!["t".into()],
        };
        let clock = Clock { kind: ClockKind::Monotonic, id: "x".into(), unit: TimeUnit::Ns };
        let model = Model { name: "register".into(), initial: None, nil_read: NilRead::Absent };
        let part =
            Part { test: "t".into(), kind: "history", artifact: 0, origin: Origin::Client, clock, model, table: Arc::new(table) };
        let mut evidence = Evidence::default();
        (evidence.artifacts, evidence.parts) = (vec![artifact], vec![part]);
        evidence
    }

    #[test]
    fn a_spike_survives_and_every_operation_is_counted() {
        let mut ops: Vec<Op> = (0..100_000).map(|i| (i * 1_000, Some(500 + i % 7), i % 2 == 0, Outcome::Ok)).collect();
        ops[54_321].1 = Some(9_999_999);
        ops[70_000] = (70_000_000, None, true, Outcome::Unknown);
        ops[70_001].3 = Outcome::Fail;
        let evidence = evidence(&ops);
        let rows = evidence.rows::<Operation>("t").unwrap();
        let (points, steps) = thin(&rows, 0, 110_000_000);
        let spike = points.iter().find(|p| p.latency == 9_999_999).unwrap();
        assert_eq!((spike.t, spike.class, spike.line), (54_321_000, "read", 54_323));
        let open = points.iter().find(|p| p.result == "unknown").unwrap();
        assert_eq!((open.latency, open.class), (40_000_000, "write"), "until the end of the run");
        assert_eq!(points.iter().filter(|p| p.result == "fail").count(), 1);
        assert!(points.len() <= 4 * FINE + 8 * WIDE, "{}", points.len());
        let all: u64 = steps.iter().map(|s| s.reads.count + s.writes.count + s.failed + s.unknown).sum();
        assert_eq!((all, steps.len()), (100_000, COARSE));
        assert_eq!(steps.iter().map(|s| s.reads.most).max(), Some(9_999_999));
    }
}
