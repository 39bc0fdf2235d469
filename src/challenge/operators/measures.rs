//! Violations of what is measured: latency, load, retries, the error budget and telemetry.

use crate::challenge::scene::{Change, Operator, Scene, Wants, again, set};
use crate::contract::{Comparison, Trigger};
use crate::evidence::RowId;
use crate::evidence::edit::{Cell, Edit};
use crate::evidence::kinds::{Attempt, Decision, Injection, OpKind, Operation, Outcome, Phase, PhaseName, Point, Run};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::judge::telemetry::{Line, lines};
use std::collections::BTreeSet;

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "slow-writes",
        does: "one write in twenty takes longer than the objective of p99",
        wants: Wants::Fail,
        gates: &["latency.write-p99"],
        change: Change::Rows(|scene, places| places.offer_all(slow(scene, false))),
    },
    Operator {
        id: "slow-reads",
        does: "one read in twenty takes longer than the objective of p99",
        wants: Wants::Fail,
        gates: &["latency.read-p99"],
        change: Change::Rows(|scene, places| places.offer_all(slow(scene, true))),
    },
    Operator {
        id: "load-stopped-halfway",
        does: "the load window lasts twice as long as load was offered",
        wants: Wants::Fail,
        gates: &["latency.load-held"],
        change: Change::Rows(|scene, places| places.offer_all(load_stopped(scene))),
    },
    Operator {
        id: "run-on-another-clock",
        does: "the load window is timed by another clock than the operations",
        wants: Wants::NoPass,
        gates: &["latency.load-held"],
        change: Change::Rows(|scene, places| {
            if !scene.all::<Run>().is_empty() {
                places.offer_all(vec![vec![Edit::Clock(Run::KIND.name)]]);
            }
        }),
    },
    Operator {
        id: "retry-storm",
        does: "a client tries one command again and again while a fault lasts",
        wants: Wants::Fail,
        gates: &["latency.tail-shift"],
        change: Change::Rows(|scene, places| places.offer_all(retry_storm(scene))),
    },
    Operator {
        id: "budget-eaten",
        does: "a failover lasts a whole window of the error budget",
        wants: Wants::Fail,
        gates: &["budget.consumed"],
        change: Change::Rows(|scene, places| places.offer_all(budget_eaten(scene))),
    },
    Operator {
        id: "trigger-fires-unrehearsed",
        does: "the rollback metric meets its trigger all through a test that is no rehearsal",
        wants: Wants::Fail,
        gates: &["budget.rollback-trigger"],
        change: Change::Rows(|scene, places| places.offer_all(trigger(scene, true))),
    },
    Operator {
        id: "trigger-silent",
        does: "the rollback metric never meets its trigger in the rehearsal",
        wants: Wants::NoPass,
        gates: &["budget.rollback-trigger"],
        change: Change::Rows(|scene, places| places.offer_all(trigger(scene, false))),
    },
    Operator {
        id: "counter-one-too-high",
        does: "a counter counted one more than happened",
        wants: Wants::Fail,
        gates: &["telemetry.distinguishes", "telemetry.agrees"],
        change: Change::Rows(|scene, places| places.offer_all(counter_too_high(scene))),
    },
    Operator {
        id: "counter-falls",
        does: "a counter falls between two samples",
        wants: Wants::NoPass,
        gates: &["telemetry.distinguishes"],
        change: Change::Rows(|scene, places| places.offer_all(counter_falls(scene))),
    },
];

const MICRO: i64 = 1_000_000;

fn slow(scene: &Scene<'_>, reads: bool) -> Vec<Vec<Edit>> {
    const EVERY: usize = 20;
    let objectives = &scene.contract().objectives;
    let limit = if reads { &objectives.read_p99 } else { &objectives.write_p99 };
    let Some(limit) = limit.as_ref().map(|l| l.value) else { return Vec::new() };
    let ended = |op: &Operation| (op.op == OpKind::Read) == reads && op.result == Outcome::Ok && op.returned.is_some();
    let all: Vec<(RowId, Operation)> = scene.all::<Operation>().into_iter().filter(|(_, op)| ended(op)).collect();
    let late = |op: &Operation| op.invoke.0.saturating_add(limit).saturating_add(limit / 10);
    let from = |start: usize| {
        let chosen = all.iter().skip(start).step_by(EVERY);
        chosen.map(|(id, op)| set::<Operation>(*id, [("return", late(op))])).collect()
    };
    (0..EVERY.min(all.len())).map(from).collect()
}

fn load_stopped(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let longer = |r: &Run| {
        let more = r.stop_hi.0.saturating_sub(r.start_lo.0);
        [("stop-lo", r.stop_lo.0.saturating_add(more)), ("stop-hi", r.stop_hi.0.saturating_add(more))]
    };
    scene.all::<Run>().into_iter().map(|(id, r)| vec![set::<Run>(id, longer(&r))]).collect()
}

