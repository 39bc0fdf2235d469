//! Gates: the table of the first page, the gates that did not pass, and the blocks of the sections.
//!
//! In: the gates of a dossier. Out: rows, cards and blocks of words. Refuses to judge and to compute: intervals are those of figures.

use super::basis::{Found, Number, more};
use super::{Mark, Pair, anchor, commands, judged, shown};
use crate::dossier::{Dossier, GateFacts, TestJudgement};
use crate::report::text::{cell, count, group, line, name, sentence};
use crate::verdict::{Figure, Judgement, Verdict};
use serde::Serialize;

/// The gates of one family.
#[derive(Debug, Serialize)]
pub struct Family {
    name: String,
    about: &'static str,
    /// The worst verdict in it.
    mark: Mark,
    /// How many gates have each verdict, worst first.
    tally: Vec<Tally>,
    gates: Vec<Row>,
}

/// How many gates have a verdict.
#[derive(Debug, Serialize)]
pub struct Tally {
    mark: Mark,
    number: String,
}

/// What the families ask, in a few words.
const ABOUT: [(&str, &str); 15] = [
    ("contract", "what was promised and planned"),
    ("quorum", "who must agree"),
    ("log", "what was committed stays committed"),
    ("fencing", "stale authority is turned away"),
    ("partition", "each side of a cut does what it may"),
    ("recovery", "how soon, and in which order"),
    ("commands", "each takes effect once"),
    ("consistency", "what clients saw"),
    ("latency", "how long clients waited"),
    ("budget", "what a failover costs"),
    ("telemetry", "whether operators can see it"),
    ("scenarios", "enough runs, against a baseline"),
    ("atomic-commit", "all or nothing across participants"),
    ("votes", "what may be counted"),
    ("integrity", "whether the evidence can be relied on"),
];

/// One gate in the table.
#[derive(Debug, Serialize)]
pub struct Row {
    id: String,
    anchor: String,
    title: String,
    objective: String,
    measured: String,
    margin: String,
    interval: String,
    judged: String,
    /// Whether objective, measured value, margin and interval are all absent.
    plain: bool,
    /// Which test the numbers are of, and of how many.
    of: String,
    mark: Mark,
    waived: bool,
    required: bool,
    /// Whether it is explained above the sections.
    open: bool,
    why: String,
}

pub(super) fn families(dossier: &Dossier) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for gate in judged(dossier) {
        let family = name(gate.id.split('.').next().unwrap_or_default());
        if families.last().is_none_or(|f| f.name != family) {
            let about = ABOUT.iter().find(|a| a.0 == family).map_or("", |a| a.1);
            let of = judged(dossier).filter(|g| name(g.id.split('.').next().unwrap_or_default()) == family);
            let verdicts: Vec<Verdict> = of.map(|g| g.verdict).collect();
            let mark = Mark::of(verdicts.iter().copied().max().unwrap_or(Verdict::NotApplicable));
            families.push(Family { name: family, about, mark, tally: tally(&verdicts), gates: Vec::new() });
        }
        if let Some(last) = families.last_mut() {
            last.gates.push(row(gate));
        }
    }
    families
}

fn tally(verdicts: &[Verdict]) -> Vec<Tally> {
    let number = |verdict: Verdict| verdicts.iter().filter(|v| **v == verdict).count() as u64;
    let some = [Verdict::Fail, Verdict::Inconclusive, Verdict::Pass].into_iter().filter(|v| number(*v) > 0);
    some.map(|v| Tally { mark: Mark::of(v), number: group(number(v)) }).collect()
}

/// How many gates did not pass, in words.
pub(super) fn not_passed(dossier: &Dossier) -> String {
    match judged(dossier).filter(|g| open_verdict(g.verdict)).count() as u64 {
        0 => "Every gate that was judged passed.".into(),
        n => format!("{} did not pass.", count(n, "gate", "gates")),
    }
}

/// The interval of what was measured: the bound that a figure gives, or the range that its substitution states.
fn interval(judgement: &Judgement) -> String {
    let bounds = |f: &&Figure| f.id.ends_with("-upper") || f.id == "zero-failure-bound";
    if let Some(f) = judgement.figures.iter().find(bounds) {
        return cell(format!("≤ {} {}", f.value, f.unit).trim_end());
    }
    let ranges: Vec<(&Figure, String)> = judgement.figures.iter().filter_map(|f| Some((f, range(&f.substitution)?))).collect();
    let told = ranges.iter().find(|(f, _)| judgement.measured.split(' ').any(|word| word == f.value));
    match (told, ranges.as_slice()) {
        (Some((_, range)), _) | (None, [(_, range)]) => cell(range),
        (None, []) => cell(""),
        (None, several) => format!("{} intervals", group(several.len() as u64)),
    }
}

