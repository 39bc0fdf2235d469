//! Epochs of protected resources, and what each resource made of the requests under them.
//!
//! What was current at a decision is the highest epoch granted or accepted before it, in the resource's own order, or what the resource says when that is
//! higher; the gates judge it with more care.

use super::step;
use super::windows::{FaultWindows, faults, first_operation};
use crate::contract::Clock;
use crate::evidence::kinds::{Decision, Grant, Ruling};
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, clocks::same};
use serde::Serialize;
use std::collections::BTreeMap;

/// Epochs and decisions in one test.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FencingChart {
    /// The test.
    pub test: String,
    /// Length of the plot, in ns.
    pub span: i64,
    /// Whether zero is the first operation (else it is the resource's first record).
    pub from_operation: bool,
    /// One lane an epoch; jobs with accepted stale attempts first, then those with rejected ones, then the others.
    pub lanes: Vec<EpochLane>,
    /// How many epochs there were.
    pub of_lanes: u64,
    /// Decisions in all lanes, shown or not.
    pub decisions: u64,
    /// Stale attempts in all lanes.
    pub stale: u64,
    /// Stale attempts that were accepted.
    pub stale_accepted: u64,
    /// When faults lasted; none where they are on another clock.
    pub faults: FaultWindows,
}

/// One epoch of one resource, or of one job of it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EpochLane {
    /// The resource.
    pub resource: String,
    /// The job, where jobs have epochs of their own.
    pub job: Option<String>,
    /// The epoch.
    pub epoch: i64,
    /// To whom it was granted, or who used it.
    pub holder: String,
    /// When it was granted; absent when no grant of it is on the resource's clock.
    pub granted: Option<i64>,
    /// When a higher epoch was first granted or accepted.
    pub ended: Option<i64>,
    /// Decisions, thinned to the first and last of each step of time and kind.
    pub tries: Vec<Try>,
    /// Commands accepted while it was current.
    pub accepted: u64,
    /// Commands rejected after it had ended.
    pub stale_rejected: u64,
    /// Commands accepted after it had ended.
    pub stale_accepted: u64,
    /// Commands rejected for another reason.
    pub other_rejected: u64,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Try {
    /// When, in ns on the axis of the plot.
    pub t: i64,
    /// `accepted`, `stale-rejected`, `stale-accepted` or `rejected`.
    pub kind: &'static str,
}

/// The most lanes that a plot keeps.
const MOST_LANES: usize = 12;
/// Steps of time.
const STEPS: usize = 120;

/// One grant or decision in the resource's order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deed {
    /// The resource's own number, then the time.
    pub order: (i64, i64),
    /// When.
    pub t: i64,
    /// Of which epoch.
    pub epoch: i64,
    /// By whom.
    pub holder: Option<Sym>,
    /// Until when the grant lasts, where it says so.
    pub lease_until: Option<i64>,
    /// The ruling; `None` for a grant.
    pub ruling: Option<Ruling>,
    /// What the resource says was current.
    pub reported: Option<i64>,
    /// The command.
    pub command: Option<Sym>,
    /// The line of the record.
    pub line: u64,
}

/// The deeds of one resource, or of one job of it.
pub(super) type Groups = BTreeMap<(Sym, Option<Sym>), Vec<Deed>>;

/// All deeds of a test on the clock of the decisions, in order; none when decisions are on several clocks.
pub(super) fn deeds<'e>(evidence: &'e Evidence, test: &str) -> Option<(Groups, &'e Clock)> {
    let rows = evidence.rows::<Decision>(test).ok()?;
    rows.clock()?;
    let clock = &rows.parts().first()?.clock;
    let numbered = rows.cells::<Option<i64>>("seq").all(|s| s.flatten().is_some());
    let order = |seq: Option<i64>, t: i64| (seq.filter(|_| numbered).unwrap_or(0), t);
    let mut groups = Groups::new();
    for (id, d) in rows.iter() {
        let deed = Deed {
            order: order(d.seq, d.t.0),
            t: d.t.0,
            epoch: d.epoch,
            holder: d.holder,
            lease_until: None,
            ruling: Some(d.outcome),
            reported: d.current_epoch,
            command: d.command_id,
            line: rows.source(id).line.unwrap_or(0),
        };
        groups.entry((d.resource, d.job)).or_default().push(deed);
    }
    if let Some(grants) = evidence.binds(test, "epochs").then(|| evidence.rows::<Grant>(test).ok()).flatten() {
        let fits = grants.parts().iter().all(|p| same(&p.clock, clock));
        for (id, g) in grants.iter().filter(|(_, g)| fits && (!numbered || g.seq.is_some())) {
            let deed = Deed {
                order: order(g.seq, g.t.0),
                t: g.t.0,
                epoch: g.epoch,
                holder: g.holder,
                lease_until: g.lease_until.map(|t| t.0),
                ruling: None,
                reported: None,
                command: None,
                line: grants.source(id).line.unwrap_or(0),
            };
            groups.entry((g.resource, g.job)).or_default().push(deed);
        }
    }
    groups.values_mut().for_each(|list| list.sort_by_key(|d| (d.order, d.ruling.is_some(), d.epoch, d.line)));
    Some((groups, clock))
}

