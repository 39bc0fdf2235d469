//! Violations of atomic commitment: parties that end differently, commits against a vote, participants left in doubt.

use crate::challenge::Places;
use crate::challenge::scene::{Change, Operator, Scene, Wants, set};
use crate::evidence::RowId;
use crate::evidence::edit::Edit;
use crate::evidence::kinds::{Injection, Vote, VoteRole};
use crate::evidence::symbol::{Sym, Val};
use crate::evidence::table::{ABSENT, Raw};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "committed-and-aborted",
        does: "one party of a transaction decides the other way",
        wants: Wants::Fail,
        gates: &["atomic-commit.agreement"],
        change: Change::Rows(both_ways),
    },
    Operator {
        id: "committed-against-a-vote",
        does: "all parties commit a transaction that one of them voted to abort",
        wants: Wants::Fail,
        gates: &["atomic-commit.validity"],
        change: Change::Rows(against),
    },
    Operator {
        id: "abort-vote-overruled",
        does: "a participant of a committed transaction had voted to abort",
        wants: Wants::Fail,
        gates: &["atomic-commit.validity"],
        change: Change::Rows(overruled),
    },
    Operator {
        id: "vote-unrecorded",
        does: "a participant of a committed transaction has no vote on record",
        wants: Wants::NoPass,
        gates: &["atomic-commit.validity"],
        change: Change::Rows(unrecorded),
    },
    Operator {
        id: "in-doubt-too-long",
        does: "a participant learns the decision after its coordinator's fault a nanosecond later than allowed",
        wants: Wants::Fail,
        gates: &["atomic-commit.blocking"],
        change: Change::Rows(too_long),
    },
    Operator {
        id: "never-decided",
        does: "a participant that was in doubt never learns the decision",
        wants: Wants::NoPass,
        gates: &["atomic-commit.blocking"],
        change: Change::Rows(never),
    },
];

/// All that was said in one transaction.
#[derive(Default)]
struct Transaction {
    rows: Vec<(RowId, Vote)>,
}

/// The cell of `commit` or `abort`.
fn cell(scene: &Scene<'_>, word: &str) -> Option<Raw> {
    scene.find(word).map(|sym| Val::text(sym).0)
}

fn says(scene: &Scene<'_>, value: Option<Val>, word: &str) -> bool {
    value.and_then(Val::as_text).is_some_and(|sym| scene.evidence().text(sym) == word)
}

fn transactions(scene: &Scene<'_>) -> BTreeMap<Sym, Transaction> {
    let mut all: BTreeMap<Sym, Transaction> = BTreeMap::new();
    scene.all::<Vote>().into_iter().for_each(|(row, vote)| all.entry(vote.unit).or_default().rows.push((row, vote)));
    all
}

impl Transaction {
    fn decisions(&self) -> impl Iterator<Item = &(RowId, Vote)> {
        self.rows.iter().filter(|(_, v)| v.decision.is_some())
    }

    fn committed(&self, scene: &Scene<'_>) -> bool {
        self.decisions().any(|(_, v)| says(scene, v.decision, "commit"))
    }
}

fn both_ways(scene: &Scene<'_>, places: &mut Places) {
    let (Some(commit), Some(abort)) = (cell(scene, "commit"), cell(scene, "abort")) else { return };
    for transaction in transactions(scene).values().filter(|t| t.decisions().count() > 1) {
        for (row, vote) in transaction.decisions() {
            let other = if says(scene, vote.decision, "commit") { abort } else { commit };
            places.offer(*row, || vec![set::<Vote>(*row, [("decision", other)])]);
        }
    }
}

fn against(scene: &Scene<'_>, places: &mut Places) {
    let Some(commit) = cell(scene, "commit") else { return };
    let refused = |v: &Vote| says(scene, v.vote, "abort") || says(scene, v.vote, "timeout");
    for transaction in transactions(scene).values().filter(|t| t.rows.iter().any(|(_, v)| refused(v))) {
        let decisions: Vec<RowId> = transaction.decisions().map(|(row, _)| *row).collect();
        if let Some(first) = decisions.first() {
            let edits = || decisions.iter().map(|row| set::<Vote>(*row, [("decision", commit)])).collect::<Vec<Edit>>();
            places.offer(*first, edits);
        }
    }
}

/// Puts another cell into each vote of a committed transaction.
fn votes(scene: &Scene<'_>, places: &mut Places, other: Raw) {
    for transaction in transactions(scene).values().filter(|t| t.committed(scene)) {
        let own = |v: &Vote| v.vote.is_some() && v.role != Some(VoteRole::Coordinator);
        for (row, _) in transaction.rows.iter().filter(|(_, v)| own(v)) {
            places.offer(*row, || vec![set::<Vote>(*row, [("vote", other)])]);
        }
    }
}

fn overruled(scene: &Scene<'_>, places: &mut Places) {
    if let Some(abort) = cell(scene, "abort") {
        votes(scene, places, abort);
    }
}

fn unrecorded(scene: &Scene<'_>, places: &mut Places) {
    votes(scene, places, ABSENT);
}

/// The decisions of each participant that was surely in doubt when a fault struck its coordinator, with the latest start of the fault.
fn doubtful(scene: &Scene<'_>) -> Vec<(Vec<RowId>, i64)> {
    let Ok(rows) = scene.cx.rows::<Vote>() else { return Vec::new() };
    let same = scene.cx.rows::<Injection>().is_ok_and(|f| f.clock().is_some() && f.clock() == rows.clock());
    let mut found = Vec::new();
    for (_, fault) in scene.all::<Injection>().into_iter().filter(|_| same) {
        let targets = scene.evidence().symbols.list(fault.targets);
        for transaction in transactions(scene).values() {
            let leads = |v: &Vote| v.role == Some(VoteRole::Coordinator);
            if !transaction.rows.iter().any(|(_, v)| leads(v) && targets.contains(&v.participant)) {
                continue;
            }
            let parties: BTreeSet<Sym> = transaction.rows.iter().filter(|(_, v)| !leads(v)).map(|(_, v)| v.participant).collect();
            for party in parties {
                let own = || transaction.rows.iter().filter(move |(_, v)| v.participant == party);
                let voted = own().any(|(_, v)| says(scene, v.vote, "commit") && v.t.is_some_and(|t| t <= fault.start_lo));
                let decided: Vec<&(RowId, Vote)> = own().filter(|(_, v)| v.decision.is_some()).collect();
                let after = decided.iter().all(|(_, v)| v.vote.is_none() && v.t.is_some_and(|t| t > fault.start_hi));
                if voted && after && !decided.is_empty() {
                    found.push((decided.iter().map(|(row, _)| *row).collect(), fault.start_hi.0));
                }
            }
        }
    }
    found
}

fn too_long(scene: &Scene<'_>, places: &mut Places) {
    let Some(limit) = scene.contract().objectives.in_doubt.as_ref().map(|o| o.value) else { return };
    for (rows, start) in doubtful(scene) {
        let late = start.saturating_add(limit).saturating_add(1);
        places.offer(rows[0], || rows.iter().map(|row| set::<Vote>(*row, [("t", late)])).collect());
    }
}

fn never(scene: &Scene<'_>, places: &mut Places) {
    for (rows, _) in doubtful(scene) {
        places.offer(rows[0], || rows.iter().map(|row| set::<Vote>(*row, [("decision", ABSENT)])).collect());
    }
}
