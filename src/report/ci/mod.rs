//! What build systems read: one file an output, one row a registration.
//!
//! In: a [`Dossier`] and where the contract stands. Out: bytes, the same for the same input. A gate that is inconclusive never looks
//! passed in any of them. Refuses to judge, and to know environments and streams.

mod ctrf;
mod github;
mod junit;
mod metrics;
mod sarif;
mod unjudged;

pub use github::{Annotations, annotations, not_judged, not_judged_summary, outputs, quiet, summary};
pub use unjudged::Unjudged;

use super::text::{line, name};
use super::view::equation;
use crate::dossier::{Dossier, GateFacts, TestJudgement};
use crate::error::Error;
use crate::verdict::Verdict;
use std::collections::BTreeMap;

/// Where the contract stands for the build system, and where in it each gate is asked for.
#[derive(Debug, Clone)]
pub struct Place {
    /// The contract's path as the user gave it, with `/`; its file name alone when that path was absolute.
    pub contract: String,
    /// The line of the profile, from 1.
    pub profile: u64,
    /// Lines of exclusions, waivers and objectives by gate.
    pub gates: BTreeMap<String, u64>,
}

impl Place {
    /// The line of the contract that a gate's outcome is shown at.
    #[must_use]
    pub fn line(&self, gate: &str) -> u64 {
        self.gates.get(gate).copied().unwrap_or(self.profile)
    }
}

/// One output.
#[derive(Debug)]
pub struct Output {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Makes it.
    pub make: fn(&Dossier, &Place) -> Result<Vec<u8>, Error>,
    /// Makes it of a run that came to no decision.
    pub unjudged: fn(&Unjudged<'_>) -> Result<Vec<u8>, Error>,
    /// What each of them begins with.
    pub begins: &'static str,
}

/// All outputs.
pub const OUTPUTS: &[Output] = &[
    Output {
        name: "junit",
        about: "JUnit XML: a case a gate; inconclusive is an error",
        make: junit::junit,
        unjudged: unjudged::as_junit,
        begins: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"quorate",
    },
    Output {
        name: "sarif",
        about: "SARIF 2.1.0: a result a gate that did not pass, at its line of the contract",
        make: sarif::sarif,
        unjudged: unjudged::as_sarif,
        begins: "{\n  \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n  \"runs\": [",
    },
    Output {
        name: "ctrf",
        about: "CTRF JSON: a test a gate",
        make: ctrf::ctrf,
        unjudged: unjudged::as_ctrf,
        begins: "{\n  \"generatedBy\": \"quorate\",\n  \"reportFormat\": \"CTRF\",",
    },
    Output {
        name: "metrics",
        about: "OpenMetrics text: verdicts, counts and figures",
        make: metrics::metrics,
        unjudged: unjudged::as_metrics,
        begins: "# TYPE quorate_decision stateset\n",
    },
];

/// How a gate ended, for outputs that know fewer words than we do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Passed,
    Failed,
    Unproven,
    /// Failed or unproven under a waiver in force.
    Waived,
    /// Not asked for, or excluded.
    Skipped,
}

fn ended(gate: &GateFacts) -> Ended {
    match gate.verdict {
        Verdict::Pass => Ended::Passed,
        Verdict::NotApplicable => Ended::Skipped,
        _ if gate.waived => Ended::Waived,
        Verdict::Fail => Ended::Failed,
        Verdict::Inconclusive => Ended::Unproven,
    }
}

/// Gates that the profile asks for, with those excluded.
fn asked(dossier: &Dossier) -> impl Iterator<Item = &GateFacts> {
    let excluded = |gate: &GateFacts| dossier.exclusions.iter().any(|e| e.gate == gate.id);
    dossier.gates.iter().filter(move |gate| gate.required || excluded(gate))
}

/// The most lines of detail that an output shows of one gate.
const MOST_LINES: usize = 60;

/// What one gate found, line by line: its numbers, and where they come from.
fn details(gate: &GateFacts) -> Vec<String> {
    let mut out = Vec::new();
    let open = |t: &&TestJudgement| t.judgement.verdict != Verdict::Pass || gate.verdict == Verdict::Pass;
    for test in gate.tests.iter().filter(open) {
        let judgement = &test.judgement;
        let whose = if test.test.is_empty() { "release" } else { test.test.as_str() };
        out.push(format!("{}: {}: {}", name(whose), judgement.verdict.word(), line(&judgement.why)));
        for figure in &judgement.figures {
            out.push(format!("  {}", line(&equation(figure))));
        }
        for finding in &judgement.findings {
            let data: Vec<String> = finding.data.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let at = finding.sources.first().map(|s| {
                let digest: String = s.sha256.chars().take(16).collect();
                format!(" at {}{} sha256:{digest}…", s.path, s.line.map(|l| format!(":{l}")).unwrap_or_default())
            });
            out.push(format!("  {}", line(&format!("{} {}{}", finding.claim, data.join(" "), at.unwrap_or_default()))));
        }
    }
    let rest = out.len().saturating_sub(MOST_LINES);
    out.truncate(MOST_LINES);
    if rest > 0 {
        out.push(format!("… and {rest} more lines in decision.json"));
    }
    out
}

/// The day of the dossier in milliseconds since 1970; 0 when there is none.
fn day_ms(dossier: &Dossier) -> u64 {
    let stamp = dossier.date.as_deref().map(|day| format!("{day}T00:00:00Z"));
    let time = stamp.and_then(|s| humantime::parse_rfc3339(&s).ok());
    let since = time.and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |d| d.as_secs() * 1000)
}
