//! Violations of the evidence itself: files lost, empty, cut or foreign, clocks shifted, records that contradict themselves.

use crate::challenge::scene::{Change, Operator, Scene, Wants, gone, set, text, word};
use crate::contract::Subject;
use crate::evidence::edit::Edit;
use crate::evidence::kinds::{Injection, OpKind, Operation, Outcome};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::evidence::{RowId, State};
use std::collections::BTreeMap;

/// Gates on what happened while faults lasted: none may pass where nothing shows that anything did.
const DURING_FAULTS: &[&str] = &[
    "log.no-loss",
    "log.matching",
    "log.continuity",
    "log.single-leader",
    "fencing.no-stale-accept",
    "fencing.stale-rejected",
    "commands.no-duplicates",
    "commands.none-missing",
    "consistency.linearizable",
    "consistency.read-freshness",
];

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "file-missing",
        does: "a file is not there",
        wants: Wants::NoPass,
        gates: &["integrity.artifacts"],
        change: Change::File(|file| Edit::State(file, State::Absent)),
    },
    Operator {
        id: "file-empty",
        does: "a file is there and empty",
        wants: Wants::NoPass,
        gates: &["integrity.artifacts"],
        change: Change::File(|file| Edit::State(file, State::Empty)),
    },
    Operator {
        id: "file-cut",
        does: "a file is cut at a line end",
        wants: Wants::NoPass,
        gates: &["integrity.artifacts"],
        change: Change::File(|file| Edit::State(file, State::Unproven("has no end mark".into()))),
    },
    Operator {
        id: "file-of-another-test",
        does: "a file is of another test",
        wants: Wants::NoPass,
        gates: &["integrity.artifacts"],
        change: Change::File(|file| Edit::State(file, State::Foreign("is of another test".into()))),
    },
    Operator {
        id: "lock-unknown",
        does: "a file names a lock that nobody disclosed",
        wants: Wants::Fail,
        gates: &["contract.declared-before-run"],
        change: Change::File(|file| Edit::Lock(file, Some("00".repeat(32)))),
    },
    Operator {
        id: "lock-unnamed",
        does: "a file does not say under which lock it was recorded",
        wants: Wants::NoPass,
        gates: &["contract.declared-before-run"],
        change: Change::File(|file| Edit::Lock(file, None)),
    },
    Operator {
        id: "fault-unrecorded",
        does: "a fault that the test declares has no record",
        wants: Wants::Fail,
        gates: &["integrity.artifacts"],
        change: Change::Rows(|scene, places| places.offer_all(fault_unrecorded(scene))),
    },
    Operator {
        id: "faults-on-another-clock",
        does: "faults are timed by another clock than the operations",
        wants: Wants::NoPass,
        gates: DURING_FAULTS,
        change: Change::Rows(|scene, places| places.offer_all(other_clock(scene))),
    },
    Operator {
        id: "clock-shifted",
        does: "the clock of a fault's record is ahead, so that the fault falls after the last operation",
        wants: Wants::NoPass,
        gates: DURING_FAULTS,
        change: Change::Rows(|scene, places| places.offer_all(clock_shifted(scene))),
    },
    Operator {
        id: "answer-before-call",
        does: "an operation returns a nanosecond before it was sent",
        wants: Wants::Fail,
        gates: &["integrity.fields"],
        change: Change::Rows(|scene, places| places.offer_all(answer_before_call(scene))),
    },
    Operator {
        id: "command-id-reused",
        does: "two different commands share an id",
        wants: Wants::Fail,
        gates: &["integrity.fields"],
        change: Change::Rows(|scene, places| places.offer_all(command_id_reused(scene))),
    },
    Operator {
        id: "two-things-at-once",
        does: "one process sends an operation before the one before it has returned",
        wants: Wants::Fail,
        gates: &["integrity.fields"],
        change: Change::Rows(|scene, places| places.offer_all(two_at_once(scene))),
    },
    Operator {
        id: "records-count-twice",
        does: "a history is read twice into one test",
        wants: Wants::Fail,
        gates: &["integrity.no-vacuous"],
        change: Change::Rows(|scene, places| places.offer_all(history(scene, vec![Edit::Twice(Operation::KIND.name)]))),
    },
    Operator {
        id: "nothing-succeeded",
        does: "no operation of a history succeeded",
        wants: Wants::NoPass,
        gates: &["integrity.no-vacuous"],
        change: Change::Rows(|scene, places| places.offer_all(nothing_succeeded(scene))),
    },
];