/// What a decision was, given the highest epoch that stood before it.
fn kind(deed: &Deed, current: Option<i64>) -> &'static str {
    let stale = current.is_some_and(|c| deed.epoch < c);
    match (deed.ruling, stale) {
        (Some(Ruling::Rejected), true) => "stale-rejected",
        (Some(Ruling::Accepted), true) => "stale-accepted",
        (Some(Ruling::Rejected), false) => "rejected",
        _ => "accepted",
    }
}

/// The plot of a test.
pub(super) fn of(evidence: &Evidence, test: &str) -> Option<FencingChart> {
    let (groups, clock) = deeds(evidence, test)?;
    let times = || groups.values().flatten().map(|d| d.t);
    let (low, high) = (times().min()?, times().max()?);
    let operation = first_operation(evidence, test, clock).filter(|t| *t < high);
    let zero = operation.map_or(low, |t| t.min(low));
    let span = high.saturating_sub(zero).max(1);
    let mut jobs: Vec<Vec<EpochLane>> = Vec::new();
    for ((resource, job), list) in &groups {
        let mut own = lanes(evidence, list, zero, span);
        for lane in &mut own {
            (lane.resource, lane.job) = (evidence.text(*resource).to_string(), job.map(|j| evidence.text(j).to_string()));
        }
        jobs.push(own);
    }
    jobs.sort_by_cached_key(|own| own.first().map(|l| (l.resource.clone(), l.job.clone())));
    let sum = |of: fn(&EpochLane) -> u64| jobs.iter().flatten().map(of).sum::<u64>();
    let stale_accepted = sum(|l| l.stale_accepted);
    let stale = sum(|l| l.stale_rejected) + stale_accepted;
    let decisions = stale + sum(|l| l.accepted) + sum(|l| l.other_rejected);
    let of_lanes = jobs.iter().map(Vec::len).sum::<usize>() as u64;
    let faults = faults(evidence, test, clock, zero, span);
    Some(FencingChart {
        test: test.to_string(),
        span,
        from_operation: operation.is_some_and(|t| t <= low),
        lanes: chosen(jobs),
        of_lanes,
        decisions,
        stale,
        stale_accepted,
        faults,
    })
}

