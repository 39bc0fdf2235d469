//! Violations of voting: majorities that are wrong, decisions that are not the correct value, more liars than the members allow.

use crate::challenge::Places;
use crate::challenge::scene::{Change, Operator, Scene, Wants, again, set};
use crate::evidence::RowId;
use crate::evidence::edit::Edit;
use crate::evidence::kinds::{Vote, VoteRole};
use crate::evidence::symbol::{Sym, Val};
use crate::evidence::table::ABSENT;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "majority-wrong",
        does: "so many outputs of a vote are wrong that half of all or fewer are right",
        wants: Wants::Fail,
        gates: &["votes.masked"],
        change: Change::Rows(majority_wrong),
    },
    Operator {
        id: "decided-wrong",
        does: "a vote is decided as another value than the correct one",
        wants: Wants::Fail,
        gates: &["votes.masked"],
        change: Change::Rows(decided_wrong),
    },
    Operator {
        id: "reference-unrecorded",
        does: "nothing says which output of a vote would be correct",
        wants: Wants::NoPass,
        gates: &["votes.masked"],
        change: Change::Rows(no_reference),
    },
    Operator {
        id: "too-many-liars",
        does: "one participant more equivocates than the number of members allows",
        wants: Wants::Fail,
        gates: &["votes.byzantine"],
        change: Change::Rows(too_many),
    },
    Operator {
        id: "honest-disagree",
        does: "a participant that does not equivocate decides otherwise than the others",
        wants: Wants::Fail,
        gates: &["votes.byzantine"],
        change: Change::Rows(disagree),
    },
    Operator {
        id: "receivers-unrecorded",
        does: "no vote says to whom it was told",
        wants: Wants::NoPass,
        gates: &["votes.byzantine"],
        change: Change::Rows(no_receivers),
    },
];

/// A value that nobody votes for: a number where values are texts, and far from any where they are numbers.
const NEVER: i64 = (1 << 60) + 7;

/// The votes of one unit and round.
type Unit = Vec<(RowId, Vote)>;

fn units(scene: &Scene<'_>) -> BTreeMap<(Sym, Option<i64>), Unit> {
    let mut all: BTreeMap<(Sym, Option<i64>), Unit> = BTreeMap::new();
    scene.all::<Vote>().into_iter().for_each(|(row, v)| all.entry((v.unit, v.round)).or_default().push((row, v)));
    all
}

fn outputs(vote: &Vote) -> bool {
    vote.vote.is_some() && vote.role != Some(VoteRole::Coordinator)
}

fn majority_wrong(scene: &Scene<'_>, places: &mut Places) {
    let all = units(scene);
    let voters: BTreeSet<Sym> =
        all.values().flatten().filter(|(_, v)| v.role != Some(VoteRole::Coordinator)).map(|(_, v)| v.participant).collect();
    for unit in all.values() {
        let correct: BTreeSet<Val> = unit.iter().filter_map(|(_, v)| v.correct).collect();
        let Some(correct) = correct.first().filter(|_| correct.len() == 1) else { continue };
        let right: Vec<RowId> =
            unit.iter().filter(|(_, v)| outputs(v) && v.vote == Some(*correct)).map(|(row, _)| *row).collect();
        // As many as may be right without being more than half.
        let surplus = right.len().saturating_sub(voters.len() / 2);
        if let (Some(first), true) = (right.first(), surplus > 0) {
            let wrong = || right.iter().take(surplus).map(|row| set::<Vote>(*row, [("vote", NEVER)])).collect::<Vec<Edit>>();
            places.offer(*first, wrong);
        }
    }
}

fn decided_wrong(scene: &Scene<'_>, places: &mut Places) {
    for (row, _) in units(scene).into_values().flatten().filter(|(_, v)| v.decision.is_some()) {
        places.offer(row, || vec![set::<Vote>(row, [("decision", NEVER)])]);
    }
}

fn no_reference(scene: &Scene<'_>, places: &mut Places) {
    for unit in units(scene).into_values() {
        let known: Vec<RowId> = unit.iter().filter(|(_, v)| v.correct.is_some()).map(|(row, _)| *row).collect();
        if let Some(first) = known.first() {
            places.offer(*first, || known.iter().map(|row| set::<Vote>(*row, [("correct", ABSENT)])).collect());
        }
    }
}

/// Votes that were told to somebody, by participant, and the participants that told two things in one round.
fn told(scene: &Scene<'_>) -> (BTreeMap<Sym, Vec<RowId>>, BTreeSet<Sym>) {
    let (mut rows, mut values): (BTreeMap<Sym, Vec<RowId>>, BTreeMap<_, BTreeSet<Val>>) = Default::default();
    for (row, v) in scene.all::<Vote>() {
        if let (Some(_), Some(value)) = (v.to, v.vote) {
            rows.entry(v.participant).or_default().push(row);
            values.entry((v.unit, v.round, v.participant)).or_default().insert(value);
        }
    }
    let liars = values.into_iter().filter(|(_, v)| v.len() > 1).map(|((_, _, who), _)| who).collect();
    (rows, liars)
}

/// Participants that are honest lie too, until they are one more than N ≥ 3k + 1 allows. The first of them lies at each of its places.
fn too_many(scene: &Scene<'_>, places: &mut Places) {
    let (rows, liars) = told(scene);
    let allowed = usize::try_from(scene.contract().cluster.size().saturating_sub(1) / 3).unwrap_or(usize::MAX);
    let wanted = (allowed + 1).saturating_sub(liars.len());
    let honest: Vec<&Vec<RowId>> = rows.iter().filter(|(who, _)| !liars.contains(who)).map(|(_, rows)| rows).collect();
    if wanted == 0 || honest.len() < wanted {
        return;
    }
    let lie = |row: &RowId| again::<Vote>(*row, 1, [("vote", NEVER)]);
    for row in honest[0] {
        places.offer(*row, || std::iter::once(row).chain(honest[1..wanted].iter().map(|rows| &rows[0])).map(lie).collect());
    }
}

fn disagree(scene: &Scene<'_>, places: &mut Places) {
    let (_, liars) = told(scene);
    let mut decided: BTreeMap<Sym, Vec<(RowId, Sym)>> = BTreeMap::new();
    for (row, v) in scene.all::<Vote>() {
        if v.decision.is_some() && !liars.contains(&v.participant) {
            decided.entry(v.unit).or_default().push((row, v.participant));
        }
    }
    for list in decided.into_values().filter(|l| l.iter().map(|(_, who)| who).collect::<BTreeSet<_>>().len() > 1) {
        for (row, _) in list {
            places.offer(row, || vec![set::<Vote>(row, [("decision", NEVER)])]);
        }
    }
}

fn no_receivers(scene: &Scene<'_>, places: &mut Places) {
    let all: Vec<RowId> = scene.all::<Vote>().into_iter().filter(|(_, v)| v.to.is_some()).map(|(row, _)| row).collect();
    if let Some(first) = all.first() {
        places.offer(*first, || all.iter().map(|row| set::<Vote>(*row, [("to", ABSENT)])).collect());
    }
}
