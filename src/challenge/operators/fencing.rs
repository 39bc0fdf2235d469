//! Violations of fencing: stale epochs accepted, epochs that do not rise, tokens used twice, logs that are not the resource's.

use crate::challenge::scene::{Change, Operator, Scene, Wants, again, set, word};
use crate::contract::{Fence, Origin};
use crate::evidence::RowId;
use crate::evidence::edit::Edit;
use crate::evidence::kinds::{Decision, Grant, Ruling};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::evidence::table::ABSENT;
use std::collections::BTreeMap;

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "stale-accepted",
        does: "the resource accepts a command under a stale epoch that it had rejected",
        wants: Wants::Fail,
        gates: &["fencing.no-stale-accept", "fencing.stale-rejected", "partition.p2"],
        change: Change::Rows(|scene, places| places.offer_all(stale_accepted(scene))),
    },
    Operator {
        id: "accepted-one-epoch-late",
        does: "an accepted command came under the epoch before the current one",
        wants: Wants::Fail,
        gates: &["fencing.no-stale-accept", "fencing.stale-rejected", "partition.p2"],
        change: Change::Rows(|scene, places| places.offer_all(accepted_late(scene))),
    },
    Operator {
        id: "resource-itself-stale",
        does: "a command is accepted under an old epoch that the resource still takes for the current one",
        wants: Wants::Fail,
        gates: &["fencing.no-stale-accept", "fencing.before-serving"],
        change: Change::Rows(|scene, places| places.offer_all(resource_stale(scene))),
    },
    Operator {
        id: "accepted-after-a-higher-one",
        does: "a command is accepted under a lower epoch than one already accepted, and no record says which is current",
        wants: Wants::Fail,
        gates: &["fencing.no-stale-accept", "fencing.unique-token"],
        change: Change::Rows(|scene, places| places.offer_all(after_higher(scene))),
    },
    Operator {
        id: "epoch-out-of-nowhere",
        does: "a command is accepted under an epoch above any that was granted",
        wants: Wants::Fail,
        gates: &["fencing.no-stale-accept"],
        change: Change::Rows(|scene, places| places.offer_all(out_of_nowhere(scene))),
    },
    Operator {
        id: "token-used-twice",
        does: "a command is accepted a second time under the same token",
        wants: Wants::Fail,
        gates: &["fencing.unique-token"],
        change: Change::Rows(|scene, places| places.offer_all(token_twice(scene))),
    },
    Operator {
        id: "epoch-repeated",
        does: "an epoch is granted that had been granted before",
        wants: Wants::Fail,
        gates: &["fencing.monotonic"],
        change: Change::Rows(|scene, places| places.offer_all(falling(scene, 0))),
    },
    Operator {
        id: "epoch-falls",
        does: "an epoch is granted that is lower than the one before it",
        wants: Wants::Fail,
        gates: &["fencing.monotonic"],
        change: Change::Rows(|scene, places| places.offer_all(falling(scene, 1))),
    },
    Operator {
        id: "number-repeated",
        does: "two decisions of a resource have one number",
        wants: Wants::Fail,
        gates: &["fencing.resource-log"],
        change: Change::Rows(|scene, places| places.offer_all(number_repeated(scene))),
    },
    Operator {
        id: "current-epoch-falls",
        does: "the current epoch falls in the resource's own log",
        wants: Wants::Fail,
        gates: &["fencing.resource-log"],
        change: Change::Rows(|scene, places| places.offer_all(current_falls(scene))),
    },
    Operator {
        id: "rejection-without-leader",
        does: "a rejected write does not say who led",
        wants: Wants::NoPass,
        gates: &["fencing.resource-log"],
        change: Change::Rows(|scene, places| places.offer_all(without_leader(scene))),
    },
    Operator {
        id: "not-the-resource",
        does: "what the resource decided was written down by a client instead",
        wants: Wants::NoPass,
        gates: &[
            "fencing.stale-rejected",
            "fencing.no-stale-accept",
            "fencing.resource-log",
            "fencing.unique-token",
            "fencing.before-serving",
        ],
        change: Change::Rows(|scene, places| {
            if !scene.all::<Decision>().is_empty() {
                places.offer_all(vec![vec![Edit::Origin(Decision::KIND.name, Origin::Client)]]);
            }
        }),
    },
];

/// A resource, and a job of it where jobs have epochs of their own.
type Lane = (Sym, Option<Sym>);

fn lane(d: &Decision) -> Lane {
    (d.resource, d.job)
}

/// Decisions of the resources themselves in their order: by number where all have one, else by time.
fn decided(scene: &Scene<'_>) -> Vec<(RowId, Decision)> {
    let Ok(rows) = scene.cx.rows::<Decision>() else { return Vec::new() };
    let mut list: Vec<(RowId, Decision)> = rows.iter().filter(|(id, _)| rows.part(*id).origin == Origin::Resource).collect();
    let numbered = list.iter().all(|(_, d)| d.seq.is_some());
    list.sort_by_key(|(id, d)| (if numbered { d.seq.unwrap_or(0) } else { d.t.0 }, *id));
    list
}

/// Grants and decisions of a lane come in one order only where both have numbers, or both are on one clock and neither is relied on.
fn earlier(g: &Grant, d: &Decision) -> bool {
    match (g.seq, d.seq) {
        (Some(g), Some(d)) => g < d,
        _ => g.t < d.t,
    }
}