/// `A to B` of a text that says `from A to B`, when both begin with a digit.
fn range(text: &str) -> Option<String> {
    let rest = text.split("from ").nth(1)?;
    let (low, rest) = rest.split_once(" to ")?;
    let mut words = rest.split([' ', ';', ',']);
    let (high, unit) = (words.next()?, words.next().filter(|u| *u == "%"));
    let number = |t: &str| t.starts_with(|c: char| c.is_ascii_digit());
    (number(low) && number(high) && low.len() < 30).then(|| format!("{low} to {high}{}", unit.map_or("", |_| " %")))
}

pub(super) fn row(gate: &GateFacts) -> Row {
    let telling = gate.deciding();
    let judgement = telling.map(|t| &t.judgement);
    let bare = judgement.is_none_or(|j| j.objective.is_empty() && j.measured.is_empty());
    let text = |field: Option<&String>| cell(field.map_or("", String::as_str));
    let of = match telling {
        _ if bare => String::new(),
        Some(t) if !t.test.is_empty() && gate.tests.len() > 1 => {
            format!("{}, one of {}", name(&t.test), count(gate.tests.len() as u64, "test", "tests"))
        }
        Some(t) => name(&t.test),
        None => String::new(),
    };
    let interval = judgement.map_or_else(|| cell(""), interval);
    Row {
        id: name(&gate.id),
        anchor: anchor(&gate.id),
        title: line(&gate.title),
        objective: text(judgement.map(|j| &j.objective)),
        measured: text(judgement.map(|j| &j.measured)),
        margin: text(judgement.map(|j| &j.margin)),
        plain: judgement.is_none_or(|j| [&j.objective, &j.measured, &j.margin].iter().all(|t| t.is_empty())) && interval == "–",
        interval,
        judged: group(gate.judged),
        of,
        mark: Mark::of(gate.verdict),
        waived: gate.waived,
        required: gate.required,
        open: gate.verdict != Verdict::Pass,
        why: sentence(&gate.why),
    }
}

/// A gate that did not pass.
#[derive(Debug, Serialize)]
pub struct Open {
    #[serde(flatten)]
    row: Row,
    cases: Vec<Case>,
    /// Whether several tests are shown.
    several: bool,
    more: String,
    commands: Vec<Pair>,
}

/// What such a gate says about one test.
#[derive(Debug, Serialize)]
pub struct Case {
    test: String,
    mark: Mark,
    why: String,
    objective: String,
    measured: String,
    margin: String,
    judged: String,
    /// `12 records judged`.
    judged_words: String,
    figures: Vec<Number>,
    findings: Vec<Found>,
    more: String,
}

/// The most tests shown with one gate that did not pass.
const MOST_CASES: usize = 6;

/// All gates that did not pass: failed ones first, among those waived ones last, and what other gates rest on before them.
pub(super) fn open(dossier: &Dossier) -> Vec<Open> {
    let mut open: Vec<&GateFacts> = judged(dossier).filter(|g| open_verdict(g.verdict)).collect();
    open.sort_by_key(|g| (std::cmp::Reverse(g.verdict), g.waived, !g.id.starts_with("integrity.")));
    open.into_iter().map(|g| one_open(dossier, g)).collect()
}

fn one_open(dossier: &Dossier, gate: &GateFacts) -> Open {
    let mut tests: Vec<&TestJudgement> = gate.tests.iter().filter(|t| open_verdict(t.judgement.verdict)).collect();
    tests.sort_by_key(|t| std::cmp::Reverse(t.judgement.verdict));
    let rest = tests.len().saturating_sub(MOST_CASES) as u64;
    Open {
        row: row(gate),
        cases: tests.iter().take(MOST_CASES).map(|t| case(t)).collect(),
        several: tests.len() > 1,
        more: if rest == 0 {
            String::new()
        } else {
            format!("{} more did not pass; see the section.", count(rest, "test", "tests"))
        },
        commands: commands::gate(dossier, &name(&gate.id), &tests.iter().map(|t| &t.judgement).collect::<Vec<_>>()),
    }
}

fn open_verdict(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Fail | Verdict::Inconclusive)
}

