//! Partitions in the evidence: which members were cut off from which, and what was asked of each side while they were.
//!
//! In: faults whose targets are one side of a cut, and client operations with the member that each was asked of. Out: [`Scene`]: the cuts, each with its
//! minority and majority, and the requests. A cut counts only from its latest start to its earliest stop, less what clocks may differ. Assumes
//! that one cut parts the members in two; a cut within a cut is judged as two. Refuses to know files and gates.

mod authority;
mod heal;
mod interleavings;
mod sides;

pub use authority::kept_out;
pub use heal::reconciled;
pub use interleavings::{Bound, Interleaving, Met, count};
pub use sides::{election, isolated_followers, isolated_leader, rejection, traffic};

use crate::contract::Contract;
use crate::evidence::kinds::{Attempt, AttemptResult, Injection, OpKind, Operation, Outcome, Role, Sample};
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, Part, Rows};
use crate::judge::quorum::members;
use crate::judge::tally::Flaw;
use crate::verdict::{Finding, Gap, SourceRef};
use std::collections::BTreeSet;

/// One partition of the members in two.
#[derive(Debug, Clone)]
pub struct Cut {
    /// The fault.
    pub id: Sym,
    /// The earliest instant at which it may have begun, in ns.
    pub begun: i64,
    /// The first instant at which it surely stood, in ns.
    pub from: i64,
    /// The last instant at which it surely stood, in ns.
    pub to: i64,
    /// The latest instant at which it was healed, in ns; `None` when no record shows that it was.
    pub healed: Option<i64>,
    /// The members of the side that is smaller than a write quorum.
    pub minority: BTreeSet<Sym>,
    /// How many they are, those included that no record names.
    pub isolated: u64,
    /// All others.
    pub majority: BTreeSet<Sym>,
    /// Its record.
    pub source: SourceRef,
}

/// One request to one member.
#[derive(Debug, Clone)]
pub struct Request {
    /// The member asked, or the last one asked where attempts are not recorded.
    pub member: Option<Sym>,
    /// Whether it reads.
    pub read: bool,
    /// When it was sent, in ns.
    pub invoke: i64,
    /// When its answer came, in ns.
    pub returned: Option<i64>,
    /// What the client was told.
    pub result: Outcome,
    /// The command.
    pub command: Option<Sym>,
    /// Its record.
    pub source: SourceRef,
}

/// The cuts of a test and what was asked during them.
#[derive(Debug)]
pub struct Scene<'e> {
    /// All texts.
    pub evidence: &'e Evidence,
    /// The promises.
    pub contract: &'e Contract,
    /// The cuts, in the order of their records.
    pub cuts: Vec<Cut>,
    /// The requests.
    pub requests: Vec<Request>,
    /// Cuts that leave no side with a quorum, by id.
    pub headless: Vec<Sym>,
    /// How far the clocks of faults and requests may be apart, in ns.
    pub widening: i64,
}

impl Cut {
    /// Whether a request surely lies within the cut: sent after it stood and answered before it ended.
    #[must_use]
    pub fn holds(&self, request: &Request) -> bool {
        request.invoke >= self.from && request.returned.is_some_and(|r| r <= self.to)
    }

    /// Whether a request was surely in flight at some instant of the cut. One that was never answered counts at the instant it was sent.
    #[must_use]
    pub fn meets(&self, request: &Request) -> bool {
        request.invoke <= self.to && request.returned.unwrap_or(request.invoke) >= self.from
    }

    /// A finding about this cut.
    #[must_use]
    pub fn finding(&self, claim: &str, evidence: &Evidence) -> Finding {
        let names = |side: &BTreeSet<Sym>| side.iter().map(|m| evidence.text(*m)).collect::<Vec<_>>().join(", ");
        let sides = |finding: Finding| finding.with("minority", names(&self.minority)).with("majority", names(&self.majority));
        sides(Finding::new(claim).with("fault", evidence.text(self.id))).source(self.source.clone())
    }
}

