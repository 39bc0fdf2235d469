//! A challenge as facts: counts, the matrix of gates and operators, survivors, gates that nothing tested.
//!
//! In: a challenge and the explanations of the contract. Out: [`Report`], which is printed, and embedded in the dossier. All caught is said
//! only where there was something to catch. Refuses to know how any of it is printed.

use super::{Answer, Challenge, Fate, Mutant, Wants};
use crate::contract::Explained;
use crate::verdict::SourceRef;
use serde::Serialize;
use std::collections::BTreeMap;

/// The version of the format.
pub const SCHEMA: &str = "quorate-challenge/1";

/// What the challenge comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Result {
    /// Every mutant was caught (or its survival is explained) and every gate that passed was tested (or it is explained why not).
    AllCaught,
    /// A mutant survived, or was only held back, and nothing explains it.
    Survivors,
    /// None survived, but a gate that does not fail was tested by no mutant, or there was no mutant at all.
    Untested,
}

impl Result {
    /// The words that are printed.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::AllCaught => "all caught",
            Self::Survivors => "survivors",
            Self::Untested => "untested gates",
        }
    }
}

/// All facts of a challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The seed of the places.
    pub seed: u64,
    /// The most mutants of one operator.
    pub each: u64,
    /// What it comes to.
    pub result: Result,
    /// Mutants by what became of them.
    pub mutants: Counts,
    /// The operators that made a mutant.
    pub operators: Vec<OperatorFacts>,
    /// The operators that found no place on this evidence, though a gate that they are meant to turn passed.
    pub idle: Vec<&'static str>,
    /// The gates that were asked, in the order of the families.
    pub gates: Vec<GateFacts>,
    /// Mutants that were not caught.
    pub survivors: Vec<Survivor>,
}

/// How many mutants ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Counts {
    /// All.
    pub all: u64,
    /// Caught.
    pub caught: u64,
    /// No longer passed where it should have failed.
    pub held: u64,
    /// Still passed.
    pub survived: u64,
}

impl Counts {
    fn add(&mut self, fate: Fate) {
        self.all += 1;
        match fate {
            Fate::Caught => self.caught += 1,
            Fate::Held => self.held += 1,
            Fate::Survived => self.survived += 1,
        }
    }
}

/// An operator and what became of its mutants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OperatorFacts {
    /// Its id.
    pub id: &'static str,
    /// What it does.
    pub does: &'static str,
    /// `fail` or `no-pass`: what gates must say.
    pub wants: &'static str,
    /// Its mutants.
    pub mutants: Counts,
}

/// Whether a gate was tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Tested {
    /// A mutant was made for it.
    Tested,
    /// It passed, and no mutant on this evidence was made for it; lost files may have turned it.
    Untested,
    /// It fails, so that nothing could turn it; that it can fail is plain.
    NotPassed,
    /// It neither passes nor fails, so that nothing could turn it, and nothing shows that it can fail.
    Unproven,
}

/// A gate and the mutants that were meant to turn it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GateFacts {
    /// Its id.
    pub id: &'static str,
    /// Whether it was tested.
    pub tested: Tested,
    /// Why it is no finding that it was not tested.
    pub explained: Option<String>,
    /// All of its mutants.
    pub mutants: Counts,
    /// The mutants that must make it fail.
    pub violations: Counts,
    /// By operator.
    pub cells: Vec<Cell>,
}

/// The mutants of one operator at one gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cell {
    /// The operator.
    pub operator: &'static str,
    /// Its mutants.
    pub mutants: Counts,
    /// What the gate said of the first of them that it caught; of the first, if it caught none.
    pub why: String,
}

/// A mutant that a gate did not catch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Survivor {
    /// The operator.
    pub operator: &'static str,
    /// The gate.
    pub gate: &'static str,
    /// The test; empty when no test's evidence was changed.
    pub test: String,
    /// The first record changed, or the file.
    pub at: Option<SourceRef>,
    /// What was changed, where no record says it.
    pub what: String,
    /// `held back` or `survived`.
    pub fate: &'static str,
    /// What the gate said.
    pub why: String,
    /// Why that is no finding.
    pub explained: Option<String>,
}

