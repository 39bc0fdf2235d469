//! What GitHub Actions reads: a step summary, annotations, outputs, and a fence around text that could hold commands.
//!
//! In: a dossier and its Markdown report. Out: texts. Text from evidence stands in no place where the runner reads commands.

use super::{Ended, Place, Unjudged, asked, ended};
use crate::dossier::{Dossier, GateFacts};
use crate::report::text::{count, line, markdown, sentence};
use std::fmt::Write;

/// The most bytes of a step summary; the runner drops a whole summary past 1 MiB.
const MOST_BYTES: usize = 900 * 1024;
/// What is kept free for the line that counts the sections left out.
const NOTE_BYTES: usize = 200;
/// What a summary gets although others before it have taken everything: enough for a verdict.
const LEAST_BYTES: usize = 8 * 1024;
/// The runner shows ten annotations of a kind and a step; the tenth says how many more there are.
const MOST_ANNOTATIONS: usize = 9;

/// The Markdown report without pictures, and without sections that do not fit into what is left of 900 KiB; the verdict always stays.
/// `taken` is what other summaries of the same step have already taken, in bytes: the runner counts them together.
#[must_use]
pub fn summary(markdown: &str, taken: u64) -> String {
    let most = MOST_BYTES.saturating_sub(usize::try_from(taken).unwrap_or(MOST_BYTES)).max(LEAST_BYTES) - NOTE_BYTES;
    let text: String = markdown.lines().filter(|l| !l.starts_with("![")).flat_map(|l| [l, "\n"]).collect();
    let mut sections: Vec<&str> = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.get(1..).and_then(|r| r.find("\n## ")).map(|at| at + 2) {
        sections.push(&rest[..at]);
        rest = &rest[at..];
    }
    sections.push(rest);
    let mut out = String::new();
    let mut dropped = 0;
    for (i, section) in sections.iter().enumerate() {
        let fits = out.len() + section.len() <= most;
        match (i, fits) {
            (_, true) => out.push_str(section),
            (0, false) => out.push_str(cut(section, most)),
            _ => dropped += 1,
        }
    }
    if dropped > 0 {
        let left = count(dropped, "section does", "sections do");
        let _ = write!(out, "\n\n{left} not fit into a summary: see data/report/report.md in the package.\n");
    }
    out
}

/// As much of the first section as fits, up to a line's end.
fn cut(section: &str, most: usize) -> &str {
    let mut end = most.min(section.len());
    while !section.is_char_boundary(end) {
        end -= 1;
    }
    section[..end].rfind('\n').map_or("", |at| &section[..=at])
}

/// Annotations as workflow commands, worst first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotations(pub Vec<String>);

/// At most nine, and one that counts the rest.
#[must_use]
pub fn annotations(dossier: &Dossier, place: &Place) -> Annotations {
    let mut open: Vec<&GateFacts> = asked(dossier).filter(|g| matches!(ended(g), Ended::Failed | Ended::Unproven)).collect();
    open.sort_by_key(|g| std::cmp::Reverse(g.verdict));
    let one = |gate: &&GateFacts| {
        let title = property(&format!("{} {}", gate.id, gate.verdict.word()));
        let (file, line) = (property(&place.contract), place.line(&gate.id));
        format!("::error file={file},line={line},title={title}::{}", message(&sentence(&gate.why)))
    };
    let mut out: Vec<String> = open.iter().take(MOST_ANNOTATIONS).map(one).collect();
    if open.len() > MOST_ANNOTATIONS {
        let rest = open.len() - MOST_ANNOTATIONS;
        out.push(format!("::error title=quorate::and {rest} more gates did not pass: see the summary"));
    }
    Annotations(out)
}

/// The faults of a run that came to no decision, as workflow commands: at most nine, and one that counts the rest.
#[must_use]
pub fn not_judged(run: &Unjudged<'_>) -> String {
    let title = property(&format!("quorate: {}", line(run.what)));
    let mut out = String::new();
    for (at, text) in run.faults.iter().take(MOST_ANNOTATIONS) {
        let place = at.map(|at| format!("file={},line={at},", property(run.contract))).unwrap_or_default();
        let _ = writeln!(out, "::error {place}title={title}::{}", message(&sentence(text)));
    }
    if let Some(rest) = run.faults.len().checked_sub(MOST_ANNOTATIONS).filter(|n| *n > 0) {
        let _ = writeln!(out, "::error title={title}::and {}", count(rest as u64, "more fault", "more faults"));
    }
    out
}

/// The summary of a run that came to no decision, in Markdown.
#[must_use]
pub fn not_judged_summary(run: &Unjudged<'_>) -> String {
    let faults: String = run.lines().iter().map(|text| format!("- {}\n", markdown(text))).collect();
    let (contract, what) = (markdown(&line(run.contract)), markdown(&line(run.what)));
    format!("# {contract}: NOT JUDGED\n\nThere is no decision on this release: {what}.\n\n{faults}")
}

/// A message of a workflow command.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

/// The outputs of the step, as lines for its output file. Every value is ours or folded to one line.
#[must_use]
pub fn outputs(values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (key, value) in values {
        let folded: Vec<&str> = value.split(['\r', '\n']).collect();
        let _ = writeln!(out, "{key}={}", folded.join(" "));
    }
    out
}

/// Text between stop-commands, so that no line of it is taken for a command. The token is a digest of a text that holds the evidence's
/// own digests, which no evidence can foretell.
#[must_use]
pub fn quiet(text: &str, token: &str) -> String {
    let token: String = token.chars().filter(char::is_ascii_alphanumeric).collect();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("::stop-commands::{token}\n{text}{end}::{token}::\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_summary_keeps_its_verdict() {
        let long = "x\n".repeat(500_000);
        let text = format!(
            "# a 1: REJECT\n\nwhy\n\n![plot](charts/a.svg)\n\n## One\n\nshort\n\n## Two\n\n{long}\n## Three\n\nshort too\n"
        );
        let made = summary(&text, 0);
        assert!(made.starts_with("# a 1: REJECT") && made.contains("## One") && made.contains("## Three"), "{}", made.len());
        assert!(!made.contains("## Two") && !made.contains("![plot]") && made.contains("1 section does not fit"));
        let huge = summary(&format!("# a 1: REJECT\né{long}{long}"), 0);
        assert!(huge.len() <= MOST_BYTES && huge.starts_with("# a 1: REJECT"));
        let full = |n: usize| format!("# a 1: REJECT\n\n{}\n## One\n\nshort\n## Two\n\nshort\n", "y".repeat(n));
        for n in (MOST_BYTES - 400..MOST_BYTES).step_by(13) {
            let made = summary(&full(n), 0);
            assert!(made.len() < MOST_BYTES && made.starts_with("# a 1: REJECT"), "{n}: {}", made.len());
        }
        let second = summary(&text, 899 * 1024);
        assert!(second.len() <= LEAST_BYTES && second.starts_with("# a 1: REJECT") && second.contains("## One"));
        assert!(!summary(&full(20_000), u64::MAX).contains("yyy"), "no half line");
    }

    #[test]
    fn commands_in_text_are_dead() {
        assert_eq!(message("50 %\n::error::x"), "50 %25%0A::error::x");
        assert_eq!(property("a:b,c"), "a%3Ab%2Cc");
        assert_eq!(outputs(&[("k", "a\nb=c")]), "k=a b=c\n");
        assert_eq!(quiet("::error::x", "ab\n::cd"), "::stop-commands::abcd\n::error::x\n::abcd::\n");
    }
}
