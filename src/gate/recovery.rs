//! Gates on recovery: how long a failover takes, whether its parts add up, whether replay fits and ends before serving, and
//! whether probes mask a dead member in time.
//!
//! In: phases, recoveries, probes and histories. Out: judgements. Times are judged on the upper end of what the records allow.

use super::served::unserved;
use super::{Gate, Judge, TestCx};
use crate::contract::DeclaredPhases;
use crate::evidence::kinds::{Injection, Operation, Outcome, Phase, PhaseName, Probe, Recovery, Sample};
use crate::evidence::{RowId, Rows};
use crate::exact::seconds;
use crate::figure::failover::{Bounds, FailoverTime, SYMBOLS};
use crate::figure::replay::Replay;
use crate::judge::masking::{false_success, restarted};
use crate::judge::recovery::{Failover, apart, failovers, outages};
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement};
use crate::words::{each, plural};
use std::collections::BTreeSet;

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "recovery.failover-time",
        title: "failover within the objective",
        proves: "The worst failover, from the fault to the first write served, was within the recovery objective even at the upper end \
                 of what the samples allow.",
        blind: "Failovers that were not recorded; outages of clients that end with the phases to within the tolerance and a tenth of the \
                objective; how the time grows with load and with the size of the log.",
        needs: &["phases"],
        safety: false,
        judge: Judge::Test(failover_time),
    },
    Gate {
        id: "recovery.phases-add-up",
        title: "declared and measured phases agree",
        proves: "The measured phases together stay within the declared sum and tolerance, and leave no more time unexplained than that.",
        blind: "Whether the work in a phase is the work that its name says.",
        needs: &["phases"],
        safety: false,
        judge: Judge::Test(phases_add_up),
    },
    Gate {
        id: "recovery.replay-fits",
        title: "replay fits the catch-up allowance",
        proves: "Every recovery replayed all entries from its snapshot to the commit index within the catch-up allowance.",
        blind: "Longer distances to a snapshot than those that the tests met.",
        needs: &["replay"],
        safety: false,
        judge: Judge::Test(replay_fits),
    },
    Gate {
        id: "recovery.replay-before-serving",
        title: "no serving before replay has ended",
        proves: "No recovered member served, or said that it serves, before its replay had ended, and no client had an answer of it meanwhile, where a history \
                 names the members that answered.",
        blind: "Answers of which no history of the test says which member gave them.",
        needs: &["replay"],
        safety: false,
        judge: Judge::Test(replay_before_serving),
    },
    Gate {
        id: "recovery.masking",
        title: "probes mask a dead member in time",
        proves: "Each restart followed the declared number of failed probes and came within the masking time; no client was told ok by \
                 the dead member meanwhile.",
        blind: "The time from the fault to the first failed probe, at most one period and the probe's own time-out.",
        needs: &["probes", "history"],
        safety: false,
        judge: Judge::Test(masking),
    },
];

fn margin(objective: i64, measured: i64) -> String {
    format!("{} s", seconds(objective.saturating_sub(measured)))
}

/// The failover with the highest upper end, with its time.
fn worst(failovers: &[Failover]) -> Option<(&Failover, FailoverTime)> {
    let timed = failovers.iter().filter_map(|f| f.time.as_ref().ok().map(|t| (f, *t)));
    timed.reduce(|a, b| if b.1.judged().hi > a.1.judged().hi { b } else { a })
}

fn untimed(failovers: &[Failover]) -> impl Iterator<Item = Flaw> + '_ {
    failovers.iter().filter_map(|f| {
        let reason = f.time.as_ref().err()?;
        let mut finding = Finding::new("failover-not-timed").with("failover", &f.name).with("reason", reason);
        finding.sources = f.sources.clone();
        Some(Flaw::new(1, format!("failover {}: {reason}", f.name), finding))
    })
}

