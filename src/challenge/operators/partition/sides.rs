//! What each side of a cut does wrong: rows P1 to P3 of the matrix, and traffic on both sides.

use super::{Asked, Split, asked, splits, widening};
use crate::challenge::Places;
use crate::challenge::scene::{Scene, gone, set, text, word};
use crate::evidence::RowId;
use crate::evidence::edit::Edit;
use crate::evidence::kinds::{Decision, Injection, OpKind, Operation, Outcome, Role, Ruling, Sample};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::evidence::table::ABSENT;
use crate::judge::quorum::{acknowledged_change, members};
use std::collections::BTreeSet;

/// Offers a place for each request that fits.
fn each(scene: &Scene<'_>, places: &mut Places, fits: impl Fn(&Split, &Asked) -> bool, edit: impl Fn(&Split, &Asked) -> Edit) {
    let requests = asked(scene);
    for cut in splits(scene) {
        for request in requests.iter().filter(|r| fits(&cut, r)) {
            places.offer(request.row(), || vec![edit(&cut, request)]);
        }
    }
}

pub(super) fn isolated_acknowledges(scene: &Scene<'_>, places: &mut Places) {
    let fits = |cut: &Split, r: &Asked| !r.read && r.of(&cut.minority) && cut.sent(r.invoke);
    let back = |cut: &Split, r: &Asked| r.returned.filter(|back| *back <= cut.to).unwrap_or(r.invoke + 1);
    each(scene, places, fits, |cut, r| r.set([r.ended(Outcome::Ok), ("return", back(cut, r))]));
}

pub(super) fn answered_by_isolated(scene: &Scene<'_>, places: &mut Places) {
    let ok = |cut: &Split, r: &Asked| !r.read && r.result == Outcome::Ok && cut.within(r.invoke, r.returned);
    let other = |cut: &Split| cut.minority.first().map_or(ABSENT, |m| text(*m));
    each(scene, places, |cut, r| ok(cut, r) && r.of(&cut.majority), |cut, r| r.set([("member", other(cut))]));
}

/// The writes that were sent and answered on the majority side while a cut stood.
fn majority(cut: &Split, history: &[(RowId, Operation)]) -> Vec<(RowId, Operation, i64)> {
    let ours = |op: &Operation| op.op != OpKind::Read && op.member.is_none_or(|m| !cut.minority.contains(&m));
    let within = |op: &Operation| op.returned.map(|r| r.0).filter(|r| cut.within(op.invoke.0, Some(*r)));
    let fits = |(row, op): &(RowId, Operation)| Some((*row, *op, within(op).filter(|_| ours(op))?));
    history.iter().filter_map(fits).collect()
}

fn failed(row: RowId) -> Edit {
    set::<Operation>(row, [("result", word(Outcome::ALL, Outcome::Fail))])
}

pub(super) fn ack_below_quorum(scene: &Scene<'_>, places: &mut Places) {
    let (voters, quorum) = (members(scene.evidence(), scene.contract()), scene.contract().cluster.write_quorum());
    let history = scene.all::<Operation>();
    for cut in splits(scene) {
        for (row, op, _) in majority(&cut, &history).into_iter().filter(|w| acknowledged_change(&w.1)) {
            let Some(acks) = op.acks else { continue };
            places.offer(row, || {
                let named: BTreeSet<Sym> = scene.evidence().symbols.list(acks).iter().copied().collect();
                let fewer = usize::try_from(quorum.saturating_sub(1)).unwrap_or(0);
                let few = named.intersection(&voters).copied().take(fewer).collect();
                vec![Edit::List(Operation::KIND.name, row, "acks", few)]
            });
        }
    }
}

pub(super) fn majority_stops(scene: &Scene<'_>, places: &mut Places) {
    let history = scene.all::<Operation>();
    for cut in splits(scene) {
        let writes = majority(&cut, &history);
        if let Some(first) = writes.first() {
            places.offer(first.0, || writes.iter().map(|w| failed(w.0)).collect());
        }
    }
}

pub(super) fn majority_pauses(scene: &Scene<'_>, places: &mut Places) {
    let Some(limit) = scene.contract().objectives.recovery.as_ref().map(|r| r.value) else { return };
    let history = scene.all::<Operation>();
    for cut in splits(scene) {
        let mut acks = majority(&cut, &history);
        acks.retain(|w| acknowledged_change(&w.1));
        acks.sort_by_key(|w| (w.2, w.0));
        for (i, first) in acks.iter().enumerate() {
            let since = i.checked_sub(1).map_or(cut.from, |before| acks[before].2);
            let until = since.saturating_add(limit);
            if until < cut.to {
                let silent = acks[i..].iter().take_while(|w| w.2 <= until);
                places.offer(first.0, || silent.map(|w| failed(w.0)).collect());
            }
        }
    }
}

pub(super) fn cut_crossed(scene: &Scene<'_>, places: &mut Places) {
    let history = scene.all::<Operation>();
    for cut in splits(scene) {
        let Some(isolated) = cut.minority.first().copied() else { continue };
        for (row, op, _) in majority(&cut, &history).into_iter().filter(|w| acknowledged_change(&w.1)) {
            let Some(acks) = op.acks else { continue };
            places.offer(row, || {
                let named = scene.evidence().symbols.list(acks).iter().copied().chain([isolated]);
                vec![Edit::List(Operation::KIND.name, row, "acks", named.collect())]
            });
        }
    }
}

/// The cuts with how far the clocks of faults and of another kind may be apart.
fn beside<R: Record>(scene: &Scene<'_>) -> Vec<(Split, i64)> {
    let skew = widening(scene, &[Injection::KIND.name, R::KIND.name]);
    skew.map_or_else(Vec::new, |skew| splits(scene).into_iter().map(|cut| (cut, skew)).collect())
}

