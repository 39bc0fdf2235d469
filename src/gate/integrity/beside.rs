//! Records beside what they belong to: faults beside their test, attempts beside their operation.
//!
//! In: fault records, attempts and operations. Out: what does not fit. Refuses to know verdicts.

use crate::evidence::kinds::{Attempt, Injection, Operation, Sample};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::evidence::{RowId, Rows};
use crate::gate::{ReleaseCx, TestCx};
use crate::verdict::{Finding, Gap};
use std::collections::{BTreeMap, BTreeSet};

/// Fault records that are not of the failure model that their test declares, or that strike nobody though a process is to crash. A test may do other
/// things beside its fault, so one record of the declared model is enough.
pub(super) fn other_faults(cx: &ReleaseCx<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for test in cx.matrix.tests.iter().filter(|t| cx.evidence.binds(&t.id.value, Injection::KIND.name)) {
        let Ok(rows) = cx.evidence.rows::<Injection>(&test.id.value) else { continue };
        let models: BTreeSet<&str> = rows.iter().filter_map(|(_, f)| Some(cx.evidence.text(f.model?))).collect();
        let (id, model) = (&test.id.value, &test.model);
        if !models.is_empty() && !models.contains(model.as_str()) {
            let shown: Vec<&str> = models.into_iter().collect();
            found.push(format!("test {id} declares the failure model {model}, its fault records show {}", shown.join(", ")));
        }
        let crash = test.model == "crash" && test.layer == "process";
        if let Some((_, fault)) = rows.iter().find(|(_, f)| crash && cx.evidence.texts(f.targets).is_empty()) {
            found.push(format!("test {id} declares a crash, and fault {} names nobody that crashed", cx.evidence.text(fault.id)));
        }
        if crash {
            found.extend(alive(cx, id, &rows));
        }
    }
    found
}

/// Samples in which a process answers between the latest start and the earliest stop of its own crash: then it was not the one that crashed, or
/// not at that time. Where the clocks of both are not bounded nothing is known.
fn alive(cx: &ReleaseCx<'_>, test: &str, faults: &Rows<'_, Injection>) -> Option<String> {
    let samples = cx.evidence.rows::<Sample>(test).ok()?;
    let widening = samples.beside(faults).ok()?;
    let crashed: Vec<(&[Sym], i64, i64, Sym)> = faults
        .iter()
        .filter(|(_, f)| f.model.is_none_or(|model| cx.evidence.text(model) == "crash"))
        .filter_map(|(_, f)| Some((cx.evidence.symbols.list(f.targets), f.start_hi.0, f.stop_lo?.0, f.id)))
        .collect();
    let answers =
        |s: &Sample| s.reachable != Some(false) && (s.term.is_some() || s.commit_index.is_some() || s.serving.is_some());
    let within = |s: &Sample, (targets, from, to, _): &(&[Sym], i64, i64, Sym)| {
        let (lo, hi) = (s.t_lo.0.saturating_sub(widening), s.t_hi.0.saturating_add(widening));
        targets.contains(&s.member) && *from <= lo && hi <= *to
    };
    samples.iter().filter(|(_, s)| answers(s)).find_map(|(id, s)| {
        let (_, _, _, fault) = crashed.iter().find(|fault| within(&s, fault))?;
        let (member, line) = (cx.evidence.text(s.member), samples.source(id).line.unwrap_or_default());
        let fault = cx.evidence.text(*fault);
        Some(format!(
            "test {test}: member {member} answers in line {line} of its samples while fault {fault} says that it was down"
        ))
    })
}

/// Attempts sent before every operation of their command began, or after each of them was answered.
///
/// # Errors
/// A [`Gap`] when attempts are bound and not whole.
pub(super) fn astray(cx: &TestCx<'_>, rows: &Rows<'_, Operation>) -> Result<Vec<Finding>, Gap> {
    let Some(attempts) = cx.rows_if_bound::<Attempt>()? else { return Ok(Vec::new()) };
    let Ok(widening) = attempts.beside(rows) else { return Ok(Vec::new()) };
    let mut spans: BTreeMap<Sym, (i64, i64)> = BTreeMap::new();
    for (_, op) in rows.iter() {
        if let Some(command) = op.command_id {
            let (from, to) = (op.invoke.0, op.returned.map_or(i64::MAX, |r| r.0));
            let span = spans.entry(command).or_insert((from, to));
            *span = (span.0.min(from), span.1.max(to));
        }
    }
    let outside = |a: &Attempt| {
        spans
            .get(&a.command_id)
            .is_some_and(|(from, to)| a.invoke.0 < from.saturating_sub(widening) || a.invoke.0 > to.saturating_add(widening))
    };
    let finding = |(id, a): (RowId, Attempt)| {
        let finding = Finding::new("attempt-outside-its-operation").with("command", cx.evidence().text(a.command_id));
        finding.source(attempts.source(id))
    };
    Ok(attempts.iter().filter(|(_, a)| outside(a)).map(finding).collect())
}
