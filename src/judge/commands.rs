//! Commands: what clients were told of each, and how often each took effect.
//!
//! In: histories and applications to state machines. Out: what was told by command, and how often each member applied it.
//! One log entry applied live and again in a replay after a restart took effect once; two entries took effect twice. Assumes that
//! a command id names one command over all its retries. Refuses to know endpoints and verdicts.

use crate::evidence::kinds::{Application, ApplySource, OpKind, Operation, Outcome};
use crate::evidence::symbol::Sym;
use crate::evidence::{RowId, Rows};
use std::collections::{BTreeMap, BTreeSet};

/// One application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied<Row> {
    /// The command.
    pub command: Sym,
    /// Which member.
    pub member: Sym,
    /// Its log index or revision.
    pub index: Option<i64>,
    /// Whether it was in a replay.
    pub replay: bool,
    /// The record.
    pub row: Row,
}

/// How often one member applied one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Surely.
    pub least: usize,
    /// At most, where records leave open whether a replay repeated a live application.
    pub most: usize,
}

/// All applications, by command and member.
#[derive(Debug, Clone)]
pub struct Applications<Row> {
    list: Vec<Applied<Row>>,
    /// The members that have any.
    pub members: BTreeSet<Sym>,
    /// The highest index of each member.
    pub highest: BTreeMap<Sym, i64>,
    /// How often each member recovered, where that is known.
    recoveries: Option<BTreeMap<Sym, usize>>,
}

impl Applications<RowId> {
    /// The applications of a test.
    #[must_use]
    pub fn read(rows: &Rows<'_, Application>, recoveries: Option<BTreeMap<Sym, usize>>) -> Self {
        let list = rows.iter().map(|(row, a)| Applied {
            command: a.command_id,
            member: a.member,
            index: a.index,
            replay: a.source == Some(ApplySource::Replay),
            row,
        });
        Self::new(list.collect(), recoveries)
    }
}

impl<Row: Copy + Ord> Applications<Row> {
    /// Applications in any order. `recoveries`: how often each member recovered; `None` when that is not known.
    #[must_use]
    pub fn new(mut list: Vec<Applied<Row>>, recoveries: Option<BTreeMap<Sym, usize>>) -> Self {
        list.sort_by_key(|a| (a.command, a.member, a.index, a.row));
        let members = list.iter().map(|a| a.member).collect();
        let mut highest = BTreeMap::new();
        for applied in &list {
            if let Some(index) = applied.index {
                let top = highest.entry(applied.member).or_insert(index);
                *top = index.max(*top);
            }
        }
        Self { list, members, highest, recoveries }
    }

    /// All applications of a command.
    #[must_use]
    pub fn of(&self, command: Sym) -> &[Applied<Row>] {
        let from = self.list.partition_point(|a| a.command < command);
        let len = self.list[from..].partition_point(|a| a.command == command);
        &self.list[from..from + len]
    }

    /// All applications of a command by one member, for each command and member.
    pub fn each(&self) -> impl Iterator<Item = &[Applied<Row>]> {
        self.list.chunk_by(|a, b| (a.command, a.member) == (b.command, b.member))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How often a command took effect at the member that applied it. `chunk`: one command at one member.
    #[must_use]
    pub fn times(&self, chunk: &[Applied<Row>]) -> Times {
        let mut times = Times { least: 0, most: 0 };
        for entry in chunk.chunk_by(|a, b| a.index == b.index) {
            let replays = entry.iter().filter(|a| a.replay).count();
            let live = entry.len() - replays;
            let recovered = self.recoveries.as_ref().map(|r| r.get(&entry[0].member).copied().unwrap_or(0));
            let allowed = match (entry[0].index, recovered) {
                (Some(_), Some(recovered)) => recovered,
                (Some(_), None) => 1,
                (None, _) => usize::from(live == 0),
            };
            let extra = replays.saturating_sub(allowed);
            let once = usize::from(live == 0 && replays > 0 && allowed > 0);
            let sure = entry[0].index.is_some() && recovered.is_some_and(|r| r > 0);
            times.least += live + once + if sure { extra } else { 0 };
            times.most += live + once + extra;
            if live == 0 && once == 0 && !sure {
                times.least += 1;
            }
        }
        times
    }

    /// The most that any member applied a command.
    #[must_use]
    pub fn most_times(&self, command: Sym) -> Times {
        let none = Times { least: 0, most: 0 };
        self.of(command).chunk_by(|a, b| a.member == b.member).fold(none, |worst, chunk| {
            let times = self.times(chunk);
            Times { least: worst.least.max(times.least), most: worst.most.max(times.most) }
        })
    }

    /// Members that did not apply a command which others did: those that had gone past it, and those that had not (or of which that is not known).
    #[must_use]
    pub fn without(&self, command: Sym) -> (Vec<Sym>, Vec<Sym>) {
        let slice = self.of(command);
        let has: BTreeSet<Sym> = slice.iter().map(|a| a.member).collect();
        let index = slice.iter().filter_map(|a| a.index).min();
        let past = |m: &Sym| matches!((self.highest.get(m), index), (Some(top), Some(index)) if *top > index);
        self.members.iter().filter(|m| !has.contains(m)).copied().partition(past)
    }
}

/// What clients were told of one command, over all its operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The record that says ok.
    pub ok: Option<RowId>,
    /// The first record that leaves it open.
    pub unknown: Option<RowId>,
    /// The first record that says that it failed.
    pub fail: Option<RowId>,
    /// The endpoint of its first record.
    pub endpoint: Option<Sym>,
    /// Whether its state machine may refuse it, so that it may be committed without effect.
    pub conditional: bool,
}

