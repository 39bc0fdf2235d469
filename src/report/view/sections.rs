//! The ten sections of the deliverable, in its order. Which gate stands in which section is a table.

use super::charts::{self, Plot};
use super::gates::{Block, block};
use super::{Grid, Mark, Pair, coverage, judged, pair, shown};
use crate::contract::PLAN_ITEMS;
use crate::dossier::{Dossier, GateFacts, TestFacts};
use crate::exact::millis;
use crate::report::chart::Chart;
use crate::report::text::{count, group, line, name, or_dash};
use crate::verdict::Verdict;
use serde::Serialize;

/// One section.
#[derive(Debug, Serialize)]
pub struct Section {
    number: usize,
    /// The worst verdict of its gates, when it has any.
    mark: Option<Mark>,
    /// `6 of 7 gates passed`.
    tally: String,
    title: &'static str,
    about: &'static str,
    declared: Vec<Declared>,
    tables: Vec<Grid>,
    /// What is missing, and why.
    absent: Vec<String>,
    charts: Vec<Plot>,
    gates: Vec<Block>,
}

/// Declared values under a heading.
#[derive(Debug, Serialize)]
pub struct Declared {
    title: String,
    rows: Vec<Pair>,
    /// How many rows are shown of how many; empty when all are.
    note: String,
}

/// A section as data: title, what it is about, the declarations (by the start of their heading) and the record kinds that belong to it.
struct Plan {
    title: &'static str,
    about: &'static str,
    declared: &'static [&'static str],
    kinds: &'static [&'static str],
}

const PLAN: [Plan; 10] = [
    Plan {
        title: "Consistency contract and endpoints covered",
        about: "What the service promises to those who call it, as declared before the tests ran.",
        declared: &["Locks", "Endpoint", "Protected resource", "Load", "Objectives"],
        kinds: &[],
    },
    Plan {
        title: "Cluster topology, quorum size, membership rule and fault assumptions",
        about: "Who votes, how many must agree, and which faults the promises are meant to survive.",
        declared: &["Cluster"],
        kinds: &[],
    },
    Plan {
        title: "Test matrix with fault injection method and expected outcome",
        about: "How each promise was attacked, and what was expected before it was.",
        declared: &["Scenarios", "Families", "Clock skews"],
        kinds: &["run", "faults", "scenarios"],
    },
    Plan {
        title: "Operation history and linearizability check",
        about: "Whether one order of all operations explains what every client saw.",
        declared: &[],
        kinds: &["history"],
    },
    Plan {
        title: "Fencing-token evidence from the protected resource",
        about: "Whether stale authority was turned away where it matters: at the resource.",
        declared: &[],
        kinds: &["fencing", "epochs"],
    },
    Plan {
        title: "Commit-index continuity before and after failover",
        about: "Whether what was committed stayed committed across every change of leader.",
        declared: &[],
        kinds: &["log", "progress", "members"],
    },
    Plan {
        title: "Replay and duplicate-command audit",
        about: "Whether recovery applies every committed command once, and in time.",
        declared: &[],
        kinds: &["replay", "applied", "attempts", "votes"],
    },
    Plan {
        title: "p95, p99 and worst observed latency during tests",
        about: "How long clients waited, with faults and without. Percentiles are never averaged.",
        declared: &[],
        kinds: &["latency", "history"],
    },
    Plan {
        title: "Error-budget impact and rollback trigger",
        about: "What a failover costs, and what would make us go back.",
        declared: &["Error budget", "Rollback", "Declared failover phases", "Health probe"],
        kinds: &["phases", "probes", "telemetry"],
    },
    Plan {
        title: "Residual risks and release decision",
        about: "What remains open, whether the evidence itself is sound, and what follows for the release.",
        declared: &[],
        kinds: &[],
    },
];

