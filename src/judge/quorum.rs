//! Quorums in the evidence: who held an acknowledged write, and when too few members were there to decide anything.
//!
//! In: histories, member samples and quorum sizes. Out: judgements. Instants at which a member was down are taken narrowly: only what
//! lies between two failed samples with no answer between them counts. Refuses to know files and gates.

use crate::contract::{Consistency, Contract};
use crate::evidence::kinds::{OpKind, Operation, Outcome, Sample};
use crate::evidence::symbol::{Sym, Syms, Val};
use crate::evidence::{Evidence, RowId, Rows};
use crate::exact::seconds;
use crate::verdict::{Finding, Judgement};
use crate::words::a;
use std::collections::{BTreeMap, BTreeSet};

/// Whether an operation was acknowledged as having changed something.
#[must_use]
pub fn acknowledged_change(op: &Operation) -> bool {
    let took_nothing = matches!(op.op, OpKind::Dequeue | OpKind::Pop) && op.value == Some(Val::NIL);
    op.result == Outcome::Ok && op.op != OpKind::Read && !took_nothing
}

/// The declared members that occur in the evidence.
#[must_use]
pub fn members(evidence: &Evidence, contract: &Contract) -> BTreeSet<Sym> {
    contract.cluster.members.iter().filter_map(|m| evidence.symbols.find(m)).collect()
}

fn operation(evidence: &Evidence, claim: &str, rows: &Rows<'_, Operation>, id: RowId, op: &Operation) -> Finding {
    let command = op.command_id.map_or("–", |c| evidence.text(c));
    Finding::new(claim).with("op", op.op.word()).with("command", command).source(rows.source(id))
}

/// When each declared member was surely down by the clock of operations; nothing where samples and operations cannot be compared.
fn dead(
    evidence: &Evidence,
    contract: &Contract,
    rows: &Rows<'_, Operation>,
    samples: Option<&Rows<'_, Sample>>,
) -> BTreeMap<Sym, Vec<Stretch>> {
    let Some((samples, skew)) = samples.and_then(|s| Some((s, rows.beside(s).ok()?))) else { return BTreeMap::new() };
    let mut outages = outages(evidence, contract, samples);
    for stretch in outages.values_mut().flatten() {
        (stretch.start, stretch.end) = (stretch.start.saturating_add(skew), stretch.end.saturating_sub(skew));
    }
    outages
}

/// Every acknowledged write was held by a write quorum of declared members before its answer. Members that `samples` show down from before it was sent
/// until after it was answered held nothing.
#[must_use]
pub fn durable_acks(
    evidence: &Evidence,
    contract: &Contract,
    rows: &Rows<'_, Operation>,
    samples: Option<&Rows<'_, Sample>>,
) -> Judgement {
    let quorum = contract.cluster.write_quorum();
    let voters = members(evidence, contract);
    let dead = dead(evidence, contract, rows, samples);
    let named = |acks: Syms| evidence.symbols.list(acks).iter().copied().collect::<BTreeSet<Sym>>();
    let mut counted: BTreeMap<Syms, (u64, u64)> = BTreeMap::new();
    let (mut short, mut open, mut judged, mut least) = (Vec::new(), Vec::new(), 0usize, u64::MAX);
    for (id, op) in rows.iter().filter(|(_, op)| acknowledged_change(op)) {
        judged += 1;
        let Some(acks) = op.acks else {
            open.push(operation(evidence, "acks-not-recorded", rows, id, &op));
            continue;
        };
        let (held, all) = *counted.entry(acks).or_insert_with(|| {
            let named = named(acks);
            (named.intersection(&voters).count() as u64, named.len() as u64)
        });
        let during = |w: &Stretch| w.start <= op.invoke.0 && op.returned.is_some_and(|r| r.0 <= w.end);
        let gone = |m: &Sym| dead.get(m).is_some_and(|list| list.iter().any(during));
        let lost = if dead.is_empty() { 0 } else { named(acks).iter().filter(|m| gone(m)).count() as u64 };
        least = least.min(held.saturating_sub(lost));
        if held.saturating_sub(lost) >= quorum {
            continue;
        }
        let finding = |claim: &str| {
            let names: Vec<&str> = named(acks).iter().map(|s| evidence.text(*s)).collect();
            operation(evidence, claim, rows, id, &op).with("held-by", names.join(", ")).with("members", held)
        };
        if held >= quorum {
            open.push(finding("acks-of-members-that-were-down"));
        } else if all >= quorum {
            open.push(finding("acks-of-undeclared-members"));
        } else {
            short.push(finding("acknowledged-below-quorum"));
        }
    }
    let worst = |list: &[Finding]| list.first().map_or_else(String::new, |f| f.data["command"].clone());
    short.sort_by_key(|f| f.data["members"].parse::<u64>().unwrap_or(0));
    let judgement = if judged == 0 {
        return Judgement::not_exercised("no write was acknowledged", 0);
    } else if let Some(first) = short.first() {
        let (command, held) = (&first.data["command"], &first.data["members"]);
        let why = format!("write {command} was acknowledged with {held} durable replicas, below the quorum of {quorum}");
        Judgement::fail(format!("{why}; {} of {judged} acknowledged writes fall short", short.len()), judged)
    } else if open.is_empty() {
        Judgement::pass(format!("each of {judged} acknowledged writes was on at least {least} members"), judged)
    } else {
        let why = format!(
            "{} of {judged} acknowledged writes do not show a quorum of declared members that were up and held them; the first is {}",
            open.len(),
            worst(&open)
        );
        Judgement::inconclusive(why, judged)
    };
    let measured = if least == u64::MAX { "not recorded".into() } else { format!("{least} members") };
    let margin = if least == u64::MAX { String::new() } else { (i128::from(least) - i128::from(quorum)).to_string() };
    judgement.against(format!("≥ {quorum} members"), measured, margin).findings(short).findings(open)
}

