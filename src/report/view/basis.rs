//! What a judgement rests on: figures with their numbers put in, and findings with their records.

use super::Source;
use crate::report::text::{group, line, name, or_dash};
use crate::verdict::{Figure, Finding, Judgement};
use serde::Serialize;

/// A number with its formula.
#[derive(Debug, Serialize)]
pub struct Number {
    test: String,
    id: String,
    symbol: String,
    formula: String,
    substitution: String,
    value: String,
    sources: Vec<Source>,
}

impl Number {
    pub(super) fn of(test: &str, figure: &Figure) -> Self {
        let unit = if figure.unit.is_empty() { String::new() } else { format!(" {}", name(&figure.unit)) };
        Self {
            test: name(test),
            id: name(&figure.id),
            symbol: name(&figure.symbol),
            formula: line(&figure.formula),
            substitution: line(&figure.substitution),
            value: format!("{}{unit}", name(&figure.value)),
            sources: Source::all(&figure.sources),
        }
    }
}

/// Something that was found.
#[derive(Debug, Serialize)]
pub struct Found {
    claim: String,
    data: Vec<(String, String)>,
    sources: Vec<Source>,
}

/// The most findings shown with one judgement.
const MOST_FOUND: usize = 6;

impl Found {
    pub(super) fn all(judgement: &Judgement) -> Vec<Self> {
        judgement.findings.iter().take(MOST_FOUND).map(Self::of).collect()
    }

    fn of(finding: &Finding) -> Self {
        Self {
            claim: spaced(&finding.claim),
            data: finding.data.iter().map(|(k, v)| (spaced(k), or_dash(v))).collect(),
            sources: Source::all(&finding.sources),
        }
    }
}

/// How many findings are shown of how many; empty when all are.
pub(super) fn more(judgement: &Judgement) -> String {
    let shown = judgement.findings.len().min(MOST_FOUND) as u64;
    let all = judgement.found.max(judgement.findings.len() as u64);
    if shown == all { String::new() } else { format!("Shown {} of {} findings.", group(shown), group(all)) }
}

/// `stale-accepted` as `stale accepted`.
fn spaced(id: &str) -> String {
    name(&id.replace(['-', '_'], " "))
}
