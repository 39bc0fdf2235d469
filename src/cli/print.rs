//! A dossier as terminal text: the verdict, the gate table, and why each gate that did not pass did not.

use crate::dossier::{Dossier, GateFacts};
use crate::error::visible;
use crate::verdict::{Figure, Judgement, SourceRef, Verdict};
use crate::words::plural;
use std::fmt::Write;

/// The most figures that are printed for one gate.
const MAX_FIGURES: usize = 6;

/// The longest word that is printed; `decision.json` has all of it.
const LONGEST_WORD: usize = 200;

/// Text with its very long words cut.
fn short(text: &str) -> String {
    let cut = |word: &str| match word.char_indices().nth(LONGEST_WORD) {
        Some((end, _)) => format!("{}… ({} more characters)", &word[..end], word[end..].chars().count()),
        None => word.to_string(),
    };
    text.split(' ').map(cut).collect::<Vec<_>>().join(" ")
}

/// A label with a value wrapped beside it.
pub(super) fn wrapped(label: &str, value: &str) -> String {
    let mut out = String::new();
    let mut line = format!("  {label:<18}");
    let mut width = line.chars().count();
    for word in short(value).split_whitespace() {
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

/// The decision in capitals, with what it was spared: `ACCEPT (1 waived, 2 excluded, without log.single-leader (safety))`.
pub(super) fn decision(dossier: &Dossier) -> String {
    let waived = dossier.gates.iter().filter(|g| g.waived).count();
    let spared = [(waived, "waived"), (dossier.exclusions.len(), "excluded")];
    let mut spared: Vec<String> = spared.iter().filter(|s| s.0 > 0).map(|(n, word)| format!("{n} {word}")).collect();
    spared.extend(dossier.unguarded().iter().map(|gate| format!("without {gate} (safety)")));
    let word = dossier.decision.word().to_uppercase();
    if spared.is_empty() { word } else { format!("{word} ({})", spared.join(", ")) }
}

/// The verdict, the gate table and the reasons.
pub(super) fn dossier(dossier: &Dossier) -> String {
    let mut out = String::new();
    let release = &dossier.release;
    let _ = writeln!(out, "{}  {} {}", decision(dossier), release.service, release.version);
    let question: Vec<&str> = release.question.split_whitespace().collect();
    let _ = writeln!(out, "{}\n", short(&visible(&question.join(" "))));
    let asked: Vec<&GateFacts> = dossier.gates.iter().filter(|g| g.verdict != Verdict::NotApplicable).collect();
    let id = asked.iter().map(|g| g.id.len()).max().unwrap_or(0);
    for gate in &asked {
        let judgement = gate.deciding().map(|t| &t.judgement);
        let measured = judgement.map_or("", |j| j.measured.as_str());
        let objective = judgement.map_or("", |j| j.objective.as_str());
        let against = if objective.is_empty() { String::new() } else { format!("({objective})") };
        let line = format!("  {:<15} {:id$}  n={:<7} {measured} {against}", glyph(gate), gate.id, gate.judged);
        let _ = writeln!(out, "{}", short(&visible(line.trim_end())));
    }
    for gate in asked.iter().filter(|g| g.verdict != Verdict::Pass) {
        out.push_str(&reasons(gate));
    }
    let count = |v: Verdict| dossier.gates.iter().filter(|g| g.verdict == v).count();
    let (pass, fail, open) = (count(Verdict::Pass), count(Verdict::Fail), count(Verdict::Inconclusive));
    let _ = writeln!(out, "\n{pass} passed, {fail} failed, {open} inconclusive, {} excluded", dossier.exclusions.len());
    for waiver in dossier.waivers.iter().filter(|w| w.state.starts_with("not in force")) {
        let _ = writeln!(out, "{}", short(&visible(&format!("the waiver of {} is {}", waiver.gate, waiver.state))));
    }
    let untaken: u64 = dossier.artifacts.iter().map(|a| a.untaken).sum();
    if untaken > 0 {
        let _ = writeln!(out, "{untaken} records are read by no binding: see the manifest");
    }
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
    let figures = most_telling(&deciding.judgement);
    for figure in &figures {
        out.push_str(&wrapped("figure", &visible(&equation(figure))));
    }
    if figures.len() < deciding.judgement.figures.len() {
        let rest = deciding.judgement.figures.len() - figures.len();
        out.push_str(&wrapped("", &format!("and {} in the report", plural(rest, "more figure", "more figures"))));
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

/// At most [`MAX_FIGURES`] figures: first those whose value is part of what was measured or asked, in their own order otherwise.
fn most_telling(judgement: &Judgement) -> Vec<&Figure> {
    let said = |text: &str, value: &str| {
        text.split(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-')).any(|word| !word.is_empty() && word == value)
    };
    let far = |figure: &&Figure| {
        let told = said(&judgement.measured, &figure.value) || said(&judgement.objective, &figure.value);
        !told && !said(&judgement.why, &figure.value)
    };
    let mut figures: Vec<&Figure> = judgement.figures.iter().collect();
    figures.sort_by_key(far);
    figures.truncate(MAX_FIGURES);
    figures
}

/// A figure as one chain of equations that says nothing twice.
fn equation(figure: &Figure) -> String {
    let mut parts = vec![figure.symbol.as_str()];
    let formula = figure.formula.strip_prefix(figure.symbol.as_str()).map(str::trim_start);
    let formula = formula.and_then(|f| f.strip_prefix("= ")).unwrap_or(&figure.formula);
    parts.extend([formula, figure.substitution.as_str()].into_iter().filter(|p| !p.is_empty()));
    let ends = |text: &str| text == figure.value || text.ends_with(&format!("= {}", figure.value));
    if !parts.last().is_some_and(|last| ends(last)) {
        parts.push(&figure.value);
    }
    parts.dedup();
    let unit = if figure.unit.is_empty() { String::new() } else { format!(" {}", figure.unit) };
    format!("{}{unit}", parts.join(" = "))
}

fn place(source: &SourceRef) -> String {
    let line = source.line.map(|l| format!(":{l}")).unwrap_or_default();
    let digest: String = source.sha256.chars().take(16).collect();
    format!("{}{line} sha256:{digest}…", source.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(formula: &str, substitution: &str, value: &str) -> Figure {
        let [id, symbol, formula, substitution, value] = ["f", "N", formula, substitution, value].map(String::from);
        Figure { id, symbol, formula, substitution, value, unit: "entries".into(), sources: Vec::new() }
    }

    #[test]
    fn an_equation_says_nothing_twice() {
        assert_eq!(equation(&figure("N = C − S", "12480 − 10000 = 2480", "2480")), "N = C − S = 12480 − 10000 = 2480 entries");
        assert_eq!(equation(&figure("x_(n)", "x_(7)", "3")), "N = x_(n) = x_(7) = 3 entries");
        assert_eq!(equation(&figure("writes", "3", "3")), "N = writes = 3 entries");
    }

    #[test]
    fn very_long_words_are_cut_and_counted() {
        let text = wrapped("why", &format!("{} {}é", "a".repeat(200), "w".repeat(1 << 20)));
        assert!(text.contains(&format!(" {}\n", "a".repeat(200))), "{text}");
        assert!(text.contains(&format!("{}…\n", "w".repeat(200))) && text.contains("(1048377 more characters)"), "{text}");
    }

    #[test]
    fn few_figures_are_printed_and_the_telling_ones_first() {
        let judgement = (0..9).fold(Judgement::fail("too many", 1).against("≤ 4", "8 lost", ""), |j, n| {
            j.figure(figure("f", "s", &n.to_string()))
        });
        let values: Vec<&str> = most_telling(&judgement).iter().map(|f| f.value.as_str()).collect();
        assert_eq!(values, ["4", "8", "0", "1", "2", "3"]);
    }
}