fn failover_time(cx: &TestCx<'_>) -> Judged {
    let list = failovers(&cx.rows::<Phase>()?, &cx.evidence().symbols);
    let mut tally = Tally { judged: list.len(), doubts: untimed(&list).collect(), ..Tally::default() };
    let Some(objective) = cx.contract().objectives.recovery.map(|o| o.value) else {
        return Ok(Judgement::inconclusive("the contract declares no recovery objective", list.len()));
    };
    let crashes = cx.test.injections.as_ref().filter(|_| cx.test.plan.iter().any(|p| p == "leader-crash")).map_or(0, |i| i.value);
    if (list.len() as u64) < crashes {
        let timed = plural(list.len(), "failover is", "failovers are");
        let why = format!(
            "{} declared and {timed} timed: the worst may be missing",
            plural(crashes, "leader fault is", "leader faults are")
        );
        let finding = Finding::new("failovers-missing").with("declared", crashes).with("timed", list.len());
        tally.doubts.push(Flaw::new(2, why, finding));
    }
    tally.doubts.extend(unprovoked(cx)?);
    tally.doubts.extend(unserved(cx, objective)?);
    for failover in &list {
        let Ok(time) = &failover.time else { continue };
        let Bounds { lo, hi } = time.judged();
        if hi > objective {
            let (measured, allowed) = apart(hi, objective);
            let why = format!("failover {} took up to {measured} s, {allowed} s are allowed", failover.name);
            let finding = Finding::new("failover-too-long").with("failover", &failover.name);
            let mut finding = finding.with("at-least-s", seconds(lo)).with("at-most-s", &measured).with("method", time.method());
            finding.sources = failover.sources.clone();
            tally.faults.push(Flaw::new(hi, why, finding));
        }
    }
    let Some((failover, time)) = worst(&list) else { return Ok(tally.conclude("", "no failover was recorded")) };
    let (measured, allowed) = apart(time.judged().hi, objective);
    let pass = format!(
        "{}, {}, took at most {measured} s ({}); {allowed} s are allowed",
        if list.len() == 1 { "the only failover".to_string() } else { format!("the worst of {} failovers", list.len()) },
        failover.name,
        time.method()
    );
    let against = (format!("≤ {allowed} s"), format!("{measured} s"), margin(objective, time.judged().hi));
    let judgement = tally.conclude(pass, "no failover was recorded").figure(time.figure(failover.sources.clone()));
    Ok(judgement.figure(time.remainder_figure()).against(against.0, against.1, against.2))
}

/// Failovers whose detection starts at no recorded fault, where faults are bound.
pub(super) fn unprovoked(cx: &TestCx<'_>) -> Result<Vec<Flaw>, Gap> {
    let (phases, faults) = (cx.rows::<Phase>()?, cx.rows_if_bound::<Injection>()?);
    let Some(faults) = faults else { return Ok(Vec::new()) };
    let widening = phases.beside(&faults)?;
    let near = |a: i64, b: i64| a.saturating_sub(widening) <= b;
    let provoked = |p: &Phase, f: &Injection| near(p.start_lo.0, f.start_hi.0) && near(f.start_lo.0, p.start_hi.0);
    let mut detections: Vec<(RowId, Phase)> = phases.iter().filter(|(_, p)| p.phase == PhaseName::Detect).collect();
    detections.sort_by_key(|(id, p)| (p.start_lo, *id));
    // Each failover has a fault of its own: one that is told twice would stand for one that is not told.
    let mut taken: BTreeSet<RowId> = BTreeSet::new();
    let mut flaws = Vec::new();
    for (id, p) in detections {
        let name = cx.evidence().text(p.failover);
        let finding = |claim: &str| Finding::new(claim).with("failover", name).source(phases.source(id));
        let own: Vec<RowId> = faults.iter().filter(|(_, f)| provoked(&p, f)).map(|(fault, _)| fault).collect();
        if own.is_empty() {
            let why = format!("failover {name} starts at no recorded fault, so nothing shows that it is timed from its cause");
            flaws.push(Flaw::new(1, why, finding("failover-without-fault")));
        } else if !own.iter().any(|fault| taken.insert(*fault)) {
            let why = format!("failover {name} starts at a fault at which another starts, so one of them may be told twice");
            flaws.push(Flaw::new(1, why, finding("failovers-at-one-fault")));
        }
    }
    Ok(flaws)
}

fn declared(phases: &DeclaredPhases) -> [i64; 4] {
    [phases.detect, phases.elect, phases.fence, phases.catch_up]
}

/// One phase beside its declaration.
fn phase_figure(at: usize, declared: i64, measured: Bounds) -> Figure {
    let over = measured.hi.saturating_sub(declared);
    Figure {
        id: format!("phase-{}", ["detect", "elect", "fence", "catch-up"][at]),
        symbol: SYMBOLS[at].into(),
        formula: format!("{0},measured − {0},declared", SYMBOLS[at]),
        substitution: format!("{} − {} = {}", seconds(measured.hi), seconds(declared), seconds(over)),
        value: seconds(over),
        unit: "s".into(),
        sources: Vec::new(),
    }
}

