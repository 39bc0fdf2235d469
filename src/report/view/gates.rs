//! Gates: the table of the first page, the gates that did not pass, and the blocks of the sections.

use super::basis::{Found, Number, more};
use super::{Mark, anchor, judged};
use crate::dossier::{Dossier, GateFacts, TestJudgement};
use crate::report::text::{cell, count, group, line, name, sentence};
use crate::verdict::{Judgement, Verdict};
use serde::Serialize;

/// The gates of one family.
#[derive(Debug, Serialize)]
pub struct Family {
    name: String,
    gates: Vec<Row>,
}

/// One gate in the table.
#[derive(Debug, Serialize)]
pub struct Row {
    id: String,
    anchor: String,
    title: String,
    objective: String,
    measured: String,
    margin: String,
    judged: String,
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
            families.push(Family { name: family, gates: Vec::new() });
        }
        if let Some(last) = families.last_mut() {
            last.gates.push(row(gate));
        }
    }
    families
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
    Row {
        id: name(&gate.id),
        anchor: anchor(&gate.id),
        title: line(&gate.title),
        objective: text(judgement.map(|j| &j.objective)),
        measured: text(judgement.map(|j| &j.measured)),
        margin: text(judgement.map(|j| &j.margin)),
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
    commands: Vec<String>,
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
    figures: Vec<Number>,
    findings: Vec<Found>,
    more: String,
}

/// The most tests shown with one gate that did not pass.
const MOST_CASES: usize = 6;

/// All gates that did not pass: failed ones first, and waived ones last among those.
pub(super) fn open(dossier: &Dossier) -> Vec<Open> {
    let mut open: Vec<&GateFacts> = judged(dossier).filter(|g| open_verdict(g.verdict)).collect();
    open.sort_by_key(|g| (std::cmp::Reverse(g.verdict), g.waived));
    open.into_iter().map(one_open).collect()
}

fn one_open(gate: &GateFacts) -> Open {
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
        commands: vec!["quorate verify PACKAGE".into(), format!("quorate explain {}", name(&gate.id))],
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
        figures: judgement.figures.iter().take(MOST_FIGURES).map(|f| Number::of(&test.test, f)).collect(),
        findings: Found::all(judgement),
        more: more(judgement),
    }
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
    why: String,
}

/// The most figures shown with one gate.
const MOST_FIGURES: usize = 12;

pub(super) fn block(gate: &GateFacts) -> Block {
    let figures: Vec<Number> =
        gate.tests.iter().flat_map(|t| t.judgement.figures.iter().map(|f| Number::of(&t.test, f))).collect();
    let all = figures.len();
    let none = |j: &Judgement| j.objective.is_empty() && j.measured.is_empty() && j.margin.is_empty();
    Block {
        row: row(gate),
        tests: gate.tests.iter().map(test_row).collect(),
        lone: gate.tests.len() < 2,
        bare: gate.tests.iter().all(|t| none(&t.judgement)),
        more: if all > MOST_FIGURES { format!("Shown {MOST_FIGURES} of {all} figures.") } else { String::new() },
        figures: figures.into_iter().take(MOST_FIGURES).collect(),
    }
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
        why: sentence(&judgement.why),
    }
}
