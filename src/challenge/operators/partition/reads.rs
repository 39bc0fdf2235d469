//! Reads that go wrong while a cut stands: row P5 of the matrix.

use super::{Split, splits};
use crate::challenge::Places;
use crate::challenge::operators::consistency::linearizable;
use crate::challenge::scene::{Scene, set, text, word};
use crate::evidence::RowId;
use crate::evidence::kinds::{OpKind, Operation, Outcome, ReadPath};
use crate::evidence::symbol::Sym;
use crate::evidence::table::ABSENT;
use std::collections::{BTreeMap, BTreeSet};

/// Linearizable reads that were sent while a cut stood.
fn sent(scene: &Scene<'_>, cuts: &[Split]) -> Vec<(RowId, Operation, usize)> {
    let read = |op: &Operation| op.op == OpKind::Read && linearizable(scene, op);
    let within = |op: &Operation| cuts.iter().position(|cut| cut.sent(op.invoke.0));
    let all = scene.all::<Operation>().into_iter().filter(|(_, op)| read(op));
    all.filter_map(|(row, op)| Some((row, op, within(&op)?))).collect()
}

/// Of them, those that were answered with success before it ended and say that a leader or a quorum served them.
fn answered(scene: &Scene<'_>, cuts: &[Split]) -> Vec<(RowId, Operation)> {
    let served = |op: &Operation| matches!(op.path, Some(ReadPath::Leader | ReadPath::Quorum)) && op.degraded != Some(true);
    let ended = |op: &Operation, cut: &Split| cut.within(op.invoke.0, op.returned.map(|r| r.0));
    let ok = |(_, op, cut): &(RowId, Operation, usize)| op.result == Outcome::Ok && served(op) && ended(op, &cuts[*cut]);
    sent(scene, cuts).into_iter().filter(ok).map(|(row, op, _)| (row, op)).collect()
}

pub(super) fn isolated_answers(scene: &Scene<'_>, places: &mut Places) {
    let cuts = splits(scene);
    for (row, op, cut) in sent(scene, &cuts) {
        let isolated = op.member.is_some_and(|m| cuts[cut].minority.contains(&m));
        if isolated && op.result != Outcome::Ok {
            let cells = [
                ("result", word(Outcome::ALL, Outcome::Ok)),
                ("return", op.invoke.0 + 1),
                ("path", word(ReadPath::ALL, ReadPath::Follower)),
                ("degraded", ABSENT),
            ];
            places.offer(row, || vec![set::<Operation>(row, cells)]);
        }
    }
}

pub(super) fn off_path(scene: &Scene<'_>, places: &mut Places) {
    for (row, _) in answered(scene, &splits(scene)) {
        places.offer(row, || vec![set::<Operation>(row, [("path", word(ReadPath::ALL, ReadPath::Cache))])]);
    }
}

pub(super) fn path_unrecorded(scene: &Scene<'_>, places: &mut Places) {
    for (row, _) in answered(scene, &splits(scene)) {
        places.offer(row, || vec![set::<Operation>(row, [("path", ABSENT)])]);
    }
}

pub(super) fn stale(scene: &Scene<'_>, places: &mut Places) {
    let mut complete: BTreeMap<Option<Sym>, Vec<(i64, i64)>> = BTreeMap::new();
    for (_, op) in scene.all::<Operation>() {
        let write = matches!(op.op, OpKind::Write | OpKind::Cas) && op.result == Outcome::Ok && linearizable(scene, &op);
        if let (true, Some(returned), Some(version)) = (write, op.returned, op.version) {
            complete.entry(op.key).or_default().push((returned.0, version));
        }
    }
    for list in complete.values_mut() {
        list.sort_unstable();
        let mut top = i64::MIN;
        list.iter_mut().for_each(|w| {
            top = top.max(w.1);
            w.1 = top;
        });
    }
    for (row, op) in answered(scene, &splits(scene)).into_iter().filter(|(_, op)| op.version.is_some()) {
        let list = complete.get(&op.key).map_or(&[][..], Vec::as_slice);
        let before = list.partition_point(|w| w.0 < op.invoke.0);
        if let Some((_, version)) = before.checked_sub(1).and_then(|at| list.get(at)) {
            places.offer(row, || vec![set::<Operation>(row, [("version", version - 1)])]);
        }
    }
}

pub(super) fn one_side(scene: &Scene<'_>, places: &mut Places) {
    let cuts = splits(scene);
    let all = sent(scene, &cuts);
    // With several cuts, reads in another one would still show the side.
    let [cut] = cuts.as_slice() else { return };
    let sides: [(&BTreeSet<Sym>, &BTreeSet<Sym>); 2] = [(&cut.minority, &cut.majority), (&cut.majority, &cut.minority)];
    for (side, other) in sides {
        let ours: Vec<RowId> = all.iter().filter(|r| r.1.member.is_some_and(|m| side.contains(&m))).map(|r| r.0).collect();
        if let (Some(first), Some(member)) = (ours.first(), other.first()) {
            places.offer(*first, || ours.iter().map(|row| set::<Operation>(*row, [("member", text(*member))])).collect());
        }
    }
}