fn phases_add_up(cx: &TestCx<'_>) -> Judged {
    let list = failovers(&cx.rows::<Phase>()?, &cx.evidence().symbols);
    let Some(phases) = &cx.contract().failover else {
        return Ok(Judgement::inconclusive("the contract declares no phases of a failover", list.len()));
    };
    let parts = declared(phases);
    let sum = parts.iter().fold(0i64, |a, b| a.saturating_add(*b));
    let limit = sum.saturating_add(phases.tolerance);
    let mut tally = Tally { judged: list.len(), doubts: untimed(&list).collect(), ..Tally::default() };
    for failover in &list {
        let Ok(time) = &failover.time else { continue };
        let (least, most, rest) = (time.sum.lo, time.judged().hi, time.remainder());
        let mut finding = Finding::new("phases-disagree").with("failover", &failover.name).with("declared-s", seconds(sum));
        for (name, (declared, measured)) in SYMBOLS.iter().zip(parts.iter().zip(time.phases)) {
            finding = finding.with(name, format!("{} s declared, {} s measured", seconds(*declared), seconds(measured.hi)));
        }
        finding = finding.with("unexplained-s", seconds(rest.lo)).with("tolerance-s", seconds(phases.tolerance));
        finding.sources = failover.sources.clone();
        let name = &failover.name;
        let (shown, allowed) = apart(if least > limit { least } else { most }, limit);
        if least > limit {
            let why = format!("the phases of failover {name} take {shown} s, {allowed} s are declared with tolerance");
            tally.faults.push(Flaw::new(least, why, finding));
        } else if rest.lo > phases.tolerance {
            let why = format!("{} s of failover {name} lie in no phase or in two", seconds(rest.lo));
            tally.faults.push(Flaw::new(rest.lo, why, finding));
        } else if most > limit {
            let why = format!("failover {name} took {} to {shown} s, {allowed} s are declared with tolerance", seconds(least));
            tally.doubts.push(Flaw::new(most, why, finding));
        }
    }
    let Some((failover, time)) = worst(&list) else { return Ok(tally.conclude("", "no failover was recorded")) };
    let most = time.judged().hi;
    let (measured, allowed) = apart(most, limit);
    let pass = format!("the phases of the worst failover, {}, take at most {measured} s of {allowed} s declared", failover.name);
    let mut judgement = tally.conclude(pass, "no failover was recorded").figure(time.figure(failover.sources.clone()));
    judgement = judgement.figure(time.remainder_figure());
    for (at, (declared, measured)) in parts.into_iter().zip(time.phases).enumerate() {
        judgement = judgement.figure(phase_figure(at, declared, measured));
    }
    Ok(judgement.against(format!("≤ {allowed} s"), format!("{measured} s"), margin(limit, most)))
}

/// A recovery with all that is needed to time it, or what is missing.
fn timed(recovery: &Recovery) -> Result<Replay, &'static str> {
    let replay = Replay {
        snapshot: recovery.snapshot_index,
        commit: recovery.commit_index,
        started: recovery.started.0,
        finished: recovery.finished.ok_or("does not say when its replay ended")?.0,
        entries: recovery.entries.ok_or("does not say how many entries it replayed")?,
    };
    if replay.range().is_none() {
        return Err("has a snapshot above its commit index");
    }
    match replay.took() {
        None => Err("ended before it began"),
        Some(0) if replay.range() != Some(0) => Err("took no measurable time"),
        Some(_) => Ok(replay),
    }
}

/// The four ways out of a replay that does not fit, computed.
fn ways_out(cx: &TestCx<'_>, replay: &Replay, allowance: i64, took: i64) -> Finding {
    let mut finding = Finding::new("ways-out")
        .with("serve-when-caught-up", "do not serve until the replay has ended")
        .with("revise-objective", format!("catch-up allowance of at least {} s", seconds(took)));
    if let Some(ways) = replay.ways_out(allowance) {
        finding = finding
            .with("snapshot-oftener", format!("at most {} entries behind a snapshot", ways.entries))
            .with("replay-faster", format!("at least {} entries/s", ways.rate));
    }
    if let Some(phases) = &cx.contract().failover {
        let total = phases.detect.saturating_add(phases.elect).saturating_add(phases.fence).saturating_add(took);
        finding = finding.with("revise-recovery", format!("recovery objective of at least {} s", seconds(total)));
    }
    finding
}

