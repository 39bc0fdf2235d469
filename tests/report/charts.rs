//! Data for the plots that no longer fit into the sample.

use quorate::dossier::*;

const MS: i64 = 1_000_000;

pub fn faults() -> FaultWindows {
    let window = |id: &str, target: &str, start, stop| FaultWindow {
        id: id.into(),
        fault: format!("kill leader {target}"),
        targets: target.into(),
        start: start * MS,
        stop: stop * MS,
    };
    let first = vec![window("f1", "n1", 20_000, 23_000), window("f2", "n3", 48_000, 50_500)];
    let shades = first.iter().map(|f| (f.start, f.stop)).collect();
    FaultWindows { of: first.len() as u64, shades, first }
}

/// All plots but those of latency and of failovers.
pub fn more() -> Charts {
    Charts {
        coverage: Some(CoverageChart {
            models: vec!["crash", "timing"],
            layers: vec!["process", "network"],
            cells: vec![CoverageCell { model: "crash", layer: "process", tests: vec!["leader-crash".into()] }],
            assumptions: vec![AssumptionRow { assumption: "process crash".into(), tests: vec!["leader-crash".into()] }],
            without_fault: vec!["baseline".into()],
        }),
        examples: vec![example()],
        fencing: vec![fencing()],
        takeovers: vec![takeover()],
        commits: vec![commits()],
        duplicates: Some(DuplicateChart {
            rates: vec![RatePoint {
                rate: Some(50_000),
                system: Some(ShareBar { count: 0, of: 250, lower: 0, upper: 14_647 }),
                baseline: Some(ShareBar { count: 8, of: 250, lower: 13_913, upper: 62_097 }),
            }],
            confidence: "95".into(),
        }),
        percentiles: vec![PercentileChart {
            test: "leader-crash".into(),
            curves: vec![curve("write", 9), curve("read", 3)],
            confidence: "95".into(),
            objectives: vec![("write".into(), 180 * MS), ("read".into(), 90 * MS)],
        }],
        budget: Some(BudgetChart {
            slo: "99.9".into(),
            window: 30 * 86_400_000 * MS,
            allowed: "2592".into(),
            share: 50_000,
            steps: vec![BudgetStep {
                test: "leader-crash".into(),
                failover: "f1: n1 to n3".into(),
                longest: 2_600 * MS,
                takes: 1_004,
                left: 998_996,
            }],
            of: 1,
            all: 1_004,
        }),
        ..Charts::default()
    }
}

fn curve(class: &'static str, base: i64) -> Curve {
    let at = |tail: u64, factor: i64| Quantile {
        tail,
        value: Some(base * factor * MS),
        lower: Some(base * factor * MS * 9 / 10),
        upper: (tail < 1_000).then_some(base * factor * MS * 11 / 10),
    };
    let quantiles = vec![at(2, 1), at(10, 2), at(20, 3), at(100, 6), at(1_000, 9)];
    Curve { class, scope: "whole run", judged: true, n: 2_480, quantiles, worst: base * 10 * MS, endless: false }
}

fn example() -> ExampleChart {
    let op = |process: &str, what: &str, version, invoke: i64, returned: Option<i64>, mark| ExampleOp {
        process: process.into(),
        what: what.into(),
        version,
        invoke: invoke * MS,
        returned: returned.map(|t| t * MS),
        result: if returned.is_some() { "ok" } else { "unknown" },
        mark,
        path: "leader-crash/history.jsonl".into(),
        line: 40 + u64::try_from(invoke).unwrap_or(0),
    };
    ExampleChart {
        gate: "consistency.linearizable".into(),
        test: "leader-crash".into(),
        key: Some("k3".into()),
        why: "a read returned a value that had been overwritten before the read was invoked".into(),
        operations: vec![
            op("c1", "write 41", Some(17), 0, Some(8), "involved"),
            op("c4", "write 43", None, 3, None, "nearby"),
            op("c2", "write 42", Some(18), 21, Some(29), "involved"),
            op("c5", "read 42", Some(18), 30, Some(34), "nearby"),
            op("c3", "read 41", Some(17), 412, Some(415), "impossible"),
        ],
        left_out: 3,
        of: 36_211,
    }
}

