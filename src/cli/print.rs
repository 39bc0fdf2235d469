//! A dossier as terminal text: the verdict, the gate table, and why each gate that did not pass did not.

use crate::dossier::{Dossier, GateFacts};
use crate::error::visible;
use crate::verdict::{SourceRef, Verdict};
use std::fmt::Write;

/// A label with a value wrapped beside it.
pub(super) fn wrapped(label: &str, value: &str) -> String {
    let mut out = String::new();
    let mut line = format!("  {label:<18}");
    let mut width = line.chars().count();
    for word in value.split_whitespace() {
        let n = word.chars().count();
        if width + n > 110 && width > 20 {
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(20);
            width = 20;
        }
        let _ = write!(line, "{word} ");
        width += n + 1;
    }
    let _ = writeln!(out, "{}", line.trim_end());
    out
}

fn glyph(gate: &GateFacts) -> &'static str {
    match (gate.verdict, gate.waived) {
        (Verdict::Pass, _) => "✔ pass",
        (Verdict::NotApplicable, _) => "– n/a",
        (_, true) => "~ waived",
        (Verdict::Fail, _) => "✖ FAIL",
        (Verdict::Inconclusive, _) => "? inconclusive",
    }
}

/// The verdict, the gate table and the reasons.
pub(super) fn dossier(dossier: &Dossier) -> String {
    let mut out = String::new();
    let release = &dossier.release;
    let _ = writeln!(out, "{}  {} {}", dossier.decision.word().to_uppercase(), release.service, release.version);
    let _ = writeln!(out, "{}\n", visible(&release.question));
    let asked: Vec<&GateFacts> = dossier.gates.iter().filter(|g| g.verdict != Verdict::NotApplicable).collect();
    let id = asked.iter().map(|g| g.id.len()).max().unwrap_or(0);
    for gate in &asked {
        let judgement = gate.deciding().map(|t| &t.judgement);
        let measured = judgement.map_or("", |j| j.measured.as_str());
        let objective = judgement.map_or("", |j| j.objective.as_str());
        let line = format!("  {:<15} {:id$}  n={:<7} {measured} {objective}", glyph(gate), gate.id, gate.judged);
        let _ = writeln!(out, "{}", visible(line.trim_end()));
    }
    for gate in asked.iter().filter(|g| g.verdict != Verdict::Pass) {
        out.push_str(&reasons(gate));
    }
    let count = |v: Verdict| dossier.gates.iter().filter(|g| g.verdict == v).count();
    let (pass, fail, open) = (count(Verdict::Pass), count(Verdict::Fail), count(Verdict::Inconclusive));
    let _ = writeln!(out, "\n{pass} passed, {fail} failed, {open} inconclusive, {} excluded", dossier.exclusions.len());
    if dossier.artifacts.iter().any(|a| a.synthetic) {
        let _ = writeln!(out, "the evidence is synthetic: it was generated, not recorded");
    }
    out
}

fn reasons(gate: &GateFacts) -> String {
    let mut out = format!("\n{} {}\n", gate.id, gate.verdict.word());
    out.push_str(&wrapped("why", &visible(&gate.why)));
    let Some(deciding) = gate.deciding() else {
        return out;
    };
    if !deciding.test.is_empty() {
        out.push_str(&wrapped("test", &deciding.test));
    }
    for figure in &deciding.judgement.figures {
        let unit = if figure.unit.is_empty() { String::new() } else { format!(" {}", figure.unit) };
        let text = format!("{} = {} = {} = {}{unit}", figure.symbol, figure.formula, figure.substitution, figure.value);
        out.push_str(&wrapped("figure", &visible(&text)));
    }
    for finding in deciding.judgement.findings.iter().take(4) {
        let data: Vec<String> = finding.data.iter().map(|(k, v)| format!("{k}={v}")).collect();
        out.push_str(&wrapped(&finding.claim, &visible(&data.join(" "))));
        if let Some(source) = finding.sources.first() {
            out.push_str(&wrapped("at", &visible(&place(source))));
        }
    }
    out
}

fn place(source: &SourceRef) -> String {
    let line = source.line.map(|l| format!(":{l}")).unwrap_or_default();
    let digest: String = source.sha256.chars().take(16).collect();
    format!("{}{line} sha256:{digest}…", source.path)
}