fn case(test: &TestJudgement) -> Case {
    let judgement = &test.judgement;
    Case {
        test: name(&test.test),
        mark: Mark::of(judgement.verdict),
        why: sentence(&judgement.why),
        objective: cell(&judgement.objective),
        measured: cell(&judgement.measured),
        margin: cell(&judgement.margin),
        judged: group(judgement.judged),
        judged_words: records(judgement),
        figures: judgement.figures.iter().take(MOST_FIGURES).map(|f| Number::of(&test.test, f)).collect(),
        findings: Found::all(judgement),
        more: more(judgement),
    }
}

/// `12 records judged`.
fn records(judgement: &Judgement) -> String {
    format!("{} judged", count(judgement.judged, "record", "records"))
}

/// A gate in its section.
#[derive(Debug, Serialize)]
pub struct Block {
    #[serde(flatten)]
    row: Row,
    tests: Vec<TestRow>,
    /// Whether there is at most one test, so that no table is needed.
    lone: bool,
    /// Whether no test has an objective, a measured value or a margin.
    bare: bool,
    figures: Vec<Number>,
    more: String,
    /// How many tests are shown of how many, worst first; empty when all are.
    tests_more: String,
    /// The tests that do not exercise the gate; empty when each does, or none.
    idle: String,
    /// `12 tests, 3 figures`: what can be unfolded.
    inside: String,
}

/// What the gate says about one test.
#[derive(Debug, Serialize)]
pub struct TestRow {
    test: String,
    mark: Mark,
    objective: String,
    measured: String,
    margin: String,
    judged: String,
    judged_words: String,
    why: String,
}

/// The most tests shown with one gate.
const MOST_TESTS: usize = 40;
/// The most figures shown with one gate.
const MOST_FIGURES: usize = 12;

pub(super) fn block(gate: &GateFacts) -> Block {
    let figures = || gate.tests.iter().flat_map(|t| t.judgement.figures.iter().map(|f| (&t.test, f)));
    let all = figures().count();
    let (rest, mut tests): (Vec<&TestJudgement>, Vec<&TestJudgement>) =
        gate.tests.iter().partition(|t| t.judgement.verdict == Verdict::NotApplicable && gate.tests.len() > 1);
    let idle: Vec<String> = rest.iter().map(|t| name(&t.test)).collect();
    let exercised = tests.len();
    if tests.len() > MOST_TESTS {
        tests.sort_by_key(|t| std::cmp::Reverse(t.judgement.verdict));
        tests.truncate(MOST_TESTS);
    }
    let none = |j: &Judgement| j.objective.is_empty() && j.measured.is_empty() && j.margin.is_empty();
    Block {
        row: row(gate),
        tests: tests.iter().map(|t| test_row(t)).collect(),
        tests_more: shown(MOST_TESTS, exercised, "test", "tests"),
        idle: line(&idle.join(", ")),
        inside: inside(gate.tests.len(), all),
        lone: gate.tests.len() < 2,
        bare: gate.tests.iter().all(|t| none(&t.judgement)),
        more: if all > MOST_FIGURES { format!("Shown {MOST_FIGURES} of {all} figures.") } else { String::new() },
        figures: figures().take(MOST_FIGURES).map(|(test, figure)| Number::of(test, figure)).collect(),
    }
}

/// What a gate of a section holds beside its sentence.
fn inside(tests: usize, figures: usize) -> String {
    let tests = (tests > 1).then(|| count(tests as u64, "test", "tests"));
    let figures = (figures > 0).then(|| count(figures as u64, "figure", "figures"));
    tests.into_iter().chain(figures).collect::<Vec<_>>().join(", ")
}

fn test_row(test: &TestJudgement) -> TestRow {
    let judgement = &test.judgement;
    TestRow {
        test: if test.test.is_empty() { "release".into() } else { name(&test.test) },
        mark: Mark::of(judgement.verdict),
        objective: cell(&judgement.objective),
        measured: cell(&judgement.measured),
        margin: cell(&judgement.margin),
        judged: group(judgement.judged),
        judged_words: records(judgement),
        why: sentence(&judgement.why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_only_where_they_are_stated() {
        assert_eq!(range("system at 5 %: 0/400; from 0.0000 % to 0.9180 %").as_deref(), Some("0.0000 % to 0.9180 %"));
        assert_eq!(range("from 120.000 to 120.000 by the bounds; declared 120").as_deref(), Some("120.000 to 120.000"));
        assert_eq!((range("765 recounted from history"), range("from here to 9"), range("from 1")), (None, None, None));
    }
}