fn replay_fits(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Recovery>()?;
    let Some(allowance) = cx.contract().objectives.catch_up.map(|a| a.value) else {
        return Ok(Judgement::inconclusive("the contract declares no catch-up allowance", rows.len()));
    };
    let mut tally = Tally::default();
    let mut slowest: Option<(i64, Replay, RowId)> = None;
    for (id, recovery) in rows.iter() {
        let member = cx.evidence().text(recovery.member);
        let finding = |claim: &str| Finding::new(claim).with("member", member).source(rows.source(id));
        let replay = match timed(&recovery) {
            Ok(replay) => replay,
            Err(reason) => {
                tally.doubts.push(Flaw::new(1, format!("the recovery of {member} {reason}"), finding("replay-not-timed")));
                continue;
            }
        };
        let range = replay.range().unwrap_or(0);
        if replay.entries != range {
            let why = format!("{member} replayed {} entries, its range is {range}", replay.entries);
            let flaw = Flaw::new(0, why, finding("range-differs").with("entries", replay.entries).with("range", range));
            if replay.entries < range { tally.faults.push(flaw) } else { tally.doubts.push(flaw) }
        }
        if range == 0 && replay.entries == 0 {
            continue;
        }
        tally.judged += 1;
        let took = replay.took().unwrap_or(0).max(replay.time().unwrap_or(0));
        if took > allowance {
            let (shown, allowed) = apart(took, allowance);
            let why = format!("{member} replays {range} entries in {shown} s, {allowed} s are allowed");
            let finding = finding("replay-too-long").with("entries", range).with("took-s", shown);
            tally.faults.push(Flaw::new(took, why, finding));
        }
        if slowest.as_ref().is_none_or(|s| took > s.0) {
            slowest = Some((took, replay, id));
        }
    }
    let recoveries = tally.judged;
    let Some((took, replay, id)) = slowest else { return Ok(tally.conclude("", "no recovery had an entry to replay")) };
    let (measured, allowed) = apart(took, allowance);
    let pass = format!("the slowest of {} took {measured} s, {allowed} s are allowed", plural(recoveries, "replay", "replays"));
    let mut judgement = tally.conclude(pass, "");
    judgement.figures.extend(replay.range_figure(vec![rows.source(id)]));
    judgement.figures.extend(replay.time_figure(vec![rows.source(id)]));
    if took > allowance {
        judgement = judgement.findings([ways_out(cx, &replay, allowance, took).source(rows.source(id))]);
    }
    Ok(judgement.against(format!("≤ {allowed} s"), format!("{measured} s"), margin(allowance, took)))
}

fn replay_before_serving(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Recovery>()?;
    let samples = cx.rows_if_bound::<Sample>()?;
    let history = cx.rows_if_bound::<Operation>()?;
    let mut tally = Tally { judged: rows.len(), ..Tally::default() };
    let mut closest: Option<i64> = None;
    for (id, recovery) in rows.iter() {
        let member = cx.evidence().text(recovery.member);
        let finding = |claim: &str| Finding::new(claim).with("member", member).source(rows.source(id));
        let (Some(finished), Some(serving)) = (recovery.finished, recovery.serving) else {
            let what = if recovery.finished.is_none() { "its replay ended" } else { "it first served" };
            let why = format!("the recovery of {member} does not say when {what}");
            tally.doubts.push(Flaw::new(0, why, finding("recovery-open")));
            continue;
        };
        let room = serving.0.saturating_sub(finished.0);
        closest = Some(closest.map_or(room, |c| c.min(room)));
        if room < 0 {
            let early = seconds(room.saturating_neg());
            let why = format!("{member} served {early} s before its replay ended");
            tally.faults.push(Flaw::new(room.saturating_neg(), why, finding("served-early").with("early-s", early)));
        } else if finished.0 < recovery.started.0 {
            let why = format!("the replay of {member} ended before it began");
            tally.doubts.push(Flaw::new(0, why, finding("recovery-inside-out")));
        }
        if let Some(history) = &history {
            answered_early(cx, (&rows, id, &recovery), history, &mut tally);
        }
        for (at, sample) in samples.iter().flat_map(|s| s.iter().map(move |(at, sample)| ((s, at), sample))) {
            let (list, at) = at;
            if sample.member != recovery.member || sample.serving != Some(true) || sample.t_lo > sample.t_hi {
                continue;
            }
            let apart = match cx.evidence().apart(&list.part(at).clock, &rows.part(id).clock) {
                Ok(apart) => apart,
                Err(gap) => {
                    let why = format!("whether {member} said that it serves while it replayed is not known: {}", gap.why);
                    tally.doubts.push(Flaw::new(0, why, finding("clocks-differ").source(list.source(at))));
                    continue;
                }
            };
            let (lo, hi) = (sample.t_lo.0.saturating_sub(apart), sample.t_hi.0.saturating_add(apart));
            if recovery.started.0 <= lo && hi < finished.0 {
                let why = format!("{member} said that it serves while it replayed");
                tally.faults.push(Flaw::new(0, why, finding("advertised-early").source(list.source(at))));
            }
        }
    }
    let pass = format!("{} served only when its replay had ended", each(rows.len(), "recovered member", "recovered members"));
    let measured = closest.map_or_else(String::new, |room| format!("{} s", seconds(room)));
    Ok(tally.conclude(pass, "no member recovered").against("≥ 0 s", measured.clone(), measured))
}