fn fault_unrecorded(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let faults = scene.all::<Injection>();
    if scene.cx.test.injections.is_none() || faults.len() < 2 {
        return Vec::new();
    }
    faults.into_iter().map(|(id, _)| vec![gone::<Injection>(id)]).collect()
}

fn traffic(scene: &Scene<'_>) -> Option<i64> {
    let all = scene.all::<Operation>();
    all.iter().map(|(_, op)| op.returned.map_or(op.invoke.0, |r| r.0)).max().filter(|_| !scene.all::<Injection>().is_empty())
}

fn other_clock(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    traffic(scene).map(|_| vec![Edit::Clock(Injection::KIND.name)]).into_iter().collect()
}

fn clock_shifted(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    const SECOND: i64 = 1_000_000_000;
    let Some(last) = traffic(scene) else { return Vec::new() };
    let shift = |(id, f): (RowId, Injection)| {
        let by = last.saturating_sub(f.start_lo.0).saturating_add(SECOND);
        let mut cells = vec![("start-lo", f.start_lo.0.saturating_add(by)), ("start-hi", f.start_hi.0.saturating_add(by))];
        cells.extend(f.stop_lo.map(|t| ("stop-lo", t.0.saturating_add(by))));
        cells.extend(f.stop_hi.map(|t| ("stop-hi", t.0.saturating_add(by))));
        vec![set::<Injection>(id, cells)]
    };
    scene.all::<Injection>().into_iter().map(shift).collect()
}

fn history(scene: &Scene<'_>, edits: Vec<Edit>) -> Vec<Vec<Edit>> {
    if scene.all::<Operation>().is_empty() { Vec::new() } else { vec![edits] }
}

fn answer_before_call(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let answered = scene.all::<Operation>().into_iter().filter(|(_, op)| op.returned.is_some());
    answered.map(|(id, op)| vec![set::<Operation>(id, [("return", op.invoke.0 - 1)])]).collect()
}

fn command_id_reused(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let writes = scene.all::<Operation>().into_iter().filter(|(_, op)| matches!(op.op, OpKind::Write | OpKind::Cas));
    let writes: Vec<(RowId, Operation)> = writes.filter(|(_, op)| op.command_id.is_some()).collect();
    let asks = |op: &Operation| (op.op, op.key, op.value, op.expected);
    let pairs = writes.windows(2).filter(|p| p[0].1.command_id != p[1].1.command_id && asks(&p[0].1) != asks(&p[1].1));
    pairs.filter_map(|p| Some(vec![set::<Operation>(p[1].0, [("command-id", text(p[0].1.command_id?))])])).collect()
}

fn two_at_once(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let mut busy: BTreeMap<Sym, i64> = BTreeMap::new();
    let mut all = scene.all::<Operation>();
    all.sort_by_key(|(id, op)| (op.invoke, *id));
    let mut sites = Vec::new();
    for (id, op) in all {
        let Some(returned) = op.returned else { continue };
        let before = busy.insert(op.process.unwrap_or(op.client), returned.0);
        if let Some(before) = before.filter(|b| *b <= op.invoke.0) {
            sites.push(vec![set::<Operation>(id, [("invoke", before - 1)])]);
        }
    }
    sites
}

fn nothing_succeeded(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    if scene.cx.test.subject != Subject::System {
        return Vec::new();
    }
    let ok = scene.all::<Operation>().into_iter().filter(|(_, op)| op.result == Outcome::Ok);
    let failed = word(Outcome::ALL, Outcome::Fail);
    let edits: Vec<Edit> = ok.map(|(id, _)| set::<Operation>(id, [("result", failed)])).collect();
    if edits.is_empty() { Vec::new() } else { vec![edits] }
}