/// The section of a gate, by the longest start of its id that is listed; the last section when none is.
const PLACES: [(&str, usize); 20] = [
    ("contract.endpoints-complete", 1),
    ("contract.declared-before-run", 1),
    ("contract.fault-models-covered", 2),
    ("contract.rollback-declared", 9),
    ("contract.", 3),
    ("quorum.", 2),
    ("log.membership", 2),
    ("log.", 6),
    ("partition.", 3),
    ("scenarios.", 3),
    ("consistency.", 4),
    ("fencing.", 5),
    ("recovery.replay", 7),
    ("recovery.", 9),
    ("commands.", 7),
    ("atomic-commit.", 7),
    ("votes.", 7),
    ("latency.", 8),
    ("budget.", 9),
    ("telemetry.", 9),
];

fn place(gate: &str) -> usize {
    let fits = PLACES.iter().filter(|p| gate.starts_with(p.0));
    fits.max_by_key(|p| p.0.len()).map_or(PLAN.len(), |p| p.1)
}

pub(super) fn sections(dossier: &Dossier, all: &[Chart]) -> Vec<Section> {
    (1..=PLAN.len()).map(|number| section(number, dossier, all)).collect()
}

fn section(number: usize, dossier: &Dossier, all: &[Chart]) -> Section {
    let plan = &PLAN[number - 1];
    let here: Vec<&GateFacts> = judged(dossier).filter(|g| place(&g.id) == number).collect();
    let mut absent = Vec::new();
    let mut tables = Vec::new();
    if number == 3 {
        tables.push(tests(dossier));
        tables.extend(plan_items(dossier));
        tables.extend(coverage::tables(dossier));
    }
    if number == 8 {
        tables.extend(latencies(dossier));
    }
    match records(dossier, plan.kinds, !here.is_empty()) {
        Some(table) => tables.push(table),
        None if plan.kinds.is_empty() => {}
        None => absent.push(format!("No test brought records of {}.", plan.kinds.join(", "))),
    }
    let charts = charts::of(all, number);
    absent.extend(no_plot(number, charts.is_empty()));
    let declared = dossier.declared.iter().filter(|d| plan.declared.iter().any(|start| d.title.starts_with(start)));
    if here.is_empty() {
        absent.push("No gate of this section was judged: the profile asks for none, or all are excluded.".into());
    }
    Section {
        number,
        mark: here.iter().map(|g| g.verdict).max().map(Mark::of),
        tally: tally(&here),
        title: plan.title,
        about: plan.about,
        declared: declared
            .map(|d| Declared {
                title: line(&d.title),
                rows: d.rows.iter().take(MOST_DECLARED).map(|(k, v)| pair(k, v)).collect(),
                note: shown(MOST_DECLARED, d.rows.len(), "row", "rows"),
            })
            .take(MOST_DECLARED)
            .collect(),
        tables,
        absent,
        charts,
        gates: here.into_iter().map(block).collect(),
    }
}

/// The most declarations of a section, and the most values of one.
const MOST_DECLARED: usize = 60;

fn tally(gates: &[&GateFacts]) -> String {
    let passed = gates.iter().filter(|g| g.verdict == Verdict::Pass).count() as u64;
    let all = gates.len() as u64;
    match all {
        0 => String::new(),
        1 => if passed == 1 { "its one gate passed" } else { "its one gate did not pass" }.into(),
        _ if passed == all => format!("all {} passed", count(all, "gate", "gates")),
        _ => format!("{} of {} passed", group(passed), count(all, "gate", "gates")),
    }
}

fn no_plot(number: usize, none: bool) -> Option<String> {
    let why = match number {
        8 => "No plot of latency over time: the evidence holds no whole history of timed operations.",
        9 => "No plot of failover phases: the evidence holds no failover whose phases were measured.",
        _ => return None,
    };
    none.then(|| why.to_string())
}

fn tests(dossier: &Dossier) -> Grid {
    let row = |t: &TestFacts| {
        vec![
            if t.baseline { format!("{} (unprotected baseline)", name(&t.id)) } else { name(&t.id) },
            or_dash(&t.fault),
            or_dash(&t.method),
            or_dash(&format!("{}, {}", t.model, t.layer)),
            or_dash(&t.expected),
            or_dash(&t.requires.join(", ")),
        ]
    };
    let head = ["test", "fault", "injected by", "model, layer", "expected outcome", "required evidence"];
    let caption = format!("Test matrix: {}", count(dossier.tests.len() as u64, "test", "tests"));
    Grid::new(caption, head, dossier.tests.iter().map(row).collect())
}

