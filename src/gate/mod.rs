//! Gates: one question each, with the verdict that evidence allows.
//!
//! In: contract, matrix and evidence. Out: one [`Outcome`] a gate. Adding a gate is one row in the table of its family. Two rules hold
//! here for all of them: a gap in the evidence is inconclusive, and a pass over a fault without traffic is inconclusive.
//! Refuses to know files and reports.

mod atomic_commit;
mod bind;
mod budget;
mod commands;
mod consistency;
mod contract;
mod fencing;
mod integrity;
mod latency;
mod log;
mod partition;
mod profile;
mod promise;
mod quorum;
mod recovery;
mod rerun;
mod retries;
mod run;
mod scenarios;
mod served;
mod telemetry;
mod votes;

pub use bind::bind;
pub use profile::{CRITERIA, Criterion, FOUNDATIONS, PROFILES, Profile};
pub use promise::promised;
pub use rerun::Base;
pub use run::{Outcome, TestOutcome, judge};

use crate::contract::{Contract, Lock, Matrix, Test};
use crate::evidence::record::Record;
use crate::evidence::{Evidence, Rows};
use crate::source::{Sources, Span};
use crate::verdict::{Gap, Judged, SourceRef};
use std::sync::Arc;

/// A gate: what it asks, what it needs, and how it judges.
#[derive(Debug)]
pub struct Gate {
    /// `family.name`.
    pub id: &'static str,
    /// The question in a few words.
    pub title: &'static str,
    /// What a pass proves.
    pub proves: &'static str,
    /// What it cannot see.
    pub blind: &'static str,
    /// Evidence kinds that a test must require for this gate to be judged on it.
    pub needs: &'static [&'static str],
    /// Whether it refuses waivers.
    pub safety: bool,
    /// How it judges.
    pub judge: Judge,
}

/// What a gate is judged on.
#[derive(Debug, Clone, Copy)]
pub enum Judge {
    /// The release as a whole.
    Release(fn(&ReleaseCx<'_>) -> Judged),
    /// Each test that requires all that the gate needs; the worst counts.
    Test(fn(&TestCx<'_>) -> Judged),
    /// The outcomes of all other gates.
    Outcomes(fn(&ReleaseCx<'_>, &[Outcome]) -> Judged),
}

impl Gate {
    /// The family: what stands before the dot.
    #[must_use]
    pub fn family(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }
}

/// All gates, family by family.
#[must_use]
pub fn gates() -> Vec<&'static Gate> {
    FAMILIES.iter().flat_map(|family| family.iter()).collect()
}

/// The gate of an id.
#[must_use]
pub fn gate(id: &str) -> Option<&'static Gate> {
    gates().into_iter().find(|g| g.id == id)
}

/// Whether a release asks for a gate: its profile does, or the contract adds the gate's family.
#[must_use]
pub fn asked(contract: &Contract, profile: &Profile, gate: &Gate) -> bool {
    profile.gates.contains(&gate.id) || contract.release.families.iter().any(|f| f.value == gate.family())
}

/// The gate that holds the evidence to the locks.
pub const DECLARED: &str = "contract.declared-before-run";

/// Whether a gate is judged: the release asks for it, or there is a lock, or evidence that names one, and it holds the evidence to its lock.
#[must_use]
pub fn wanted(cx: &ReleaseCx<'_>, profile: &Profile, gate: &Gate) -> bool {
    let locked = || !cx.locks.is_empty() || cx.evidence.artifacts.iter().any(|a| a.lock.is_some());
    asked(cx.contract, profile, gate) || (gate.id == DECLARED && locked())
}

/// The registry: one table a family.
const FAMILIES: &[&[Gate]] = &[
    contract::GATES,
    quorum::GATES,
    log::GATES,
    fencing::GATES,
    partition::GATES,
    recovery::GATES,
    commands::GATES,
    consistency::GATES,
    latency::GATES,
    budget::GATES,
    telemetry::GATES,
    scenarios::GATES,
    atomic_commit::GATES,
    votes::GATES,
    integrity::GATES,
];

/// What a gate sees of a release.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseCx<'a> {
    /// The promises.
    pub contract: &'a Contract,
    /// The tests.
    pub matrix: &'a Matrix,
    /// The records.
    pub evidence: &'a Evidence,
    /// The texts of contract and matrix.
    pub sources: &'a Sources,
    /// SHA-256 of contract and matrix in hex, in the order of `sources`.
    pub digests: &'a [Arc<str>],
    /// What was declared before the run, in the order of the numbers.
    pub locks: &'a [Lock],
}

impl ReleaseCx<'_> {
    /// A reference to the line of the contract or matrix where something is declared, under its name in the package.
    #[must_use]
    pub fn declared(&self, span: Span) -> SourceRef {
        let name = if span.source == self.contract.source { "contract/contract.toml" } else { "contract/matrix.toml" };
        let sha256 = self.digests.get(span.source.0 as usize).cloned().unwrap_or_default();
        SourceRef { path: name.into(), sha256, line: Some(self.sources.line(span)) }
    }
}

/// What a gate sees of one test.
#[derive(Debug, Clone, Copy)]
pub struct TestCx<'a> {
    /// The release.
    pub release: ReleaseCx<'a>,
    /// The test.
    pub test: &'a Test,
}

impl<'a> TestCx<'a> {
    /// The rows of a kind.
    ///
    /// # Errors
    /// A [`Gap`] when the evidence is not there or not shown to be whole.
    pub fn rows<R: Record>(&self) -> Result<Rows<'a, R>, Gap> {
        self.release.evidence.rows::<R>(&self.test.id.value)
    }

    /// The rows of a kind that the test may leave out: `None` when it binds none.
    ///
    /// # Errors
    /// A [`Gap`] when it is bound but not there or not shown to be whole.
    pub fn rows_if_bound<R: Record>(&self) -> Result<Option<Rows<'a, R>>, Gap> {
        if self.release.evidence.binds(&self.test.id.value, R::KIND.name) { self.rows::<R>().map(Some) } else { Ok(None) }
    }

    /// The contract.
    #[must_use]
    pub fn contract(&self) -> &'a Contract {
        self.release.contract
    }

    /// The evidence, for its texts.
    #[must_use]
    pub fn evidence(&self) -> &'a Evidence {
        self.release.evidence
    }
}