/// A stretch of time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// Its first instant, in ns.
    pub start: i64,
    /// Its last instant, in ns.
    pub end: i64,
}

/// When one member was surely down: from the latest instant of the first failed sample to the earliest instant of the last one in a
/// row, and never while a sample that was answered may have been taken. Samples are (t_lo, t_hi, answered).
#[must_use]
pub fn down(mut samples: Vec<(i64, i64, bool)>) -> Vec<Stretch> {
    samples.sort_unstable();
    let (mut list, mut answered, mut run): (Vec<Stretch>, i64, Option<Stretch>) = (Vec::new(), i64::MIN, None);
    for (lo, hi, up) in samples {
        if up {
            list.extend(run.take());
            answered = answered.max(hi);
        } else {
            let start = run.map_or(hi.max(answered), |r| r.start);
            run = Some(Stretch { start, end: lo });
        }
    }
    list.extend(run);
    list.retain(|s| s.start < s.end);
    list
}

/// When at least `need` members were down at once.
#[must_use]
pub fn overlap(down: &[Vec<Stretch>], need: u64) -> Vec<Stretch> {
    let mut edges: Vec<(i64, bool)> = down.iter().flatten().flat_map(|s| [(s.start, false), (s.end, true)]).collect();
    edges.sort_unstable();
    let (mut count, mut since, mut list) = (0u64, None, Vec::new());
    for (t, ends) in edges {
        count = if ends { count.saturating_sub(1) } else { count + 1 };
        match since {
            None if count >= need && !ends => since = Some(t),
            Some(start) if count < need => {
                list.push(Stretch { start, end: t });
                since = None;
            }
            _ => {}
        }
    }
    list.retain(|s| s.start < s.end);
    list
}

/// Down stretches of all declared members, from their samples.
fn outages(evidence: &Evidence, contract: &Contract, samples: &Rows<'_, Sample>) -> BTreeMap<Sym, Vec<Stretch>> {
    let voters = members(evidence, contract);
    let mut by_member: BTreeMap<Sym, Vec<(i64, i64, bool)>> = BTreeMap::new();
    for (_, s) in samples.iter().filter(|(_, s)| voters.contains(&s.member)) {
        let silent = s.role.is_none() && s.term.is_none() && s.leader.is_none() && s.commit_index.is_none();
        match s.reachable {
            Some(up) => by_member.entry(s.member).or_default().push((s.t_lo.0, s.t_hi.0, up)),
            None if !silent => by_member.entry(s.member).or_default().push((s.t_lo.0, s.t_hi.0, true)),
            None => {}
        }
    }
    by_member.into_iter().map(|(member, samples)| (member, down(samples))).collect()
}

/// When fewer than a quorum of members were surely shown to answer while operations were sent; `widening` is what the clocks of members and
/// operations may differ, in ns.
#[must_use]
pub fn missing(
    evidence: &Evidence,
    contract: &Contract,
    history: &Rows<'_, Operation>,
    samples: &Rows<'_, Sample>,
    (quorum, widening): (u64, i64),
) -> Vec<Stretch> {
    let outages: Vec<Vec<Stretch>> = outages(evidence, contract, samples).into_values().collect();
    let active = history.iter().fold((i64::MAX, i64::MIN), |(first, last), (_, op)| {
        (first.min(op.invoke.0), last.max(op.returned.map_or(op.invoke.0, |r| r.0)))
    });
    let list = overlap(&outages, contract.cluster.size().saturating_sub(quorum) + 1).into_iter();
    let sure = |w: Stretch| Stretch { start: w.start.saturating_add(widening), end: w.end.saturating_sub(widening) };
    let meets = |w: &Stretch| w.start < w.end && w.end >= active.0 && w.start <= active.1;
    list.map(sure).filter(meets).collect()
}

