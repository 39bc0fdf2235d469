//! The whole store replayed, revision by revision.
//!
//! In: operations. Out: which operations of unknown outcome made a revision, or where the replay stops: an answer that no correct store gives, or what
//! cannot be said. Refuses to know real time beyond what came too late to have made a revision, and verdicts.

use super::call::Call;
use super::store::{Store, apply, holds, name, ranged, text};
use super::wire::{Step, Value};
use std::collections::{BTreeMap, BTreeSet};

/// All that happened at the revisions.
pub(super) struct Replay<'c> {
    calls: &'c [Call],
    /// What made each revision.
    made: BTreeMap<i64, usize>,
    /// Who answered with each revision without making it.
    seen: BTreeMap<i64, Vec<usize>>,
    /// Ranges at an older revision than the answer's.
    old: BTreeMap<i64, Vec<usize>>,
    /// Key and value of each revision that an answer names.
    named: BTreeMap<i64, (String, Value)>,
    /// By revision: when the first answer with it or a later one came.
    known: BTreeMap<i64, i64>,
    skew: i64,
}

/// How many operations of unknown outcome are looked at in all before it is left open which of them made which revision.
const LOOKS: usize = 100_000_000;

/// Operations of unknown outcome that may yet have made a revision.
struct Open {
    /// Those that change something, in the order of the calls.
    calls: BTreeSet<usize>,
    /// How many may still be looked at.
    looks: usize,
}

/// Why a replay stops.
pub(super) enum Stop {
    /// This operation's answer is wrong, and what a correct store would have answered.
    Wrong(usize, String),
    /// It cannot be said.
    Unclear(String),
}