impl<'e> Scene<'e> {
    /// The scene of a test.
    ///
    /// # Errors
    /// A [`Gap`] when faults and operations are on clocks that nothing bounds.
    pub fn new(
        contract: &'e Contract,
        evidence: &'e Evidence,
        layer: &str,
        faults: &Rows<'e, Injection>,
        history: &Rows<'e, Operation>,
        attempts: Option<&Rows<'e, Attempt>>,
    ) -> Result<Self, Gap> {
        let others: &[&Part] = attempts.map_or(&[], |a| a.parts());
        let widening = evidence.widening(faults.parts().iter().chain(history.parts()).chain(others).copied())?;
        let mut scene =
            Self { evidence, contract, cuts: Vec::new(), requests: requests(history, attempts), headless: Vec::new(), widening };
        let end = scene.requests.iter().map(|r| r.returned.unwrap_or(r.invoke)).max().unwrap_or(0);
        let (voters, quorum) = (members(evidence, contract), contract.cluster.write_quorum());
        for (id, fault) in faults.iter() {
            if fault.layer.map_or(layer, |l| evidence.text(l)) != "network" {
                continue;
            }
            let targets: BTreeSet<Sym> = evidence.symbols.list(fault.targets).iter().copied().collect();
            let side: BTreeSet<Sym> = targets.intersection(&voters).copied().collect();
            let rest: BTreeSet<Sym> = voters.difference(&side).copied().collect();
            // Members that no record names have no symbol and still count.
            let (size, all) = (side.len() as u64, contract.cluster.size());
            if size == 0 || size >= all {
                continue;
            }
            let targets_fewer = size < all - size;
            let (minority, majority) = if targets_fewer { (side, rest) } else { (rest, side) };
            let isolated = if targets_fewer { size } else { all - size };
            if all - isolated < quorum {
                scene.headless.push(fault.id);
                continue;
            }
            scene.cuts.push(Cut {
                id: fault.id,
                begun: fault.start_lo.0.saturating_sub(widening),
                from: fault.start_hi.0.saturating_add(widening),
                to: fault.stop_lo.map_or(end, |s| s.0).saturating_sub(widening),
                healed: fault.stop_hi.or(fault.stop_lo).map(|s| s.0.saturating_add(widening)),
                minority,
                isolated,
                majority,
                source: faults.source(id),
            });
        }
        Ok(scene)
    }

    /// Why the cuts of the test are not what a row of the matrix asks for, as doubts: none at all, or one without a quorum on either side.
    #[must_use]
    pub fn without_cut(&self) -> Vec<Flaw> {
        let headless = self.headless.iter().map(|id| {
            let name = self.evidence.text(*id);
            Flaw::new(1, format!("fault {name} leaves no side with a quorum"), Finding::new("no-majority").with("fault", name))
        });
        let none = self.cuts.is_empty() && self.headless.is_empty();
        let why = "no fault on the network has members as targets and leaves others, so no side is known";
        headless.chain(none.then(|| Flaw::new(1, why, Finding::new("no-cut")))).collect()
    }

    /// How many members the minority of rows P1 to P3 has: N − Q.
    #[must_use]
    pub fn minority_size(&self) -> u64 {
        self.contract.cluster.size().saturating_sub(self.contract.cluster.write_quorum())
    }

    /// The text of a symbol.
    #[must_use]
    pub fn text(&self, sym: Sym) -> &'e str {
        self.evidence.text(sym)
    }
}

/// Requests: the attempts, and the operations whose attempts are not recorded.
fn requests(history: &Rows<'_, Operation>, attempts: Option<&Rows<'_, Attempt>>) -> Vec<Request> {
    let reads: BTreeSet<Sym> =
        history.iter().filter(|(_, op)| op.op == OpKind::Read).filter_map(|(_, op)| op.command_id).collect();
    let mut list = Vec::new();
    let mut split: BTreeSet<Sym> = BTreeSet::new();
    for (rows, id, a) in attempts.into_iter().flat_map(|rows| rows.iter().map(move |(id, a)| (rows, id, a))) {
        split.insert(a.command_id);
        let result = match a.result {
            AttemptResult::Ok => Outcome::Ok,
            AttemptResult::Fail => Outcome::Fail,
            AttemptResult::Unknown => Outcome::Unknown,
            AttemptResult::NotSent => continue,
        };
        list.push(Request {
            member: a.member,
            read: reads.contains(&a.command_id),
            invoke: a.invoke.0,
            returned: a.returned.map(|r| r.0),
            result,
            command: Some(a.command_id),
            source: rows.source(id),
        });
    }
    for (id, op) in history.iter().filter(|(_, op)| op.command_id.is_none_or(|c| !split.contains(&c))) {
        list.push(Request {
            member: op.member,
            read: op.op == OpKind::Read,
            invoke: op.invoke.0,
            returned: op.returned.map(|r| r.0),
            result: op.result,
            command: op.command_id,
            source: history.source(id),
        });
    }
    list
}

/// Who led before a cut, with the term: the last member that said so of itself surely before the cut may have begun.
///
/// # Errors
/// A [`Gap`] when samples and faults are on clocks that nothing bounds.
pub fn leader_before(
    cut: &Cut,
    samples: &Rows<'_, Sample>,
    faults: &Rows<'_, Injection>,
) -> Result<Option<(Sym, Option<i64>)>, Gap> {
    let widening = samples.beside(faults)?;
    let own = samples.iter().filter(|(_, s)| s.role == Some(Role::Leader) && s.t_hi.0.saturating_add(widening) <= cut.begun);
    Ok(own.max_by_key(|(id, s)| (s.term, s.t_lo, *id)).map(|(_, s)| (s.member, s.term)))
}