fn masking(cx: &TestCx<'_>) -> Judged {
    let (probes, history) = (cx.rows::<Probe>()?, cx.rows::<Operation>()?);
    let Some(probe) = &cx.contract().probe else {
        return Ok(Judgement::inconclusive("the contract declares no health probe", probes.len()));
    };
    let base = i64::try_from(probe.threshold).unwrap_or(i64::MAX).saturating_mul(probe.period).saturating_add(probe.grace);
    let mut tally = Tally::default();
    let mut slowest: Option<(i64, i64)> = None;
    for outage in outages(&probes)? {
        let bound = base.saturating_add(if outage.fresh { probe.initial_delay } else { 0 });
        let target = cx.evidence().text(outage.target);
        let took = outage.restart.unwrap_or(outage.last).saturating_sub(outage.first);
        if outage.restart.is_none() && outage.failures < probe.threshold {
            continue;
        }
        restarted(target, &outage, probe.threshold, (took, bound), &mut tally);
        if let Some(restart) = outage.restart {
            tally.judged += 1;
            false_success(target, &outage, restart, (&probes, &history), &mut tally);
            if slowest.is_none_or(|s| took.saturating_sub(bound) > s.0.saturating_sub(s.1)) {
                slowest = Some((took, bound));
            }
        }
    }
    let killed = cx.test.model == "crash" && cx.test.layer == "process";
    let crashes = cx.test.injections.as_ref().filter(|_| killed).map_or(0, |i| i.value);
    if (tally.judged as u64) < crashes && tally.faults.is_empty() {
        let restarts = plural(tally.judged, "restart by probes is", "restarts by probes are");
        let why = format!("{} declared and {restarts} recorded", plural(crashes, "crash is", "crashes are"));
        let finding = Finding::new("restarts-missing").with("declared", crashes).with("recorded", tally.judged);
        tally.doubts.push(Flaw::new(0, why, finding));
    }
    let pass = format!(
        "{} came within its masking time, and no client was told ok by the dead member",
        each(tally.judged, "restart", "restarts")
    );
    let judgement = tally.conclude(pass, "no probe restarted a member");
    let Some((took, bound)) = slowest else { return Ok(judgement) };
    let (measured, allowed) = apart(took, bound);
    let text = |ns: i64| seconds(ns);
    let figure = Figure {
        id: "masking-time".into(),
        symbol: "T_mask".into(),
        formula: "T_mask = period × threshold + grace (+ initial delay before the first answer)".into(),
        substitution: match bound - base {
            0 => format!("{} × {} + {} = {}", text(probe.period), probe.threshold, text(probe.grace), text(bound)),
            delay => {
                let sum = format!("{} × {} + {}", text(probe.period), probe.threshold, text(probe.grace));
                format!("{sum} + {} = {}", text(delay), text(bound))
            }
        },
        value: text(bound),
        unit: "s".into(),
        sources: vec![cx.release.declared(probe.span)],
    };
    Ok(judgement.figure(figure).against(format!("≤ {allowed} s"), format!("{measured} s"), margin(bound, took)))
}

/// Answers that a member gave, by the word of clients, surely after its replay had begun and before it had ended.
fn answered_early(
    cx: &TestCx<'_>,
    (rows, id, recovery): (&Rows<'_, Recovery>, RowId, &Recovery),
    history: &Rows<'_, Operation>,
    tally: &mut Tally,
) {
    let member = cx.evidence().text(recovery.member);
    let Some(finished) = recovery.finished else { return };
    for (at, op) in history.iter().filter(|(_, op)| op.result == Outcome::Ok && op.member == Some(recovery.member)) {
        // Clocks that nothing bounds leave the samples and the record itself.
        let Ok(apart) = cx.evidence().apart(&history.part(at).clock, &rows.part(id).clock) else { return };
        let sent = op.invoke.0.saturating_sub(apart) >= recovery.started.0;
        if sent && op.returned.is_some_and(|r| r.0.saturating_add(apart) < finished.0) {
            let why = format!("{member} answered a client while it replayed");
            let finding = Finding::new("answered-early").with("member", member).source(rows.source(id));
            tally.faults.push(Flaw::new(1, why, finding.source(history.source(at))));
        }
    }
}