impl<'c> Replay<'c> {
    /// Gathers what answers say of each revision.
    pub(super) fn new(calls: &'c [Call], skew: i64) -> Result<Self, Stop> {
        let (made, seen, old, named) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut replay = Self { calls, made, seen, old, named, known: BTreeMap::new(), skew };
        for (i, call) in calls.iter().enumerate().filter(|(_, c)| !c.unknown) {
            let at = call.output.revision;
            if call.mutates() {
                if replay.made.insert(at, i).is_some() {
                    return Err(Stop::Wrong(i, format!("revision {at} was made by two acknowledged operations")));
                }
            } else {
                replay.seen.entry(at).or_default().push(i);
            }
            let known = replay.known.entry(at).or_insert(call.ret);
            *known = call.ret.min(*known);
            let historic = call.input.range.as_ref().map_or(0, |r| r.revision);
            if historic > at {
                return Err(Stop::Wrong(i, format!("it read at revision {historic}, but the answer is of revision {at}")));
            } else if historic > 0 && call.input.r#type == "range" {
                replay.old.entry(historic).or_default().push(i);
            }
            let answers = call.output.range.iter().chain(call.output.txn.iter().flat_map(|t| t.results.iter().flatten()));
            for kv in answers.flat_map(|a| a.kvs.iter().flatten()) {
                let found = (kv.key.clone(), kv.value.clone());
                let known = replay.named.entry(kv.mod_revision).or_insert_with(|| found.clone());
                if *known != found {
                    let (revision, other) = (kv.mod_revision, text(&known.0, &known.1));
                    let why = format!(
                        "it says that revision {revision} wrote {}, another answer says {other}",
                        text(&kv.key, &kv.value)
                    );
                    return Err(Stop::Wrong(i, why));
                }
            }
        }
        let mut first = i64::MAX;
        for known in replay.known.values_mut().rev() {
            first = first.min(*known);
            *known = first;
        }
        Ok(replay)
    }

    /// Replays the store. Gives the operations of unknown outcome that made a revision.
    pub(super) fn run(&self) -> Result<BTreeMap<i64, usize>, Stop> {
        let ends = [self.made.keys().last(), self.seen.keys().last(), self.named.keys().last()];
        let last = ends.into_iter().flatten().max().copied().unwrap_or(1);
        if last > i64::try_from(self.calls.len()).unwrap_or(i64::MAX).saturating_add(1) {
            return Err(Stop::Unclear(
                "there are more revisions than operations: the files of some clients seem to be missing".into(),
            ));
        }
        let mut store = Store::new();
        let mut filled: BTreeMap<i64, usize> = BTreeMap::new();
        let unknown = self.calls.iter().enumerate().filter(|(_, c)| !c.changes().is_empty());
        let mut open = Open { calls: unknown.map(|(i, _)| i).collect(), looks: LOOKS };
        let mut guessed = false;
        for revision in 1..=last {
            if let Some(&i) = self.made.get(&revision) {
                let (steps, answers) = self.calls[i].branch().unwrap_or_default();
                self.branch_holds(i, &store).map_err(|s| s.after(guessed))?;
                let taken: Vec<&Step> = steps.iter().collect();
                for (step, answer) in steps.iter().zip(answers) {
                    let there = i64::from(store.contains_key(&step.delete.key));
                    if step.r#type == "delete-operation" && answer.deleted != there {
                        let (key, deleted) = (name(&step.delete.key), answer.deleted);
                        let why = format!(
                            "it says that {deleted} of key {key} were deleted, before revision {revision} the store held {there}"
                        );
                        return Err(Stop::Wrong(i, why).after(guessed));
                    }
                }
                apply(&mut store, &taken, revision);
            } else if revision > 1 {
                let (i, sure) = self.candidate(revision, &store, &mut open)?;
                guessed |= !sure;
                open.calls.remove(&i);
                filled.insert(revision, i);
                apply(&mut store, &self.calls[i].changes(), revision);
            }
            self.answers(revision, &store).map_err(|s| s.after(guessed))?;
        }
        Ok(filled)
    }

    /// The operation of unknown outcome that made a revision, and whether an answer names what it wrote.
    fn candidate(&self, revision: i64, store: &Store, open: &mut Open) -> Result<(usize, bool), Stop> {
        let named = self.named.get(&revision);
        let known = self.known.range(revision..).next().map_or(i64::MAX, |(_, t)| *t);
        let latest = known.saturating_add(self.skew.saturating_mul(2));
        let fits = |call: &Call| {
            let changes = call.changes();
            let txn = call.input.txn.as_ref();
            let writes = |(key, value): &(String, Value)| changes.iter().any(|s| s.put.key == *key && s.put.value == *value);
            let deletes = || changes.iter().any(|s| s.r#type == "put-operation" || store.contains_key(&s.delete.key));
            call.invoke <= latest && holds(store, txn.and_then(|t| t.conditions.as_deref())) && named.map_or_else(deletes, writes)
        };
        open.looks = open.looks.saturating_sub(open.calls.len());
        if open.looks == 0 {
            return Err(Stop::Unclear("too many operations of unknown outcome to tell which of them made which revision".into()));
        }
        let mut found = open.calls.iter().copied().filter(|i| fits(&self.calls[*i]));
        match (found.next(), found.next()) {
            (Some(i), None) => Ok((i, named.is_some())),
            (Some(_), Some(_)) => {
                Err(Stop::Unclear(format!("several operations of unknown outcome may have made revision {revision}")))
            }
            (None, _) => {
                let why = format!("no recorded operation made revision {revision}: are the files of all clients given?");
                Err(Stop::Unclear(why))
            }
        }
    }

    fn branch_holds(&self, i: usize, store: &Store) -> Result<(), Stop> {
        let call = &self.calls[i];
        let (Some(txn), Some(answer)) = (&call.input.txn, &call.output.txn) else { return Ok(()) };
        if holds(store, txn.conditions.as_deref()) == answer.failure {
            let (said, found) = if answer.failure { ("did not hold", "they held") } else { ("held", "they did not hold") };
            let why = format!(
                "it says that its conditions {said}, in the store as replayed {found} at revision {}",
                call.output.revision
            );
            return Err(Stop::Wrong(i, why));
        }
        Ok(())
    }

    /// Checks what was answered at a revision.
    fn answers(&self, revision: i64, store: &Store) -> Result<(), Stop> {
        for &i in self.old.get(&revision).into_iter().flatten() {
            let call = &self.calls[i];
            if let (Some(range), Some(answer)) = (&call.input.range, &call.output.range) {
                right(i, revision, ranged(store, range, answer))?;
            }
        }
        for &i in self.seen.get(&revision).into_iter().flatten() {
            let call = &self.calls[i];
            self.branch_holds(i, store)?;
            if let (Some(range), Some(answer)) = (&call.input.range, &call.output.range)
                && range.revision == 0
            {
                right(i, revision, ranged(store, range, answer))?;
            }
            let (steps, answers) = call.branch().unwrap_or_default();
            if answers.len() != steps.len() {
                let why = format!("it has {} answers to {} steps", answers.len(), steps.len());
                return Err(Stop::Wrong(i, why));
            }
            for (step, answer) in steps.iter().zip(answers) {
                right(
                    i,
                    revision,
                    match step.r#type.as_str() {
                        "range-operation" => ranged(store, &step.range, answer),
                        _ if store.contains_key(&step.delete.key) => {
                            Err(format!("it says that there was no key {} to delete, the store held it", name(&step.delete.key)))
                        }
                        _ => Ok(()),
                    },
                )?;
            }
        }
        Ok(())
    }
}

/// A contradiction at a revision, when there is one.
fn right(i: usize, revision: i64, answer: Result<(), String>) -> Result<(), Stop> {
    answer.map_err(|why| Stop::Wrong(i, format!("{why} (revision {revision})")))
}

impl Stop {
    /// A contradiction that rests on a guess is none.
    fn after(self, guessed: bool) -> Self {
        match self {
            Self::Wrong(..) if guessed => {
                Self::Unclear("which operation of unknown outcome made which revision is not certain".into())
            }
            stop => stop,
        }
    }
}