/// What became of operations while a quorum was missing.
#[derive(Default)]
struct Halt {
    wrong: Vec<Finding>,
    unclear: Vec<Finding>,
    writes: usize,
    reads: usize,
    /// The first outage in which no write was in flight.
    idle: Option<Stretch>,
    /// Reads of linearizable endpoints that were answered and said that they were degraded.
    degraded: usize,
}

/// While fewer than a quorum of members answered, no write was acknowledged and no linearizable read succeeded.
#[must_use]
pub fn loss_halts(
    evidence: &Evidence,
    contract: &Contract,
    history: &Rows<'_, Operation>,
    samples: &Rows<'_, Sample>,
) -> Judgement {
    let widening = match history.beside(samples) {
        Ok(widening) => widening,
        Err(gap) => return gap.into(),
    };
    let (n, cluster) = (contract.cluster.size(), &contract.cluster);
    let windows = |quorum: u64| missing(evidence, contract, history, samples, (quorum, widening));
    let (no_write, no_read) = (windows(cluster.write_quorum()), windows(cluster.read_quorum()));
    if no_write.is_empty() {
        let why = format!("never were fewer than {} of {n} members shown to answer", cluster.write_quorum());
        return Judgement::not_exercised(why, 0);
    }
    let mut halt = Halt::default();
    let trip = contract.objectives.write_p99.as_ref().map_or(0, |o| o.value);
    for (id, op) in history.iter() {
        let windows = if op.op == OpKind::Read { &no_read } else { &no_write };
        if let Some(window) = windows.iter().find(|w| w.start <= op.invoke.0 && op.invoke.0 <= w.end) {
            weigh(evidence, contract, history, (id, &op), *window, &mut halt);
        }
        // What was under way when the quorum was lost may have been committed before; its answer then comes within a write's time.
        let late = |w: &&Stretch| {
            op.invoke.0 < w.start && op.returned.is_some_and(|r| r.0 > w.start.saturating_add(trip) && r.0 <= w.end)
        };
        if let Some(window) = windows.iter().find(late).filter(|_| acknowledged_change(&op)) {
            let finding = operation(evidence, "acknowledged-long-after-loss", history, id, &op);
            let finding = finding.with("invoked", seconds(op.invoke.0)).with("without-quorum-from", seconds(window.start));
            halt.unclear.push(finding.with("answered", op.returned.map_or("never".into(), |r| seconds(r.0))));
        }
    }
    let flying = |w: &Stretch| {
        let meets = |op: &Operation| op.invoke.0 <= w.end && op.returned.map_or(op.invoke.0, |r| r.0) >= w.start;
        history.iter().any(|(_, op)| op.op != OpKind::Read && meets(&op))
    };
    halt.idle = no_write.iter().copied().find(|w| !flying(w));
    conclude(contract, &halt, &no_write)
}

/// Weighs one operation that began in a window.
fn weigh(
    evidence: &Evidence,
    contract: &Contract,
    rows: &Rows<'_, Operation>,
    (id, op): (RowId, &Operation),
    window: Stretch,
    halt: &mut Halt,
) {
    let inside = op.returned.is_some_and(|r| r.0 <= window.end);
    let untimed = op.returned.is_none() && op.result == Outcome::Ok;
    let finding = |claim: &str| {
        operation(evidence, claim, rows, id, op)
            .with("without-quorum-from", seconds(window.start))
            .with("without-quorum-to", seconds(window.end))
            .with("invoked", seconds(op.invoke.0))
            .with("answered", op.returned.map_or("never".into(), |r| seconds(r.0)))
    };
    if op.op != OpKind::Read {
        halt.writes += 1;
        if inside && acknowledged_change(op) {
            halt.wrong.push(finding("acknowledged-without-quorum"));
        } else if untimed {
            halt.unclear.push(finding("success-at-an-unknown-time"));
        }
        return;
    }
    let degraded = op.degraded == Some(true);
    match promise(evidence, contract, op) {
        Some(Consistency::Eventual) => {}
        Some(Consistency::Linearizable) => {
            halt.reads += usize::from(!degraded);
            halt.degraded += usize::from(degraded && op.result == Outcome::Ok);
            if inside && op.result == Outcome::Ok && !degraded {
                halt.wrong.push(finding("read-without-quorum"));
            } else if untimed && !degraded {
                halt.unclear.push(finding("success-at-an-unknown-time"));
            }
        }
        None if inside && op.result == Outcome::Ok && !degraded => halt.unclear.push(finding("read-of-unknown-endpoint")),
        None => {}
    }
}

