//! The dossier: every fact of a release in one value, from which every output is made.
//!
//! In: contract, matrix, evidence and gate outcomes. Out: [`Dossier`], and its canonical JSON (keys sorted, integers and decimal
//! strings only, no white space: RFC 8785 for the values used here). Refuses to know files, pages and packages.

mod build;
mod charts;
mod compare;
mod schema;
mod summary;

pub use build::{Inputs, build};
pub use charts::{
    AssumptionRow, BudgetChart, BudgetStep, Charts, CommitChart, CommitPoint, CoverageCell, CoverageChart, Curve, Doing,
    DuplicateChart, EpochLane, ExampleChart, ExampleOp, FailoverChart, FaultWindow, FaultWindows, FencingChart, LatencyChart,
    LatencyPoint, LatencyStep, LeaderSpan, MemberLine, PercentileChart, PhaseBar, Quantile, RatePoint, ShareBar, Spread,
    TakeoverChart, Try,
};
pub use compare::{GateChange, Trend, ValueChange, compare_decisions, compare_gates, pointers};
pub use schema::decision_schema;
pub use summary::{ArtifactSummary, FigureSummary, GateSummary, Summary, TestSummary};

use crate::challenge::Report;
use crate::verdict::{Judgement, Verdict, telling};
pub use build::open_verdicts;
use serde::{Deserialize, Serialize};

/// The version of the format of `decision.json`.
pub const SCHEMA: &str = "quorate-decision/1";

/// The decision on a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Every required gate passed or is waived.
    Accept,
    /// A required gate failed.
    Reject,
    /// None failed, some are not proven.
    Inconclusive,
}

impl Decision {
    /// The word that is printed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// Every fact of a release.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Dossier {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Name and version of the tool.
    pub tool: Tool,
    /// The day on which waivers are weighed, `YYYY-MM-DD`; absent when neither evidence nor environment says one.
    pub date: Option<String>,
    /// The decision.
    pub decision: Decision,
    /// What is released.
    pub release: ReleaseFacts,
    /// The contract's file.
    pub contract: FileFacts,
    /// The matrix's file.
    pub matrix: FileFacts,
    /// What was declared, as label and value, section by section (cluster, endpoints, resources, load, objectives, budget, rollback, skews).
    pub declared: Vec<Section>,
    /// The tests.
    pub tests: Vec<TestFacts>,
    /// The gates, family by family.
    pub gates: Vec<GateFacts>,
    /// The seven acceptance criteria.
    pub criteria: Vec<CriterionFacts>,
    /// Gates that the contract excludes.
    pub exclusions: Vec<ExclusionFacts>,
    /// Waivers, whether in force or not.
    pub waivers: Vec<WaiverFacts>,
    /// Residual risks.
    pub risks: Vec<RiskFacts>,
    /// The locks: what was declared before the run, and each attempt.
    pub locks: Vec<LockFacts>,
    /// The evidence files.
    pub artifacts: Vec<ArtifactFacts>,
    /// Which small violations of this evidence the gates caught, when the contract asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Report>,
    /// What plots are drawn from.
    pub charts: Charts,
}

impl Dossier {
    /// Excluded gates that guard safety. A waiver of one is refused; whoever leaves one out has to read it beside the decision.
    #[must_use]
    pub fn unguarded(&self) -> Vec<&str> {
        let guards = |id: &&str| crate::gate::gate(id).is_some_and(|g| g.safety);
        self.exclusions.iter().map(|e| e.gate.as_str()).filter(guards).collect()
    }

    /// Canonical JSON.
    ///
    /// # Errors
    /// Never for a dossier made by [`build`]; the signature leaves it to the caller.
    pub fn canonical(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&serde_json::to_value(self)?)
    }
}

/// Name and version of the tool.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tool {
    /// `quorate`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// What is released.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReleaseFacts {
    /// The service.
    pub service: String,
    /// The version.
    pub version: String,
    /// A name of the exact artifact.
    pub uri: Option<String>,
    /// The digest of the exact artifact.
    pub digest: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// The question.
    pub question: String,
    /// The profile.
    pub profile: String,
}

/// A file and its digest.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FileFacts {
    /// Its name in the package.
    pub path: String,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// A heading with labelled values.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Section {
    /// The heading.
    pub title: String,
    /// Label and value.
    pub rows: Vec<(String, String)>,
}

