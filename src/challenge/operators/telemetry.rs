//! Violations of telemetry: counters that disagree with recounts, broken invariants, clocks that jump, series that flood or forge.

use crate::challenge::Places;
use crate::challenge::scene::{Change, Operator, Scene, Wants, again, gone, set, text};
use crate::evidence::RowId;
use crate::evidence::edit::{Cell, Edit};
use crate::evidence::kinds::{Application, ApplySource, Decision, Operation, Point, Recovery, Sample};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::judge::telemetry::{Line, lines};
use std::collections::BTreeMap;

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "refusals-miscounted",
        does: "the counter of refusals counted one more than clients and the resource saw",
        wants: Wants::Fail,
        gates: &["telemetry.agrees"],
        change: Change::Rows(refusals),
    },
    Operator {
        id: "replay-miscounted",
        does: "the counter of replayed entries counted one more than were replayed",
        wants: Wants::Fail,
        gates: &["telemetry.agrees"],
        change: Change::Rows(replays),
    },
    Operator {
        id: "invariant-broken",
        does: "a series that operators watch goes above its limit",
        wants: Wants::Fail,
        gates: &["telemetry.invariants"],
        change: Change::Rows(above),
    },
    Operator {
        id: "invariant-unrecorded",
        does: "a series that operators watch was not recorded",
        wants: Wants::NoPass,
        gates: &["telemetry.invariants"],
        change: Change::Rows(unrecorded),
    },
    Operator {
        id: "sample-time-falls",
        does: "the clock of a series goes back between two samples",
        wants: Wants::Fail,
        gates: &["telemetry.clock"],
        change: Change::Rows(time_falls),
    },
    Operator {
        id: "member-time-falls",
        does: "the clock of a member goes back between two samples",
        wants: Wants::Fail,
        gates: &["telemetry.clock"],
        change: Change::Rows(member_time_falls),
    },
    Operator {
        id: "effect-before-cause",
        does: "a command takes effect before it is sent",
        wants: Wants::Fail,
        gates: &["telemetry.clock"],
        change: Change::Rows(early),
    },
    Operator {
        id: "telemetry-on-another-clock",
        does: "telemetry is timed by another clock than the operations",
        wants: Wants::NoPass,
        gates: &["telemetry.clock"],
        change: Change::Rows(|scene, places| {
            if let Some((first, _)) = scene.all::<Point>().first() {
                places.offer(*first, || vec![Edit::Clock(Point::KIND.name)]);
            }
        }),
    },
    Operator {
        id: "label-forged",
        does: "a label carries a character that clears a terminal's line",
        wants: Wants::Fail,
        gates: &["telemetry.bounded"],
        change: Change::Rows(forged),
    },
    Operator {
        id: "series-flooded",
        does: "a series has one set of labels more than the contract allows",
        wants: Wants::Fail,
        gates: &["telemetry.bounded"],
        change: Change::Rows(flooded),
    },
];

const ONE: i64 = 1_000_000;

fn series(scene: &Scene<'_>, name: &str) -> Vec<Line> {
    let (Some(sym), Ok(rows)) = (scene.find(name), scene.cx.rows::<Point>()) else { return Vec::new() };
    lines(&rows, |series| series == sym)
}

/// From each sample but the first on, one more.
fn one_more(places: &mut Places, list: &[Line]) {
    for line in list {
        for from in 1..line.samples.len() {
            let more =
                || line.samples[from..].iter().map(|s| set::<Point>(s.id, [("value", s.micro.saturating_add(ONE))])).collect();
            places.offer(line.samples[from].id, more);
        }
    }
}

fn refusals(scene: &Scene<'_>, places: &mut Places) {
    if !scene.all::<Operation>().is_empty() && !scene.all::<Decision>().is_empty() {
        one_more(places, &series(scene, "commands_rejected_total"));
    }
}

fn replays(scene: &Scene<'_>, places: &mut Places) {
    let all = scene.all::<Recovery>();
    if !all.is_empty() && all.iter().all(|(_, r)| r.finished.is_some()) {
        one_more(places, &series(scene, "replay_entries_total"));
    }
}

/// The series that operators watch, each with a value above its limit in millionths.
fn watched(scene: &Scene<'_>) -> Vec<(Vec<Line>, i64)> {
    let (limits, objectives) = (&scene.contract().telemetry, &scene.contract().objectives);
    let over = |limit: i64| limit.saturating_add(1).saturating_mul(ONE);
    let whole = |n: u64| i64::try_from(n).ok();
    let rehearsed = scene.contract().rollback.as_ref().is_some_and(|r| {
        r.metric == "leader_changes_per_minute" && r.rehearsal.as_ref().is_some_and(|t| t.value == scene.cx.test.id.value)
    });
    let changes = limits.leader_changes.filter(|_| !rehearsed).and_then(|l| i64::try_from(l.floor()).ok());
    let acks = limits.quorum_acks_p99.or(objectives.write_p99.as_ref().map(|w| w.value));
    let mut found = Vec::new();
    for (name, limit) in [
        ("leader_changes_per_minute", changes),
        ("snapshot_install_failures", whole(limits.snapshot_failures)),
        ("rejected_requests_due_to_admission_control", limits.admission_rejections.and_then(whole)),
        ("quorum_acks_latency_p99_seconds", acks.map(|l| l / 1_000_000_000)),
        ("quorum_acks_latency_p99_ms", acks.map(|l| l / 1_000_000)),
        ("quorum_acks_latency_p99_us", acks.map(|l| l / 1_000)),
        ("quorum_acks_latency_p99_ns", acks),
    ] {
        found.extend(limit.map(|limit| (series(scene, name), over(limit))));
    }
    found.push((series(scene, "commit_index_monotonic"), 0));
    found
}

