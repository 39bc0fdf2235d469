//! What each side of a partition did: rows P1 to P3 of the matrix, and the traffic on both sides.
//!
//! In: a [`Scene`], samples of members. Out: tallies. A write counts as acknowledged by the minority only when it was sent after the cut stood and
//! answered before it ended; one that was under way may have been committed before. Refuses to know what the resource and the logs say.

use super::{Cut, Request, Scene};
use crate::evidence::Rows;
use crate::evidence::kinds::{Operation, Outcome, Role, Sample};
use crate::evidence::symbol::Sym;
use crate::exact::seconds;
use crate::judge::quorum::{acknowledged_change, members};
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::Finding;
use std::collections::BTreeSet;

/// Whether the cut has the shape of its row: so many members in the minority, and the old leader on the side that the row asks for.
fn shape(scene: &Scene<'_>, cut: &Cut, leader: Option<Sym>, leads: Option<bool>, tally: &mut Tally) {
    let (fault, want) = (scene.text(cut.id), scene.minority_size());
    let mut doubt = |claim: &str, why: String| tally.doubts.push(Flaw::new(2, why, cut.finding(claim, scene.evidence)));
    if cut.isolated != want {
        doubt("other-sides", format!("fault {fault} isolates {} members where the row asks for {want}", cut.isolated));
    }
    match (leads, leader.map(|l| (cut.minority.contains(&l), scene.text(l)))) {
        (Some(_), None) => doubt("leader-not-shown", format!("who led before fault {fault} is not shown")),
        (Some(true), Some((false, name))) => {
            doubt("other-leader", format!("the leader before fault {fault}, {name}, is not among the isolated"));
        }
        (Some(false), Some((true, name))) => {
            doubt("other-leader", format!("fault {fault} isolates the leader, {name}, where the row asks for followers"));
        }
        _ => {}
    }
}

fn sent(request: &Request) -> Finding {
    let finding = Finding::new("").with("invoked", seconds(request.invoke));
    finding.with("answered", request.returned.map_or("never".into(), seconds)).source(request.source.clone())
}

/// No write is acknowledged by the minority: counts those that were tried there, and how many the client was told had failed.
pub fn rejection(scene: &Scene<'_>, cut: &Cut, tally: &mut Tally) -> (usize, usize) {
    let (mut tried, mut told) = (0, 0);
    let here = |r: &&Request| !r.read && r.member.is_some_and(|m| cut.minority.contains(&m)) && cut.meets(r);
    for request in scene.requests.iter().filter(here).filter(|r| r.invoke >= cut.from) {
        (tried, told) = (tried + 1, told + usize::from(request.result != Outcome::Ok && request.returned.is_some()));
        let name = request.command.map_or("–", |c| scene.text(c));
        let member = request.member.map_or("–", |m| scene.text(m));
        let data = |claim: &str| Finding { claim: claim.into(), ..sent(request) }.with("command", name).with("member", member);
        if request.result != Outcome::Ok {
            continue;
        }
        let fault = scene.text(cut.id);
        match request.returned {
            Some(returned) if returned <= cut.to => {
                let why = format!("write {name} was acknowledged by {member}, on the minority side of fault {fault}");
                tally.faults.push(Flaw::new(9, why, data("minority-write")));
            }
            Some(_) => {}
            None => {
                let why =
                    format!("write {name} succeeded at {member}, on the minority side of fault {fault}, at an unknown time");
                tally.doubts.push(Flaw::new(3, why, data("minority-write-untimed")));
            }
        }
    }
    tally.judged += tried;
    if tried == 0 {
        let why = format!("no traffic: no write was sent to the minority side of fault {}", scene.text(cut.id));
        tally.doubts.push(Flaw::new(4, why, cut.finding("no-minority-write", scene.evidence)));
    }
    (tried, told)
}

