//! Violations of the partition matrix: the isolated side answers, elects or keeps what it wrote; the other side stops; a side was never asked.
//!
//! The sides of a cut and the time in which it surely stood are found here once more, from faults and members, and not taken from the judge.

mod heal;
mod reads;
mod sides;

use crate::challenge::scene::{Change, Operator, Scene, Wants};
use crate::evidence::edit::{Cell, Edit};
use crate::evidence::kinds::{Attempt, AttemptResult, Injection, OpKind, Operation, Outcome};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::evidence::{Part, RowId};
use crate::judge::quorum::members;
use std::collections::BTreeSet;

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "isolated-side-acknowledges",
        does: "a write that was sent to the isolated side is acknowledged there while the cut stands",
        wants: Wants::Fail,
        gates: &["partition.p1", "partition.p2", "partition.p3"],
        change: Change::Rows(sides::isolated_acknowledges),
    },
    Operator {
        id: "answered-by-isolated",
        does: "an isolated member acknowledges a write that the other side acknowledged while the cut stood",
        wants: Wants::Fail,
        gates: &["partition.p1", "partition.p2", "partition.p3"],
        change: Change::Rows(sides::answered_by_isolated),
    },
    Operator {
        id: "majority-ack-below-quorum",
        does: "a write of the majority side is acknowledged with one replica fewer than a quorum",
        wants: Wants::Fail,
        gates: &["partition.p1"],
        change: Change::Rows(sides::ack_below_quorum),
    },
    Operator {
        id: "majority-stops",
        does: "no write of the majority side is acknowledged while the cut stands",
        wants: Wants::Fail,
        gates: &["partition.p1"],
        change: Change::Rows(sides::majority_stops),
    },
    Operator {
        id: "majority-pauses",
        does: "the majority side acknowledges nothing for longer than a recovery may take",
        wants: Wants::Fail,
        gates: &["partition.p1"],
        change: Change::Rows(sides::majority_pauses),
    },
    Operator {
        id: "cut-crossed",
        does: "an isolated member held a write that was sent to the other side after the cut",
        wants: Wants::NoPass,
        gates: &["partition.p1"],
        change: Change::Rows(sides::cut_crossed),
    },
    Operator {
        id: "isolated-write-at-resource",
        does: "the resource accepts a command that was sent to the isolated side through an isolated holder",
        wants: Wants::Fail,
        gates: &["partition.p2"],
        change: Change::Rows(sides::at_resource),
    },
    Operator {
        id: "stale-token-never-tried",
        does: "no stale token was tried at the resource",
        wants: Wants::NoPass,
        gates: &["partition.p2", "fencing.stale-rejected"],
        change: Change::Rows(sides::never_tried),
    },
    Operator {
        id: "isolated-clients-told-nothing",
        does: "no client of the isolated side is told that its write failed",
        wants: Wants::NoPass,
        gates: &["partition.p2"],
        change: Change::Rows(sides::told_nothing),
    },
    Operator {
        id: "isolated-side-elects",
        does: "an isolated member says that it leads a higher term while the cut stands",
        wants: Wants::Fail,
        gates: &["partition.p3"],
        change: Change::Rows(sides::isolated_elects),
    },
    Operator {
        id: "majority-elects-nobody",
        does: "no member of the majority side says that it leads while the old leader is cut off",
        wants: Wants::NoPass,
        gates: &["partition.p3"],
        change: Change::Rows(sides::elects_nobody),
    },
    Operator {
        id: "discarded-but-applied",
        does: "a member applies a command whose entry was discarded after the heal",
        wants: Wants::Fail,
        gates: &["partition.p4"],
        change: Change::Rows(heal::discarded_applied),
    },
    Operator {
        id: "nothing-discarded",
        does: "no log says that anything was discarded",
        wants: Wants::NoPass,
        gates: &["partition.p4", "log.reconciliation"],
        change: Change::Rows(heal::nothing_discarded),
    },
    Operator {
        id: "heal-unrecorded",
        does: "no record says when the cut ended",
        wants: Wants::NoPass,
        gates: &["partition.p4"],
        change: Change::Rows(heal::unrecorded),
    },
    Operator {
        id: "stale-retry-let-in",
        does: "the resource accepts an attempt under a stale epoch after a fault",
        wants: Wants::Fail,
        gates: &["partition.interleavings"],
        change: Change::Rows(heal::let_in),
    },
    Operator {
        id: "isolated-member-answers-read",
        does: "an isolated member answers alone, while the cut stands, a read that had been refused",
        wants: Wants::Fail,
        gates: &["partition.p5"],
        change: Change::Rows(reads::isolated_answers),
    },
    Operator {
        id: "read-off-path",
        does: "a linearizable read is answered from a cache while the cut stands",
        wants: Wants::Fail,
        gates: &["partition.p5"],
        change: Change::Rows(reads::off_path),
    },
    Operator {
        id: "stale-read-in-cut",
        does: "a read in the cut observes a version one below that of a write that was complete before it",
        wants: Wants::Fail,
        gates: &["partition.p5", "consistency.read-freshness"],
        change: Change::Rows(reads::stale),
    },
    Operator {
        id: "read-path-unrecorded",
        does: "a read that was answered while the cut stood does not say how it was served",
        wants: Wants::NoPass,
        gates: &["partition.p5"],
        change: Change::Rows(reads::path_unrecorded),
    },
    Operator {
        id: "reads-on-one-side",
        does: "no read was sent to one of the sides while the cut stood",
        wants: Wants::NoPass,
        gates: &["partition.p5"],
        change: Change::Rows(reads::one_side),
    },
    Operator {
        id: "side-idle",
        does: "all that was asked of one side while the cut stood was asked of the other",
        wants: Wants::Fail,
        gates: &["partition.traffic"],
        change: Change::Rows(sides::idle),
    },
    Operator {
        id: "isolated-side-unasked",
        does: "no write was sent to the isolated side while the cut stood",
        wants: Wants::NoPass,
        gates: &["partition.p2", "partition.p3"],
        change: Change::Rows(sides::unasked),
    },
];

