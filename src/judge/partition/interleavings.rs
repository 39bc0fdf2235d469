//! Interleavings in which bugs hide: how often the tests met them.
//!
//! In: faults, requests, decisions of the resource, discards and recoveries of one test. Out: each interleaving that was met, with its records, and
//! each stale retry that was let in. Refuses to know how many are enough.

use super::{Cut, Scene};
use crate::evidence::kinds::{Decision, Entry, EntryState, Injection, Recovery, Ruling};
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, Rows};
use crate::judge::tally::Flaw;
use crate::verdict::{Finding, Gap, SourceRef};
use std::collections::BTreeSet;

/// An interleaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interleaving {
    /// A fault struck while a write was in flight.
    WriteInFlight,
    /// After a fault, stale authority tried again and was refused.
    StaleRetry,
    /// A partition healed over divergent entries.
    DivergentHeal,
    /// A member replayed from a snapshot.
    SnapshotReplay,
}

/// What was met.
#[derive(Debug, Default)]
pub struct Met {
    /// Each one that was met, with the fault or member and a record.
    pub list: Vec<(Interleaving, String, SourceRef)>,
    /// Stale retries that were accepted.
    pub wrong: Vec<Flaw>,
}

/// The records of one test; those it does not bind are left out.
#[derive(Debug)]
pub struct Bound<'r, 'e> {
    /// The faults.
    pub faults: &'r Rows<'e, Injection>,
    /// What the resource decided.
    pub decisions: Option<Rows<'e, Decision>>,
    /// Log entries.
    pub log: Option<Rows<'e, Entry>>,
    /// Recoveries.
    pub recoveries: Option<Rows<'e, Recovery>>,
}

/// Counts the interleavings of one test.
///
/// # Errors
/// A [`Gap`] when the resource's clock and that of the faults are not bounded.
pub fn count(evidence: &Evidence, scene: &Scene<'_>, bound: &Bound<'_, '_>) -> Result<Met, Gap> {
    let mut met = Met::default();
    let faults = bound.faults;
    // A write that was never answered counts for as long as the slowest that was: one that hangs is not in flight at every fault to come.
    let slowest = scene.requests.iter().filter_map(|r| Some(r.returned?.saturating_sub(r.invoke))).max().unwrap_or(0);
    for (id, fault) in faults.iter() {
        // In flight at every instant at which the fault may have struck.
        let widening = scene.widening;
        let (lo, hi) = (fault.start_lo.0.saturating_sub(widening), fault.start_hi.0.saturating_add(widening));
        let caught = scene
            .requests
            .iter()
            .find(|r| !r.read && r.invoke <= lo && r.returned.unwrap_or(r.invoke.saturating_add(slowest)) >= hi);
        if caught.is_some() {
            met.list.push((Interleaving::WriteInFlight, evidence.text(fault.id).into(), faults.source(id)));
        }
    }
    if let Some(decisions) = &bound.decisions {
        stale_retries(evidence, faults, decisions, &mut met)?;
    }
    for cut in &scene.cuts {
        if let (Some(log), Some(_)) = (&bound.log, cut.healed) {
            met.list.extend(divergent(evidence, cut, log));
        }
    }
    for (id, r) in bound.recoveries.iter().flat_map(|rows| rows.iter().map(move |(id, r)| (rows.source(id), r))) {
        if r.finished.is_some() && r.snapshot_index > 0 && r.commit_index > r.snapshot_index {
            met.list.push((Interleaving::SnapshotReplay, evidence.text(r.member).into(), id));
        }
    }
    Ok(met)
}

/// Attempts under a stale epoch, each counted with the last fault that surely began before it; a fault counts once.
fn stale_retries(
    evidence: &Evidence,
    faults: &Rows<'_, Injection>,
    decisions: &Rows<'_, Decision>,
    met: &mut Met,
) -> Result<(), Gap> {
    let widening = decisions.beside(faults)?;
    let mut after: BTreeSet<Sym> = BTreeSet::new();
    for (id, d) in decisions.iter() {
        let Some(current) = d.current_epoch.filter(|current| d.epoch < *current) else { continue };
        let began = |f: &Injection| f.start_hi.0.saturating_add(widening) <= d.t.0;
        let Some((_, fault)) = faults.iter().filter(|(_, f)| began(f)).max_by_key(|(id, f)| (f.start_hi, *id)) else { continue };
        let name = evidence.text(fault.id);
        if d.outcome == Ruling::Accepted {
            let command = d.command_id.map_or("–", |c| evidence.text(c));
            let why = format!("after fault {name}, command {command} was accepted under epoch {} while {current} stood", d.epoch);
            let finding = Finding::new("stale-retry-accepted").with("fault", name).with("command", command);
            met.wrong.push(Flaw::new(current.saturating_sub(d.epoch), why, finding.source(decisions.source(id))));
        } else if after.insert(fault.id) {
            met.list.push((Interleaving::StaleRetry, name.into(), decisions.source(id)));
        }
    }
    Ok(())
}

/// The first entry with a command that an isolated member discarded.
fn divergent(evidence: &Evidence, cut: &Cut, log: &Rows<'_, Entry>) -> Option<(Interleaving, String, SourceRef)> {
    let gone = |e: &Entry| e.state == EntryState::Discarded && e.command_id.is_some() && cut.minority.contains(&e.member);
    let (id, _) = log.iter().find(|(_, e)| gone(e))?;
    Some((Interleaving::DivergentHeal, evidence.text(cut.id).into(), log.source(id)))
}
