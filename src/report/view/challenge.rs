//! Which small violations of the evidence the gates caught.
//!
//! In: the facts of a challenge. Out: one sentence, a row a gate with a mark for each operator, what survived and what was not tested.

use super::{Mark, anchor, shown};
use crate::challenge::{Cell, Counts, GateFacts, Report, Result, Survivor, Tested};
use crate::dossier::Dossier;
use crate::report::text::{count, group, line, name};
use serde::Serialize;

/// The section.
#[derive(Debug, Serialize)]
pub struct Challenged {
    mark: Mark,
    sentence: String,
    about: String,
    gates: Vec<Row>,
    survivors: Vec<Open>,
    untested: Vec<(String, String)>,
    /// Gates that did not pass, so that no mutant could turn them.
    not_passed: Vec<Link>,
    /// How many survivors are shown of how many.
    more: String,
    idle: String,
}

/// A gate with its place on the page.
#[derive(Debug, Serialize)]
struct Link {
    id: String,
    anchor: String,
}

/// The most survivors shown.
const MOST_SURVIVORS: usize = 100;

/// A gate and the operators that were meant to turn it.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    anchor: String,
    mark: Mark,
    caught: String,
    cells: Vec<Chip>,
}

/// An operator at a gate.
#[derive(Debug, Serialize)]
struct Chip {
    operator: String,
    glyph: &'static str,
    key: &'static str,
    said: String,
}

/// A mutant that was not caught.
#[derive(Debug, Serialize)]
struct Open {
    gate: String,
    anchor: String,
    operator: String,
    fate: String,
    at: String,
    why: String,
    explained: String,
}

pub(super) fn challenged(dossier: &Dossier) -> Option<Challenged> {
    let report = dossier.challenge.as_ref()?;
    let mark = match report.result {
        Result::AllCaught => Mark { key: "pass", word: "all caught", glyph: "✔" },
        Result::Survivors => Mark { key: "fail", word: "survivors", glyph: "✖" },
        Result::Untested => Mark { key: "inconclusive", word: "untested", glyph: "?" },
    };
    let untested = report.gates.iter().filter(|g| g.tested == Tested::Untested);
    Some(Challenged {
        mark,
        sentence: sentence(report),
        about: format!(
            "Each mutant is this evidence with one small violation, made in memory and judged again: the first place at which it fits, the last, and \
             others between by seed {}, at most {} an operator. It shows that these gates can fail on this evidence. It says nothing about the \
             service.",
            report.seed,
            group(report.each)
        ),
        gates: report.gates.iter().filter(|g| g.tested == Tested::Tested).map(row).collect(),
        survivors: report.survivors.iter().take(MOST_SURVIVORS).map(open).collect(),
        more: shown(MOST_SURVIVORS, report.survivors.len(), "mutant", "mutants"),
        not_passed: not_passed(report).map(|g| Link { id: name(g.id), anchor: anchor(g.id) }).collect(),
        untested: untested.map(|g| (name(g.id), line(g.explained.as_deref().unwrap_or_default()))).collect(),
        idle: report.idle.join(", "),
    })
}

fn sentence(report: &Report) -> String {
    let m = &report.mutants;
    let explained = report.survivors.iter().filter(|s| s.explained.is_some()).count() as u64;
    let mut text = format!("{}: {} caught", count(m.all, "mutant", "mutants"), group(m.caught));
    for (n, what) in [(m.held, "only held back"), (m.survived, "survived")] {
        if n > 0 {
            text = format!("{text}, {} {what}", group(n));
        }
    }
    if explained > 0 {
        text = format!("{text} ({} explained)", group(explained));
    }
    let untested = report.gates.iter().filter(|g| g.tested == Tested::Untested).count() as u64;
    if untested > 0 {
        text = format!("{text}; {} untested by this evidence", count(untested, "gate is", "gates are"));
    }
    let open: Vec<String> = not_passed(report).map(|g| name(g.id)).collect();
    if !open.is_empty() {
        let gates = count(open.len() as u64, "gate did not pass and so cannot", "gates did not pass and so cannot");
        text = format!("{text}; {gates} be challenged: {}", line(&open.join(", ")));
    }
    format!("{text}.")
}

/// Gates that no mutant could turn, for they did not pass.
fn not_passed(report: &Report) -> impl Iterator<Item = &GateFacts> {
    report.gates.iter().filter(|g| matches!(g.tested, Tested::NotPassed | Tested::Unproven))
}

fn marked(counts: &Counts) -> (&'static str, &'static str) {
    match counts {
        Counts { survived: 1.., .. } => ("fail", "✖"),
        Counts { held: 1.., .. } => ("inconclusive", "?"),
        _ => ("pass", "✔"),
    }
}

fn row(gate: &GateFacts) -> Row {
    let (key, glyph) = marked(&gate.mutants);
    let word = if key == "pass" { "caught" } else { "not all caught" };
    Row {
        id: name(gate.id),
        anchor: anchor(gate.id),
        mark: Mark { key, word, glyph },
        caught: format!("{} of {}", group(gate.mutants.caught), group(gate.mutants.all)),
        cells: gate.cells.iter().map(chip).collect(),
    }
}

fn chip(cell: &Cell) -> Chip {
    let (key, glyph) = marked(&cell.mutants);
    let said = format!("{} of {}: {}", group(cell.mutants.caught), group(cell.mutants.all), line(&cell.why));
    Chip { operator: name(cell.operator), glyph, key, said }
}

fn open(survivor: &Survivor) -> Open {
    let at = |s: &crate::verdict::SourceRef| s.line.map_or_else(|| name(&s.path), |line| format!("{}:{line}", name(&s.path)));
    Open {
        gate: name(survivor.gate),
        anchor: anchor(survivor.gate),
        operator: name(survivor.operator),
        fate: survivor.fate.into(),
        at: survivor.at.as_ref().map_or_else(|| line(&survivor.what), at),
        why: line(&survivor.why),
        explained: survivor.explained.as_deref().map(line).unwrap_or_default(),
    }
}