/// The ten plan items and the tests that cover them; nothing where the gate that asks for them was not asked for and no test names one.
fn plan_items(dossier: &Dossier) -> Option<Grid> {
    let asked = judged(dossier).any(|g| g.id == "contract.plan-covered") || dossier.tests.iter().any(|t| !t.plan.is_empty());
    if !asked {
        return None;
    }
    let row = |item: &(&str, &str)| {
        let tests: Vec<String> =
            dossier.tests.iter().filter(|t| t.plan.iter().any(|p| p == item.0)).map(|t| name(&t.id)).collect();
        vec![
            item.0.to_string(),
            item.1.to_string(),
            if tests.is_empty() { "✖ not covered by any test".into() } else { line(&tests.join(", ")) },
        ]
    };
    let caption = "Release test plan: which test covers which item";
    Some(Grid::new(caption, ["plan item", "what it asks", "tests"], PLAN_ITEMS.iter().map(row).collect()))
}

/// What each test measured: percentiles by nearest rank, the upper bound of p99, and the worst; none where no history could be timed.
fn latencies(dossier: &Dossier) -> Option<Grid> {
    let charts = &dossier.charts.percentiles;
    let confidence = &charts.first()?.confidence;
    let mut rows = Vec::new();
    for chart in charts {
        for curve in &chart.curves {
            let at = |tail: u64| curve.quantiles.iter().find(|q| q.tail == tail);
            let told = |tail: u64| at(tail).map_or("too few".into(), |q| q.value.map_or("endless".into(), millis));
            let objective = chart.objectives.iter().find(|o| curve.judged && o.0 == curve.class);
            rows.push(vec![
                name(&chart.test),
                format!("{}s, {}", curve.class, curve.scope),
                group(curve.n),
                told(20),
                told(100),
                at(100).and_then(|q| q.upper).map_or("not bounded".into(), millis),
                objective.map_or("–".into(), |o| millis(o.1)),
                if curve.endless { format!("at least {}", millis(curve.worst)) } else { millis(curve.worst) },
            ]);
        }
    }
    let bound = format!("p99 at most, one-sided {confidence} %");
    let head = ["test", "operations, scope", "n", "p95", "p99", bound.as_str(), "objective of p99", "worst"];
    let caption =
        "Latency of each test in ms: p95 and p99 by nearest rank, and the worst. Operations without an answer count as endless";
    Some(Grid::new(caption, head, rows))
}

/// How many records of some kinds each test brought; `None` when none did.
fn records(dossier: &Dossier, kinds: &[&str], judged_here: bool) -> Option<Grid> {
    let brought = |t: &TestFacts, kind: &str| t.records.iter().filter(|r| r.0 == kind).map(|r| r.1).sum::<u64>();
    let kinds: Vec<&str> = kinds.iter().copied().filter(|k| dossier.tests.iter().any(|t| brought(t, k) > 0)).collect();
    if kinds.is_empty() {
        return None;
    }
    let row = |t: &TestFacts| {
        let mut row = vec![name(&t.id)];
        row.extend(kinds.iter().map(|k| group(brought(t, k))));
        row
    };
    let with = |t: &&TestFacts| kinds.iter().any(|k| brought(t, k) > 0);
    let mut head = vec!["test".to_string()];
    head.extend(kinds.iter().map(|k| format!("{k} records")));
    Some(Grid::of(
        if judged_here { "Records judged here" } else { "Records read" }.into(),
        head,
        dossier.tests.iter().filter(with).map(row).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_have_their_places() {
        let cases = [("log.membership", 2), ("log.no-loss", 6), ("recovery.replay-fits", 7), ("recovery.failover-time", 9)];
        for (gate, number) in cases {
            assert_eq!(place(gate), number, "{gate}");
        }
        let lost: Vec<&str> = crate::gate::gates().into_iter().filter(|g| place(g.id) == 10).map(|g| g.family()).collect();
        assert!(lost.iter().all(|family| *family == "integrity"), "only integrity has its place in the last section: {lost:?}");
        assert_eq!(place("integrity.artifacts"), 10);
        assert_eq!(place("contract.plan-covered"), 3);
    }
}
