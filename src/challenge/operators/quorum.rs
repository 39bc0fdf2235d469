//! Violations of quorums: acknowledgements that too few hold, and answers while a quorum is missing.

use crate::challenge::scene::{Change, Operator, Scene, Wants, set, word};
use crate::contract::Consistency;
use crate::evidence::RowId;
use crate::evidence::edit::Edit;
use crate::evidence::kinds::{OpKind, Operation, Outcome, Sample};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::judge::quorum::{acknowledged_change, members, missing};

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "ack-below-quorum",
        does: "a write is acknowledged with one replica fewer than a quorum",
        wants: Wants::Fail,
        gates: &["quorum.durable-acks"],
        change: Change::Rows(|scene, places| places.offer_all(ack_below_quorum(scene))),
    },
    Operator {
        id: "ack-unrecorded",
        does: "an acknowledged write does not say which members held it",
        wants: Wants::NoPass,
        gates: &["quorum.durable-acks"],
        change: Change::Rows(|scene, places| places.offer_all(ack_unrecorded(scene))),
    },
    Operator {
        id: "write-without-quorum",
        does: "a write is acknowledged while a quorum is missing",
        wants: Wants::Fail,
        gates: &["quorum.loss-halts"],
        change: Change::Rows(|scene, places| places.offer_all(write_without_quorum(scene))),
    },
    Operator {
        id: "read-without-quorum",
        does: "a linearizable read is answered while a quorum is missing",
        wants: Wants::Fail,
        gates: &["quorum.loss-halts"],
        change: Change::Rows(|scene, places| places.offer_all(read_without_quorum(scene))),
    },
    Operator {
        id: "members-on-another-clock",
        does: "the samples of members are timed by another clock than the operations",
        wants: Wants::NoPass,
        gates: &["quorum.loss-halts"],
        change: Change::Rows(|scene, places| {
            if !scene.all::<Sample>().is_empty() {
                places.offer_all(vec![vec![Edit::Clock(Sample::KIND.name)]]);
            }
        }),
    },
];

fn ack_below_quorum(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let (voters, quorum) = (members(scene.evidence(), scene.contract()), scene.contract().cluster.write_quorum());
    let fewer = |(id, op): &(RowId, Operation)| {
        let acks = scene.evidence().symbols.list(op.acks?);
        let mut named: Vec<Sym> = acks.iter().copied().filter(|a| voters.contains(a)).collect();
        named.dedup();
        named.truncate(usize::try_from(quorum.saturating_sub(1)).unwrap_or(0));
        Some(vec![Edit::List(Operation::KIND.name, *id, "acks", named)])
    };
    scene.all::<Operation>().iter().filter(|(_, op)| acknowledged_change(op)).filter_map(fewer).collect()
}

fn ack_unrecorded(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let acked = scene.all::<Operation>().into_iter().filter(|(_, op)| acknowledged_change(op));
    acked.map(|(id, _)| vec![set::<Operation>(id, [("acks", crate::evidence::table::ABSENT)])]).collect()
}

fn answered(scene: &Scene<'_>, reads: bool) -> Vec<Vec<Edit>> {
    let (Ok(history), Ok(samples)) = (scene.cx.rows::<Operation>(), scene.cx.rows::<Sample>()) else { return Vec::new() };
    let cluster = &scene.contract().cluster;
    let quorum = if reads { cluster.read_quorum() } else { cluster.write_quorum() };
    let windows = missing(scene.evidence(), scene.contract(), &history, &samples, (quorum, 0));
    let within = |(id, op): (RowId, Operation)| {
        let start = op.invoke.0;
        let inside = windows.iter().any(|w| w.start <= start && start < w.end);
        let fits = (op.op == OpKind::Read) == reads && promised(scene, &op) && op.degraded != Some(true);
        let refused =
            op.result != Outcome::Ok || op.returned.is_none_or(|r| !windows.iter().any(|w| w.start <= start && r.0 <= w.end));
        let cells = [("result", word(Outcome::ALL, Outcome::Ok)), ("return", start + 1)];
        (inside && fits && refused).then(|| vec![set::<Operation>(id, cells)])
    };
    history.iter().filter_map(within).collect()
}

fn write_without_quorum(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    answered(scene, false)
}

fn read_without_quorum(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    answered(scene, true)
}

/// Whether the operation is of an endpoint that claims to be linearizable, or of none that is named.
fn promised(scene: &Scene<'_>, op: &Operation) -> bool {
    let endpoint = op.endpoint.and_then(|name| scene.contract().endpoint(scene.evidence().text(name)));
    endpoint.is_none_or(|e| e.consistency == Consistency::Linearizable)
}
