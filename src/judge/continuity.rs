//! Clocks that jump: what the records themselves say against the times they carry.
//!
//! In: rows of one test. Out: flaws. Three things show a clock that was set or does not belong: times that fall along records that were written in
//! order; a pause between samples that a steady sampler does not make; and an effect that comes before its cause by more than clocks may differ
//! (Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", 1978: what a request caused comes after it was sent). Refuses to
//! know which bounds are declared.

use super::tally::{Flaw, Tally};
use crate::evidence::kinds::{Application, ApplySource, Decision, Operation, Sample};
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, RowId, Rows};
use crate::exact::seconds;
use crate::verdict::{Finding, Gap};
use std::collections::BTreeMap;

/// How many usual pauses make a pause that may hide a clock that was set, where no longest pause is declared.
const PAUSES: i64 = 10;

/// Samples of each series in the order of their records: times that fall, and pauses above `limit` or ten times the usual.
pub fn samples(evidence: &Evidence, rows: &Rows<'_, crate::evidence::kinds::Point>, limit: Option<i64>, tally: &mut Tally) {
    let mut lines: BTreeMap<(usize, Sym, Option<Sym>), Vec<(i64, RowId)>> = BTreeMap::new();
    for (id, p) in rows.iter() {
        lines.entry((rows.part(id).artifact, p.series, p.labels)).or_default().push((p.t.0, id));
    }
    for ((_, series, _), line) in lines {
        let name = evidence.text(series);
        tally.judged += line.len();
        let mut pauses: Vec<i64> = line.windows(2).map(|w| w[1].0.saturating_sub(w[0].0)).collect();
        if let Some(w) = line.windows(2).find(|w| w[1].0 < w[0].0) {
            let why = format!("the clock of series {name} went back by {} s between two samples", seconds(w[0].0 - w[1].0));
            tally.faults.push(Flaw::new(
                w[0].0 - w[1].0,
                why,
                Finding::new("time-falls").with("series", name).source(rows.source(w[1].1)),
            ));
            continue;
        }
        let longest = line.windows(2).max_by_key(|w| w[1].0.saturating_sub(w[0].0));
        pauses.sort_unstable();
        let usual = pauses.get(pauses.len() / 2).copied().unwrap_or(0);
        let most = limit.unwrap_or(usual.saturating_mul(PAUSES));
        if let Some(w) = longest.filter(|w| w[1].0.saturating_sub(w[0].0) > most) {
            let pause = w[1].0.saturating_sub(w[0].0);
            let why = format!(
                "series {name} has a pause of {} s between samples, above {} s: its clock may have been set in between",
                seconds(pause),
                seconds(most)
            );
            tally.doubts.push(Flaw::new(pause, why, Finding::new("pause").with("series", name).source(rows.source(w[1].1))));
        }
    }
}

/// Samples of each member in the order of their records: times that fall.
pub fn members(evidence: &Evidence, rows: &Rows<'_, Sample>, tally: &mut Tally) {
    let mut latest: BTreeMap<(usize, Sym), i64> = BTreeMap::new();
    for (id, s) in rows.iter() {
        tally.judged += 1;
        let before = latest.entry((rows.part(id).artifact, s.member)).or_insert(s.t_lo.0);
        if s.t_lo.0 < *before {
            let (name, back) = (evidence.text(s.member), *before - s.t_lo.0);
            let why = format!("the clock of member {name} went back by {} s between two samples", seconds(back));
            tally.faults.push(Flaw::new(back, why, Finding::new("time-falls").with("member", name).source(rows.source(id))));
        }
        *before = s.t_lo.0.max(*before);
    }
}

/// Effects that come before their cause: an application or decision of a command before it was first sent, by more than `widening`.
///
/// # Errors
/// A [`Gap`] when the clocks of both are not bounded.
pub fn causes<R: crate::evidence::record::Record>(
    evidence: &Evidence,
    history: &Rows<'_, Operation>,
    effects: &Rows<'_, R>,
    of: impl Fn(&R) -> Option<(Sym, i64)>,
    tally: &mut Tally,
) -> Result<(), Gap> {
    let widening = history.beside(effects)?;
    let mut sent: BTreeMap<Sym, (i64, RowId)> = BTreeMap::new();
    for (id, op) in history.iter() {
        let Some(command) = op.command_id else { continue };
        let first = sent.entry(command).or_insert((op.invoke.0, id));
        *first = (*first).min((op.invoke.0, id));
    }
    for (id, effect) in effects.iter() {
        let Some(((command, t), (invoke, cause))) = of(&effect).and_then(|e| Some((e, *sent.get(&e.0)?))) else { continue };
        tally.judged += 1;
        let early = invoke.saturating_sub(t);
        if early > widening {
            let (name, what) = (evidence.text(command), R::KIND.name);
            let why = format!(
                "command {name} took effect ({what}) {} s before it was sent, more than its clocks may differ ({} s)",
                seconds(early),
                seconds(widening)
            );
            let finding = Finding::new("effect-before-cause").with("command", name).with("early-ns", early);
            tally.faults.push(Flaw::new(early, why, finding.source(effects.source(id)).source(history.source(cause))));
        }
    }
    Ok(())
}

/// The command and time of a live application.
#[must_use]
pub fn applied(a: &Application) -> Option<(Sym, i64)> {
    (a.source != Some(ApplySource::Replay)).then_some(())?;
    Some((a.command_id, a.t?.0))
}

/// The command and time of a decision.
#[must_use]
pub fn decided(d: &Decision) -> Option<(Sym, i64)> {
    Some((d.command_id?, d.t.0))
}
