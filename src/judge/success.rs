//! False success: what a client was told against what became of it.
//!
//! In: operations that were answered ok, and what attempts, the resource, logs and applications say of their commands. Out: a tally. One source that
//! says that the command took effect is enough; one that shows it as only refused, only discarded, or nowhere, disproves. Refuses to know endpoints.

use super::quorum::acknowledged_change;
use super::tally::{Flaw, Tally};
use crate::evidence::kinds::{Application, Attempt, AttemptResult, Decision, Entry, EntryState, Operation, Outcome, Ruling};
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, RowId, Rows};
use crate::verdict::{Finding, SourceRef};
use std::collections::{BTreeMap, BTreeSet};

/// The sources that a test binds.
#[derive(Debug, Default)]
pub struct Bound<'e> {
    /// What each attempt was told.
    pub attempts: Option<Rows<'e, Attempt>>,
    /// What the resource decided.
    pub decisions: Option<Rows<'e, Decision>>,
    /// Log entries.
    pub log: Option<Rows<'e, Entry>>,
    /// Applications.
    pub applied: Option<Rows<'e, Application>>,
}

/// By command: whether any record speaks for it, and the last one that speaks against it.
type Words = BTreeMap<Sym, (bool, SourceRef)>;

fn hear(words: &mut Words, command: Option<Sym>, stands: bool, source: impl Fn() -> SourceRef) {
    let Some(command) = command else { return };
    let word = words.entry(command).or_insert_with(|| (stands, source()));
    if !word.0 {
        *word = (stands, source());
    }
}

impl Bound<'_> {
    /// Whether nothing is bound that results could be held against.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attempts.is_none() && self.decisions.is_none() && self.log.is_none() && self.applied.is_none()
    }

    fn attempted(&self) -> Words {
        let mut words = Words::new();
        for (rows, (id, a)) in self.attempts.iter().flat_map(|rows| rows.iter().map(move |r| (rows, r))) {
            let may = matches!(a.result, AttemptResult::Ok | AttemptResult::Unknown);
            hear(&mut words, Some(a.command_id), may, || rows.source(id));
        }
        words
    }

    /// Commands of which an attempt was answered ok.
    fn answered(&self) -> BTreeSet<Sym> {
        let attempts = self.attempts.iter().flat_map(|rows| rows.iter());
        attempts.filter(|(_, a)| a.result == AttemptResult::Ok).map(|(_, a)| a.command_id).collect()
    }

    fn decided(&self) -> Words {
        let mut words = Words::new();
        for (rows, (id, d)) in self.decisions.iter().flat_map(|rows| rows.iter().map(move |r| (rows, r))) {
            hear(&mut words, d.command_id, d.outcome == Ruling::Accepted, || rows.source(id));
        }
        words
    }

    fn logged(&self) -> Words {
        let mut words = Words::new();
        for (rows, (id, e)) in self.log.iter().flat_map(|rows| rows.iter().map(move |r| (rows, r))) {
            hear(&mut words, e.command_id, e.state != EntryState::Discarded, || rows.source(id));
        }
        words
    }

    fn applied(&self) -> Words {
        let mut words = Words::new();
        for (rows, (id, a)) in self.applied.iter().flat_map(|rows| rows.iter().map(move |r| (rows, r))) {
            hear(&mut words, Some(a.command_id), true, || rows.source(id));
        }
        words
    }
}

/// Holds every success against the sources.
#[must_use]
pub fn no_false_success(evidence: &Evidence, history: &Rows<'_, Operation>, bound: &Bound<'_>) -> Tally {
    let (attempted, decided, logged, applied) = (bound.attempted(), bound.decided(), bound.logged(), bound.applied());
    let mut tally = Tally::default();
    let answered = bound.answered();
    let mut nameless = 0usize;
    for (id, op) in history.iter().filter(|(_, op)| op.result == Outcome::Ok) {
        let Some(command) = op.command_id else {
            nameless += usize::from(acknowledged_change(&op));
            continue;
        };
        tally.judged += 1;
        let name = evidence.text(command);
        let mut wrong = |claim: &str, what: &str, source: Option<&SourceRef>| {
            let why = format!("{} {name} was answered ok, but {what}", op.op.word());
            let finding = Finding::new(claim).with("command", name).source(history.source(id));
            tally.faults.push(Flaw::new(1, why, source.into_iter().cloned().fold(finding, Finding::source)));
        };
        if let Some((false, source)) = attempted.get(&command) {
            wrong("ok-without-attempt", "all its attempts failed", Some(source));
        }
        if attempted.get(&command).is_some_and(|w| w.0) && !answered.contains(&command) {
            let why = format!("{} {name} was answered ok, and none of its attempts was", op.op.word());
            let finding = Finding::new("ok-without-an-answered-attempt").with("command", name).source(history.source(id));
            tally.doubts.push(Flaw::new(1, why, finding));
        }
        if !acknowledged_change(&op) {
            continue;
        }
        if let Some((false, source)) = decided.get(&command) {
            wrong("ok-and-rejected", "the resource only ever refused it", Some(source));
        }
        match (logged.get(&command), bound.applied.is_some(), applied.contains_key(&command)) {
            (Some((false, source)), _, false) => wrong("ok-and-discarded", "its entries were discarded", Some(source)),
            (_, true, false) => wrong("ok-and-lost", "no member applied it", None),
            (None, false, _) if bound.log.is_some() => doubt(evidence, history, (id, command), &mut tally),
            _ => {}
        }
    }
    if nameless > 0 {
        let why = format!("{nameless} successful writes carry no command id, so what became of them is not known");
        tally.doubts.push(Flaw::new(2, why, Finding::new("command-not-named").with("writes", nameless)));
    }
    tally
}

fn doubt(evidence: &Evidence, history: &Rows<'_, Operation>, (id, command): (RowId, Sym), tally: &mut Tally) {
    let name = evidence.text(command);
    let why = format!("command {name} was answered ok and stands in no log that is shown; it may have been compacted");
    tally.doubts.push(Flaw::new(1, why, Finding::new("ok-and-nowhere").with("command", name).source(history.source(id))));
}