pub(super) fn at_resource(scene: &Scene<'_>, places: &mut Places) {
    let (requests, decisions) = (asked(scene), scene.all::<Decision>());
    for (cut, skew) in beside::<Decision>(scene) {
        let Some(holder) = cut.minority.first().copied() else { continue };
        let sent = requests.iter().find(|r| !r.read && r.of(&cut.minority) && cut.sent(r.invoke) && r.command.is_some());
        let Some(command) = sent.and_then(|r| r.command) else { continue };
        let within = |d: &Decision| d.t.0.saturating_sub(skew) >= cut.from && d.t.0.saturating_add(skew) <= cut.to;
        for (row, _) in decisions.iter().filter(|(_, d)| d.outcome == Ruling::Accepted && within(d)) {
            places.offer(*row, || vec![set::<Decision>(*row, [("command-id", text(command)), ("holder", text(holder))])]);
        }
    }
}

pub(super) fn never_tried(scene: &Scene<'_>, places: &mut Places) {
    let stale = |d: &Decision| d.outcome == Ruling::Rejected && d.current_epoch.is_some_and(|c| d.epoch < c);
    let tried: Vec<RowId> = scene.all::<Decision>().into_iter().filter(|(_, d)| stale(d)).map(|(row, _)| row).collect();
    if let Some(first) = tried.first() {
        places.offer(*first, || tried.iter().map(|row| gone::<Decision>(*row)).collect());
    }
}

pub(super) fn told_nothing(scene: &Scene<'_>, places: &mut Places) {
    let requests = asked(scene);
    for cut in splits(scene) {
        let sent = |r: &&Asked| !r.read && r.of(&cut.minority) && r.invoke >= cut.from && r.meets(&cut) && r.returned.is_some();
        let all: Vec<&Asked> = requests.iter().filter(sent).collect();
        if let Some(first) = all.first() {
            places.offer(first.row(), || all.iter().map(|r| r.set([r.ended(Outcome::Unknown), ("return", ABSENT)])).collect());
        }
    }
}

/// Samples of one side that surely describe the time of a cut.
fn samples<'s>(all: &'s [(RowId, Sample)], cut: &Split, side: &BTreeSet<Sym>, skew: i64) -> Vec<&'s (RowId, Sample)> {
    let within = |s: &Sample| s.t_lo.0.saturating_sub(skew) >= cut.from && s.t_hi.0.saturating_add(skew) <= cut.to;
    all.iter().filter(|(_, s)| side.contains(&s.member) && within(s)).collect()
}

pub(super) fn isolated_elects(scene: &Scene<'_>, places: &mut Places) {
    let all = scene.all::<Sample>();
    let Some(top) = all.iter().filter_map(|(_, s)| s.term).max() else { return };
    for (cut, skew) in beside::<Sample>(scene) {
        for (row, s) in samples(&all, &cut, &cut.minority, skew) {
            let cells = [("role", word(Role::ALL, Role::Leader)), ("leader", text(s.member)), ("term", top + 1)];
            places.offer(*row, || vec![set::<Sample>(*row, cells)]);
        }
    }
}

pub(super) fn elects_nobody(scene: &Scene<'_>, places: &mut Places) {
    let all = scene.all::<Sample>();
    let leads = |s: &Sample| s.role == Some(Role::Leader);
    for (cut, skew) in beside::<Sample>(scene) {
        let before = all.iter().filter(|(_, s)| leads(s) && s.t_hi.0.saturating_add(skew) <= cut.begun);
        let old = before.max_by_key(|(row, s)| (s.term, s.t_lo, *row)).map(|(_, s)| s.member);
        if !old.is_some_and(|m| cut.minority.contains(&m)) {
            continue;
        }
        let mut elected = samples(&all, &cut, &cut.majority, skew);
        elected.retain(|(_, s)| leads(s));
        if let Some((first, _)) = elected.first() {
            let follow = [("role", word(Role::ALL, Role::Follower))];
            places.offer(*first, || elected.iter().map(|(row, _)| set::<Sample>(*row, follow)).collect());
        }
    }
}

/// Sends to the other side what was asked of one while a cut stood.
fn moved(places: &mut Places, asked: &[&Asked], to: &BTreeSet<Sym>) {
    let (Some(first), Some(member)) = (asked.first(), to.first().copied()) else { return };
    places.offer(first.row(), || asked.iter().map(|r| r.set([("member", text(member))])).collect());
}

pub(super) fn idle(scene: &Scene<'_>, places: &mut Places) {
    let requests = asked(scene);
    for cut in splits(scene) {
        let flying: Vec<&Asked> = requests.iter().filter(|r| r.meets(&cut)).collect();
        // A request that does not say who was asked may have been on the side that looks idle.
        if flying.iter().all(|r| r.of(&cut.minority) || r.of(&cut.majority)) {
            for (side, other) in [(&cut.minority, &cut.majority), (&cut.majority, &cut.minority)] {
                moved(places, &flying.iter().copied().filter(|r| r.of(side)).collect::<Vec<_>>(), other);
            }
        }
    }
}

pub(super) fn unasked(scene: &Scene<'_>, places: &mut Places) {
    let requests = asked(scene);
    for cut in splits(scene) {
        let sent = |r: &&Asked| !r.read && r.of(&cut.minority) && r.invoke >= cut.from && r.meets(&cut);
        moved(places, &requests.iter().filter(sent).collect::<Vec<_>>(), &cut.majority);
    }
}
