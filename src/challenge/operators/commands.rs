//! Violations of commands: applied twice, skipped, tried too often, told one thing and done another.

use super::log::{acknowledged, acknowledged_applications};
use crate::challenge::scene::{Change, Operator, Scene, Wants, again, gone, set, word};
use crate::contract::{Endpoint, Semantics};
use crate::evidence::RowId;
use crate::evidence::edit::Edit;
use crate::evidence::kinds::{Application, ApplySource, Attempt, OpKind, Operation, Outcome, Recovery};
use crate::evidence::symbol::Sym;
use crate::evidence::table::{ABSENT, Raw};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "applied-twice",
        does: "a member applies a command again, as a later entry",
        wants: Wants::Fail,
        gates: &["commands.no-duplicates"],
        change: Change::Rows(|scene, places| places.offer_all(applied_twice(scene, |_| true))),
    },
    Operator {
        id: "entry-applied-twice",
        does: "a member applies one entry twice, live",
        wants: Wants::Fail,
        gates: &["commands.no-duplicates"],
        change: Change::Rows(|scene, places| places.offer_all(entry_applied_twice(scene))),
    },
    Operator {
        id: "promised-once-applied-twice",
        does: "a command of an endpoint that promises to apply it at most once is applied twice",
        wants: Wants::Fail,
        gates: &["commands.rpc-semantics", "commands.no-duplicates"],
        change: Change::Rows(|scene, places| places.offer_all(promised_once(scene))),
    },
    Operator {
        id: "acknowledged-not-applied",
        does: "a command is acknowledged and applied nowhere",
        wants: Wants::Fail,
        gates: &["commands.rpc-semantics", "commands.none-missing"],
        change: Change::Rows(|scene, places| places.offer_all(not_applied(scene))),
    },
    Operator {
        id: "skipped-by-one",
        does: "a member that went on past it has skipped an acknowledged command",
        wants: Wants::Fail,
        gates: &["commands.none-missing"],
        change: Change::Rows(|scene, places| places.offer_all(skipped_by_one(scene))),
    },
    Operator {
        id: "tried-too-often",
        does: "a client tries a command once more than its endpoint allows",
        wants: Wants::Fail,
        gates: &["commands.retry-limit"],
        change: Change::Rows(|scene, places| places.offer_all(tried_too_often(scene))),
    },
    Operator {
        id: "attempt-above-limit",
        does: "an operation is numbered as an attempt above the limit of its endpoint",
        wants: Wants::Fail,
        gates: &["commands.retry-limit"],
        change: Change::Rows(|scene, places| places.offer_all(attempt_above_limit(scene))),
    },
    Operator {
        id: "failed-but-applied",
        does: "a client is told that a command failed which was applied",
        wants: Wants::Fail,
        gates: &["commands.unknown-resolved"],
        change: Change::Rows(|scene, places| places.offer_all(failed_but_applied(scene))),
    },
    Operator {
        id: "unknown-half-applied",
        does: "a command of unknown outcome is applied by all members but one, which went on past it",
        wants: Wants::Fail,
        gates: &["commands.unknown-resolved"],
        change: Change::Rows(|scene, places| places.offer_all(unknown_half_applied(scene))),
    },
];

/// The highest index at each member.
fn highest(all: &[(RowId, Application)]) -> BTreeMap<Sym, i64> {
    let mut top = BTreeMap::new();
    for (_, a) in all {
        let slot = top.entry(a.member).or_insert(i64::MIN);
        *slot = a.index.unwrap_or(i64::MIN).max(*slot);
    }
    top
}

fn applied_twice(scene: &Scene<'_>, wanted: impl Fn(Sym) -> bool) -> Vec<Vec<Edit>> {
    let all = scene.all::<Application>();
    let top = highest(&all);
    let next = |a: &Application| a.index.and_then(|_| top.get(&a.member)).map_or(ABSENT, |top| top + 1);
    let live = word(ApplySource::ALL, ApplySource::Live);
    let source = |a: &Application| a.source.map_or(ABSENT, |_| live);
    let twice = |(id, a): &(RowId, Application)| vec![again::<Application>(*id, 1, [("index", next(a)), ("source", source(a))])];
    // Without an index, what is live may be the same entry as what was replayed.
    let apart = |a: &Application| a.index.is_some() || a.source != Some(ApplySource::Replay);
    all.iter().filter(|(_, a)| wanted(a.command_id) && apart(a)).map(twice).collect()
}

fn entry_applied_twice(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let live = scene.all::<Application>().into_iter().filter(|(_, a)| a.source != Some(ApplySource::Replay));
    live.map(|(id, _)| vec![again::<Application>(id, 1, [])]).collect()
}

