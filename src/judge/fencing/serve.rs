//! Which commits came once, and which epochs served in their time.
//!
//! In: lanes. Out: tallies of repeated and premature acceptances. Refuses to know how lanes were ordered.

use super::{Act, Lane, Step, accepted_stale, loose, unclear};
use crate::contract::Fence;
use crate::evidence::symbol::{Sym, Symbols};
use crate::judge::tally::{Flaw, Tally};
use std::collections::BTreeMap;

/// Whether each commit came once and none under a token below one already accepted. Lanes hold decisions alone.
#[must_use]
pub fn unique(lanes: &[Lane<'_>], fence: &dyn Fn(Sym) -> Option<Fence>, symbols: &Symbols) -> Tally {
    let mut tally = Tally::default();
    let mut commands: BTreeMap<(Sym, Sym), (usize, &Step<'_>)> = BTreeMap::new();
    for lane in lanes {
        let mut tokens: BTreeMap<i64, &Step<'_>> = BTreeMap::new();
        let token = fence(lane.resource) == Some(Fence::Token);
        for (_, step, stood) in lane.decisions().filter(|d| d.1.act == Act::Accept) {
            tally.judged += 1;
            let name = lane.name(symbols);
            if let Some(higher) = stood.floor().filter(|c| step.epoch < *c) {
                tally.faults.push(accepted_stale(lane, step, higher, symbols));
            } else if stood.floor_most().is_some_and(|c| step.epoch < c) {
                tally.doubts.push(unclear(lane, step, symbols));
            }
            if let Some(first) = tokens.insert(step.epoch, step).filter(|_| token && lane.job.is_some()) {
                let why = format!("token {} committed twice ({name})", step.epoch);
                let finding = lane.finding("token-repeated", step, symbols).source(first.source.clone());
                tally.faults.push(Flaw::new(0, why, finding));
                continue;
            }
            match step.command {
                Some(command) => {
                    let seen = commands.entry((lane.resource, command)).or_insert((0, step));
                    seen.0 += 1;
                    if seen.0 > 1 {
                        let why = format!("command {} was accepted {} times ({name})", symbols.text(command), seen.0);
                        let finding = lane.finding("command-repeated", step, symbols).with("times", seen.0);
                        tally.faults.push(Flaw::new(seen.0 as i64, why, finding.source(seen.1.source.clone())));
                    }
                }
                None if token && lane.job.is_some() => {}
                None => {
                    let why = format!("an accepted command has no id, so nothing shows that it came once ({name})");
                    tally.doubts.push(Flaw::new(0, why, lane.finding("no-command-id", step, symbols)));
                }
            }
        }
    }
    tally
}

/// Whether each new epoch was granted before it served, and the old one served no more. It judges takeovers.
#[must_use]
pub fn takeovers(lanes: &[Lane<'_>], symbols: &Symbols) -> Tally {
    let mut tally = Tally::default();
    for lane in lanes {
        let grants = lane.first_grants();
        let mut served: Vec<i64> = Vec::new();
        for (place, step, stood) in lane.decisions().filter(|d| d.1.act == Act::Accept) {
            let name = lane.name(symbols);
            let grant = grants.get(&step.epoch);
            let finding = |claim: &str| lane.finding(claim, step, symbols);
            if let Some(current) = stood.granted.filter(|c| step.epoch < *c) {
                tally.faults.push(accepted_stale(lane, step, current, symbols));
            } else if let Some((_, source)) = grant.filter(|g| g.0 > place) {
                let why = format!("epoch {} served before it was granted ({name})", step.epoch);
                let finding = finding("served-before-grant").source((*source).clone());
                tally.faults.push(Flaw::new(1, why, finding));
            } else if stood.granted_most.is_some_and(|c| step.epoch < c)
                || grant.is_some_and(|g| g.0 == place && *g.1 != step.source)
            {
                let why = format!("nothing orders a command under epoch {} and a grant ({name})", step.epoch);
                tally.doubts.push(Flaw::new(0, why, finding("order-unknown")));
            } else if grant.is_none() && grants.keys().next().is_none_or(|lowest| step.epoch > *lowest) {
                let why = format!("epoch {} served and no grant of it is recorded ({name})", step.epoch);
                tally.doubts.push(Flaw::new(0, why, finding("never-granted")));
            } else if served.last().is_none_or(|last| *last < step.epoch) {
                let earlier = grants.keys().next().is_some_and(|lowest| *lowest < step.epoch) || !served.is_empty();
                tally.judged += usize::from(earlier);
                served.push(step.epoch);
            }
        }
        tally.doubts.extend(loose(lane, symbols));
    }
    tally
}
