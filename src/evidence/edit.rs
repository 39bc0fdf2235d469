//! Changed copies of evidence, for asking what a judge would have said of something else.
//!
//! In: evidence and a list of small edits in one test. Out: evidence that shares all that was not edited, and what was touched. Lines,
//! digests and counts of files stay as they were: an edit changes what was read, not the bytes. Refuses to know why.

use super::record::Kind;
use super::symbol::{Sym, Symbols};
use super::table::{Raw, Table};
use super::{Evidence, Part, Reads, RowId, State, kinds};
use crate::contract::Origin;
use std::sync::Arc;

/// A field and what is put into it.
pub type Cell = (&'static str, Raw);

/// One edit of the rows of a kind.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Puts other cells into a row.
    Set(&'static str, RowId, Vec<Cell>),
    /// Puts a list of texts into a row.
    List(&'static str, RowId, &'static str, Vec<Sym>),
    /// Puts a text into a row, which need not be known yet.
    Text(&'static str, RowId, &'static str, String),
    /// Repeats a row after itself so many times, with other cells.
    Repeat(&'static str, RowId, usize, Vec<Cell>),
    /// Takes a row out.
    Drop(&'static str, RowId),
    /// Says that the files of a kind are timed by a clock of their own.
    Clock(&'static str),
    /// Reads the files of a kind a second time.
    Twice(&'static str),
    /// Says that another wrote the files of a kind.
    Origin(&'static str, Origin),
    /// Says of a file (by its position among the artifacts) that it is not whole.
    State(usize, State),
    /// Says of a file that it names another lock, or none.
    Lock(usize, Option<String>),
}

impl Edit {
    /// The row that is edited, if one is.
    #[must_use]
    pub fn row(&self) -> Option<(&'static str, RowId)> {
        match self {
            Self::Set(kind, row, _)
            | Self::List(kind, row, ..)
            | Self::Text(kind, row, ..)
            | Self::Repeat(kind, row, ..)
            | Self::Drop(kind, row) => Some((kind, *row)),
            Self::Clock(_) | Self::Twice(_) | Self::Origin(..) | Self::State(..) | Self::Lock(..) => None,
        }
    }

    /// Rows are edited from the last to the first, and within a row before it is repeated or taken out, so that positions keep their meaning.
    fn order(&self) -> (std::cmp::Reverse<Option<(&'static str, RowId)>>, u8) {
        let rank = match self {
            Self::Repeat(..) => 1,
            Self::Drop(..) => 2,
            _ => 0,
        };
        (std::cmp::Reverse(self.row()), rank)
    }
}

impl Evidence {
    /// This evidence with edits made in one test, and which tests and kinds they touch.
    #[must_use]
    pub fn edited(&self, test: &str, edits: &[Edit]) -> (Self, Reads) {
        let mut evidence = Self { reads: None, ..self.clone() };
        let mut touched = Reads::new();
        let mut edits: Vec<&Edit> = edits.iter().collect();
        edits.sort_by_key(|e| e.order());
        for edit in edits {
            match edit {
                Edit::State(artifact, state) => {
                    evidence.artifacts[*artifact].state = state.clone();
                    let uses = evidence.parts.iter().filter(|p| p.artifact == *artifact);
                    touched.extend(uses.map(|p| (p.test.clone(), p.kind)));
                }
                Edit::Lock(artifact, lock) => evidence.artifacts[*artifact].lock = lock.as_deref().map(Arc::from),
                Edit::Twice(kind) => {
                    let here = |p: &&Part| p.test == test && p.kind == *kind;
                    let copies: Vec<Part> = evidence.parts.iter().filter(here).cloned().collect();
                    evidence.parts.extend(copies);
                    touched.insert((test.to_string(), kind));
                }
                Edit::Clock(kind) | Edit::Origin(kind, _) => {
                    for part in evidence.parts.iter_mut().filter(|p| p.test == test && p.kind == *kind) {
                        match edit {
                            Edit::Origin(_, origin) => part.origin = *origin,
                            _ => part.clock.id.push_str(" (another)"),
                        }
                    }
                    touched.insert((test.to_string(), kind));
                }
                Edit::Set(kind, row, _)
                | Edit::List(kind, row, ..)
                | Edit::Text(kind, row, ..)
                | Edit::Repeat(kind, row, ..)
                | Edit::Drop(kind, row) => {
                    let Evidence { parts, symbols, .. } = &mut evidence;
                    let mut list = parts.iter_mut().filter(|p| p.test == test && p.kind == *kind);
                    if let (Some(part), Some(kind)) = (list.nth(row.part as usize), kinds::kind(kind)) {
                        on_row(part, kind, row.row as usize, edit, symbols);
                    }
                    touched.insert((test.to_string(), kind));
                }
            }
        }
        (evidence, touched)
    }
}

fn on_row(part: &mut Part, kind: &Kind, row: usize, edit: &Edit, symbols: &mut Arc<Symbols>) {
    let table = Arc::make_mut(&mut part.table);
    match edit {
        Edit::Set(_, _, cells) => put(table, kind, row, cells),
        Edit::List(_, _, field, list) => {
            let list = Arc::make_mut(symbols).intern_list(list);
            put(table, kind, row, &[(field, Raw::from(list.0))]);
        }
        Edit::Text(_, _, field, text) => {
            let text = Arc::make_mut(symbols).intern(text);
            put(table, kind, row, &[(field, Raw::from(text.0))]);
        }
        Edit::Repeat(_, _, times, cells) => {
            for _ in 0..*times {
                table.columns.iter_mut().for_each(|c| c.repeat(row));
                table.lines.insert(row + 1, table.lines[row]);
                put(table, kind, row + 1, cells);
            }
        }
        Edit::Drop(..) => {
            table.columns.iter_mut().for_each(|c| c.remove(row));
            table.lines.remove(row);
        }
        Edit::Clock(_) | Edit::Twice(_) | Edit::Origin(..) | Edit::State(..) | Edit::Lock(..) => {}
    }
}

fn put(table: &mut Table, kind: &Kind, row: usize, cells: &[Cell]) {
    let rows = table.rows();
    for (name, raw) in cells {
        if let Some(at) = kind.field(name) {
            table.columns[at].set(row, rows, kind.fields[at].ty, *raw);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::record::Record;
    use crate::evidence::table::{ABSENT, Column};
    use crate::evidence::{Artifact, kinds::Entry};

    fn evidence() -> Evidence {
        let mut evidence = Evidence::default();
        let names = ["a", "b", "c"].map(|n| Arc::make_mut(&mut evidence.symbols).intern(n).0);
        let mut table = Table::new(Entry::KIND.fields.len());
        table.columns[0] = Column::Const(Raw::from(names[0]));
        table.columns[1] = Column::Wide(vec![1, 2, 3]);
        table.columns[2] = Column::Const(7);
        table.columns[4] = Column::Const(1);
        table.lines = vec![1, 2, 3];
        let artifact = Artifact {
            path: "log.jsonl".into(),
            sha256: "00".into(),
            bytes: 1,
            records: 3,
            untaken: 0,
            unmapped: Vec::new(),
            synthetic: true,
            lock: None,
            state: State::Whole,
            notes: Vec::new(),
            tests: vec!["t".into()],
        };
        evidence.artifacts.push(artifact);
        let clock = crate::contract::Clock {
            kind: crate::contract::ClockKind::Monotonic,
            id: "x".into(),
            unit: crate::contract::TimeUnit::Ns,
        };
        let model = crate::contract::Model { name: "register".into(), initial: None, nil_read: crate::contract::NilRead::Absent };
        let part =
            Part { test: "t".into(), kind: "log", artifact: 0, origin: Origin::Replica, clock, model, table: Arc::new(table) };
        evidence.parts.push(part);
        evidence
    }

    fn cells(evidence: &Evidence) -> Vec<(i64, i64, Option<u32>)> {
        evidence.rows::<Entry>("t").unwrap().iter().map(|(_, e)| (e.index, e.term, e.command_id.map(|c| c.0))).collect()
    }

    #[test]
    fn rows_are_set_repeated_and_taken_out() {
        let base = evidence();
        let ids: Vec<RowId> = base.rows::<Entry>("t").unwrap().iter().map(|(id, _)| id).collect();
        let edits = [
            Edit::Drop("log", ids[0]),
            Edit::Repeat("log", ids[1], 2, vec![("index", 9)]),
            Edit::Set("log", ids[1], vec![("term", 8)]),
            Edit::Set("log", ids[2], vec![("command-id", 1), ("index", 3)]),
        ];
        let (changed, touched) = base.edited("t", &edits);
        assert_eq!(cells(&changed), [(2, 8, None), (9, 8, None), (9, 8, None), (3, 7, Some(1))]);
        assert_eq!(cells(&base), [(1, 7, None), (2, 7, None), (3, 7, None)], "the original is untouched");
        assert_eq!(touched.into_iter().collect::<Vec<_>>(), [("t".to_string(), "log")]);
        assert_eq!(Edit::Set("log", ids[0], vec![("command-id", ABSENT)]).row(), Some(("log", ids[0])));
    }

    #[test]
    fn a_lost_file_touches_every_kind_read_from_it() {
        let base = evidence();
        let (changed, touched) = base.edited("", &[Edit::State(0, State::Absent)]);
        assert!(changed.rows::<Entry>("t").is_err() && base.rows::<Entry>("t").is_ok());
        assert_eq!(touched.len(), 1);
    }

    #[test]
    fn reads_are_noted_only_when_watched() {
        let base = evidence();
        assert!(base.rows::<Entry>("t").is_ok() && base.take_reads().is_empty());
        let watched = base.watched();
        assert!(watched.rows::<Entry>("t").is_ok() && !watched.binds("t", "history"));
        assert_eq!(watched.take_reads().len(), 2);
        assert!(watched.take_reads().is_empty());
    }
}