impl Challenge {
    /// The facts, with what the contract explains.
    #[must_use]
    pub fn report(&self, explained: &[Explained]) -> Report {
        let explain = |operator: Option<&str>, gate: &str| {
            let fits = |e: &&Explained| {
                let on = e.operator.as_ref().map(|o| o.value.as_str());
                on == operator && e.gate.as_ref().is_none_or(|g| g.value == gate)
            };
            explained.iter().find(fits).map(|e| e.why.clone())
        };
        let mut mutants = Counts::default();
        self.mutants.iter().for_each(|m| mutants.add(m.fate()));
        let gates = self.gates(&explain);
        let survivors = self.survivors(&explain);
        let open = gates.iter().any(|g| matches!(g.tested, Tested::Untested | Tested::Unproven) && g.explained.is_none());
        let result = if survivors.iter().any(|s| s.explained.is_none()) {
            Result::Survivors
        } else if open || mutants.all == 0 {
            Result::Untested
        } else {
            Result::AllCaught
        };
        let made = |at: usize| self.mutants.iter().filter(move |m| m.operator == at);
        let numbered = || self.operators.iter().enumerate();
        let meant = |o: &&'static super::Operator| o.gates.iter().any(|g| self.passing.contains(g));
        let facts = |(at, o): (usize, &&'static super::Operator)| {
            let mut counts = Counts::default();
            made(at).for_each(|m| counts.add(m.fate()));
            let wants = if o.wants == Wants::Fail { "fail" } else { "no-pass" };
            OperatorFacts { id: o.id, does: o.does, wants, mutants: counts }
        };
        Report {
            schema: SCHEMA,
            seed: self.seed,
            each: self.each as u64,
            result,
            mutants,
            operators: numbered().filter(|(at, _)| made(*at).next().is_some()).map(facts).collect(),
            idle: numbered().filter(|(at, o)| made(*at).next().is_none() && meant(o)).map(|(_, o)| o.id).collect(),
            gates,
            survivors,
        }
    }

    fn answers(&self) -> impl Iterator<Item = (&Mutant, &'static super::Operator, &Answer)> {
        self.mutants
            .iter()
            .filter_map(|m| Some((m, *self.operators.get(m.operator)?)))
            .flat_map(|(m, operator)| m.answers.iter().map(move |a| (m, operator, a)))
    }

    fn gates(&self, explain: &dyn Fn(Option<&str>, &str) -> Option<String>) -> Vec<GateFacts> {
        let mut facts: BTreeMap<&str, GateFacts> = BTreeMap::new();
        for id in self.passing.iter().chain(&self.open) {
            let tested = match (self.passing.contains(id), self.failing.contains(id)) {
                (true, _) => Tested::Untested,
                (_, true) => Tested::NotPassed,
                _ => Tested::Unproven,
            };
            let (mutants, violations) = (Counts::default(), Counts::default());
            facts.insert(id, GateFacts { id, tested, explained: None, mutants, violations, cells: Vec::new() });
        }
        for (_, operator, answer) in self.answers() {
            let Some(gate) = facts.get_mut(answer.gate) else { continue };
            // That a gate stops passing when a file is gone does not show that it can fail: only what is meant for it tests it.
            if operator.gates.contains(&answer.gate) {
                gate.tested = Tested::Tested;
            }
            gate.mutants.add(answer.fate);
            if operator.wants == Wants::Fail {
                gate.violations.add(answer.fate);
            }
            if gate.cells.last().is_none_or(|c| c.operator != operator.id) {
                gate.cells.push(Cell { operator: operator.id, mutants: Counts::default(), why: answer.why.clone() });
            }
            if let Some(cell) = gate.cells.last_mut() {
                if answer.fate == Fate::Caught && cell.mutants.caught == 0 {
                    cell.why.clone_from(&answer.why);
                }
                cell.mutants.add(answer.fate);
            }
        }
        for gate in facts.values_mut().filter(|g| matches!(g.tested, Tested::Untested | Tested::Unproven)) {
            gate.explained = explain(None, gate.id);
        }
        let order: Vec<&str> = crate::gate::gates().iter().map(|g| g.id).collect();
        let mut list: Vec<GateFacts> = facts.into_values().collect();
        list.sort_by_key(|g| order.iter().position(|o| *o == g.id));
        list
    }

    fn survivors(&self, explain: &dyn Fn(Option<&str>, &str) -> Option<String>) -> Vec<Survivor> {
        let survived = self.answers().filter(|(_, _, a)| a.fate != Fate::Caught);
        let facts = survived.map(|(mutant, operator, answer)| Survivor {
            operator: operator.id,
            gate: answer.gate,
            test: mutant.test.clone(),
            at: mutant.at.clone(),
            what: mutant.what.clone(),
            fate: answer.fate.word(),
            why: answer.why.clone(),
            explained: explain(Some(operator.id), answer.gate),
        });
        facts.collect()
    }
}