/// The first and last instant of the decisions of each kind in each step of time.
type Tries = BTreeMap<(&'static str, usize), (i64, i64)>;

/// The lanes of one resource or job, by epoch.
fn lanes(evidence: &Evidence, list: &[Deed], zero: i64, span: i64) -> Vec<EpochLane> {
    let mut lanes: BTreeMap<i64, (EpochLane, Tries)> = BTreeMap::new();
    let mut current: Option<i64> = None;
    for deed in list {
        let t = deed.t.saturating_sub(zero);
        if current.is_some_and(|c| deed.epoch > c) {
            lanes.values_mut().filter(|l| l.0.ended.is_none()).for_each(|l| l.0.ended = Some(t));
        }
        let (lane, tries) = lanes.entry(deed.epoch).or_insert_with(|| (empty(deed.epoch), BTreeMap::new()));
        if let (true, Some(holder)) = (lane.holder.is_empty(), deed.holder) {
            lane.holder = evidence.text(holder).to_string();
        }
        if deed.ruling.is_none() {
            lane.granted = lane.granted.or(Some(t));
        } else {
            let kind = kind(deed, current.max(deed.reported));
            *match kind {
                "accepted" => &mut lane.accepted,
                "stale-rejected" => &mut lane.stale_rejected,
                "stale-accepted" => &mut lane.stale_accepted,
                _ => &mut lane.other_rejected,
            } += 1;
            let kept = tries.entry((kind, step(t, span, STEPS))).or_insert((t, t));
            *kept = (kept.0.min(t), kept.1.max(t));
        }
        if deed.ruling != Some(Ruling::Rejected) {
            current = current.max(Some(deed.epoch));
        }
    }
    let finish = |(mut lane, tries): (EpochLane, Tries)| {
        for ((kind, _), (first, last)) in tries {
            lane.tries.push(Try { t: first, kind });
            lane.tries.extend((last > first).then_some(Try { t: last, kind }));
        }
        lane.tries.sort_by_key(|t| (t.t, t.kind));
        lane
    };
    lanes.into_values().map(finish).collect()
}

fn empty(epoch: i64) -> EpochLane {
    EpochLane {
        resource: String::new(),
        job: None,
        epoch,
        holder: String::new(),
        granted: None,
        ended: None,
        tries: Vec::new(),
        accepted: 0,
        stale_rejected: 0,
        stale_accepted: 0,
        other_rejected: 0,
    }
}

/// Whole jobs while there is room; of one that has more epochs than there is room, the lanes with stale attempts and those nearest to them.
fn chosen(mut jobs: Vec<Vec<EpochLane>>) -> Vec<EpochLane> {
    jobs.sort_by_key(|own| (own.iter().all(|l| l.stale_accepted == 0), own.iter().all(|l| l.stale_rejected == 0)));
    let mut kept: Vec<EpochLane> = Vec::new();
    for own in jobs {
        let room = MOST_LANES - kept.len();
        if own.len() <= room {
            kept.extend(own);
        } else if kept.is_empty() {
            let first = own.iter().position(|l| l.stale_accepted + l.stale_rejected > 0).unwrap_or(0);
            let from = first.min(own.len() - room);
            kept.extend(own.into_iter().skip(from).take(room));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(order: i64, epoch: i64, ruling: Option<Ruling>) -> Deed {
        Deed {
            order: (order, 0),
            t: order * 10,
            epoch,
            holder: None,
            lease_until: None,
            ruling,
            reported: None,
            command: None,
            line: 0,
        }
    }

    #[test]
    fn attempts_under_an_ended_epoch_are_stale() {
        let (accepted, rejected) = (Some(Ruling::Accepted), Some(Ruling::Rejected));
        let list = [
            deed(0, 1, None),
            deed(1, 1, accepted),
            deed(2, 2, None),
            deed(3, 1, rejected),
            deed(4, 1, accepted),
            deed(5, 2, accepted),
            deed(6, 2, rejected),
        ];
        let lanes = lanes(&Evidence::default(), &list, 0, 60);
        let told: Vec<_> =
            lanes.iter().map(|l| (l.epoch, l.granted, l.ended, l.accepted, l.stale_rejected, l.stale_accepted)).collect();
        assert_eq!(told, [(1, Some(0), Some(20), 1, 1, 1), (2, Some(20), None, 1, 0, 0)]);
        assert_eq!(lanes[0].tries.iter().map(|t| t.kind).collect::<Vec<_>>(), ["accepted", "stale-rejected", "stale-accepted"]);
        assert_eq!(lanes[1].other_rejected, 1);
    }

    #[test]
    fn many_decisions_become_few_marks() {
        let list: Vec<Deed> = (0..100_000).map(|i| deed(i, 1, Some(Ruling::Accepted))).collect();
        let lanes = lanes(&Evidence::default(), &list, 0, 1_000_000);
        assert_eq!((lanes[0].accepted, lanes[0].tries.len()), (100_000, 2 * STEPS));
    }

    #[test]
    fn jobs_with_accepted_stale_attempts_come_first() {
        let lane = |epoch, stale_rejected, stale_accepted| EpochLane { stale_rejected, stale_accepted, ..empty(epoch) };
        let jobs = vec![vec![lane(1, 0, 0); 11], vec![lane(2, 1, 0)], vec![lane(3, 0, 1)]];
        let kept: Vec<i64> = chosen(jobs).iter().map(|l| l.epoch).collect();
        assert_eq!(kept, [3, 2]);
    }
}