/// What the endpoint of an operation promises; `None` when that cannot be told.
fn promise(evidence: &Evidence, contract: &Contract, op: &Operation) -> Option<Consistency> {
    if let Some(name) = op.endpoint {
        return contract.endpoint(evidence.text(name)).map(|e| e.consistency);
    }
    let mut promises =
        contract.endpoints.iter().filter(|e| e.operations.iter().any(|o| o == op.op.word())).map(|e| e.consistency);
    let first = promises.next()?;
    promises.all(|p| p == first).then_some(first)
}

fn conclude(contract: &Contract, halt: &Halt, windows: &[Stretch]) -> Judgement {
    let total = windows.iter().fold(0i64, |sum, w| sum.saturating_add(w.end.saturating_sub(w.start)));
    let lost = format!("{} s without a quorum", seconds(total));
    let judged = halt.writes + halt.reads;
    let reads_promised = contract
        .endpoints
        .iter()
        .any(|e| e.consistency == Consistency::Linearizable && e.operations.iter().any(|o| o == OpKind::Read.word()));
    let judgement = if let Some(first) = halt.wrong.first() {
        let what = if first.claim == "read-without-quorum" { "linearizable read" } else { "write" };
        let (command, t) = (&first.data["command"], &first.data["answered"]);
        let why = format!("{what} {command} succeeded at {t} s while fewer than a quorum of members answered");
        Judgement::fail(format!("{why}; {} operations did, in {lost}", halt.wrong.len()), judged)
    } else if halt.writes == 0 {
        Judgement::inconclusive(format!("no traffic: no write was attempted in {lost}"), judged)
    } else if let Some(idle) = halt.idle {
        let (from, to) = (seconds(idle.start), seconds(idle.end));
        Judgement::inconclusive(format!("no traffic: no write was in flight from {from} s to {to} s, without a quorum"), judged)
    } else if reads_promised && halt.reads == 0 {
        Judgement::inconclusive(format!("no traffic: no linearizable read was attempted in {lost}"), judged)
    } else if let Some(first) = halt.unclear.first() {
        let what = match first.claim.as_str() {
            "read-of-unknown-endpoint" => "its endpoint is not known".to_string(),
            "acknowledged-long-after-loss" => {
                let (from, at) = (&first.data["without-quorum-from"], &first.data["answered"]);
                format!("was acknowledged at {at} s, later than a write may take after the quorum was lost at {from} s")
            }
            _ => "the time of its answer is not known".to_string(),
        };
        let why =
            format!("{} sent at {} s in {lost} succeeded, and {what}", a(&first.data["op"].to_string()), first.data["invoked"]);
        Judgement::inconclusive(why, judged)
    } else {
        let degraded =
            if halt.degraded > 0 { format!("; {} reads were answered as degraded", halt.degraded) } else { String::new() };
        let (writes, reads) = (halt.writes, halt.reads);
        let why = format!("in {lost}, none of {writes} writes was acknowledged and none of {reads} reads succeeded{degraded}");
        Judgement::pass(why, judged)
    };
    let wrong = halt.wrong.len();
    judgement.against("≤ 0", format!("{wrong} acknowledged"), "").findings(halt.wrong.iter().chain(&halt.unclear).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn stretch(start: i64, end: i64) -> Stretch {
        Stretch { start, end }
    }

    #[test]
    fn a_member_is_down_only_between_its_failed_samples() {
        assert_eq!(down(vec![(0, 1, true), (10, 12, false), (20, 22, false), (30, 31, true)]), [stretch(12, 20)]);
        assert_eq!(down(vec![(10, 12, false)]), [], "one failed sample spans no time");
        assert_eq!(down(vec![(10, 12, false), (15, 16, true), (20, 22, false)]), [], "an answer between them");
        assert_eq!(down(vec![(0, 18, true), (10, 12, false), (20, 22, false)]), [stretch(18, 20)], "an answer may come late");
        assert_eq!(down(vec![(20, 22, false), (10, 12, false)]), [stretch(12, 20)], "in any order");
    }

    #[test]
    fn a_quorum_is_missing_while_enough_members_are_down_at_once() {
        let down = [vec![stretch(0, 10)], vec![stretch(5, 20), stretch(30, 40)], vec![stretch(8, 35)]];
        assert_eq!(overlap(&down, 2), [stretch(5, 20), stretch(30, 35)]);
        assert_eq!(overlap(&down, 3), [stretch(8, 10)]);
        assert_eq!(overlap(&down, 4), []);
        assert_eq!(overlap(&[vec![stretch(0, 5)], vec![stretch(5, 9)]], 2), [], "touching is not overlapping");
    }
}