/// One test.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TestFacts {
    /// Its id.
    pub id: String,
    /// Plan items covered.
    pub plan: Vec<String>,
    /// Whether it was run against an unprotected baseline.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub baseline: bool,
    /// What was done.
    pub fault: String,
    /// How.
    pub method: String,
    /// The failure model.
    pub model: String,
    /// The layer.
    pub layer: String,
    /// Fault assumptions covered.
    pub covers: Vec<String>,
    /// What had to be seen.
    pub expected: String,
    /// Evidence kinds required.
    pub requires: Vec<String>,
    /// Rows of the partition matrix that it runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition: Vec<String>,
    /// Records of each kind.
    pub records: Vec<(String, u64)>,
}

/// One gate.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GateFacts {
    /// Its id.
    pub id: String,
    /// The question.
    pub title: String,
    /// What a pass proves.
    pub proves: String,
    /// What it cannot see.
    pub blind: String,
    /// Whether the profile asks for it.
    pub required: bool,
    /// The verdict.
    pub verdict: Verdict,
    /// One sentence of why.
    pub why: String,
    /// Whether a waiver in force covers it.
    pub waived: bool,
    /// How many records were judged.
    pub judged: u64,
    /// What it says about each test (test is empty for the release as a whole).
    pub tests: Vec<TestJudgement>,
}

impl GateFacts {
    /// The judgement that speaks for the gate, see [`telling`].
    #[must_use]
    pub fn deciding(&self) -> Option<&TestJudgement> {
        let judgements: Vec<&Judgement> = self.tests.iter().map(|t| &t.judgement).collect();
        self.tests.get(telling(self.verdict, &judgements)?)
    }
}

/// What a gate says about one test.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TestJudgement {
    /// The test; empty for the release as a whole.
    pub test: String,
    /// The judgement.
    #[serde(flatten)]
    pub judgement: Judgement,
}

/// One acceptance criterion.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CriterionFacts {
    /// Its number.
    pub number: u8,
    /// Its words.
    pub text: String,
    /// The gates that carry it, with their verdicts.
    pub gates: Vec<(String, Verdict)>,
    /// The worst of them; not applicable when the profile asks for none of them.
    pub verdict: Verdict,
}

/// One exclusion.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExclusionFacts {
    /// The gate.
    pub gate: String,
    /// Why.
    pub reason: String,
}

/// One waiver.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WaiverFacts {
    /// The gate.
    pub gate: String,
    /// Why.
    pub reason: String,
    /// By whose word.
    pub approver: String,
    /// The last day.
    pub expires: String,
    /// Where it is tracked.
    pub ticket: String,
    /// Whether it is in force, and if not, why.
    pub state: String,
}

/// One residual risk.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RiskFacts {
    /// Its id.
    pub id: String,
    /// Markdown.
    pub text: String,
    /// The gate concerned.
    pub gate: Option<String>,
}

/// One lock, which is one attempt.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LockFacts {
    /// Its path below `lock/` in the package.
    pub path: String,
    /// SHA-256 in hex.
    pub sha256: String,
    /// Its number, from 1.
    pub sequence: u64,
    /// SHA-256 of the one before it.
    pub previous: Option<String>,
    /// SHA-256 of the contract that it holds.
    pub contract: String,
    /// SHA-256 of the matrix that it holds.
    pub matrix: String,
    /// Seeds of the runs: name and value.
    pub seeds: Vec<(String, String)>,
    /// Why it was locked again.
    pub reason: Option<String>,
    /// Whether a signature lies beside it.
    pub signed: bool,
    /// How many evidence files were recorded under it.
    pub files: u64,
}

/// One evidence file.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ArtifactFacts {
    /// Path below the evidence root (below `evidence/` in the package).
    pub path: String,
    /// SHA-256 in hex; empty when absent.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Records in it.
    pub records: u64,
    /// Records that no binding reads.
    pub untaken: u64,
    /// How each binding reads it: test, kind, rows, and whatever chooses or changes what it says; then what the reader assumed.
    pub readings: Vec<String>,
    /// Whether it was generated.
    pub synthetic: bool,
    /// SHA-256 of the lock under which it was recorded, when it says so.
    pub lock: Option<String>,
    /// `whole`, or what is wrong with it.
    pub state: String,
    /// The tests that use it.
    pub tests: Vec<String>,
    /// Fields that nothing maps, with the number of records that have them.
    pub unmapped: Vec<(String, u64)>,
}
