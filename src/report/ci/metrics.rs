//! OpenMetrics text, for a push gateway or a text-file collector.
//!
//! In: a dossier. Out: the decision and every gate's verdict as state sets, counts, and every figure that is a number, with fixed decimals.

use super::{Place, asked};
use crate::dossier::{Decision, Dossier};
use crate::error::Error;
use crate::exact::Ratio;
use crate::report::text::name;
use crate::verdict::Verdict;
use std::collections::BTreeSet;
use std::fmt::Write;

const DECISIONS: [Decision; 3] = [Decision::Accept, Decision::Reject, Decision::Inconclusive];
const VERDICTS: [Verdict; 4] = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::NotApplicable];

pub(super) fn metrics(dossier: &Dossier, _: &Place) -> Result<Vec<u8>, Error> {
    let mut out = String::new();
    decided(&mut out, Some(dossier.decision));
    release(&mut out, dossier);
    gates(&mut out, dossier);
    figures(&mut out, dossier);
    out.push_str("# EOF\n");
    Ok(out.into_bytes())
}

fn head(out: &mut String, metric: &str, kind: &str, help: &str) {
    let _ = write!(out, "# TYPE {metric} {kind}\n# HELP {metric} {help}\n");
}

/// A label value, escaped.
fn label(text: &str) -> String {
    name(text).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn release(out: &mut String, dossier: &Dossier) {
    head(out, "quorate_release", "info", "What was judged, by which contract and tool.");
    let facts = [
        ("service", dossier.release.service.as_str()),
        ("version", &dossier.release.version),
        ("profile", &dossier.release.profile),
        ("contract_sha256", &dossier.contract.sha256),
        ("tool_version", dossier.tool.version),
    ];
    let labels: Vec<String> = facts.iter().map(|(k, v)| format!("{k}=\"{}\"", label(v))).collect();
    let _ = writeln!(out, "quorate_release_info{{{}}} 1", labels.join(","));
}

/// The decision; `error` where there is none.
fn decided(out: &mut String, decision: Option<Decision>) {
    head(out, "quorate_decision", "stateset", "The decision on the release.");
    for state in DECISIONS.map(Some).into_iter().chain([None]) {
        let word = state.map_or("error", Decision::word);
        let _ = writeln!(out, "quorate_decision{{quorate_decision=\"{word}\"}} {}", u8::from(state == decision));
    }
}

/// Of a run that came to no decision.
pub(super) fn error() -> Vec<u8> {
    let mut out = String::new();
    decided(&mut out, None);
    out.push_str("# EOF\n");
    out.into_bytes()
}

fn gates(out: &mut String, dossier: &Dossier) {
    head(out, "quorate_gate", "stateset", "The verdict of each gate that the profile asks for.");
    for gate in asked(dossier) {
        for verdict in VERDICTS {
            let on = u8::from(verdict == gate.verdict);
            let _ = writeln!(out, "quorate_gate{{gate=\"{}\",quorate_gate=\"{}\"}} {on}", label(&gate.id), verdict.word());
        }
    }
    head(out, "quorate_gate_waived", "gauge", "Whether a waiver in force covers the gate.");
    for gate in asked(dossier) {
        let _ = writeln!(out, "quorate_gate_waived{{gate=\"{}\"}} {}", label(&gate.id), u8::from(gate.waived));
    }
    head(out, "quorate_gate_judged_records", "gauge", "Records that the gate judged.");
    for gate in asked(dossier) {
        let _ = writeln!(out, "quorate_gate_judged_records{{gate=\"{}\"}} {}", label(&gate.id), gate.judged);
    }
}

fn figures(out: &mut String, dossier: &Dossier) {
    head(out, "quorate_figure", "gauge", "Numbers behind the verdicts, in the unit of the label.");
    let mut seen = BTreeSet::new();
    for gate in asked(dossier) {
        for test in &gate.tests {
            for figure in &test.judgement.figures {
                let Some(value) = decimal(&figure.value) else { continue };
                let parts = [("gate", &gate.id), ("test", &test.test), ("figure", &figure.id), ("unit", &figure.unit)];
                let labels: Vec<String> = parts.iter().map(|(k, v)| format!("{k}=\"{}\"", label(v))).collect();
                if seen.insert(labels.clone()) {
                    let _ = writeln!(out, "quorate_figure{{{}}} {value}", labels.join(","));
                }
            }
        }
    }
}

/// A plain decimal, as it was printed; nothing for a figure that is no number.
fn decimal(value: &str) -> Option<String> {
    let plain = value.replace(',', "").replace('−', "-");
    let digits = plain.strip_prefix('-').unwrap_or(&plain);
    let decimal = digits.split('.').count() <= 2 && digits.starts_with(|c: char| c.is_ascii_digit());
    let sound = decimal && digits.chars().all(|c| c.is_ascii_digit() || c == '.') && !digits.ends_with('.');
    (sound && Ratio::parse(&plain).is_some()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_numbers_are_figures() {
        let cases = [("12,480", Some("12480")), ("−0.25", Some("-0.25")), ("2.600", Some("2.600")), ("true", None)];
        for (value, wanted) in cases {
            assert_eq!(decimal(value).as_deref(), wanted);
        }
        assert_eq!([decimal("1."), decimal("1/3"), decimal(""), decimal("1e9"), decimal(".5")], [const { None }; 5]);
    }
}
