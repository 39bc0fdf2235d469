//! Votes on redundant outputs, and participants that tell different things to different receivers.
//!
//! In: votes. Out: tallies with what was masked and who equivocated. A majority is more than half of all participants of the test, or of
//! all declared members where these vote, so that a missing output counts against it. Refuses to know how many liars a contract allows.

use super::tally::{Flaw, Tally};
use crate::evidence::kinds::{Vote, VoteRole};
use crate::evidence::symbol::{Sym, Val};
use crate::evidence::{Evidence, RowId, Rows};
use crate::verdict::Finding;
use std::collections::{BTreeMap, BTreeSet};

/// What masking showed.
#[derive(Debug, Default)]
pub struct Masked {
    /// The tally; it judges units.
    pub tally: Tally,
    /// Participants, N: the declared members where all that take part are declared, else all that take part.
    pub participants: u64,
    /// Outputs that were right.
    pub right: u64,
    /// All outputs.
    pub outputs: u64,
    /// Wrong outputs in units whose majority was right all the same.
    pub masked: u64,
}

/// One unit: outputs by participant, what would be right, and what was decided.
#[derive(Debug, Default)]
struct Unit {
    outputs: BTreeMap<Sym, Val>,
    twice: Option<Sym>,
    correct: BTreeSet<Val>,
    decisions: BTreeSet<Val>,
    row: RowId,
}

/// Judges whether the majority of each unit's outputs was the correct one.
#[must_use]
pub fn masked(evidence: &Evidence, rows: &Rows<'_, Vote>, declared: &[String]) -> Masked {
    let mut units: BTreeMap<(Sym, Option<i64>), Unit> = BTreeMap::new();
    let mut voters = BTreeSet::new();
    for (row, vote) in rows.iter() {
        let unit = units.entry((vote.unit, vote.round)).or_insert_with(|| Unit { row, ..Unit::default() });
        if vote.role != Some(VoteRole::Coordinator) {
            voters.insert(vote.participant);
            if let Some(output) = vote.vote {
                let other = unit.outputs.insert(vote.participant, output).filter(|o| *o != output);
                unit.twice = unit.twice.or(other.map(|_| vote.participant));
            }
        }
        unit.correct.extend(vote.correct);
        unit.decisions.extend(vote.decision);
    }
    let known = voters.iter().all(|v| declared.iter().any(|d| d == evidence.text(*v)));
    let participants = if known { declared.len() } else { voters.len() } as u64;
    let mut all = Masked { participants, ..Masked::default() };
    for ((id, _), unit) in &units {
        weigh(evidence, rows, (evidence.text(*id), unit), &mut all);
    }
    all
}

fn weigh(evidence: &Evidence, rows: &Rows<'_, Vote>, (name, unit): (&str, &Unit), all: &mut Masked) {
    let finding = |claim: &str| Finding::new(claim).with("unit", name).source(rows.source(unit.row));
    let shown = |val: Val| evidence.symbols.value(val);
    let doubt = |why: String, claim: &str| Flaw::new(0, why, finding(claim));
    if let Some(twice) = unit.twice {
        let why = format!("{} put out two values in unit {name}", evidence.text(twice));
        return all.tally.doubts.push(doubt(why, "two-outputs"));
    }
    let mut correct = unit.correct.iter();
    let (Some(correct), None) = (correct.next(), correct.next()) else {
        let why = format!("nothing says which one output of unit {name} would be correct");
        return all.tally.doubts.push(doubt(why, "no-reference"));
    };
    if unit.outputs.is_empty() {
        return all.tally.doubts.push(doubt(format!("unit {name} has no output"), "no-output"));
    }
    all.tally.judged += 1;
    let right = unit.outputs.values().filter(|o| *o == correct).count() as u64;
    let wrong = unit.outputs.len() as u64 - right;
    all.outputs += unit.outputs.len() as u64;
    all.right += right;
    if right * 2 > all.participants {
        all.masked += wrong;
    } else {
        let why = format!("{right} of {} put out the correct {} in unit {name}: no majority", all.participants, shown(*correct));
        all.tally.faults.push(Flaw::new(1, why, finding("majority-wrong").with("correct", shown(*correct))));
    }
    if let Some(decided) = unit.decisions.iter().find(|d| *d != correct) {
        let why = format!("unit {name} was decided as {}, correct is {}", shown(*decided), shown(*correct));
        all.tally.faults.push(Flaw::new(0, why, finding("decided-wrong").with("decided", shown(*decided))));
    }
}

/// What equivocation showed.
#[derive(Debug, Default)]
pub struct Equivocation<'e> {
    /// Participants that told two receivers two things, with the first such unit.
    pub liars: BTreeMap<Sym, (&'e str, Vec<RowId>)>,
    /// Whether any vote says to whom it was told.
    pub told: bool,
    /// Everyone who took part.
    pub parties: BTreeSet<Sym>,
    /// The tally of decisions of the others; it judges units that at least two of them decided, and doubts where somebody equivocated and fewer did.
    pub tally: Tally,
}

/// Finds equivocation, and whether those who did not equivocate decided alike.
#[must_use]
pub fn equivocation<'e>(evidence: &'e Evidence, rows: &Rows<'_, Vote>) -> Equivocation<'e> {
    let mut told: BTreeMap<(Sym, Option<i64>, Sym), BTreeMap<Val, RowId>> = BTreeMap::new();
    let mut found = Equivocation::default();
    for (row, vote) in rows.iter() {
        found.parties.insert(vote.participant);
        if let (Some(_), Some(value)) = (vote.to, vote.vote) {
            found.told = true;
            told.entry((vote.unit, vote.round, vote.participant)).or_default().entry(value).or_insert(row);
        }
    }
    for ((unit, _, who), values) in told.iter().filter(|(_, values)| values.len() > 1) {
        found.liars.entry(*who).or_insert_with(|| (evidence.text(*unit), values.values().copied().collect()));
    }
    let mut decided: BTreeMap<Sym, BTreeMap<Sym, BTreeMap<Val, RowId>>> = BTreeMap::new();
    for (row, vote) in rows.iter().filter(|(_, v)| !found.liars.contains_key(&v.participant)) {
        if let Some(decision) = vote.decision {
            decided.entry(vote.unit).or_default().entry(vote.participant).or_default().entry(decision).or_insert(row);
        }
    }
    let lied: BTreeSet<Sym> = told.iter().filter(|(_, values)| values.len() > 1).map(|((unit, ..), _)| *unit).collect();
    for unit in lied.into_iter().filter(|unit| decided.get(unit).is_none_or(|parties| parties.len() < 2)) {
        let name = evidence.text(unit);
        let why = format!("unit {name}, in which somebody equivocated, was not decided by two participants that did not");
        found.tally.doubts.push(Flaw::new(1, why, Finding::new("not-decided").with("unit", name)));
    }
    for (unit, parties) in decided {
        found.tally.judged += usize::from(parties.len() > 1);
        let values: BTreeMap<Val, RowId> = parties.values().flatten().map(|(v, r)| (*v, *r)).collect();
        if values.len() > 1 {
            let name = evidence.text(unit);
            let list: Vec<String> = values.keys().map(|v| evidence.symbols.value(*v)).collect();
            let why = format!("participants that did not equivocate decided unit {name} differently: {}", list.join(", "));
            let finding =
                values.values().fold(Finding::new("decided-differently").with("unit", name), |f, r| f.source(rows.source(*r)));
            found.tally.faults.push(Flaw::new(1, why, finding));
        }
    }
    found
}