/// What clients were told of all commands that change state.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// By command.
    pub commands: BTreeMap<Sym, Told>,
    /// Operations without a command id that were told ok, and the first of them.
    pub nameless_ok: (u64, Option<RowId>),
    /// The same for those left open.
    pub nameless_unknown: (u64, Option<RowId>),
}

/// Gathers what clients were told. Reads are left out.
#[must_use]
pub fn answers(rows: &Rows<'_, Operation>) -> Answers {
    let mut answers = Answers::default();
    for (id, op) in rows.iter().filter(|(_, op)| op.op != OpKind::Read) {
        let result = match (op.result, op.returned) {
            (Outcome::Fail, None) => Outcome::Unknown,
            (result, _) => result,
        };
        let Some(command) = op.command_id else {
            let count = match result {
                Outcome::Ok => &mut answers.nameless_ok,
                Outcome::Unknown => &mut answers.nameless_unknown,
                Outcome::Fail => continue,
            };
            *count = (count.0 + 1, count.1.or(Some(id)));
            continue;
        };
        let conditional = op.op == OpKind::Cas;
        let new = Told { ok: None, unknown: None, fail: None, endpoint: op.endpoint, conditional };
        let told = answers.commands.entry(command).or_insert(new);
        told.conditional |= conditional;
        let slot = match result {
            Outcome::Ok => &mut told.ok,
            Outcome::Unknown => &mut told.unknown,
            Outcome::Fail => &mut told.fail,
        };
        *slot = slot.or(Some(id));
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (member, index, replay) of one command.
    fn times(list: &[(u32, Option<i64>, bool)], recoveries: Option<usize>) -> (usize, usize) {
        let applied = |(row, &(member, index, replay)): (usize, &(u32, Option<i64>, bool))| Applied {
            command: Sym(0),
            member: Sym(member),
            index,
            replay,
            row,
        };
        let all = Applications::new(
            list.iter().enumerate().map(applied).collect(),
            recoveries.map(|n| [(Sym(1), n)].into_iter().collect()),
        );
        let times = all.most_times(Sym(0));
        (times.least, times.most)
    }

    #[test]
    fn one_entry_takes_effect_once_however_often_it_is_replayed() {
        assert_eq!(times(&[(1, Some(5), false), (2, Some(5), false)], None), (1, 1));
        assert_eq!(times(&[(1, Some(5), false), (1, Some(5), true)], None), (1, 1));
        assert_eq!(times(&[(1, Some(5), true)], None), (1, 1));
        assert_eq!(times(&[(1, Some(5), false), (1, Some(5), true), (1, Some(5), true)], Some(2)), (1, 1));
        assert_eq!(times(&[(1, None, true)], Some(1)), (1, 1));
    }

    #[test]
    fn two_entries_take_effect_twice() {
        assert_eq!(times(&[(1, Some(5), false), (1, Some(9), false)], None), (2, 2));
        assert_eq!(times(&[(1, Some(5), false), (1, Some(9), true)], Some(1)), (2, 2));
        assert_eq!(times(&[(1, Some(5), false), (1, Some(5), false)], None), (2, 2));
        assert_eq!(times(&[(1, None, false), (1, None, false)], None), (2, 2));
    }

    #[test]
    fn replays_beyond_the_recoveries_count() {
        assert_eq!(times(&[(1, Some(5), false), (1, Some(5), true), (1, Some(5), true)], Some(1)), (2, 2));
        assert_eq!(times(&[(1, Some(5), false), (1, Some(5), true), (1, Some(5), true)], None), (1, 2));
        assert_eq!(times(&[(1, None, false), (1, None, true)], Some(1)), (1, 2));
        assert_eq!(times(&[(1, Some(5), true)], Some(0)), (1, 1));
    }

    #[test]
    fn members_without_a_command_are_behind_or_have_skipped_it() {
        let row = |command, member, index| Applied {
            command: Sym(command),
            member: Sym(member),
            index: Some(index),
            replay: false,
            row: 0,
        };
        let all = Applications::new(vec![row(0, 1, 5), row(7, 2, 6), row(8, 3, 4), row(9, 1, 6)], None);
        assert_eq!(all.without(Sym(0)), (vec![Sym(2)], vec![Sym(3)]));
    }
}
