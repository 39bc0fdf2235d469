//! A worker that lost its authority and came back: its claim, the claim that took over, and the late command.

use super::fencing::{Deed, deeds};
use crate::evidence::Evidence;
use crate::evidence::kinds::{Injection, Ruling};
use crate::evidence::symbol::Sym;
use serde::Serialize;

/// The steps around one stale attempt.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TakeoverChart {
    /// The test.
    pub test: String,
    /// The resource.
    pub resource: String,
    /// The job, where jobs have epochs of their own.
    pub job: Option<String>,
    /// Who lost authority.
    pub old: String,
    /// Who took over.
    pub new: String,
    /// What was done, in the resource's order; zero is the first of them.
    pub deeds: Vec<Doing>,
    /// Deeds in between that are not shown.
    pub left_out: u64,
    /// The late command, a position in `deeds`.
    pub late: usize,
    /// The fault that struck the old holder, its id and what it was; its instants are on another clock or not known here.
    pub fault: Option<(String, String)>,
    /// How many stale attempts there were in the test.
    pub of: u64,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Doing {
    /// When, in ns from the first.
    pub t: i64,
    /// Whether the old holder did it.
    pub by_old: bool,
    /// `claim`, `accepted` or `rejected`.
    pub what: &'static str,
    /// The epoch or token.
    pub epoch: i64,
    /// The command; empty for a claim.
    pub command: String,
    /// When the claim lapses, in ns from the first deed.
    pub lease_until: Option<i64>,
    /// The line of the record.
    pub line: u64,
}

/// The plainest sequence of a test; none when no stale attempt has a claim before it and one that took over.
pub(super) fn of(evidence: &Evidence, test: &str) -> Option<TakeoverChart> {
    let (groups, _) = deeds(evidence, test)?;
    let name = |(resource, job): &(Sym, Option<Sym>)| (evidence.text(*resource), job.map(|j| evidence.text(j)));
    let mut all: Vec<_> = groups.iter().map(|(group, list)| (name(group), list)).collect();
    all.sort_by_key(|(name, _)| *name);
    let mut of = 0;
    let mut best: Option<((bool, bool, usize), TakeoverChart)> = None;
    for ((resource, job), list) in all {
        for found in sequences(list) {
            of += 1;
            let late = list[found.late];
            // An accepted late command is what must be seen; else one whose successor did its work, in few steps.
            let worked = list[found.takeover..found.late].iter().any(|d| d.ruling == Some(Ruling::Accepted));
            let rank = (late.ruling == Some(Ruling::Rejected), !worked, found.late - found.claim);
            if best.as_ref().is_none_or(|(b, _)| rank < *b) {
                best = Some((rank, chart(evidence, test, (resource, job), list, &found)));
            }
        }
    }
    best.map(|(_, chart)| TakeoverChart { of, ..chart })
}

/// Positions of the claim that was lost, of the one that took over, and of the late command.
struct Sequence {
    claim: usize,
    takeover: usize,
    late: usize,
}

/// Every stale attempt that has a claim of its epoch by the same holder before it, and a claim of a higher one by somebody else between.
fn sequences(list: &[Deed]) -> Vec<Sequence> {
    let stale = |(late, deed): (usize, &Deed)| {
        deed.ruling?;
        let takeover = list[..late].iter().position(|d| d.ruling.is_none() && d.epoch > deed.epoch && d.holder != deed.holder)?;
        let own = |d: &Deed| d.ruling.is_none() && d.epoch == deed.epoch && d.holder == deed.holder;
        let claim = list[..takeover].iter().rposition(own)?;
        Some(Sequence { claim, takeover, late })
    };
    // A resource with one long list of deeds has few epochs, so the search for the take-over ends soon.
    list.iter().enumerate().filter_map(stale).collect()
}

fn chart(
    evidence: &Evidence,
    test: &str,
    (resource, job): (&str, Option<&str>),
    list: &[Deed],
    found: &Sequence,
) -> TakeoverChart {
    let (old, new) = (list[found.late].holder, list[found.takeover].holder);
    let text = |s: Option<Sym>| s.map_or("", |s| evidence.text(s)).to_string();
    let zero = list[found.claim].t;
    let both = |i: &usize| list[*i].holder == old || list[*i].holder == new;
    let all: Vec<usize> =
        (found.claim..=found.late).filter(both).chain((found.late + 1..list.len()).filter(both).take(1)).collect();
    // The two claims and the late command stay, with the last deed of the old holder before the take-over, the first of the new one, and what came next.
    let last_old = all.iter().rposition(|i| *i > found.claim && *i < found.takeover && list[*i].holder == old);
    let first_new = all.iter().position(|i| *i > found.takeover && list[*i].holder == new);
    let more = [last_old, first_new].map(|at| at.map(|at| all[at]));
    let stays = |i: &usize| [found.claim, found.takeover, found.late].contains(i) || *i > found.late || more.contains(&Some(*i));
    let kept: Vec<usize> = all.iter().copied().filter(stays).collect();
    let doing = |&i: &usize| {
        let d = &list[i];
        Doing {
            t: d.t.saturating_sub(zero).max(0),
            by_old: d.holder == old,
            what: d.ruling.map_or("claim", Ruling::word),
            epoch: d.epoch,
            command: text(d.command),
            lease_until: d.lease_until.map(|t| t.saturating_sub(zero)),
            line: d.line,
        }
    };
    TakeoverChart {
        test: test.to_string(),
        resource: resource.to_string(),
        job: job.map(str::to_string),
        old: text(old),
        new: text(new),
        late: kept.iter().position(|i| *i == found.late).unwrap_or(0),
        deeds: kept.iter().map(doing).collect(),
        left_out: (all.len() - kept.len()) as u64,
        fault: old.and_then(|old| fault(evidence, test, old, job)),
        of: 0,
    }
}

/// The first recorded fault that names the holder or the job as its target.
fn fault(evidence: &Evidence, test: &str, old: Sym, job: Option<&str>) -> Option<(String, String)> {
    if !evidence.binds(test, "faults") {
        return None;
    }
    let rows = evidence.rows::<Injection>(test).ok()?;
    let struck = |f: &Injection| evidence.symbols.list(f.targets).iter().any(|t| *t == old || Some(evidence.text(*t)) == job);
    let found = rows.iter().map(|(_, f)| f).find(struck)?;
    Some((evidence.text(found.id).to_string(), evidence.text(found.fault).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(order: i64, epoch: i64, holder: u32, ruling: Option<Ruling>) -> Deed {
        Deed {
            order: (order, 0),
            t: order,
            epoch,
            holder: Some(Sym(holder)),
            lease_until: None,
            ruling,
            reported: None,
            command: None,
            line: 0,
        }
    }

    #[test]
    fn a_late_command_needs_a_lost_claim_and_a_takeover() {
        let (accepted, rejected) = (Some(Ruling::Accepted), Some(Ruling::Rejected));
        let list = [deed(0, 1, 7, None), deed(1, 2, 8, None), deed(2, 2, 8, accepted), deed(3, 1, 7, rejected)];
        let found = sequences(&list);
        assert_eq!(found.iter().map(|s| (s.claim, s.takeover, s.late)).collect::<Vec<_>>(), [(0, 1, 3)]);
        assert!(sequences(&list[..3]).is_empty());
        assert!(sequences(&list[1..]).is_empty(), "its own claim is not there");
        let again = [deed(0, 1, 7, None), deed(1, 2, 7, None), deed(2, 1, 7, rejected)];
        assert!(sequences(&again).is_empty(), "nobody else took over");
    }
}
