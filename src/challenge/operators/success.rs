//! Violations of what clients are told: ok for what was refused, rejected or lost, and reads of eventual endpoints that are staler than declared.

use super::consistency::endpoint;
use crate::challenge::Places;
use crate::challenge::scene::{Change, Operator, Scene, Wants, set, word};
use crate::contract::Consistency;
use crate::evidence::RowId;
use crate::evidence::edit::Edit;
use crate::evidence::kinds::{Application, Attempt, AttemptResult, Decision, OpKind, Operation, Outcome, Ruling};
use crate::evidence::symbol::Sym;
use crate::evidence::table::ABSENT;
use crate::judge::quorum::acknowledged_change;
use std::collections::{BTreeMap, BTreeSet};

const FALSE_SUCCESS: &[&str] = &["consistency.no-false-success"];

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "ok-for-what-was-lost",
        does: "a client is told ok for a command that no member applied",
        wants: Wants::Fail,
        gates: FALSE_SUCCESS,
        change: Change::Rows(lost),
    },
    Operator {
        id: "ok-for-what-was-rejected",
        does: "a client is told ok for a command that the resource only ever refused",
        wants: Wants::Fail,
        gates: FALSE_SUCCESS,
        change: Change::Rows(rejected),
    },
    Operator {
        id: "ok-though-all-attempts-failed",
        does: "a client is told ok for a command of which every attempt failed",
        wants: Wants::Fail,
        gates: FALSE_SUCCESS,
        change: Change::Rows(attempts_failed),
    },
    Operator {
        id: "eventual-read-too-stale",
        does: "a read of an eventual endpoint sees a version that had been overtaken for longer than declared",
        wants: Wants::Fail,
        gates: &["consistency.staleness"],
        change: Change::Rows(too_stale),
    },
    Operator {
        id: "eventual-version-unrecorded",
        does: "a read of an eventual endpoint says neither which version nor which value it saw",
        wants: Wants::NoPass,
        gates: &["consistency.staleness"],
        change: Change::Rows(unversioned),
    },
];

fn lost(scene: &Scene<'_>, places: &mut Places) {
    let applied: BTreeSet<Sym> = scene.all::<Application>().iter().map(|(_, a)| a.command_id).collect();
    if applied.is_empty() {
        return;
    }
    let changes = |op: &Operation| matches!(op.op, OpKind::Write | OpKind::Cas | OpKind::Enqueue | OpKind::Append | OpKind::Add);
    let told = |op: &Operation| op.result != Outcome::Ok && op.command_id.is_some_and(|c| !applied.contains(&c));
    for (row, op) in scene.all::<Operation>().into_iter().filter(|(_, op)| changes(op) && told(op)) {
        let back = op.returned.map_or(op.invoke.0 + 1, |r| r.0);
        places.offer(row, || vec![set::<Operation>(row, [("result", word(Outcome::ALL, Outcome::Ok)), ("return", back)])]);
    }
}

/// The commands that clients were told had been carried out.
fn acknowledged(scene: &Scene<'_>) -> BTreeSet<Sym> {
    let acked = scene.all::<Operation>().into_iter().filter(|(_, op)| acknowledged_change(op));
    acked.filter_map(|(_, op)| op.command_id).collect()
}

fn rejected(scene: &Scene<'_>, places: &mut Places) {
    let acked = acknowledged(scene);
    let mut by_command: BTreeMap<Sym, Vec<RowId>> = BTreeMap::new();
    for (row, d) in scene.all::<Decision>() {
        if let Some(command) = d.command_id.filter(|c| acked.contains(c)) {
            by_command.entry(command).or_default().push(row);
        }
    }
    let refuse = |row: &RowId| set::<Decision>(*row, [("outcome", word(Ruling::ALL, Ruling::Rejected))]);
    for rows in by_command.into_values() {
        places.offer(rows[0], || rows.iter().map(refuse).collect::<Vec<Edit>>());
    }
}

fn attempts_failed(scene: &Scene<'_>, places: &mut Places) {
    let acked = acknowledged(scene);
    let mut by_command: BTreeMap<Sym, Vec<RowId>> = BTreeMap::new();
    for (row, a) in scene.all::<Attempt>().into_iter().filter(|(_, a)| acked.contains(&a.command_id)) {
        by_command.entry(a.command_id).or_default().push(row);
    }
    let fail = |row: &RowId| set::<Attempt>(*row, [("result", word(AttemptResult::ALL, AttemptResult::Fail))]);
    for rows in by_command.into_values() {
        places.offer(rows[0], || rows.iter().map(fail).collect::<Vec<Edit>>());
    }
}

/// Answered reads of eventual endpoints, with the bound that each declares.
fn eventual(scene: &Scene<'_>) -> Vec<(RowId, Operation, i64)> {
    let bound = |op: &Operation| {
        let of = endpoint(scene, op).filter(|e| e.consistency == Consistency::Eventual)?;
        of.staleness_bound.filter(|_| op.op == OpKind::Read && op.result == Outcome::Ok && op.version > Some(0))
    };
    scene.all::<Operation>().into_iter().filter_map(|(row, op)| Some((row, op, bound(&op)?))).collect()
}

fn too_stale(scene: &Scene<'_>, places: &mut Places) {
    let Ok(rows) = scene.cx.rows::<Operation>() else { return };
    if rows.clock().is_none() {
        return;
    }
    let mut complete: BTreeMap<Option<Sym>, Vec<(i64, i64)>> = BTreeMap::new();
    for (_, op) in rows.iter().filter(|(_, op)| acknowledged_change(op)) {
        if let (Some(returned), Some(version)) = (op.returned, op.version) {
            complete.entry(op.key).or_default().push((returned.0, version));
        }
    }
    complete.values_mut().for_each(|list| list.sort_unstable());
    for (row, op, bound) in eventual(scene) {
        let list = complete.get(&op.key).map_or(&[][..], Vec::as_slice);
        let before = list.partition_point(|w| w.0.saturating_add(bound) < op.invoke.0);
        if let Some((_, version)) = before.checked_sub(1).and_then(|at| list.get(at)) {
            places.offer(row, || vec![set::<Operation>(row, [("version", version - 1)])]);
        }
    }
}

fn unversioned(scene: &Scene<'_>, places: &mut Places) {
    for (row, ..) in eventual(scene) {
        places.offer(row, || vec![set::<Operation>(row, [("version", ABSENT), ("value", ABSENT)])]);
    }
}
