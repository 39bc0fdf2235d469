//! What was accepted, and under which authority.
//!
//! In: lanes. Out: tallies of stale attempts and of acceptances without authority. Refuses to know how lanes were ordered.

use super::{Act, Lane, Step, Stood, accepted_stale, loose, unclear};
use crate::contract::Fence;
use crate::evidence::symbol::{Sym, Symbols};
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Finding, SourceRef};
use std::collections::BTreeMap;

/// What became of stale attempts.
#[derive(Debug, Default)]
pub struct Stale {
    /// The tally; it judges stale attempts.
    pub tally: Tally,
    /// The first records of rejected stale attempts.
    pub shown: Vec<SourceRef>,
    /// The epochs of the first rejected stale attempt: E_request and E_current.
    pub first: Option<(i64, i64)>,
}

/// Whether every attempt under an epoch below the current one was rejected.
#[must_use]
pub fn stale(lanes: &[Lane<'_>], symbols: &Symbols) -> Stale {
    let mut stale = Stale::default();
    for lane in lanes {
        for (_, step, stood) in lane.decisions() {
            let current = stood.floor().max(step.reported);
            let surely = current.is_some_and(|c| step.epoch < c);
            let maybe = current.is_none() || stood.floor_most().is_some_and(|c| step.epoch < c);
            match (step.act, surely, maybe) {
                (Act::Reject, true, _) => {
                    stale.tally.judged += 1;
                    stale.first = stale.first.or(current.map(|current| (step.epoch, current)));
                    if stale.shown.len() < 5 {
                        stale.shown.push(step.source.clone());
                    }
                }
                (Act::Accept, true, _) => {
                    stale.tally.judged += 1;
                    stale.tally.faults.push(accepted_stale(lane, step, current.unwrap_or(0), symbols));
                }
                (Act::Accept, false, true) => stale.tally.doubts.push(unclear(lane, step, symbols)),
                _ => {}
            }
        }
        stale.tally.doubts.extend(loose(lane, symbols));
    }
    stale
}

/// Whether every accepted command had the authority that its resource asks for. `bound`: grants are part of the evidence.
#[must_use]
pub fn authority(lanes: &[Lane<'_>], fence: &dyn Fn(Sym) -> Option<Fence>, bound: bool, symbols: &Symbols) -> Tally {
    let mut tally = Tally::default();
    for lane in lanes {
        let grants = lane.first_grants();
        let rule = fence(lane.resource);
        if rule.is_none() {
            let why =
                format!("the contract does not declare resource {}, so its fence is not known", symbols.text(lane.resource));
            let finding = Finding::new("undeclared-resource").with("resource", symbols.text(lane.resource));
            tally.doubts.push(Flaw::new(1, why, finding));
        }
        let rule = rule.unwrap_or(Fence::Token);
        for (place, step, stood) in lane.decisions() {
            if step.act == Act::Accept {
                tally.judged += 1;
                if let Some(current) = disproven(rule, step, stood) {
                    tally.faults.push(accepted_stale(lane, step, current, symbols));
                } else if stood.floor_most().is_some_and(|c| step.epoch < c) {
                    tally.doubts.push(unclear(lane, step, symbols));
                } else if grants.get(&step.epoch).is_none_or(|g| g.0 > place) {
                    ungranted(lane, step, stood, &grants, (rule, bound), symbols, &mut tally);
                }
            } else if stood.floor().max(step.reported).is_some_and(|c| step.epoch < c) {
                tally.judged += 1;
            }
            tally.doubts.extend(contradiction(rule, lane, step, stood, !grants.is_empty(), symbols));
        }
        tally.doubts.extend(loose(lane, symbols));
    }
    tally
}

/// The epoch that surely stood, if it forbade what was accepted.
fn disproven(rule: Fence, step: &Step<'_>, stood: Stood) -> Option<i64> {
    let reported = step.reported.filter(|r| match rule {
        Fence::Epoch => step.epoch != *r,
        Fence::Token => step.epoch < *r,
    });
    stood.floor().filter(|c| step.epoch < *c).or(reported)
}

/// An accepted epoch that no grant before it carries.
fn ungranted(
    lane: &Lane<'_>,
    step: &Step<'_>,
    stood: Stood,
    grants: &BTreeMap<i64, (i64, &SourceRef)>,
    (rule, bound): (Fence, bool),
    symbols: &Symbols,
    tally: &mut Tally,
) {
    let before_all = stood.granted_most.is_none() && grants.keys().next().is_some_and(|g| step.epoch < *g);
    let why = format!("epoch {} was accepted without a grant before it ({})", step.epoch, lane.name(symbols));
    let flaw = Flaw::new(1, why, lane.finding("never-granted", step, symbols));
    match (grants.is_empty(), rule) {
        (true, _) if bound && !lane.loose => tally.doubts.push(flaw),
        (true, _) if step.reported.is_none() => tally.doubts.push(unclear(lane, step, symbols)),
        (true, _) => {}
        (false, _) if before_all && step.reported.is_some() => {}
        (false, _) if before_all => tally.doubts.push(unclear(lane, step, symbols)),
        (false, Fence::Epoch) => tally.faults.push(flaw),
        (false, Fence::Token) => tally.doubts.push(flaw),
    }
}

/// A current epoch that the resource reports and its own decisions or the grants contradict.
fn contradiction(rule: Fence, lane: &Lane<'_>, step: &Step<'_>, stood: Stood, grants: bool, symbols: &Symbols) -> Option<Flaw> {
    let reported = step.reported?;
    let own = if step.act == Act::Accept { Some(step.epoch) } else { None };
    let least = if rule == Fence::Epoch { stood.floor() } else { stood.taken };
    let low = least.is_some_and(|c| reported < c);
    let high = grants && stood.granted.is_some() && stood.floor_most().max(own).is_some_and(|c| reported > c);
    if !low && !high {
        return None;
    }
    let shown = stood.floor().or(stood.floor_most()).unwrap_or(reported);
    let why = format!("the resource says that {reported} is current where the records show {shown} ({})", lane.name(symbols));
    Some(Flaw::new(0, why, lane.finding("current-contradicted", step, symbols).with("recomputed", shown)))
}
