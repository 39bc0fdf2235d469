//! What an isolated leader got past the resource: row P2 of the matrix, at the resource.
//!
//! In: a [`Scene`] and the decisions of the resource. Out: a tally of stale attempts after each cut, and of new writes of the minority that were let in.
//! Whether every stale attempt was refused is for [`crate::judge::fencing`]. Refuses to know what clients were told.

use super::Scene;
use crate::evidence::Rows;
use crate::evidence::kinds::{Decision, Ruling};
use crate::evidence::symbol::Sym;
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Finding, SourceRef};
use std::collections::BTreeSet;

/// Weighs what the resource decided after each cut. `widening`: how far the clocks of the resource and the faults may be apart. Gives the records of
/// the stale attempts that were refused.
#[must_use]
pub fn kept_out(scene: &Scene<'_>, decisions: &Rows<'_, Decision>, widening: i64) -> (Tally, Vec<SourceRef>) {
    let mut tally = Tally::default();
    let mut refused = Vec::new();
    for cut in &scene.cuts {
        let fault = scene.text(cut.id);
        let asked = |m: Option<Sym>| m.is_some_and(|m| cut.minority.contains(&m));
        let new: BTreeSet<Sym> = scene
            .requests
            .iter()
            .filter(|r| !r.read && r.invoke >= cut.from && r.invoke <= cut.to && asked(r.member))
            .filter_map(|r| r.command)
            .collect();
        let mut stale = 0;
        for (id, d) in decisions.iter().filter(|(_, d)| d.t.0.saturating_sub(widening) >= cut.from) {
            let old = d.current_epoch.is_some_and(|current| d.epoch < current);
            let within = d.t.0.saturating_add(widening) <= cut.to;
            let theirs = asked(d.holder) || (d.holder.is_none() && asked(d.leader));
            let command = d.command_id.map_or("–", |c| scene.text(c));
            match d.outcome {
                Ruling::Rejected if old => {
                    stale += 1;
                    refused.push(decisions.source(id));
                }
                Ruling::Accepted if within && theirs && d.command_id.is_some_and(|c| new.contains(&c)) => {
                    let holder = d.holder.or(d.leader).map_or("–", |h| scene.text(h));
                    let why = format!(
                        "command {command}, sent to the minority side of fault {fault}, reached the resource through {holder}, which was cut off"
                    );
                    let finding = Finding::new("minority-write-at-resource").with("command", command).with("holder", holder);
                    tally.faults.push(Flaw::new(9, why, finding.source(decisions.source(id))));
                }
                _ => {}
            }
        }
        tally.judged += stale;
        if stale == 0 {
            let why = format!("no stale token was tried and rejected at the resource after fault {fault}");
            tally.doubts.push(Flaw::new(3, why, cut.finding("no-stale-attempt", scene.evidence)));
        }
    }
    (tally, refused)
}
