//! Fencing: who held authority over a resource when it decided.
//!
//! In: decisions and grants of authority. Out: tallies of stale, repeated and premature acceptances. What stood at a decision is
//! recomputed from grants and earlier acceptances, never taken from the decision alone. Order is the resource's own sequence
//! where it has one, else its clock; steps that cannot be ordered leave doubt, in both directions. After M. Burrows (Chubby sequencers)
//! and M. Kleppmann (fencing tokens). Assumes that a file shown to be whole holds all decisions of its resource. Refuses to know files.

mod accept;
mod serve;

pub use accept::{Stale, authority, stale};
pub use serve::{takeovers, unique};

use super::tally::{Flaw, Tally};
use crate::evidence::clocks::Key;
use crate::evidence::symbol::{Sym, Symbols};
use crate::verdict::{Finding, SourceRef};
use std::collections::BTreeMap;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Authority was granted.
    Grant,
    /// A command took effect.
    Accept,
    /// A command was refused.
    Reject,
}

/// One grant or decision.
#[derive(Debug, Clone)]
pub struct Step<'e> {
    /// Which resource.
    pub resource: Sym,
    /// Which job of it, where jobs have epochs of their own.
    pub job: Option<Sym>,
    /// The resource's own number; `None` where it has none or the file is not the resource's.
    pub seq: Option<i64>,
    /// When, in ns.
    pub t: i64,
    /// Which clock.
    pub clock: Key<'e>,
    /// What it did.
    pub act: Act,
    /// The epoch granted or requested.
    pub epoch: i64,
    /// The current epoch, as the resource says.
    pub reported: Option<i64>,
    /// The command.
    pub command: Option<Sym>,
    /// The record.
    pub source: SourceRef,
}

/// The steps of one resource, or of one job of it, in order.
#[derive(Debug, Clone)]
pub struct Lane<'e> {
    /// Which resource.
    pub resource: Sym,
    /// Which job.
    pub job: Option<Sym>,
    /// The steps, each with its place; steps of the same place cannot be ordered.
    pub steps: Vec<(i64, Step<'e>)>,
    /// Whether grants are left out because nothing orders them among the decisions.
    pub loose: bool,
}

/// What stood just before a decision: what surely came before it, and all that may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stood {
    /// The highest epoch surely granted.
    granted: Option<i64>,
    /// The highest epoch surely accepted.
    taken: Option<i64>,
    /// The highest epoch that may have been granted.
    granted_most: Option<i64>,
    /// The highest epoch that may have been accepted.
    taken_most: Option<i64>,
}

impl Stood {
    fn floor(self) -> Option<i64> {
        self.granted.max(self.taken)
    }

    fn floor_most(self) -> Option<i64> {
        self.granted_most.max(self.taken_most)
    }
}

