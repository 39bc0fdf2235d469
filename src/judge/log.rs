//! The replicated log in the evidence: what was committed, who led, what became of entries, and how logs and voters changed.
//!
//! In: rows of progress, members, log, applied and history, and the declared voters. Out: judgements. Times are compared on the bounds of
//! samples: one sample comes before another only when its latest instant lies before the other's earliest. Assumes crash or
//! omission faults, as Raft and its relatives do. Refuses to know files and gates.

mod commit;
mod configuration;
mod entries;
mod kept;
mod leaders;

pub use commit::commit_index;
pub use configuration::{compaction_safe, membership};
pub use entries::{matching, no_loss, reconciliation};
pub use leaders::{continuity, single_leader};

use crate::contract::{Clock, Contract};
use crate::evidence::clocks::same;
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, Rows};
use crate::verdict::Judgement;
use std::collections::{BTreeMap, BTreeSet};

/// Declared members that are not among those seen.
fn unseen<'c>(evidence: &Evidence, contract: &'c Contract, seen: &BTreeSet<Sym>) -> Vec<&'c str> {
    let there = |name: &&str| evidence.symbols.find(name).is_some_and(|s| seen.contains(&s));
    contract.cluster.members.iter().map(String::as_str).filter(|m| !there(m)).collect()
}

/// Inconclusive when the rows are timed by clocks that nothing bounds, for then their times cannot be compared.
fn unordered<R: Record>(rows: &Rows<'_, R>) -> Option<Judgement> {
    rows.among().err().map(Judgement::from)
}

/// Inconclusive when rows of one group, which are put in order among themselves, are on several clocks. Groups may be on clocks of their own.
fn unordered_within<R: Record, G: Ord>(
    rows: &Rows<'_, R>,
    group: impl Fn(&R) -> G,
    name: impl Fn(&R) -> String,
) -> Option<Judgement> {
    let mut clocks: BTreeMap<G, &Clock> = BTreeMap::new();
    for (id, row) in rows.iter() {
        let clock = &rows.part(id).clock;
        if !same(clocks.entry(group(&row)).or_insert(clock), clock) {
            let why = format!("{} samples of {} are timed by different clocks, so nothing orders them", R::KIND.name, name(&row));
            return Some(Judgement::inconclusive(why, 0));
        }
    }
    None
}