fn above(scene: &Scene<'_>, places: &mut Places) {
    for (list, value) in watched(scene) {
        for sample in list.iter().flat_map(|l| &l.samples) {
            places.offer(sample.id, || vec![set::<Point>(sample.id, [("value", value)])]);
        }
    }
    for pair in series(scene, "commit_index").iter().flat_map(|l| l.samples.windows(2)) {
        places.offer(pair[1].id, || vec![set::<Point>(pair[1].id, [("value", pair[0].micro - ONE)])]);
    }
}

fn unrecorded(scene: &Scene<'_>, places: &mut Places) {
    let index = [series(scene, "commit_index_monotonic"), series(scene, "commit_index")].concat();
    let mut all: Vec<Vec<Line>> = watched(scene).into_iter().map(|(list, _)| list).collect();
    all.pop();
    all.push(index);
    for list in all {
        let rows: Vec<RowId> = list.iter().flat_map(|l| &l.samples).map(|s| s.id).collect();
        if let Some(first) = rows.iter().min() {
            places.offer(*first, || rows.iter().map(|row| gone::<Point>(*row)).collect());
        }
    }
}

fn time_falls(scene: &Scene<'_>, places: &mut Places) {
    let mut last: BTreeMap<(Sym, Option<Sym>), i64> = BTreeMap::new();
    let Ok(rows) = scene.cx.rows::<Point>() else { return };
    for (row, p) in rows.iter().filter(|_| rows.files().len() == 1) {
        if let Some(before) = last.insert((p.series, p.labels), p.t.0) {
            places.offer(row, || vec![set::<Point>(row, [("t", before - 1)])]);
        }
    }
}

fn member_time_falls(scene: &Scene<'_>, places: &mut Places) {
    let mut last: BTreeMap<Sym, i64> = BTreeMap::new();
    let Ok(rows) = scene.cx.rows::<Sample>() else { return };
    for (row, s) in rows.iter().filter(|_| rows.files().len() == 1) {
        if let Some(before) = last.insert(s.member, s.t_lo.0) {
            places.offer(row, || vec![set::<Sample>(row, [("t-lo", before - 1)])]);
        }
    }
}

fn early(scene: &Scene<'_>, places: &mut Places) {
    let Ok(history) = scene.cx.rows::<Operation>() else { return };
    let mut sent: BTreeMap<Sym, i64> = BTreeMap::new();
    for (_, op) in history.iter() {
        let Some(command) = op.command_id else { continue };
        let first = sent.entry(command).or_insert(op.invoke.0);
        *first = op.invoke.0.min(*first);
    }
    let before = |command: Sym| -> Option<Vec<Cell>> { Some(vec![("t", sent.get(&command)? - 1)]) };
    if scene.cx.rows::<Decision>().is_ok_and(|rows| rows.clock().is_some() && rows.clock() == history.clock()) {
        for (row, cells) in scene.all::<Decision>().into_iter().filter_map(|(row, d)| Some((row, before(d.command_id?)?))) {
            places.offer(row, || vec![set::<Decision>(row, cells)]);
        }
    }
    if scene.cx.rows::<Application>().is_ok_and(|rows| rows.clock().is_some() && rows.clock() == history.clock()) {
        let live = |a: &Application| a.t.is_some() && a.source != Some(ApplySource::Replay);
        let all = scene.all::<Application>().into_iter().filter(|(_, a)| live(a));
        for (row, cells) in all.filter_map(|(row, a)| Some((row, before(a.command_id)?))) {
            places.offer(row, || vec![set::<Application>(row, cells)]);
        }
    }
}

fn forged(scene: &Scene<'_>, places: &mut Places) {
    for (row, p) in scene.all::<Point>() {
        places.offer(row, || {
            let label = p.labels.map_or("", |l| scene.evidence().text(l));
            vec![Edit::Text(Point::KIND.name, row, "labels", format!("{label}\u{1b}[2K"))]
        });
    }
}

/// Any texts of the evidence serve as labels.
fn flooded(scene: &Scene<'_>, places: &mut Places) {
    let cap = usize::try_from(scene.contract().telemetry.label_sets).unwrap_or(usize::MAX);
    if cap >= scene.evidence().symbols.len() {
        return;
    }
    for (row, _) in scene.all::<Point>() {
        let labels = || (0..=cap).filter_map(|i| u32::try_from(i).ok());
        places.offer(row, || labels().map(|i| again::<Point>(row, 1, [("labels", text(Sym(i)))])).collect());
    }
}