/// Puts steps in order, resource by resource and job by job.
#[must_use]
pub fn arrange(steps: Vec<Step<'_>>) -> Vec<Lane<'_>> {
    let mut resources: BTreeMap<Sym, Vec<Step<'_>>> = BTreeMap::new();
    for step in steps {
        resources.entry(step.resource).or_default().push(step);
    }
    let mut lanes = Vec::new();
    for (resource, mut steps) in resources {
        let mut place = order(&steps);
        let loose = place.is_none() && steps.iter().any(|s| s.act == Act::Grant) && steps.iter().any(|s| s.act != Act::Grant);
        if loose {
            steps.retain(|s| s.act != Act::Grant);
            place = order(&steps);
        }
        let place = place.unwrap_or(|_| 0);
        let mut jobs: BTreeMap<Option<Sym>, Vec<(i64, Step<'_>)>> = BTreeMap::new();
        for step in steps {
            jobs.entry(step.job).or_default().push((place(&step), step));
        }
        for (job, mut steps) in jobs {
            steps.sort_by(|(a, x), (b, y)| (a, x.act, &x.source).cmp(&(b, y.act, &y.source)));
            lanes.push(Lane { resource, job, steps, loose });
        }
    }
    lanes
}

type Place = fn(&Step<'_>) -> i64;

/// By number where all steps have one, else by time where all are on one clock.
fn order(steps: &[Step<'_>]) -> Option<Place> {
    if steps.iter().all(|s| s.seq.is_some()) {
        return Some(|s| s.seq.unwrap_or(0));
    }
    if steps.windows(2).all(|pair| pair[0].clock == pair[1].clock) { Some(|s| s.t) } else { None }
}

/// What stood before each step. Steps of one place may have come in any order, but a grant in the very record of a decision
/// came before it.
fn stood(lane: &Lane<'_>) -> Vec<Stood> {
    let mut result = Vec::with_capacity(lane.steps.len());
    let (mut granted, mut taken) = (None, None);
    for group in lane.steps.chunk_by(|a, b| a.0 == b.0) {
        let highest = |act: Act| {
            let mut top = (None, None);
            for (_, step) in group.iter().filter(|(_, s)| s.act == act) {
                let epoch = Some(step.epoch);
                top = if epoch > top.0 { (epoch, top.0) } else { (top.0, top.1.max(epoch)) };
            }
            top
        };
        let (grants, accepts) = (highest(Act::Grant), highest(Act::Accept));
        let mine: BTreeMap<&SourceRef, i64> =
            group.iter().filter(|(_, s)| s.act == Act::Grant).map(|(_, s)| (&s.source, s.epoch)).collect();
        for (_, step) in group {
            let own = step.act == Act::Accept && Some(step.epoch) == accepts.0;
            result.push(Stood {
                granted: granted.max(mine.get(&step.source).copied()),
                taken,
                granted_most: granted.max(grants.0),
                taken_most: taken.max(if own { accepts.1 } else { accepts.0 }),
            });
        }
        (granted, taken) = (granted.max(grants.0), taken.max(accepts.0));
    }
    result
}

impl Lane<'_> {
    /// The resource, and the job if there is one.
    #[must_use]
    pub fn name(&self, symbols: &Symbols) -> String {
        let resource = symbols.text(self.resource);
        self.job.map_or_else(|| resource.to_string(), |job| format!("{resource}, job {}", symbols.text(job)))
    }

    fn finding(&self, claim: &str, step: &Step<'_>, symbols: &Symbols) -> Finding {
        let mut finding = Finding::new(claim).with("resource", symbols.text(self.resource)).with("epoch", step.epoch);
        if let Some(job) = self.job {
            finding = finding.with("job", symbols.text(job));
        }
        if let Some(command) = step.command {
            finding = finding.with("command", symbols.text(command));
        }
        if let Some(reported) = step.reported {
            finding = finding.with("current-epoch", reported);
        }
        finding.source(step.source.clone())
    }

    fn decisions(&self) -> impl Iterator<Item = (i64, &Step<'_>, Stood)> {
        let stood = stood(self);
        self.steps.iter().zip(stood).filter(|((_, s), _)| s.act != Act::Grant).map(|((place, s), stood)| (*place, s, stood))
    }

    fn first_grants(&self) -> BTreeMap<i64, (i64, &SourceRef)> {
        let mut grants = BTreeMap::new();
        for (place, step) in self.steps.iter().filter(|(_, s)| s.act == Act::Grant) {
            grants.entry(step.epoch).or_insert((*place, &step.source));
        }
        grants
    }
}

/// Whether epochs strictly rise from grant to grant.
#[must_use]
pub fn rising(lanes: &[Lane<'_>], symbols: &Symbols) -> Tally {
    let mut tally = Tally::default();
    for lane in lanes {
        for pair in lane.steps.windows(2) {
            let ((before, a), (after, b)) = (&pair[0], &pair[1]);
            tally.judged += 1;
            let data = lane.finding("epoch-not-raised", b, symbols).with("before", a.epoch).source(a.source.clone());
            if a.epoch == b.epoch || (before < after && a.epoch > b.epoch) {
                let why = format!("epoch {} was granted after epoch {} ({})", b.epoch, a.epoch, lane.name(symbols));
                tally.faults.push(Flaw::new(a.epoch.saturating_sub(b.epoch), why, data));
            } else if before == after {
                let why = format!("grants of epochs {} and {} cannot be ordered ({})", a.epoch, b.epoch, lane.name(symbols));
                tally.doubts.push(Flaw::new(0, why, data));
            }
        }
    }
    tally
}

/// Where a resource's log contradicts itself: one number for two decisions, or a current epoch or a time that falls.
#[must_use]
pub fn contradictions(lanes: &[Lane<'_>], symbols: &Symbols) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut numbers: BTreeMap<(Sym, i64), &Step<'_>> = BTreeMap::new();
    for lane in lanes {
        let mut highest: Option<(i64, i64)> = None;
        let mut newest: BTreeMap<Key<'_>, i64> = BTreeMap::new();
        for (place, step) in &lane.steps {
            let before = newest.entry(step.clock).or_insert(step.t);
            if step.seq.is_some() && step.t < *before {
                let why = format!("time falls from {before} to {} ns ({})", step.t, lane.name(symbols));
                flaws.push(Flaw::new(0, why, lane.finding("time-falls", step, symbols).with("before", *before)));
            }
            *before = step.t.max(*before);
            if let Some(first) = step.seq.and_then(|seq| numbers.insert((lane.resource, seq), step)) {
                let why = format!("two decisions of {} have number {}", symbols.text(lane.resource), step.seq.unwrap_or(0));
                flaws.push(Flaw::new(1, why, lane.finding("number-repeated", step, symbols).source(first.source.clone())));
            }
            let Some(reported) = step.reported.filter(|_| step.seq.is_some()) else { continue };
            if let Some((_, before)) = highest.filter(|(at, before)| at < place && reported < *before) {
                let why = format!("the current epoch falls from {before} to {reported} ({})", lane.name(symbols));
                flaws.push(Flaw::new(2, why, lane.finding("current-falls", step, symbols).with("before", before)));
            }
            if highest.is_none_or(|(_, before)| reported > before) {
                highest = Some((*place, reported));
            }
        }
    }
    flaws
}

fn loose(lane: &Lane<'_>, symbols: &Symbols) -> Option<Flaw> {
    let (_, step) = lane.steps.first().filter(|_| lane.loose)?;
    let why =
        format!("grants of {} share neither numbers nor a clock with its decisions, so nothing orders them", lane.name(symbols));
    Some(Flaw::new(10, why, lane.finding("grants-not-ordered", step, symbols)))
}

fn accepted_stale(lane: &Lane<'_>, step: &Step<'_>, current: i64, symbols: &Symbols) -> Flaw {
    let command = step.command.map_or_else(|| "a command".into(), |c| format!("command {}", symbols.text(c)));
    let why = format!("{command} was accepted under epoch {} while {current} stood ({})", step.epoch, lane.name(symbols));
    let finding = lane.finding("stale-accepted", step, symbols).with("stood", current);
    Flaw::new(current.saturating_sub(step.epoch).saturating_abs(), why, finding)
}

fn unclear(lane: &Lane<'_>, step: &Step<'_>, symbols: &Symbols) -> Flaw {
    let why = format!("nothing shows which epoch stood when epoch {} was accepted ({})", step.epoch, lane.name(symbols));
    Flaw::new(0, why, lane.finding("current-unknown", step, symbols))
}
