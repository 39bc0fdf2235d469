//! Telemetry: whether the five kinds of work can be told apart, and whether what it says holds.

mod agrees;
mod bounded;
mod clock;
mod invariants;

use super::{Gate, Judge, TestCx};
use crate::evidence::Rows;
use crate::evidence::kinds::{Attempt, AttemptResult, Decision, Operation, Point};
use crate::evidence::symbol::Sym;
use crate::exact::Ratio;
use crate::judge::telemetry::{Line, SERIES, lines};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement};
use std::collections::BTreeMap;

pub(super) const GATES: &[Gate] = &[DISTINGUISHES, AGREES, INVARIANTS, CLOCK, BOUNDED];

const AGREES: Gate = Gate {
    id: "telemetry.agrees",
    title: "counters equal the counts recomputed from histories and logs",
    proves: "Each of the five series equals, in every test whose other evidence can recount it, the count of its records, and each is recounted in at least \
             one test: originals from the history, retries from attempts, rejections from the history and the resource's log, stale attempts from the \
             resource's log, replay work from recoveries.",
    blind: "Rejections are state-changing operations that failed for good and commands that the resource refused; a service that counts single attempts \
            disagrees. Without the resource's log a test gives rejections a least number only.",
    needs: &["telemetry"],
    safety: false,
    judge: Judge::Release(agrees::agrees),
};

const INVARIANTS: Gate = Gate {
    id: "telemetry.invariants",
    title: "the invariants that operators watch are recorded and within limits",
    proves: "leader_changes_per_minute, commit_index_monotonic, snapshot_install_failures, quorum_acks_latency_p99 and \
             rejected_requests_due_to_admission_control were recorded, and every sample is within the limits of the contract.",
    blind: "It sees samples: what rose and fell between two of them is not seen. A commit index that is recorded as such stands for \
            commit_index_monotonic and is checked from its samples. Leader changes are not judged in the test that rehearses the rollback on them.",
    needs: &["telemetry"],
    safety: false,
    judge: Judge::Test(invariants::invariants),
};

const CLOCK: Gate = Gate {
    id: "telemetry.clock",
    title: "no clock jumps, and clocks that are compared agree closely enough",
    proves: "In every test times do not fall along samples and no command took effect before it was sent; in every test with telemetry no pause between \
             samples could hide a clock that was set, and any two clocks have a declared bound that is below the margins of the gates that read both.",
    blind: "A clock that was set and set back between two samples. A skew bound is taken on the word of the matrix; only effects before their causes can \
            contradict it.",
    needs: &["telemetry"],
    safety: false,
    judge: Judge::Outcomes(clock::clock),
};

const BOUNDED: Gate = Gate {
    id: "telemetry.bounded",
    title: "telemetry can be neither flooded nor forged by what it carries",
    proves: "No series has more sets of labels than the contract allows, and no name or label carries a control character or a mark that turns the direction \
             of text.",
    blind: "It sees the labels that were recorded in these tests; other input may make others.",
    needs: &["telemetry"],
    safety: false,
    judge: Judge::Test(bounded::bounded),
};

const DISTINGUISHES: Gate = Gate {
    id: "telemetry.distinguishes",
    title: "telemetry tells the five kinds of work apart",
    proves: "The series commands_original_total, commands_retry_total, commands_rejected_total, stale_leader_attempts_total and replay_entries_total \
             were all recorded and never fell, and what they counted equals the operations, attempts and stale requests recounted from the other \
             evidence of the test, where it is there.",
    blind: "Commands are the operations that carry a command id, or all of them when none does. Rejections and replay work are not recounted. A counter that starts again with its member cannot be told from one that lost counts, and \
            is inconclusive. Whether anybody looks at the series is not shown.",
    needs: &["telemetry"],
    safety: false,
    judge: Judge::Test(distinguishes),
};

/// The rise of one series over all its labels.
struct Total {
    name: &'static str,
    counted: Ratio,
}

/// What other evidence says that a series must have counted.
struct Recount {
    name: &'static str,
    count: u64,
    from: &'static str,
}

fn distinguishes(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Point>()?;
    let history = cx.rows_if_bound::<Operation>()?;
    let mut totals = Vec::new();
    let mut missing = Vec::new();
    for (name, _) in SERIES {
        match cx.evidence().symbols.find(name).map(|series| lines(&rows, |s| s == series)).filter(|l| !l.is_empty()) {
            Some(lines) => totals.push(total(cx, &rows, name, &lines, history.as_ref())?),
            None => missing.push(name),
        }
    }
    if !missing.is_empty() {
        return Ok(Judgement::inconclusive(format!("no series {}", missing.join(", ")), rows.len()));
    }
    let recounts = recounts(cx, history.as_ref())?;
    let figures = totals.iter().map(|t| figure(t, &recounts)).collect();
    let differ = |r: &&Recount| totals.iter().any(|t| t.name == r.name && t.counted != exact(r.count));
    let findings: Vec<Finding> = recounts.iter().filter(differ).map(|r| disagreement(r, &totals)).collect();
    let judgement = if let Some(worst) = recounts.iter().find(|r| differ(r)) {
        let counted = totals.iter().find(|t| t.name == worst.name).map_or(Ratio::ZERO, |t| t.counted);
        Judgement::fail(format!("{} counted {counted}, the {} {}", worst.name, worst.from, worst.count), rows.len())
    } else {
        let agreeing: Vec<&str> = recounts.iter().map(|r| r.name).collect();
        let agreement = if agreeing.is_empty() {
            "nothing to recount them from".into()
        } else {
            format!("{} recounted", agreeing.join(", "))
        };
        Judgement::pass(format!("all five series are there and never fell; {agreement}"), rows.len())
    };
    Ok(Judgement { figures, ..judgement }.findings(findings))
}