/// Whether some endpoint may apply a command more often than once.
fn repeats(scene: &Scene<'_>) -> bool {
    let changes = |e: &&Endpoint| e.operations.iter().any(|o| o != OpKind::Read.word());
    let mut changing = scene.contract().endpoints.iter().filter(changes);
    changing.any(|e| !matches!(e.semantics, Some(Semantics::ExactlyOnce | Semantics::AtMostOnce)))
}

fn promised_once(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    if repeats(scene) {
        return Vec::new();
    }
    let known: BTreeSet<Sym> =
        scene.all::<Operation>().iter().filter(|(_, op)| op.op != OpKind::Read).filter_map(|(_, op)| op.command_id).collect();
    applied_twice(scene, |command| known.contains(&command))
}

fn not_applied(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    if repeats(scene) {
        return Vec::new();
    }
    let all = acknowledged_applications(scene).into_values();
    all.map(|list| list.iter().map(|(id, _)| gone::<Application>(*id)).collect()).collect()
}

/// The applications of a command at each member that has gone past it and never recovered, where others applied it too.
fn past(scene: &Scene<'_>, wanted: impl Fn(Sym) -> bool, recovered: &BTreeSet<Sym>) -> Vec<Vec<Edit>> {
    let all = scene.all::<Application>();
    let top = highest(&all);
    let mut at: BTreeMap<(Sym, Sym), Vec<&(RowId, Application)>> = BTreeMap::new();
    let mut least: BTreeMap<Sym, (i64, BTreeSet<Sym>)> = BTreeMap::new();
    for row in all.iter().filter(|(_, a)| wanted(a.command_id)) {
        let Some(index) = row.1.index else { continue };
        at.entry((row.1.command_id, row.1.member)).or_default().push(row);
        let slot = least.entry(row.1.command_id).or_insert((index, BTreeSet::new()));
        slot.0 = slot.0.min(index);
        slot.1.insert(row.1.member);
    }
    let gone_past = |command: &Sym, member: &Sym| {
        let (index, members) = least.get(command)?;
        (members.len() > 1 && top.get(member)? > index && !recovered.contains(member)).then_some(())
    };
    let sites = at.iter().filter(|((c, m), _)| gone_past(c, m).is_some());
    sites.map(|(_, rows)| rows.iter().map(|(id, _)| gone::<Application>(*id)).collect()).collect()
}

fn skipped_by_one(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let acked = acknowledged(scene);
    let recovered = scene.all::<Recovery>().iter().map(|(_, r)| r.member).collect();
    past(scene, |c| acked.contains(&c), &recovered)
}

/// The greatest number of attempts that any endpoint allows.
fn limit(scene: &Scene<'_>) -> Option<u64> {
    scene.contract().endpoints.iter().map(|e| e.retry.map(|r| r.0)).max().flatten()
}

fn tried_too_often(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let Some(times) = limit(scene).and_then(|l| usize::try_from(l).ok()) else { return Vec::new() };
    scene.all::<Attempt>().into_iter().map(|(id, _)| vec![again::<Attempt>(id, times + 1, [("attempt", ABSENT)])]).collect()
}

fn attempt_above_limit(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let Some(limit) = limit(scene).and_then(|l| Raw::try_from(l).ok()) else { return Vec::new() };
    if !scene.all::<Attempt>().is_empty() {
        return Vec::new();
    }
    let numbered = scene.all::<Operation>().into_iter().filter(|(_, op)| op.attempt.is_some() && op.command_id.is_some());
    numbered.map(|(id, _)| vec![set::<Operation>(id, [("attempt", limit + 2)])]).collect()
}

fn failed_but_applied(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let applied: BTreeSet<Sym> = scene.all::<Application>().iter().map(|(_, a)| a.command_id).collect();
    let all = scene.all::<Operation>();
    let mut told: BTreeMap<Sym, usize> = BTreeMap::new();
    all.iter().filter_map(|(_, op)| op.command_id).for_each(|c| *told.entry(c).or_default() += 1);
    let once = |c: &Sym| told.get(c) == Some(&1) && applied.contains(c);
    let ok = |op: &Operation| op.op != OpKind::Read && op.result == Outcome::Ok && op.returned.is_some();
    let sites = all.iter().filter(|(_, op)| ok(op) && op.command_id.as_ref().is_some_and(once));
    sites.map(|(id, _)| vec![set::<Operation>(*id, [("result", word(Outcome::ALL, Outcome::Fail))])]).collect()
}

fn unknown_half_applied(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let unknown: BTreeSet<Sym> = scene
        .all::<Operation>()
        .iter()
        .filter(|(_, op)| op.op != OpKind::Read && op.result == Outcome::Unknown)
        .filter_map(|(_, op)| op.command_id)
        .collect();
    past(scene, |c| unknown.contains(&c), &BTreeSet::new())
}