fn fencing() -> FencingChart {
    let lane = |epoch, holder: &str, granted: i64, ended: Option<i64>| EpochLane {
        resource: "ledger".into(),
        job: None,
        epoch,
        holder: holder.into(),
        granted: Some(granted * MS),
        ended: ended.map(|t| t * MS),
        tries: vec![
            Try { t: (granted + 900) * MS, kind: "accepted" },
            Try { t: (granted + 26_000) * MS, kind: if ended.is_some() { "stale-rejected" } else { "accepted" } },
        ],
        accepted: 40,
        stale_rejected: u64::from(ended.is_some()),
        stale_accepted: 0,
        other_rejected: 0,
    };
    FencingChart {
        test: "leader-crash".into(),
        span: 70_000 * MS,
        from_operation: true,
        lanes: vec![lane(41, "n1", 0, Some(23_000)), lane(42, "n3", 23_000, None)],
        of_lanes: 2,
        decisions: 81,
        stale: 1,
        stale_accepted: 0,
        faults: faults(),
    }
}

fn takeover() -> TakeoverChart {
    let doing = |t: i64, by_old, what, epoch, command: &str| Doing {
        t: t * MS,
        by_old,
        what,
        epoch,
        command: command.into(),
        lease_until: (what == "claim").then_some((t + 80) * MS),
        line: 7,
    };
    TakeoverChart {
        test: "leader-crash".into(),
        resource: "ledger".into(),
        job: Some("job-7".into()),
        old: "w1".into(),
        new: "w2".into(),
        deeds: vec![
            doing(0, true, "claim", 1, ""),
            doing(83, false, "claim", 2, ""),
            doing(115, false, "accepted", 2, "c2"),
            doing(156, true, "rejected", 1, "c1"),
        ],
        left_out: 0,
        late: 3,
        fault: Some(("f1".into(), "stall".into())),
        of: 8,
    }
}

fn commits() -> CommitChart {
    let line = |member: &str, silent: bool| MemberLine {
        member: member.into(),
        points: (0..15)
            .map(|i| CommitPoint { t: i * 5_000 * MS, index: (!silent || i != 5).then_some(12_000 + i * 30) })
            .collect(),
        of: 140,
        silent: u64::from(silent),
        falls: 0,
        led: vec![LeaderSpan { from: 0, to: 20_000 * MS, term: Some(4) }; usize::from(silent)],
    };
    CommitChart {
        test: "leader-crash".into(),
        span: 70_000 * MS,
        from_operation: true,
        members: vec![line("n1", true), line("n2", false), line("n3", false)],
        of_members: 3,
        faults: faults(),
    }
}

/// Puts hostile words wherever evidence could.
pub fn poison(charts: &mut Charts, evil: &str) {
    for chart in &mut charts.examples {
        (chart.test, chart.key, chart.why) = (evil.into(), Some(evil.into()), evil.into());
        for op in &mut chart.operations {
            (op.process, op.what, op.path) = (evil.into(), evil.into(), evil.into());
        }
    }
    for lane in charts.fencing.iter_mut().flat_map(|c| &mut c.lanes) {
        (lane.resource, lane.job, lane.holder) = (evil.into(), Some(evil.into()), evil.into());
    }
    for chart in &mut charts.takeovers {
        (chart.old, chart.new, chart.resource, chart.fault) =
            (evil.into(), evil.into(), evil.into(), Some((evil.into(), evil.into())));
        chart.deeds.iter_mut().for_each(|d| d.command = evil.into());
    }
    for chart in &mut charts.commits {
        chart.members.iter_mut().for_each(|m| m.member = evil.into());
        chart.faults.first.iter_mut().for_each(|f| (f.id, f.fault, f.targets) = (evil.into(), evil.into(), evil.into()));
    }
    for test in charts.percentiles.iter_mut().map(|c| &mut c.test).chain(charts.fencing.iter_mut().map(|c| &mut c.test)) {
        *test = evil.into();
    }
    for step in charts.budget.iter_mut().flat_map(|b| &mut b.steps) {
        (step.test, step.failover) = (evil.into(), evil.into());
    }
    if let Some(chart) = &mut charts.coverage {
        chart.assumptions.iter_mut().for_each(|a| a.assumption = evil.into());
        chart.cells.iter_mut().for_each(|c| c.tests = vec![evil.into()]);
    }
}
