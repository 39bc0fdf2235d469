//! What the logs of the members keep in the end: the last word on every index, the holes between, and where commands stand.
//!
//! In: rows of logs. Out: holes, terms that go back, and who holds a command. An index below the smallest that a member keeps counts as
//! compacted; one between its smallest and highest must be there. Refuses to know what clients were told.

use crate::evidence::kinds::{Application, Entry, EntryState};
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, RowId, Rows};
use crate::verdict::Finding;
use std::collections::BTreeMap;

/// The most stretches of missing indexes that a finding names.
const MAX_STRETCHES: usize = 10;

/// The entries of one member by index.
type Log = BTreeMap<i64, (RowId, Entry)>;

/// What every member's log keeps.
pub(super) struct Kept {
    logs: BTreeMap<Sym, Log>,
    /// By command: the places (index, term) at which some member shows it as committed.
    places: BTreeMap<Sym, Vec<(i64, i64)>>,
}

/// How a member stands to a command that is committed somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// It has the entry, committed.
    Holds,
    /// It has the entry and does not show that it is committed.
    Appended,
    /// Its log begins after the entry.
    Compacted,
    /// Its log should have the entry and has not.
    Lacks,
    /// Nothing of its log is shown.
    Unseen,
}

impl Kept {
    /// Reads the logs. Of several rows about one index the last counts; a discard takes away what was appended in its term.
    pub(super) fn read(rows: &Rows<'_, Entry>) -> Self {
        let mut logs: BTreeMap<Sym, Log> = BTreeMap::new();
        for (id, entry) in rows.iter() {
            let log = logs.entry(entry.member).or_default();
            let there = log.get(&entry.index).map(|(_, e)| (e.state, e.term));
            match (entry.state, there) {
                (EntryState::Discarded, Some((EntryState::Appended, term))) if term == entry.term => {
                    log.remove(&entry.index);
                }
                (EntryState::Discarded, _) | (EntryState::Appended, Some((EntryState::Committed, _))) => {}
                _ => drop(log.insert(entry.index, (id, entry))),
            }
        }
        logs.retain(|_, log| !log.is_empty());
        let mut places: BTreeMap<Sym, Vec<(i64, i64)>> = BTreeMap::new();
        for (_, e) in logs.values().flat_map(BTreeMap::values).filter(|(_, e)| e.state == EntryState::Committed) {
            if let Some(command) = e.command_id {
                places.entry(command).or_default().push((e.index, e.term));
            }
        }
        for list in places.values_mut() {
            list.sort_unstable();
            list.dedup();
        }
        Self { logs, places }
    }

    /// The smallest index that each member keeps.
    pub(super) fn begins(&self) -> impl Iterator<Item = (Sym, i64, RowId)> + '_ {
        self.logs.iter().filter_map(|(member, log)| log.first_key_value().map(|(index, (id, _))| (*member, *index, *id)))
    }

    /// One finding a member whose log misses indexes between its smallest and its highest.
    pub(super) fn holes(&self, evidence: &Evidence, rows: &Rows<'_, Entry>) -> Vec<Finding> {
        let hole = |(member, log): (&Sym, &Log)| {
            let ends = log.keys().next().zip(log.keys().next_back())?;
            let beside = |(a, b): (&i64, &i64)| (b.abs_diff(*a) > 1).then_some((*a, *b));
            let gaps: Vec<(i64, i64)> = log.keys().zip(log.keys().skip(1)).filter_map(beside).collect();
            let (before, after) = gaps.first()?;
            let missing = gaps.iter().map(|(a, b)| b.abs_diff(*a) - 1).fold(0u64, u64::saturating_add);
            let stretch = |(a, b): &(i64, i64)| match (a.saturating_add(1), b.saturating_sub(1)) {
                (one, same) if one == same => one.to_string(),
                (from, to) => format!("{from}–{to}"),
            };
            let mut stretches: Vec<String> = gaps.iter().take(MAX_STRETCHES).map(stretch).collect();
            if gaps.len() > MAX_STRETCHES {
                stretches.push("…".into());
            }
            let finding = Finding::new("log-has-holes")
                .with("member", evidence.text(*member))
                .with("missing", stretches.join(", "))
                .with("entries", missing)
                .with("kept", format!("{} to {}", ends.0, ends.1));
            Some(finding.source(rows.source(log[before].0)).source(rows.source(log[after].0)))
        };
        self.logs.iter().filter_map(hole).collect()
    }

    /// Entries that follow one of a higher term in the same log: the term before and after.
    pub(super) fn terms_back(&self) -> Vec<((RowId, Entry), (RowId, Entry))> {
        let pairs = |log: &Log| -> Vec<((RowId, Entry), (RowId, Entry))> {
            let pair = log.values().zip(log.values().skip(1));
            pair.filter(|((_, a), (_, b))| a.term > b.term).map(|(a, b)| (*a, *b)).collect()
        };
        self.logs.values().flat_map(pairs).collect()
    }

    /// How a member stands to a command; `None` when no log shows the command as committed and it may have been compacted everywhere.
    pub(super) fn stand(&self, member: Option<Sym>, command: Sym) -> Option<Stand> {
        let Some(places) = self.places.get(&command) else {
            let whole = self.logs.values().any(|log| log.keys().next().is_some_and(|first| *first <= 1));
            return whole.then_some(Stand::Lacks);
        };
        let Some(log) = member.and_then(|m| self.logs.get(&m)) else { return Some(Stand::Unseen) };
        let here = |(index, term): &(i64, i64)| {
            let (_, entry) = log.get(index)?;
            (entry.command_id == Some(command) && entry.term == *term).then_some(entry.state)
        };
        let mut states = places.iter().filter_map(here).peekable();
        let first = log.keys().next().copied().unwrap_or(i64::MAX);
        Some(if states.peek().is_some() {
            if states.any(|s| s == EntryState::Committed) { Stand::Holds } else { Stand::Appended }
        } else if places.iter().all(|(index, _)| *index < first) {
            Stand::Compacted
        } else {
            Stand::Lacks
        })
    }
}

/// Indexes at which two members applied different commands. An index at which a member applied several commands is left out: it may stand
/// for a batch or for a snapshot.
pub(super) fn applied_differently(evidence: &Evidence, rows: &Rows<'_, Application>) -> Vec<Finding> {
    let mut list: Vec<(i64, Sym, Sym, RowId)> =
        rows.iter().filter_map(|(id, a)| Some((a.index?, a.member, a.command_id, id))).collect();
    list.sort_unstable();
    let mut found = Vec::new();
    for at in list.chunk_by(|a, b| a.0 == b.0) {
        let one = |chunk: &[(i64, Sym, Sym, RowId)]| chunk.iter().all(|a| a.2 == chunk[0].2).then(|| chunk[0]);
        let single: Vec<_> = at.chunk_by(|a, b| a.1 == b.1).filter_map(one).collect();
        let Some((first, other)) = single.first().and_then(|f| Some((f, single.iter().find(|s| s.2 != f.2)?))) else { continue };
        let side = |a: &(i64, Sym, Sym, RowId)| format!("{} applied at {}", evidence.text(a.2), evidence.text(a.1));
        let finding = Finding::new("applied-differently").with("index", first.0).with("one", side(first));
        found.push(finding.with("other", side(other)).source(rows.source(first.3)).source(rows.source(other.3)));
    }
    found
}
