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

use crate::contract::Contract;
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, Rows};
use crate::verdict::Judgement;
use std::collections::BTreeSet;

/// Declared members that are not among those seen.
fn unseen<'c>(evidence: &Evidence, contract: &'c Contract, seen: &BTreeSet<Sym>) -> Vec<&'c str> {
    let there = |name: &&str| evidence.symbols.find(name).is_some_and(|s| seen.contains(&s));
    contract.cluster.members.iter().map(String::as_str).filter(|m| !there(m)).collect()
}

/// Inconclusive when the rows are timed by more than one clock, for then their times cannot be compared.
fn several_clocks<R: Record>(rows: &Rows<'_, R>) -> Option<Judgement> {
    let clocks: BTreeSet<&str> = rows.parts().iter().map(|p| p.clock.id.as_str()).collect();
    let list: Vec<&str> = clocks.into_iter().collect();
    let why = || format!("{} samples are timed by different clocks: {}", R::KIND.name, list.join(", "));
    (list.len() > 1).then(|| Judgement::inconclusive(why(), 0))
}