/// A cut of the network and the instants between which it surely stood, in ns.
struct Split {
    fault: RowId,
    begun: i64,
    from: i64,
    to: i64,
    minority: BTreeSet<Sym>,
    majority: BTreeSet<Sym>,
}

/// Where a request is on record.
#[derive(Clone, Copy)]
enum Line {
    Operation(RowId),
    Attempt(RowId),
}

/// One request of a client to one member.
struct Asked {
    line: Line,
    member: Option<Sym>,
    read: bool,
    invoke: i64,
    returned: Option<i64>,
    result: Outcome,
    command: Option<Sym>,
}

impl Asked {
    fn row(&self) -> RowId {
        match self.line {
            Line::Operation(row) | Line::Attempt(row) => row,
        }
    }

    fn set(&self, cells: impl Into<Vec<Cell>>) -> Edit {
        let kind = match self.line {
            Line::Operation(_) => Operation::KIND.name,
            Line::Attempt(_) => Attempt::KIND.name,
        };
        Edit::Set(kind, self.row(), cells.into())
    }

    /// The cell that says how it ended.
    fn ended(&self, result: Outcome) -> Cell {
        let word = match self.line {
            Line::Operation(_) => crate::challenge::scene::word(Outcome::ALL, result),
            Line::Attempt(_) => crate::challenge::scene::word(
                AttemptResult::ALL,
                match result {
                    Outcome::Ok => AttemptResult::Ok,
                    Outcome::Fail => AttemptResult::Fail,
                    Outcome::Unknown => AttemptResult::Unknown,
                },
            ),
        };
        ("result", word)
    }

    fn of(&self, side: &BTreeSet<Sym>) -> bool {
        self.member.is_some_and(|m| side.contains(&m))
    }

