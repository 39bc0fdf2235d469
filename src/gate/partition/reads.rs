//! Row P5: reads while a partition stands.
//!
//! In: a test that declares the row. Out: a judgement of its linearizable reads: their path, their freshness, and that both sides were asked. Refuses to
//! judge reads that were under way when the cut began or ended.

use super::{Stage, number, other_row, stage};
use crate::evidence::RowId;
use crate::evidence::kinds::{OpKind, Operation, Outcome, ReadPath};
use crate::gate::TestCx;
use crate::gate::consistency::{Claim, Endpoints};
use crate::judge::freshness::{Seen, sweep};
use crate::judge::partition::Cut;
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Finding, Gap, Judged, Judgement};
use std::collections::BTreeSet;

/// Reads of one test by what became of them.
#[derive(Default)]
struct Reads {
    by_path: usize,
    degraded: usize,
    refused: usize,
    minority: usize,
    majority: usize,
    nowhere: usize,
    judged: BTreeSet<RowId>,
}

pub(super) fn p5(cx: &TestCx<'_>) -> Judged {
    let Some(stage) = stage(cx, Some("P5"))? else { return other_row("P5") };
    let mut tally = Tally { doubts: stage.scene.without_cut(), ..Tally::default() };
    let mut endpoints = Endpoints::new(cx);
    let mut all = Reads::default();
    let mut seen = Vec::new();
    for (id, op) in stage.history.iter() {
        if endpoints.claim(&stage.history, id, &op)? != Claim::Linearizable {
            continue;
        }
        let read = op.op == OpKind::Read;
        if let (Outcome::Ok, Some(returned), false) = (op.result, op.returned, read && op.degraded == Some(true)) {
            let (key, version, commit) = (op.key, op.version, op.commit_index);
            seen.push(Seen { id, read, key, invoke: op.invoke.0, returned: returned.0, version, commit });
        }
        // What was never answered with success was served by nobody, whenever its client gave up.
        let served = op.result == Outcome::Ok;
        let within = |cut: &&Cut| {
            let sent = op.invoke.0 >= cut.from && op.invoke.0 <= cut.to;
            sent && (!served || op.returned.is_some_and(|r| r.0 <= cut.to))
        };
        if let (true, Some(cut)) = (read, stage.scene.cuts.iter().find(within)) {
            weigh(cx, &stage, (id, &op), cut, &mut all, &mut tally);
        }
    }
    fresh(&stage, &seen, &all, &mut tally)?;
    both_sides(&stage, &all, &mut tally);
    tally.judged = all.judged.len();
    let pass = format!(
        "{} reads while the cut stood: {} by the leader or a quorum and fresh, {} degraded, {} refused",
        tally.judged, all.by_path, all.degraded, all.refused
    );
    let figures = [
        ("reads-by-path", "answered reads with path leader or quorum", all.by_path),
        ("reads-degraded", "answered reads that said they were degraded", all.degraded),
        ("reads-refused", "reads that failed", all.refused),
    ];
    let figures = figures.map(|(id, formula, value)| number(id, "n", formula, value, Vec::new()));
    Ok(figures.into_iter().fold(tally.conclude(pass, "no read was sent and answered while the cut stood"), Judgement::figure))
}

/// One read within a cut.
fn weigh(cx: &TestCx<'_>, stage: &Stage<'_>, (id, op): (RowId, &Operation), cut: &Cut, all: &mut Reads, tally: &mut Tally) {
    all.judged.insert(id);
    match op.member {
        Some(m) if cut.minority.contains(&m) => all.minority += 1,
        Some(m) if cut.majority.contains(&m) => all.majority += 1,
        _ => all.nowhere += 1,
    }
    let source = stage.history.source(id);
    let line = source.line.unwrap_or(0);
    let member = op.member.map_or("–", |m| cx.evidence().text(m));
    let finding = |claim: &str| Finding::new(claim).with("member", member).source(source.clone());
    match (op.result, op.degraded, op.path) {
        (Outcome::Fail | Outcome::Unknown, _, _) => all.refused += 1,
        (Outcome::Ok, Some(true), _) => all.degraded += 1,
        (Outcome::Ok, _, Some(ReadPath::Leader | ReadPath::Quorum)) => all.by_path += 1,
        (Outcome::Ok, _, Some(path)) => {
            let why = format!(
                "the read at line {line} was served by {member} on the path {} and did not say that it is degraded",
                path.word()
            );
            tally.faults.push(Flaw::new(3, why, finding("read-off-path").with("path", path.word())));
        }
        (Outcome::Ok, _, None) => {
            let why = format!("the read at line {line} was answered and does not say how it was served");
            tally.doubts.push(Flaw::new(1, why, finding("path-not-recorded")));
        }
    }
}

/// Reads of the cut that observed less than was complete before them. Staleness that the skew of clocks could explain leaves a doubt.
fn fresh(stage: &Stage<'_>, seen: &[Seen], all: &Reads, tally: &mut Tally) -> Result<(), Gap> {
    let skew = stage.history.among()?;
    let (surely, found) = (sweep(seen, -skew), sweep(seen, skew));
    let known: BTreeSet<RowId> = surely.stale.iter().map(|s| s.read).collect();
    let sure = surely.stale.iter().map(|s| (s, true));
    let open = found.stale.iter().filter(|s| !known.contains(&s.read)).map(|s| (s, false));
    for (stale, sure) in sure.chain(open).filter(|(s, _)| all.judged.contains(&s.read)) {
        let (read, write) = (stage.history.source(stale.read), stage.history.source(stale.write));
        let (line, other) = (read.line.unwrap_or(0), write.line.unwrap_or(0));
        let (saw, made) = (stale.observed, stale.committed);
        let why = format!("stale read at line {line}: it observed {saw}, the write at line {other} had made {made} before");
        let why = if sure { why } else { format!("{why}, if the clocks stand as far apart as they may") };
        let flaw = Flaw::new(5, why, Finding::new("stale-read").with("margin-ns", stale.margin).source(read).source(write));
        if sure { tally.faults.push(flaw) } else { tally.doubts.push(flaw) }
    }
    let blank = found.without_version.iter().filter(|id| all.judged.contains(id)).count();
    if blank > 0 {
        let why = format!("{blank} answered reads carry no version, so their freshness is not shown");
        tally.doubts.push(Flaw::new(1, why, Finding::new("version-not-recorded").with("reads", blank)));
    }
    Ok(())
}

fn both_sides(stage: &Stage<'_>, all: &Reads, tally: &mut Tally) {
    if stage.scene.cuts.is_empty() || (all.minority > 0 && all.majority > 0) {
        return;
    }
    let side = if all.minority == 0 { "minority" } else { "majority" };
    let unknown = if all.nowhere > 0 { format!("; {} do not say which member was asked", all.nowhere) } else { String::new() };
    let why = format!("no traffic: no read was sent to the {side} side and settled while the cut stood{unknown}");
    tally.doubts.push(Flaw::new(2, why, Finding::new("no-reads-on-one-side").with("side", side)));
}
