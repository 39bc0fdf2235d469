//! The challenge: can each gate fail on this evidence?
//!
//! In: a judged release and the table of operators. Out: [`Challenge`]: small violations made one at a time in memory, and which gate
//! caught which. It speaks of the gates on this evidence, never of the system that was tested. Refuses to know files and reports.

mod bind;
mod operators;
mod pick;
mod places;
mod report;
mod run;
mod scene;

pub use bind::bind;
pub use operators::operators;
pub use places::Places;
pub use report::{Cell, Counts, GateFacts, OperatorFacts, Report, Result, SCHEMA, Survivor, Tested};
pub use run::{Settings, challenge};
pub use scene::{Change, Operator, Scene, Wants};

use crate::verdict::SourceRef;

/// What became of a mutant: the worst over the gates it was meant to turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Every gate that it was meant to turn says what it should.
    Caught,
    /// A gate that should fail no longer passes, but only as not proven.
    Held,
    /// A gate that it was meant to turn still passes.
    Survived,
}

impl Fate {
    /// The word that is printed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::Held => "held back",
            Self::Survived => "survived",
        }
    }
}

/// What a gate said of a mutant that it was meant to be turned by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The gate.
    pub gate: &'static str,
    /// What became of the mutant at this gate.
    pub fate: Fate,
    /// The gate's sentence.
    pub why: String,
}

/// One violation, made in memory and judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// The operator that made it, by its position in the list of operators.
    pub operator: usize,
    /// The test whose evidence was changed; empty when contract, matrix or a file was.
    pub test: String,
    /// The first record that was changed, or the file.
    pub at: Option<SourceRef>,
    /// What was changed, where no record says it.
    pub what: String,
    /// What the gates said that it was meant to turn.
    pub answers: Vec<Answer>,
}

impl Mutant {
    /// What became of it.
    #[must_use]
    pub fn fate(&self) -> Fate {
        self.answers.iter().map(|a| a.fate).max().unwrap_or(Fate::Survived)
    }
}

/// A challenged release.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// The seed of the places.
    pub seed: u64,
    /// The most mutants of one operator.
    pub each: usize,
    /// The operators that were tried, in order.
    pub operators: Vec<&'static Operator>,
    /// All mutants, operator by operator.
    pub mutants: Vec<Mutant>,
    /// The gates that passed and could be turned.
    pub passing: Vec<&'static str>,
    /// The gates that did not pass, so that nothing could turn them.
    pub open: Vec<&'static str>,
    /// Of them, those that fail: that they can is plain.
    pub failing: Vec<&'static str>,
}
