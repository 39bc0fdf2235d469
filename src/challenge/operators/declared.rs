//! Violations of what is declared: contract and matrix that leave something out or do not hold together.

use crate::challenge::scene::{Change, Declared, Operator, Wants};
use crate::contract::{Consistency, Contract, Matrix, PLAN_ITEMS, Quorum};
use crate::source::At;

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "expected-result-unstated",
        does: "a test does not state what must be seen",
        wants: Wants::Fail,
        gates: &["contract.expected-stated"],
        change: Change::Declared(unstated),
    },
    Operator {
        id: "plan-item-dropped",
        does: "no test covers a plan item any more",
        wants: Wants::Fail,
        gates: &["contract.plan-covered"],
        change: Change::Declared(plan_item_dropped),
    },
    Operator {
        id: "assumption-untested",
        does: "no test covers a fault assumption any more",
        wants: Wants::Fail,
        gates: &["contract.fault-models-covered"],
        change: Change::Declared(assumption_untested),
    },
    Operator {
        id: "claim-unstated",
        does: "an endpoint does not state what its consistency claim needs",
        wants: Wants::Fail,
        gates: &["contract.endpoints-complete"],
        change: Change::Declared(claim_unstated),
    },
    Operator {
        id: "rollback-undeclared",
        does: "the contract declares no rollback",
        wants: Wants::Fail,
        gates: &["contract.rollback-declared"],
        change: Change::Declared(rollback_undeclared),
    },
    Operator {
        id: "rehearsal-undeclared",
        does: "the rollback names no rehearsal",
        wants: Wants::Fail,
        gates: &["contract.rollback-declared"],
        change: Change::Declared(rehearsal_undeclared),
    },
    Operator {
        id: "quorums-miss-each-other",
        does: "the write quorum is so small that it need not meet the read quorum",
        wants: Wants::Fail,
        gates: &["quorum.geometry"],
        change: Change::Declared(quorums_miss),
    },
    Operator {
        id: "interleavings-too-rare",
        does: "the contract asks for more of an interleaving than any test can have met",
        wants: Wants::NoPass,
        gates: &["partition.interleavings"],
        change: Change::Declared(too_rare),
    },
];

fn each<T>(
    contract: &Contract,
    matrix: &Matrix,
    list: &[T],
    edit: impl Fn(usize, &mut Contract, &mut Matrix) -> String,
) -> Vec<Declared> {
    let changed = |at: usize| {
        let (mut contract, mut matrix) = (contract.clone(), matrix.clone());
        let what = edit(at, &mut contract, &mut matrix);
        (what, contract, matrix)
    };
    (0..list.len()).map(changed).collect()
}

fn unstated(contract: &Contract, matrix: &Matrix) -> Vec<Declared> {
    each(contract, matrix, &matrix.tests, |at, _, m| {
        m.tests[at].expected = "tbd".into();
        format!("test {}", m.tests[at].id.value)
    })
}

fn plan_item_dropped(contract: &Contract, matrix: &Matrix) -> Vec<Declared> {
    each(contract, matrix, &PLAN_ITEMS, |at, _, m| {
        let item = PLAN_ITEMS[at].0;
        m.tests.iter_mut().for_each(|t| t.plan.retain(|p| p != item));
        format!("plan item {item}")
    })
}

fn assumption_untested(contract: &Contract, matrix: &Matrix) -> Vec<Declared> {
    each(contract, matrix, &contract.cluster.fault_assumptions, |at, c, m| {
        let assumption = &c.cluster.fault_assumptions[at].value;
        m.tests.iter_mut().for_each(|t| t.covers.retain(|covered| covered.value != *assumption));
        format!("assumption {assumption:?}")
    })
}

fn claim_unstated(contract: &Contract, matrix: &Matrix) -> Vec<Declared> {
    each(contract, matrix, &contract.endpoints, |at, c, _| {
        let endpoint = &mut c.endpoints[at];
        match endpoint.consistency {
            Consistency::Linearizable => endpoint.idempotency = None,
            Consistency::Eventual => endpoint.repair = None,
        }
        format!("endpoint {}", endpoint.name.value)
    })
}

fn rollback_undeclared(contract: &Contract, matrix: &Matrix) -> Vec<Declared> {
    each(contract, matrix, contract.rollback.as_slice(), |_, c, _| {
        c.rollback = None;
        "rollback".into()
    })
}

fn rehearsal_undeclared(contract: &Contract, matrix: &Matrix) -> Vec<Declared> {
    each(contract, matrix, contract.rollback.as_slice(), |_, c, _| {
        c.rollback.iter_mut().for_each(|r| r.rehearsal = None);
        "rollback".into()
    })
}

fn quorums_miss(contract: &Contract, matrix: &Matrix) -> Vec<Declared> {
    each(contract, matrix, &[()], |_, c, _| {
        let (n, read, span) = (c.cluster.size(), c.cluster.read_quorum(), c.cluster.span);
        let write = n.saturating_sub(read);
        c.cluster.quorum = Some(Quorum { write: At { value: write, span }, read: At { value: read, span } });
        format!("write quorum {write}, read quorum {read}, members {n}")
    })
}

fn too_rare(contract: &Contract, matrix: &Matrix) -> Vec<Declared> {
    const NAMES: [&str; 4] = ["write in flight", "stale retry", "divergent heal", "snapshot replay"];
    let declared = contract.interleavings.iter().flat_map(|_| NAMES).collect::<Vec<_>>();
    each(contract, matrix, &declared, |at, c, _| {
        let Some(wanted) = c.interleavings.as_mut() else { return String::new() };
        let all = [&mut wanted.write_in_flight, &mut wanted.stale_retry, &mut wanted.divergent_heal, &mut wanted.snapshot_replay];
        all.into_iter().skip(at).take(1).for_each(|least| *least = u64::MAX);
        format!("interleaving {}", NAMES[at])
    })
}
