//! A dossier as terminal text: the verdict, the gate table, and why each gate that did not pass did not.

use crate::dossier::{Decision, Dossier, GateFacts};
use crate::error::visible;
use crate::report::equation;
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

/// How results are to look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    columns: usize,
    coloured: bool,
}

impl Look {
    pub(super) fn new(env: &super::Env) -> Self {
        Self { columns: super::columns(env.columns), coloured: env.coloured }
    }

    /// A text in the colour of a verdict; the word and its sign say the same without.
    fn paint(self, verdict: Verdict, text: &str) -> String {
        let code = match verdict {
            Verdict::Pass => "32",
            Verdict::Fail => "1;31",
            Verdict::Inconclusive => "36",
            Verdict::NotApplicable => return text.to_string(),
        };
        if self.coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}

/// A label with a value wrapped beside it; a label that is too long for that has its own line.
pub(super) fn wrapped(label: &str, value: &str, look: Look) -> String {
    let mut out = String::new();
    let mut line = format!("  {label:<18}");
    let mut width = line.chars().count();
    if label.chars().count() > 17 {
        let _ = writeln!(out, "{}", line.trim_end());
        line = " ".repeat(20);
        width = 20;
    }
    for word in short(value).split_whitespace() {
        let n = word.chars().count();
        if width + n > look.columns && width > 20 {
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

/// The decision of a dossier as a verdict, for its colour.
fn verdict(dossier: &Dossier) -> Verdict {
    match dossier.decision {
        Decision::Accept => Verdict::Pass,
        Decision::Reject => Verdict::Fail,
        Decision::Inconclusive => Verdict::Inconclusive,
    }
}

/// [`decision`] in its colour.
pub(super) fn painted(dossier: &Dossier, look: Look) -> String {
    look.paint(verdict(dossier), &decision(dossier))
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
pub(super) fn dossier(dossier: &Dossier, look: Look) -> String {
    let mut out = String::new();
    let release = &dossier.release;
    let _ = writeln!(out, "{}  {} {}", painted(dossier, look), release.service, release.version);
    let question: Vec<&str> = release.question.split_whitespace().collect();
    let _ = writeln!(out, "{}\n", short(&visible(&question.join(" "))));
    let asked: Vec<&GateFacts> = dossier.gates.iter().filter(|g| g.verdict != Verdict::NotApplicable).collect();
    let (unserved, judged): (Vec<&GateFacts>, Vec<&GateFacts>) = asked.into_iter().partition(|g| unserved(g).is_some());
    let id = judged.iter().map(|g| g.id.len()).max().unwrap_or(0);
    for gate in &judged {
        out.push_str(&row(gate, id, look));
    }
    if !unserved.is_empty() {
        let words = plural(unserved.len(), "gate that no test serves: see the end", "gates that no test serves: see the end");
        let _ = writeln!(out, "  {} {words}", look.paint(Verdict::Inconclusive, &format!("{:<15}", "? inconclusive")));
    }
    for gates in alike(judged.iter().copied().filter(|g| g.verdict != Verdict::Pass)) {
        out.push_str(&reasons(&gates, look));
    }
    out.push_str(&wanting(&unserved, look));
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

/// One line of the table; what was measured goes below where it does not fit beside.
fn row(gate: &GateFacts, id: usize, look: Look) -> String {
    let judgement = gate.deciding().map(|t| &t.judgement);
    let measured = judgement.map_or("", |j| j.measured.as_str());
    let objective = judgement.map_or("", |j| j.objective.as_str());
    let against = if objective.is_empty() { String::new() } else { format!(" ({objective})") };
    let head = format!("{:id$}  n={:<7}", gate.id, gate.judged);
    let said = short(&visible(&format!("{measured}{against}")));
    let fits = 18 + head.chars().count() + 1 + said.chars().count() <= look.columns;
    let between = if fits || said.is_empty() { " ".to_string() } else { format!("\n{}", " ".repeat(20)) };
    let line = format!("{}{between}{said}", visible(&head));
    format!("  {} {}\n", look.paint(gate.verdict, &format!("{:<15}", glyph(gate))), line.trim_end())
}

/// What no test requires, of a gate that nothing was judged by for that reason alone.
fn unserved(gate: &GateFacts) -> Option<&str> {
    let open = gate.verdict == Verdict::Inconclusive && gate.judged == 0 && !gate.waived;
    gate.why.strip_prefix("no test requires ").filter(|_| open)
}

/// Inconclusive gates for one and the same reason on one and the same test are told of together; all others each alone.
fn alike<'d>(gates: impl Iterator<Item = &'d GateFacts>) -> Vec<Vec<&'d GateFacts>> {
    let test = |gate: &GateFacts| gate.deciding().map(|t| t.test.clone());
    let mut groups: Vec<Vec<&GateFacts>> = Vec::new();
    for gate in gates {
        let same = |group: &&mut Vec<&GateFacts>| {
            let first = group[0];
            let open = first.verdict == Verdict::Inconclusive && gate.verdict == first.verdict && gate.waived == first.waived;
            open && first.why == gate.why && test(first) == test(gate)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(gate),
            None => groups.push(vec![gate]),
        }
    }
    groups
}

/// The gates that no test serves, by what would serve them.
fn wanting(gates: &[&GateFacts], look: Look) -> String {
    let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
    for gate in gates {
        let wanted = unserved(gate).unwrap_or_default();
        match kinds.iter_mut().find(|k| k.0 == wanted) {
            Some(kind) => kind.1.push(&gate.id),
            None => kinds.push((wanted, vec![&gate.id])),
        }
    }
    let lines = kinds.iter().map(|(wanted, ids)| {
        let heading = format!("no test requires {}", visible(wanted));
        format!("\n{heading}\n{}", wrapped(&plural(ids.len(), "gate", "gates"), &ids.join(", "), look))
    });
    lines.collect()
}

fn reasons(gates: &[&GateFacts], look: Look) -> String {
    let wrapped = |label: &str, value: &str| wrapped(label, value, look);
    let [gate, others @ ..] = gates else { return String::new() };
    let mut out = format!("\n{} {}\n", gate.id, look.paint(gate.verdict, gate.verdict.word()));
    if !others.is_empty() {
        let ids: Vec<&str> = others.iter().map(|g| g.id.as_str()).collect();
        out.push_str(&wrapped("also", &ids.join(", ")));
    }
    out.push_str(&wrapped("why", &visible(&gate.why)));
    let Some(deciding) = gate.deciding() else {
        return out;
    };
    if !deciding.test.is_empty() {
        out.push_str(&wrapped("test", &deciding.test));
    }
    if !others.is_empty() {
        return out;
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

fn place(source: &SourceRef) -> String {
    let line = source.line.map(|l| format!(":{l}")).unwrap_or_default();
    let digest: String = source.sha256.chars().take(16).collect();
    format!("{}{line} sha256:{digest}…", source.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { columns: 60, coloured: false };

    fn gate(id: &str, why: &str, judged: u64) -> GateFacts {
        let [id, why] = [id, why].map(String::from);
        let (title, proves, blind) = Default::default();
        GateFacts {
            id,
            title,
            proves,
            blind,
            required: true,
            verdict: Verdict::Inconclusive,
            why,
            waived: false,
            judged,
            tests: Vec::new(),
        }
    }

    #[test]
    fn gates_that_no_test_serves_are_told_of_in_one_line_a_kind() {
        let gates = [("a.one", "log"), ("a.two", "members"), ("a.three", "log")]
            .map(|(id, kind)| gate(id, &format!("no test requires {kind}"), 0));
        assert!(gates.iter().all(|g| unserved(g).is_some()));
        assert!(unserved(&gate("a.four", "no test requires log", 3)).is_none(), "something was judged");
        let text = wanting(&gates.iter().collect::<Vec<_>>(), LOOK);
        assert_eq!(
            text,
            "\nno test requires log\n  2 gates           a.one, a.three\n\nno test requires members\n  1 gate            a.two\n"
        );
    }

    #[test]
    fn one_reason_is_told_once() {
        let gates = [gate("a.one", "no traffic", 4), gate("a.two", "too few", 4), gate("a.three", "no traffic", 9)];
        let groups = alike(gates.iter());
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        let text = reasons(&groups[0], LOOK);
        assert_eq!(text, "\na.one inconclusive\n  also              a.three\n  why               no traffic\n");
    }

    #[test]
    fn labels_and_values_stay_apart_and_within_the_width() {
        let text = wrapped("a-label-that-is-too-long", &"word ".repeat(30), LOOK);
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        assert!(text.starts_with("  a-label-that-is-too-long\n                    word word"), "{text}");
        let row = row(&gate(&"g".repeat(40), "", 1), 40, LOOK);
        assert_eq!(row.lines().count(), 1, "{row}");
    }

    #[test]
    fn colour_is_only_added() {
        let gate = gate("a.one", "no traffic", 4);
        let coloured = row(&gate, 5, Look { coloured: true, ..LOOK });
        assert!(coloured.contains("\u{1b}[36m? inconclusive"), "{coloured:?}");
        assert_eq!(coloured.replace("\u{1b}[36m", "").replace("\u{1b}[0m", ""), row(&gate, 5, LOOK));
    }

    fn figure(formula: &str, substitution: &str, value: &str) -> Figure {
        let [id, symbol, formula, substitution, value] = ["f", "N", formula, substitution, value].map(String::from);
        Figure { id, symbol, formula, substitution, value, unit: "entries".into(), sources: Vec::new() }
    }

    #[test]
    fn very_long_words_are_cut_and_counted() {
        let text = wrapped("why", &format!("{} {}é", "a".repeat(200), "w".repeat(1 << 20)), LOOK);
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
