//! After the heal: row P4 of the matrix. What the minority appended alone is gone, and none of its commands took effect unless it was committed elsewhere.
//!
//! In: a [`Scene`], logs, applications. Out: a tally over the discarded entries. Whether discarded entries were acknowledged or stayed is for
//! [`crate::judge::log::reconciliation`]. Refuses to know what clients were told.

use super::Scene;
use crate::evidence::Rows;
use crate::evidence::kinds::{Application, ApplySource, Entry, EntryState};
use crate::evidence::symbol::Sym;
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::Finding;
use std::collections::{BTreeMap, BTreeSet};

/// Audits the commands of discarded entries: each is applied nowhere, or was committed elsewhere and applied once a member.
#[must_use]
pub fn reconciled(scene: &Scene<'_>, log: &Rows<'_, Entry>, applied: &Rows<'_, Application>) -> Tally {
    let mut tally = Tally { doubts: scene.without_cut(), ..Tally::default() };
    for cut in scene.cuts.iter().filter(|c| c.healed.is_none()) {
        let why = format!("nothing shows that fault {} was healed", scene.text(cut.id));
        tally.doubts.push(Flaw::new(3, why, cut.finding("not-healed", scene.evidence)));
    }
    let isolated: BTreeSet<Sym> = scene.cuts.iter().flat_map(|c| c.minority.iter().copied()).collect();
    let mut committed: BTreeSet<Sym> = BTreeSet::new();
    let mut discarded: BTreeMap<Sym, Vec<_>> = BTreeMap::new();
    let mut divergent = false;
    for (id, entry) in log.iter() {
        match (entry.state, entry.command_id) {
            (EntryState::Committed, Some(command)) => _ = committed.insert(command),
            (EntryState::Discarded, Some(command)) => {
                divergent |= isolated.contains(&entry.member);
                discarded.entry(command).or_default().push((id, entry));
            }
            _ => {}
        }
    }
    if !divergent {
        let why = "no divergence: no isolated member discarded an entry with a command, so the heal had nothing to reconcile";
        tally.doubts.push(Flaw::new(2, why, Finding::new("no-divergence")));
    }
    let mut times: BTreeMap<(Sym, Sym), (usize, _)> = BTreeMap::new();
    for (id, a) in applied.iter().filter(|(_, a)| discarded.contains_key(&a.command_id) && a.source != Some(ApplySource::Replay))
    {
        times.entry((a.command_id, a.member)).or_insert((0, id)).0 += 1;
    }
    for ((command, member), (count, id)) in &times {
        let (name, member) = (scene.text(*command), scene.text(*member));
        let finding = |claim: &str| {
            let entries = discarded[command].iter().take(3).map(|(id, _)| log.source(*id));
            entries.fold(
                Finding::new(claim).with("command", name).with("member", member).source(applied.source(*id)),
                Finding::source,
            )
        };
        if !committed.contains(command) {
            let why = format!("command {name} was discarded after the heal and committed nowhere, but {member} applied it");
            tally.faults.push(Flaw::new(2, why, finding("discarded-and-applied")));
        } else if *count > 1 {
            let why = format!(
                "command {name}, discarded by the minority and committed elsewhere, was applied {count} times by {member}"
            );
            tally.faults.push(Flaw::new(1, why, finding("applied-twice")));
        }
    }
    tally.judged += discarded.values().map(Vec::len).sum::<usize>();
    tally
}
