//! Violations of recovery: failovers and replays that take too long, members that serve too early, probes that mask nothing.

use super::log::acknowledged;
use crate::challenge::scene::{Change, Operator, Scene, Wants, gone, set, text, word};
use crate::evidence::RowId;
use crate::evidence::edit::Edit;
use crate::evidence::kinds::{Operation, Outcome, Phase, PhaseName, Probe, ProbeKind, ProbeState, Recovery, Sample};
use crate::evidence::record::Record;
use crate::judge::recovery::{Outage, outages};

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "failover-too-slow",
        does: "the last phase of a failover takes the whole recovery objective longer",
        wants: Wants::Fail,
        gates: &["recovery.failover-time", "recovery.phases-add-up"],
        change: Change::Rows(|scene, places| places.offer_all(failover_too_slow(scene))),
    },
    Operator {
        id: "time-in-no-phase",
        does: "more time than the tolerance lies between two phases of a failover",
        wants: Wants::Fail,
        gates: &["recovery.phases-add-up"],
        change: Change::Rows(|scene, places| places.offer_all(time_in_no_phase(scene))),
    },
    Operator {
        id: "replay-too-slow",
        does: "a replay ends a millisecond after the catch-up allowance",
        wants: Wants::Fail,
        gates: &["recovery.replay-fits"],
        change: Change::Rows(|scene, places| places.offer_all(replay_too_slow(scene))),
    },
    Operator {
        id: "replay-incomplete",
        does: "a replay leaves out one entry of its range",
        wants: Wants::Fail,
        gates: &["recovery.replay-fits"],
        change: Change::Rows(|scene, places| places.offer_all(replay_incomplete(scene))),
    },
    Operator {
        id: "served-before-replay-ended",
        does: "a recovering member serves a nanosecond before its replay has ended",
        wants: Wants::Fail,
        gates: &["recovery.replay-before-serving"],
        change: Change::Rows(|scene, places| places.offer_all(served_early(scene))),
    },
    Operator {
        id: "advertised-before-replay-ended",
        does: "a recovering member says that it serves while it replays",
        wants: Wants::Fail,
        gates: &["recovery.replay-before-serving"],
        change: Change::Rows(|scene, places| places.offer_all(advertised_early(scene))),
    },
    Operator {
        id: "restarted-late",
        does: "a dead member is restarted after its masking time",
        wants: Wants::Fail,
        gates: &["recovery.masking"],
        change: Change::Rows(|scene, places| places.offer_all(restarted_late(scene))),
    },
    Operator {
        id: "restarted-early",
        does: "a member is restarted after fewer failed probes than declared",
        wants: Wants::Fail,
        gates: &["recovery.masking"],
        change: Change::Rows(|scene, places| places.offer_all(restarted_early(scene))),
    },
    Operator {
        id: "dead-member-answers",
        does: "a client is told ok by a member between its first failed probe and its restart",
        wants: Wants::Fail,
        gates: &["recovery.masking"],
        change: Change::Rows(|scene, places| places.offer_all(dead_member_answers(scene))),
    },
    Operator {
        id: "probes-on-another-clock",
        does: "probes are timed by another clock than the operations",
        wants: Wants::NoPass,
        gates: &["recovery.masking"],
        change: Change::Rows(|scene, places| {
            if !scene.all::<Probe>().is_empty() {
                places.offer_all(vec![vec![Edit::Clock(Probe::KIND.name)]]);
            }
        }),
    },
];

fn failover_too_slow(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let Some(objective) = scene.contract().objectives.recovery.as_ref().map(|o| o.value) else { return Vec::new() };
    let last = scene.all::<Phase>().into_iter().filter(|(_, p)| p.phase == PhaseName::CatchUp);
    let slow =
        |p: &Phase| [("stop-lo", p.stop_lo.0.saturating_add(objective)), ("stop-hi", p.stop_hi.0.saturating_add(objective))];
    last.map(|(id, p)| vec![set::<Phase>(id, slow(&p))]).collect()
}

fn time_in_no_phase(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    const SECOND: i64 = 1_000_000_000;
    let Some(declared) = &scene.contract().failover else { return Vec::new() };
    let by = declared.tolerance.saturating_add(SECOND);
    let later = |p: &Phase| {
        let cells = [("start-lo", p.start_lo), ("start-hi", p.start_hi), ("stop-lo", p.stop_lo), ("stop-hi", p.stop_hi)];
        cells.map(|(name, t)| (name, t.0.saturating_add(by)))
    };
    let last = scene.all::<Phase>().into_iter().filter(|(_, p)| p.phase == PhaseName::CatchUp);
    last.map(|(id, p)| vec![set::<Phase>(id, later(&p))]).collect()
}

/// Recoveries that had something to replay.
fn replays(scene: &Scene<'_>) -> Vec<(RowId, Recovery)> {
    scene.all::<Recovery>().into_iter().filter(|(_, r)| r.commit_index > r.snapshot_index && r.entries.is_some()).collect()
}

