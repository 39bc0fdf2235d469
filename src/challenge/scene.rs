//! What an operator is, and what it sees of a test.
//!
//! In: a release and one of its tests. Out: rows that are there, and edits in the words of record kinds. Refuses to know gates' judges.

use super::Places;
use crate::contract::{Contract, Matrix};
use crate::evidence::edit::{Cell, Edit};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::evidence::table::Raw;
use crate::evidence::{Evidence, RowId};
use crate::gate::TestCx;

/// What a mutant must do to the gates that it is meant to turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// It breaks a promise: they must fail.
    Fail,
    /// It takes away what a proof needs: they must no longer pass.
    NoPass,
}

/// One way to break something.
#[derive(Debug)]
pub struct Operator {
    /// Kebab-case id.
    pub id: &'static str,
    /// What it does, as a sentence without a full stop.
    pub does: &'static str,
    /// What it must do to gates.
    pub wants: Wants,
    /// The gates that it is meant to turn, where they passed on the test that it changes; none: every gate that asked for what it takes away.
    pub gates: &'static [&'static str],
    /// How it changes what.
    pub change: Change,
}

/// How an operator makes its mutants.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// Rows of one test: every place at which it can be done.
    Rows(fn(&Scene<'_>, &mut Places)),
    /// A whole file, given its position among the artifacts.
    File(fn(usize) -> Edit),
    /// Contract and matrix: every place, each with what was changed.
    Declared(fn(&Contract, &Matrix) -> Vec<Declared>),
}

/// A changed contract and matrix, and what was changed.
pub type Declared = (String, Contract, Matrix);

/// A test, as operators see it.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The test.
    pub cx: TestCx<'a>,
}

impl<'a> Scene<'a> {
    /// All rows of a kind; none where they are not there or not whole.
    #[must_use]
    pub fn all<R: Record>(&self) -> Vec<(RowId, R)> {
        self.cx.rows::<R>().map(|rows| rows.iter().collect()).unwrap_or_default()
    }

    /// The contract.
    #[must_use]
    pub fn contract(&self) -> &'a Contract {
        self.cx.contract()
    }

    /// The evidence, for its texts.
    #[must_use]
    pub fn evidence(&self) -> &'a Evidence {
        self.cx.evidence()
    }

    /// The number of a known text.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Sym> {
        self.evidence().symbols.find(text)
    }
}

/// Other cells in a row.
pub(super) fn set<R: Record>(row: RowId, cells: impl Into<Vec<Cell>>) -> Edit {
    Edit::Set(R::KIND.name, row, cells.into())
}

/// A row gone.
pub(super) fn gone<R: Record>(row: RowId) -> Edit {
    Edit::Drop(R::KIND.name, row)
}

/// A row repeated with other cells.
pub(super) fn again<R: Record>(row: RowId, times: usize, cells: impl Into<Vec<Cell>>) -> Edit {
    Edit::Repeat(R::KIND.name, row, times, cells.into())
}

/// The cell of a word of a closed list.
pub(super) fn word<T: PartialEq>(all: &[T], one: T) -> Raw {
    all.iter().position(|w| *w == one).and_then(|at| Raw::try_from(at).ok()).unwrap_or(0)
}

/// The cell of a text.
pub(super) fn text(sym: Sym) -> Raw {
    Raw::from(sym.0)
}