    /// Whether it was in flight while a cut surely stood.
    fn meets(&self, cut: &Split) -> bool {
        self.invoke <= cut.to && self.returned.unwrap_or(self.invoke) >= cut.from
    }
}

impl Split {
    /// Whether something was sent after the cut stood, early enough for an answer before it ended.
    fn sent(&self, invoke: i64) -> bool {
        invoke >= self.from && invoke < self.to
    }

    fn within(&self, invoke: i64, returned: Option<i64>) -> bool {
        invoke >= self.from && returned.is_some_and(|r| r <= self.to)
    }
}

/// How far the clocks of these kinds may be apart; nothing where nothing bounds them.
fn widening<'a>(scene: &Scene<'a>, kinds: &[&str]) -> Option<i64> {
    let mine = |p: &&'a Part| p.test == scene.cx.test.id.value && kinds.contains(&p.kind);
    scene.evidence().widening(scene.evidence().parts.iter().filter(mine)).ok()
}

/// The cuts of a test that leave a quorum on one side.
fn splits(scene: &Scene<'_>) -> Vec<Split> {
    let kinds = [Injection::KIND.name, Operation::KIND.name, Attempt::KIND.name];
    let (Some(skew), Ok(history)) = (widening(scene, &kinds), scene.cx.rows::<Operation>()) else { return Vec::new() };
    let voters = members(scene.evidence(), scene.contract());
    let (size, quorum) = (scene.contract().cluster.size(), scene.contract().cluster.write_quorum());
    let end = history.iter().map(|(_, op)| op.returned.unwrap_or(op.invoke).0).max().unwrap_or(0);
    let network = |f: &Injection| f.layer.map_or(scene.cx.test.layer.as_str(), |l| scene.evidence().text(l)) == "network";
    let cut = |(fault, f): (RowId, Injection)| {
        let targets = scene.evidence().symbols.list(f.targets);
        let (a, b): (BTreeSet<Sym>, BTreeSet<Sym>) = voters.iter().partition(|v| targets.contains(v));
        let (minority, majority) = if a.len() < b.len() { (a, b) } else { (b, a) };
        let cut = Split {
            fault,
            begun: f.start_lo.0.saturating_sub(skew),
            from: f.start_hi.0.saturating_add(skew),
            to: f.stop_lo.map_or(end, |s| s.0).saturating_sub(skew),
            minority,
            majority,
        };
        let whole = voters.len() as u64 == size && cut.majority.len() as u64 >= quorum && !cut.minority.is_empty();
        (network(&f) && whole && cut.from < cut.to).then_some(cut)
    };
    scene.all::<Injection>().into_iter().filter_map(cut).collect()
}

/// All requests: the attempts, and the operations whose attempts are not on record.
fn asked(scene: &Scene<'_>) -> Vec<Asked> {
    let attempts = scene.all::<Attempt>();
    let split: BTreeSet<Sym> = attempts.iter().map(|(_, a)| a.command_id).collect();
    let mut reads: BTreeSet<Sym> = BTreeSet::new();
    let mut list = Vec::new();
    for (row, op) in scene.all::<Operation>() {
        let read = op.op == OpKind::Read;
        if let Some(command) = op.command_id.filter(|c| split.contains(c)) {
            if read {
                reads.insert(command);
            }
            continue;
        }
        list.push(Asked {
            line: Line::Operation(row),
            member: op.member,
            read,
            invoke: op.invoke.0,
            returned: op.returned.map(|r| r.0),
            result: op.result,
            command: op.command_id,
        });
    }
    for (row, a) in attempts {
        let result = match a.result {
            AttemptResult::Ok => Outcome::Ok,
            AttemptResult::Fail => Outcome::Fail,
            AttemptResult::Unknown => Outcome::Unknown,
            AttemptResult::NotSent => continue,
        };
        list.push(Asked {
            line: Line::Attempt(row),
            member: a.member,
            read: reads.contains(&a.command_id),
            invoke: a.invoke.0,
            returned: a.returned.map(|r| r.0),
            result,
            command: Some(a.command_id),
        });
    }
    list
}