fn replay_too_slow(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    const MILLISECOND: i64 = 1_000_000;
    let Some(allowance) = scene.contract().objectives.catch_up.as_ref().map(|o| o.value) else { return Vec::new() };
    let slow = |(id, r): (RowId, Recovery)| {
        let end = r.started.0.saturating_add(allowance).saturating_add(MILLISECOND);
        let serving = r.serving.map_or(end, |s| s.0.max(end));
        vec![set::<Recovery>(id, [("finished", end), ("serving", serving)])]
    };
    replays(scene).into_iter().filter(|(_, r)| r.finished.is_some()).map(slow).collect()
}

fn replay_incomplete(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let short = |(id, r): (RowId, Recovery)| vec![set::<Recovery>(id, [("entries", r.commit_index - r.snapshot_index - 1)])];
    replays(scene).into_iter().map(short).collect()
}

fn served_early(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let early = |(id, r): (RowId, Recovery)| Some(vec![set::<Recovery>(id, [("serving", r.finished?.0 - 1)])]);
    scene.all::<Recovery>().into_iter().filter_map(early).collect()
}

fn advertised_early(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let (recoveries, samples) = (scene.cx.rows::<Recovery>(), scene.cx.rows::<Sample>());
    let (Ok(recoveries), Ok(samples)) = (recoveries, samples) else { return Vec::new() };
    if recoveries.clock().is_none() || recoveries.clock() != samples.clock() {
        return Vec::new();
    }
    let replaying = |s: &Sample| {
        recoveries.iter().any(|(_, r)| {
            r.member == s.member && r.started <= s.t_lo && s.t_lo <= s.t_hi && r.finished.is_some_and(|f| s.t_hi < f)
        })
    };
    samples.iter().filter(|(_, s)| replaying(s)).map(|(id, _)| vec![set::<Sample>(id, [("serving", 1)])]).collect()
}

/// Outages that ended in a restart.
fn masked(scene: &Scene<'_>) -> Vec<(Outage, i64)> {
    let Ok(rows) = scene.cx.rows::<Probe>() else { return Vec::new() };
    let outages = outages(&rows).unwrap_or_default();
    outages.into_iter().filter_map(|o| o.restart.map(|restart| (o, restart))).collect()
}

fn restarted_late(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let Some(probe) = &scene.contract().probe else { return Vec::new() };
    let threshold = i64::try_from(probe.threshold).unwrap_or(i64::MAX);
    let bound = threshold.saturating_mul(probe.period).saturating_add(probe.grace).saturating_add(probe.initial_delay);
    let probes = scene.all::<Probe>();
    let late = |(outage, restart): (Outage, i64)| {
        let later = probes.iter().filter(|(_, p)| p.target == outage.target && p.t.0 >= restart);
        later.map(|(id, p)| set::<Probe>(*id, [("t", p.t.0.saturating_add(bound))])).collect()
    };
    masked(scene).into_iter().map(late).collect()
}

/// Failed probes are taken out from the last to the first until one is missing.
fn restarted_early(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let Some(probe) = &scene.contract().probe else { return Vec::new() };
    let probes = scene.all::<Probe>();
    let early = |(outage, restart): (Outage, i64)| {
        let failed = probes.iter().filter(|(_, p)| {
            p.target == outage.target
                && p.probe == ProbeKind::Liveness
                && p.state == ProbeState::Fail
                && outage.first <= p.t.0
                && p.t.0 <= restart
        });
        let surplus = usize::try_from((outage.failures + 1).saturating_sub(probe.threshold)).unwrap_or(0);
        let failed: Vec<RowId> = failed.map(|(id, _)| *id).collect();
        let enough = failed.len() > surplus && surplus > 0;
        enough.then(|| failed.iter().rev().take(surplus).map(|id| gone::<Probe>(*id)).collect())
    };
    masked(scene).into_iter().filter_map(early).collect()
}

fn dead_member_answers(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let (Ok(history), Ok(probes)) = (scene.cx.rows::<Operation>(), scene.cx.rows::<Probe>()) else { return Vec::new() };
    if history.clock().is_none() || history.clock() != probes.clock() {
        return Vec::new();
    }
    let acked = acknowledged(scene);
    let mut sites = Vec::new();
    for (outage, restart) in masked(scene) {
        for (id, op) in history.iter() {
            let within = op.invoke.0 >= outage.first && op.returned.is_some_and(|r| r.0 <= restart);
            let told = op.result == Outcome::Ok || op.command_id.is_none_or(|c| !acked.contains(&c));
            if within && told {
                let cells = [("member", text(outage.target)), ("result", word(Outcome::ALL, Outcome::Ok))];
                sites.push(vec![set::<Operation>(id, cells)]);
            }
        }
    }
    sites
}