/// Row P1: with two followers isolated the majority goes on, and every write it acknowledges is held by a quorum of its own members.
#[must_use]
pub fn isolated_followers(
    scene: &Scene<'_>,
    history: &Rows<'_, Operation>,
    leaders: &[Option<Sym>],
    pause: Option<i64>,
) -> (Tally, usize) {
    let mut tally = Tally { doubts: scene.without_cut(), ..Tally::default() };
    let mut acknowledged = 0;
    for (cut, leader) in scene.cuts.iter().zip(leaders) {
        shape(scene, cut, *leader, Some(false), &mut tally);
        let mut acks = vec![cut.from];
        let mut tried = 0usize;
        for (id, op) in history.iter().filter(|(_, op)| op.op != crate::evidence::kinds::OpKind::Read) {
            let Some(returned) = op.returned.map(|r| r.0) else { continue };
            if op.invoke.0 < cut.from || returned > cut.to || op.member.is_some_and(|m| cut.minority.contains(&m)) {
                continue;
            }
            tried += 1;
            if acknowledged_change(&op) {
                acks.push(returned);
                acknowledged += 1;
                tally.judged += 1;
                held(scene, cut, &op, history.source(id), &mut tally);
            }
        }
        let mut minority = Tally::default();
        rejection(scene, cut, &mut minority);
        tally.faults.extend(minority.faults);
        tally.doubts.extend(minority.doubts.into_iter().filter(|d| d.finding.claim != "no-minority-write"));
        went_on(scene, cut, (tried, acks), pause, &mut tally);
    }
    (tally, acknowledged)
}

/// An acknowledged write of the majority: who held it.
fn held(scene: &Scene<'_>, cut: &Cut, op: &Operation, source: crate::verdict::SourceRef, tally: &mut Tally) {
    let name = op.command_id.map_or("–", |c| scene.text(c));
    let finding = |claim: &str| Finding::new(claim).with("command", name).source(source.clone());
    let Some(acks) = op.acks else {
        let why = format!("write {name} does not say which members held it");
        return tally.doubts.push(Flaw::new(1, why, finding("acks-not-recorded")));
    };
    let quorum = scene.contract.cluster.write_quorum();
    let voters = members(scene.evidence, scene.contract);
    let named: BTreeSet<Sym> = scene.evidence.symbols.list(acks).iter().copied().collect();
    let own = named.intersection(&voters).count();
    if (own as u64) < quorum {
        let why = format!("write {name} was acknowledged with {own} replicas, below {quorum}");
        tally.faults.push(Flaw::new(5, why, finding("acknowledged-below-quorum").with("members", own)));
    } else if let Some(member) = named.intersection(&cut.minority).next() {
        let (member, fault) = (scene.text(*member), scene.text(cut.id));
        let why = format!("the cut is not shown: {member}, isolated by fault {fault}, held write {name} that was sent after it");
        tally.doubts.push(Flaw::new(5, why, finding("cut-not-shown").with("member", member)));
    }
}

/// The majority goes on: it acknowledges writes, with no longer pause than a recovery may take.
fn went_on(scene: &Scene<'_>, cut: &Cut, (tried, mut acks): (usize, Vec<i64>), pause: Option<i64>, tally: &mut Tally) {
    let fault = scene.text(cut.id);
    if acks.len() == 1 {
        let finding = cut.finding("majority-stopped", scene.evidence).with("writes-tried", tried);
        return if tried == 0 {
            let why = format!("no traffic: no write was answered by the majority side during fault {fault}");
            tally.doubts.push(Flaw::new(4, why, finding));
        } else {
            let why = format!("the majority side stopped: none of {tried} writes was acknowledged during fault {fault}");
            tally.faults.push(Flaw::new(8, why, finding));
        };
    }
    acks.push(cut.to);
    acks.sort_unstable();
    let longest = acks.windows(2).map(|w| w[1].saturating_sub(w[0])).max().unwrap_or(0);
    if let Some(limit) = pause.filter(|limit| longest > *limit) {
        let why = format!(
            "the majority side acknowledged nothing for {} s during fault {fault}, longer than a recovery may take ({} s)",
            seconds(longest),
            seconds(limit)
        );
        tally.faults.push(Flaw::new(7, why, cut.finding("majority-paused", scene.evidence)));
    }
}

/// Row P2, what clients saw: with the old leader and a follower isolated, no write is acknowledged there.
#[must_use]
pub fn isolated_leader(scene: &Scene<'_>, leaders: &[Option<Sym>]) -> (Tally, usize, usize) {
    let mut tally = Tally { doubts: scene.without_cut(), ..Tally::default() };
    let (mut tried, mut told) = (0, 0);
    for (cut, leader) in scene.cuts.iter().zip(leaders) {
        shape(scene, cut, *leader, Some(true), &mut tally);
        let (more, refused) = rejection(scene, cut, &mut tally);
        (tried, told) = (tried + more, told + refused);
        if more > 0 && refused == 0 {
            let why =
                format!("no client was told that its write to the minority side of fault {} had failed", scene.text(cut.id));
            tally.doubts.push(Flaw::new(2, why, cut.finding("no-client-error", scene.evidence)));
        }
    }
    (tally, tried, told)
}