fn stale_accepted(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let stale = |d: &Decision| d.outcome == Ruling::Rejected && d.current_epoch.is_some_and(|c| d.epoch < c);
    let accept = |id: RowId| vec![set::<Decision>(id, [("outcome", word(Ruling::ALL, Ruling::Accepted))])];
    decided(scene).into_iter().filter(|(_, d)| stale(d)).map(|(id, _)| accept(id)).collect()
}

fn accepted_late(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let current = |d: &Decision| d.outcome == Ruling::Accepted && d.current_epoch == Some(d.epoch);
    let late = |(id, d): (RowId, Decision)| vec![set::<Decision>(id, [("epoch", d.epoch - 1)])];
    decided(scene).into_iter().filter(|(_, d)| current(d)).map(late).collect()
}

fn resource_stale(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let grants = scene.all::<Grant>();
    let granted =
        |d: &Decision| grants.iter().any(|(_, g)| (g.resource, g.job) == lane(d) && g.epoch == d.epoch && earlier(g, d));
    let accepted = decided(scene).into_iter().filter(|(_, d)| d.outcome == Ruling::Accepted && granted(d));
    let cells =
        |d: &Decision| [("epoch", d.epoch - 1), ("current-epoch", d.current_epoch.map_or(ABSENT, |c| c.min(d.epoch - 1)))];
    accepted.map(|(id, d)| vec![set::<Decision>(id, cells(&d))]).collect()
}

fn after_higher(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let mut top: BTreeMap<Lane, i64> = BTreeMap::new();
    let mut sites = Vec::new();
    for (id, d) in decided(scene).into_iter().filter(|(_, d)| d.outcome == Ruling::Accepted) {
        if let Some(top) = top.get(&lane(&d)) {
            sites.push(vec![set::<Decision>(id, [("epoch", top - 1), ("current-epoch", ABSENT)])]);
        }
        let slot = top.entry(lane(&d)).or_insert(d.epoch);
        *slot = d.epoch.max(*slot);
    }
    sites
}

fn out_of_nowhere(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let fenced = |d: &Decision| {
        let name = scene.evidence().text(d.resource);
        scene.contract().resources.iter().any(|r| r.name.value == name && r.fence == Fence::Epoch)
    };
    let accepted =
        decided(scene).into_iter().filter(|(_, d)| d.outcome == Ruling::Accepted && d.current_epoch.is_some() && fenced(d));
    accepted.map(|(id, d)| vec![set::<Decision>(id, [("epoch", d.epoch + 1)])]).collect()
}

fn token_twice(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let list = decided(scene);
    let mut top: BTreeMap<Lane, i64> = BTreeMap::new();
    for (_, d) in list.iter().filter(|(_, d)| d.outcome == Ruling::Accepted) {
        let slot = top.entry(lane(d)).or_insert(d.epoch);
        *slot = d.epoch.max(*slot);
    }
    let (seq, t) = (list.iter().filter_map(|(_, d)| d.seq).max(), list.iter().map(|(_, d)| d.t.0).max().unwrap_or(0));
    let newest = |d: &Decision| d.outcome == Ruling::Accepted && top.get(&lane(d)) == Some(&d.epoch) && d.command_id.is_some();
    let twice =
        |(id, _): &(RowId, Decision)| vec![again::<Decision>(*id, 1, [("seq", seq.map_or(ABSENT, |s| s + 1)), ("t", t + 1)])];
    list.iter().filter(|(_, d)| newest(d)).map(twice).collect()
}

fn falling(scene: &Scene<'_>, by: i64) -> Vec<Vec<Edit>> {
    let mut grants = scene.all::<Grant>();
    let numbered = grants.iter().all(|(_, g)| g.seq.is_some());
    grants.sort_by_key(|(id, g)| (if numbered { g.seq.unwrap_or(0) } else { g.t.0 }, *id));
    let mut last: BTreeMap<Lane, i64> = BTreeMap::new();
    let mut sites = Vec::new();
    for (id, g) in grants {
        if let Some(before) = last.insert((g.resource, g.job), g.epoch) {
            sites.push(vec![set::<Grant>(id, [("epoch", before - by)])]);
        }
    }
    sites
}

fn number_repeated(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let mut last: BTreeMap<Sym, i64> = BTreeMap::new();
    let mut sites = Vec::new();
    for (id, d) in decided(scene) {
        let Some(seq) = d.seq else { continue };
        if let Some(before) = last.insert(d.resource, seq) {
            sites.push(vec![set::<Decision>(id, [("seq", before)])]);
        }
    }
    sites
}

fn current_falls(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let mut top: BTreeMap<Lane, i64> = BTreeMap::new();
    let mut sites = Vec::new();
    for (id, d) in decided(scene) {
        let (Some(current), Some(_)) = (d.current_epoch, d.seq) else { continue };
        if let Some(top) = top.get(&lane(&d)) {
            sites.push(vec![set::<Decision>(id, [("current-epoch", top - 1)])]);
        }
        let slot = top.entry(lane(&d)).or_insert(current);
        *slot = current.max(*slot);
    }
    sites
}

fn without_leader(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let rejected = decided(scene).into_iter().filter(|(_, d)| d.outcome == Ruling::Rejected && d.leader.is_some());
    rejected.map(|(id, _)| vec![set::<Decision>(id, [("leader", ABSENT)])]).collect()
}