fn retry_storm(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let Some(bound) = scene.contract().objectives.retry_amplification else { return Vec::new() };
    let bound = usize::try_from(bound.floor()).unwrap_or(0) + 1;
    let history = scene.all::<Operation>();
    let mut sites = Vec::new();
    for (_, fault) in scene.all::<Injection>() {
        let (start, stop) = (fault.start_lo.0, fault.stop_hi.map_or(i64::MAX, |s| s.0));
        let flying = |op: &Operation| op.invoke.0 <= stop && op.returned.is_none_or(|r| r.0 >= start);
        let commands: BTreeSet<(Sym, Sym)> =
            history.iter().filter(|(_, op)| flying(op)).filter_map(|(_, op)| Some((op.client, op.command_id?))).collect();
        let sent = scene.all::<Attempt>().into_iter().filter(|(_, a)| commands.contains(&(a.client, a.command_id)));
        let sent = sent.filter(|(_, a)| a.result != crate::evidence::kinds::AttemptResult::NotSent);
        sites.extend(sent.map(|(id, _)| vec![again::<Attempt>(id, bound * commands.len(), [])]));
    }
    sites
}

fn budget_eaten(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let Some(window) = scene.contract().budget.as_ref().map(|b| b.window) else { return Vec::new() };
    let last = scene.all::<Phase>().into_iter().filter(|(_, p)| p.phase == PhaseName::CatchUp);
    let longer = |p: &Phase| [("stop-lo", p.stop_lo.0.saturating_add(window)), ("stop-hi", p.stop_hi.0.saturating_add(window))];
    last.map(|(id, p)| vec![set::<Phase>(id, longer(&p))]).collect()
}

/// A value, in millionths, that meets a trigger or does not.
fn value(trigger: &Trigger, meets: bool) -> Option<i64> {
    let whole = i64::try_from(trigger.threshold.floor()).ok()?.checked_mul(MICRO)?;
    let rising = matches!(trigger.comparison, Comparison::Above | Comparison::AtLeast);
    let away = MICRO.saturating_mul(2);
    Some(if rising == meets { whole.saturating_add(away) } else { whole.saturating_sub(away) })
}

fn trigger(scene: &Scene<'_>, fires: bool) -> Vec<Vec<Edit>> {
    let Some(rollback) = &scene.contract().rollback else { return Vec::new() };
    let rehearsal = rollback.rehearsal.as_ref().is_some_and(|r| r.value == scene.cx.test.id.value);
    let (Some(metric), Ok(rows)) = (scene.find(&rollback.metric), scene.cx.rows::<Point>()) else { return Vec::new() };
    let Some(to) = value(&rollback.trigger, fires).filter(|_| rehearsal != fires) else { return Vec::new() };
    let lines = lines(&rows, |series| series == metric);
    let spans = |l: &&Line| l.samples.first().zip(l.samples.last()).is_some_and(|(a, b)| b.t - a.t >= rollback.trigger.hold);
    let cells = |line: &Line| line.samples.iter().map(|s| set::<Point>(s.id, [("value", to)])).collect::<Vec<Edit>>();
    if fires { lines.iter().filter(spans).map(cells).collect() } else { vec![lines.iter().flat_map(cells).collect()] }
}

/// The counters that other evidence of the test recounts.
fn recounted(scene: &Scene<'_>) -> Vec<Line> {
    let Ok(rows) = scene.cx.rows::<Point>() else { return Vec::new() };
    let decisions = scene.all::<Decision>();
    let stale = !decisions.is_empty() && decisions.iter().all(|(_, d)| d.current_epoch.is_some());
    let known = [
        ("commands_original_total", !scene.all::<Operation>().is_empty()),
        ("commands_retry_total", !scene.all::<Attempt>().is_empty()),
        ("stale_leader_attempts_total", stale),
    ];
    let wanted: Vec<Sym> = known.iter().filter(|k| k.1).filter_map(|k| scene.find(k.0)).collect();
    lines(&rows, |series| wanted.contains(&series))
}

/// From each sample but the first on, one more.
fn counter_too_high(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let mut sites = Vec::new();
    for line in recounted(scene) {
        for from in 1..line.samples.len() {
            let more = line.samples[from..].iter().map(|s| set::<Point>(s.id, [("value", s.micro.saturating_add(MICRO))]));
            sites.push(more.collect());
        }
    }
    sites
}

fn counter_falls(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let mut sites = Vec::new();
    for line in recounted(scene) {
        for pair in line.samples.windows(2) {
            let cell: Cell = ("value", pair[0].micro - MICRO);
            sites.push(vec![set::<Point>(pair[1].id, [cell])]);
        }
    }
    sites
}