/// Row P3: the majority may elect, in a higher term; the minority elects nobody and writes nothing. `widening`: how far the clocks of samples
/// and faults may be apart.
#[must_use]
pub fn election(
    scene: &Scene<'_>,
    samples: &Rows<'_, Sample>,
    leaders: &[Option<(Sym, Option<i64>)>],
    widening: i64,
) -> (Tally, Vec<(i64, i64)>) {
    let mut tally = Tally { doubts: scene.without_cut(), ..Tally::default() };
    let mut changes = Vec::new();
    for (cut, leader) in scene.cuts.iter().zip(leaders) {
        shape(scene, cut, leader.map(|l| l.0), None, &mut tally);
        rejection(scene, cut, &mut tally);
        let fault = scene.text(cut.id);
        let Some((old, Some(term))) = *leader else {
            let why = format!("who led before fault {fault}, and in which term, is not shown");
            tally.doubts.push(Flaw::new(2, why, cut.finding("leader-not-shown", scene.evidence)));
            continue;
        };
        let within = |s: &Sample| s.t_lo.0.saturating_sub(widening) >= cut.from && s.t_hi.0.saturating_add(widening) <= cut.to;
        let leads = |s: &Sample| s.role == Some(Role::Leader) && s.term.is_some_and(|t| t > term) && within(s);
        let mut elected: Option<i64> = None;
        for (id, s) in samples.iter().filter(|(_, s)| leads(s)) {
            tally.judged += 1;
            let (name, new) = (scene.text(s.member), s.term.unwrap_or(term));
            if cut.minority.contains(&s.member) {
                let why = format!("{name}, on the minority side of fault {fault}, says that it leads term {new}");
                let finding = cut.finding("minority-elected", scene.evidence).with("member", name).with("term", new);
                tally.faults.push(Flaw::new(8, why, finding.source(samples.source(id))));
            } else if cut.majority.contains(&s.member) {
                elected = elected.max(Some(new));
            }
        }
        match elected {
            Some(new) => changes.push((term, new)),
            None if cut.minority.contains(&old) => {
                let why = format!(
                    "no term change is shown: no member of the majority said during fault {fault} that it leads a term above {term}"
                );
                tally.doubts.push(Flaw::new(3, why, cut.finding("no-term-change", scene.evidence)));
            }
            None => {}
        }
    }
    (tally, changes)
}

/// Whether both sides of each cut had operations in flight while it stood. Gives the counts of minority and majority for each cut.
#[must_use]
pub fn traffic(scene: &Scene<'_>) -> (Tally, Vec<(usize, usize)>) {
    let mut tally = Tally { doubts: scene.without_cut(), ..Tally::default() };
    let mut counts = Vec::new();
    for cut in &scene.cuts {
        let (mut minority, mut majority, mut nowhere) = (0usize, 0usize, 0usize);
        for request in scene.requests.iter().filter(|r| cut.meets(r)) {
            match request.member {
                Some(m) if cut.minority.contains(&m) => minority += 1,
                Some(m) if cut.majority.contains(&m) => majority += 1,
                _ => nowhere += 1,
            }
        }
        tally.judged += minority + majority;
        counts.push((minority, majority));
        let fault = scene.text(cut.id);
        let finding = |claim: &str| {
            let finding = cut.finding(claim, scene.evidence).with("operations-minority", minority);
            finding.with("operations-majority", majority).with("operations-nowhere", nowhere)
        };
        let idle = if minority == 0 { "minority" } else { "majority" };
        if minority > 0 && majority > 0 {
            continue;
        }
        if minority + majority + nowhere == 0 {
            let why = format!("no traffic: no operation was in flight during fault {fault}");
            tally.doubts.push(Flaw::new(2, why, finding("no-traffic")));
        } else if nowhere > 0 {
            let why = format!(
                "{nowhere} operations during fault {fault} do not say which member was asked, so traffic on the {idle} side is not shown"
            );
            tally.doubts.push(Flaw::new(1, why, finding("member-not-recorded")));
        } else {
            let why = format!("the {idle} side of fault {fault} was idle: no operation was in flight there");
            tally.faults.push(Flaw::new(1, why, finding("idle-side")));
        }
    }
    (tally, counts)
}
