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
        let (formula, substitution) = bare(figure);
        Self {
            test: name(test),
            id: name(&figure.id),
            symbol: if formula.starts_with(&figure.symbol) { String::new() } else { name(&figure.symbol) },
            formula: line(formula),
            substitution: line(substitution),
            value: format!("{}{unit}", name(&figure.value)),
            sources: Source::all(&figure.sources),
        }
    }
}

/// Formula and substitution without the symbol before them and the value after them, which are shown beside.
fn bare(figure: &Figure) -> (&str, &str) {
    let after = |text: &'_ str| text.strip_prefix(&figure.symbol).and_then(|t| t.trim_start().strip_prefix("= ")).map(str::len);
    let tail = |text: &'_ str| after(text).map_or(0, |rest| text.len() - rest);
    let (formula, put) = (&figure.formula[tail(&figure.formula)..], &figure.substitution[tail(&figure.substitution)..]);
    let before = |text: &'_ str, end: &str| text.strip_suffix(end).map(|t| t.trim_end().len());
    let ended = |to: usize| put[..to].strip_suffix('=').map(str::trim_end);
    let unit = before(put, &figure.unit).and_then(|to| before(&put[..to], &figure.value));
    (
        formula,
        unit.and_then(ended).or_else(|| before(put, &figure.value).and_then(ended)).filter(|t| !t.is_empty()).unwrap_or(put),
    )
}

/// A figure as one chain of equations that says nothing twice.
#[must_use]
pub fn equation(figure: &Figure) -> String {
    let (formula, put) = bare(figure);
    let value = format!("{} {}", figure.value, figure.unit);
    let value = value.trim_end();
    let put = if put == figure.value || put == value { "" } else { put };
    let mut parts = vec![figure.symbol.as_str(), formula, put, value];
    parts.retain(|part| !part.is_empty());
    parts.dedup();
    parts.join(" = ")
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
    name(id).replace(['-', '_'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equation_says_each_number_once() {
        let figure = |formula: &str, substitution: &str, value: &str| Figure {
            id: "id".into(),
            symbol: "N".into(),
            formula: formula.into(),
            substitution: substitution.into(),
            value: value.into(),
            unit: "entries".into(),
            sources: Vec::new(),
        };
        let cases = [
            (figure("N = L − S", "12480 − 10000 = 2480", "2480"), "N = L − S = 12480 − 10000 = 2480 entries"),
            (figure("L − S", "12480 − 10000", "2480"), "N = L − S = 12480 − 10000 = 2480 entries"),
            (figure("N_L − S", "N = 1 + 1 = 2 entries", "2"), "N = N_L − S = 1 + 1 = 2 entries"),
            (figure("x_(n)", "x_(7)", "3"), "N = x_(n) = x_(7) = 3 entries"),
            (figure("records", "7", "7"), "N = records = 7 entries"),
        ];
        for (figure, wanted) in cases {
            assert_eq!(equation(&figure), wanted);
        }
    }

    #[test]
    fn nothing_is_said_twice() {
        let figure = |formula: &str, substitution: &str| Figure {
            id: "replay-time".into(),
            symbol: "T".into(),
            formula: formula.into(),
            substitution: substitution.into(),
            value: "2.76".into(),
            unit: "s".into(),
            sources: Vec::new(),
        };
        for put in ["2480 / 900", "2480 / 900 = 2.76", "2480 / 900 = 2.76 s", "T = 2480 / 900 = 2.76 s"] {
            assert_eq!(bare(&figure("T = N / r", put)), ("N / r", "2480 / 900"), "{put}");
        }
        assert_eq!(bare(&figure("T + 1", "= 2.76")), ("T + 1", "= 2.76"));
    }
}
