//! Reads back from decision.json what two decisions are compared by.
//!
//! In: canonical JSON, of this version or another. Out: [`Summary`]. Fields that another version does not have are empty. Refuses to know
//! files.

use super::{Decision, open_verdicts};
use crate::verdict::Verdict;
use serde::Deserialize;
use std::collections::BTreeSet;

/// What a decision says, without findings and sources.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Summary {
    /// Name and version of the tool.
    pub tool: ToolSummary,
    /// The decision.
    pub decision: Decision,
    /// What is released.
    pub release: ReleaseSummary,
    /// The contract.
    pub contract: FileSummary,
    /// The matrix.
    pub matrix: FileSummary,
    /// The gates.
    pub gates: Vec<GateSummary>,
    /// The evidence files.
    #[serde(default)]
    pub artifacts: Vec<ArtifactSummary>,
}

/// Name and version of the tool.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ToolSummary {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What is released.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReleaseSummary {
    /// The service.
    pub service: String,
    /// Its version.
    pub version: String,
    /// The digest of the exact artifact.
    #[serde(default)]
    pub digest: Option<String>,
    /// The profile.
    #[serde(default)]
    pub profile: String,
}

/// A file by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FileSummary {
    /// SHA-256 in hex.
    pub sha256: String,
}

/// An evidence file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ArtifactSummary {
    /// Path below the evidence root.
    pub path: String,
    /// SHA-256 in hex; empty when it was not there.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
    /// The tests that use it.
    #[serde(default)]
    pub tests: Vec<String>,
}

/// A gate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GateSummary {
    /// Its id.
    pub id: String,
    /// Whether the profile asks for it.
    pub required: bool,
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    #[serde(default)]
    pub why: String,
    /// Whether a waiver in force covers it.
    #[serde(default)]
    pub waived: bool,
    /// What it says about each test.
    #[serde(default)]
    pub tests: Vec<TestSummary>,
}

/// What a gate says about one test.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TestSummary {
    /// The test; empty for the release as a whole.
    pub test: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    #[serde(default)]
    pub why: String,
    /// The objective.
    #[serde(default)]
    pub objective: String,
    /// What was measured.
    #[serde(default)]
    pub measured: String,
    /// Room left to the objective.
    #[serde(default)]
    pub margin: String,
    /// How many records were judged.
    #[serde(default)]
    pub judged: u64,
    /// How many findings there were.
    #[serde(default)]
    pub found: u64,
    /// The numbers.
    #[serde(default)]
    pub figures: Vec<FigureSummary>,
}

/// A number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FigureSummary {
    /// Its id.
    pub id: String,
    /// Its symbol.
    #[serde(default)]
    pub symbol: String,
    /// The number.
    pub value: String,
    /// Its unit.
    #[serde(default)]
    pub unit: String,
}

impl FigureSummary {
    /// The number with its unit.
    #[must_use]
    pub fn shown(&self) -> String {
        if self.unit.is_empty() { self.value.clone() } else { format!("{} {}", self.value, self.unit) }
    }
}

impl Summary {
    /// Reads a decision.
    ///
    /// # Errors
    /// What it lacks.
    pub fn read(decision: &[u8]) -> Result<Self, String> {
        let read: Self =
            serde_json::from_slice(decision).map_err(|e| format!("decision.json has not the shape of a decision: {e}"))?;
        let mut seen = BTreeSet::new();
        match read.gates.iter().find(|g| !seen.insert(&g.id)) {
            Some(gate) => Err(format!("decision.json names the gate {} twice", gate.id)),
            None => Ok(read),
        }
    }

    /// The decision that follows from the gates.
    #[must_use]
    pub fn follows(&self) -> Decision {
        open_verdicts(self.gates.iter().map(|g| (g.required && !g.waived, g.verdict)))
    }
}