fn exact(count: u64) -> Ratio {
    i64::try_from(count).map_or(Ratio::ZERO, Ratio::int)
}

/// The latest instant by which a line's first sample is surely before all operations, and the earliest at which its last one is surely after them.
///
/// # Errors
/// A gap when the clocks of telemetry and history are not bounded, or the first sample shows a count and cannot be ordered against the first operation.
fn span(
    cx: &TestCx<'_>,
    rows: &Rows<'_, Point>,
    line: &Line,
    history: Option<&Rows<'_, Operation>>,
) -> Result<(Option<i64>, Option<i64>), Gap> {
    let (Some(history), Some(first)) = (history, line.samples.first()) else { return Ok((None, None)) };
    let widening = cx.evidence().widening(history.parts().iter().copied().chain([rows.part(first.id)]))?;
    let sent = history.iter().map(|(_, op)| op.invoke.0).min();
    let ended = history.iter().filter_map(|(_, op)| op.returned.map(|r| r.0)).max();
    let near = sent.is_some_and(|sent| sent.abs_diff(first.t) < widening.unsigned_abs());
    if near && first.micro != 0 {
        let why = "its first sample and the first operation are closer than their clocks may differ, so what it counted before is not known";
        return Err(Gap { why: why.into(), sources: vec![rows.source(first.id)] });
    }
    Ok((sent, ended.map(|e| e.saturating_add(widening))))
}

/// The total of a series.
///
/// # Errors
/// A gap when it is no counter, fell, or ended before the operations did.
fn total(
    cx: &TestCx<'_>,
    rows: &Rows<'_, Point>,
    name: &'static str,
    lines: &[Line],
    history: Option<&Rows<'_, Operation>>,
) -> Result<Total, Gap> {
    let mut micro = 0i128;
    for line in lines {
        let whose = line.labels.map_or(String::new(), |l| format!("{{{}}}", cx.evidence().text(l)));
        if line.no_counter {
            return Err(Gap::new(format!("series {name}{whose} is no counter")));
        }
        if let Some(at) = line.fall() {
            let why = format!("counter {name}{whose} fell, so what it counted is not known");
            return Err(Gap { why, sources: vec![rows.source(at.id)] });
        }
        let (sent, ended) = span(cx, rows, line, history)?;
        let last = line.samples.last();
        if let (Some(ended), Some(last)) = (ended, last.filter(|l| ended.is_some_and(|e| l.t < e))) {
            let why = format!("the last sample of {name}{whose} was taken {} ns before the last answer", ended - last.t);
            return Err(Gap { why, sources: vec![rows.source(last.id)] });
        }
        micro += i128::from(line.counted(sent));
    }
    let counted = Ratio::new(micro, 1_000_000).unwrap_or(Ratio::ZERO);
    Ok(Total { name, counted })
}

fn figure(total: &Total, recounts: &[Recount]) -> Figure {
    let recount = recounts.iter().find(|r| r.name == total.name);
    Figure {
        id: total.name.replace('_', "-"),
        symbol: total.name.into(),
        formula: "rise of the counter over the test, over all labels".into(),
        substitution: recount.map_or("not recounted".into(), |r| format!("{} recounted from {}", r.count, r.from)),
        value: total.counted.to_string(),
        unit: String::new(),
        sources: Vec::new(),
    }
}

fn disagreement(recount: &Recount, totals: &[Total]) -> Finding {
    let counted = totals.iter().find(|t| t.name == recount.name).map_or(Ratio::ZERO, |t| t.counted);
    Finding::new("counter-disagrees")
        .with("series", recount.name)
        .with("counted", counted)
        .with("recounted", recount.count)
        .with("from", recount.from)
}

fn recounts(cx: &TestCx<'_>, history: Option<&Rows<'_, Operation>>) -> Result<Vec<Recount>, Gap> {
    let mut found = Vec::new();
    if let Some(history) = history {
        let ids = history.iter().any(|(_, op)| op.command_id.is_some());
        let original = |op: &Operation| op.attempt.unwrap_or(1) <= 1 && (op.command_id.is_some() || !ids);
        let first = history.iter().filter(|(_, op)| original(op)).count() as u64;
        found.push(Recount { name: "commands_original_total", count: first, from: "history" });
    }
    if let Some(attempts) = cx.rows_if_bound::<Attempt>()? {
        let mut commands: BTreeMap<(Sym, Sym), u64> = BTreeMap::new();
        for (_, attempt) in attempts.iter().filter(|(_, a)| a.result != AttemptResult::NotSent) {
            *commands.entry((attempt.client, attempt.command_id)).or_default() += 1;
        }
        let retries = commands.values().map(|tries| tries - 1).sum();
        found.push(Recount { name: "commands_retry_total", count: retries, from: "attempts" });
    }
    if let Some(decisions) = cx.rows_if_bound::<Decision>()? {
        let stale = |d: &Decision| Some(d.epoch < d.current_epoch?);
        let known: Option<Vec<bool>> = decisions.iter().map(|(_, d)| stale(&d)).collect();
        if let Some(known) = known {
            let count = known.iter().filter(|s| **s).count() as u64;
            found.push(Recount { name: "stale_leader_attempts_total", count, from: "fencing" });
        }
    }
    Ok(found)
}
