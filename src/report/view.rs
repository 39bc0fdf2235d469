//! What a page shows: words, marks and rows, with nothing left to compute.
//!
//! In: a dossier and its plots. Out: [`View`], the one thing that templates see. All formatting is done here and in the files below.
//! Refuses to know HTML and Markdown.

mod basis;
mod challenge;
mod charts;
mod commands;
mod coverage;
mod ending;
mod first;
mod gates;
mod sections;

pub use basis::equation;

use super::chart::Chart;
use super::text::{line, name, or_dash, sentence, short};
use super::{chart, text};
use crate::dossier::{Dossier, GateFacts};
use crate::verdict::{SourceRef, Verdict};
use serde::Serialize;

/// The whole page.
#[derive(Debug, Serialize)]
pub struct View {
    title: String,
    service: String,
    version: String,
    decision: Mark,
    decision_sentence: String,
    synthetic: Option<String>,
    question: String,
    identity: Vec<Pair>,
    counts: Vec<Count>,
    exclusions: Vec<Vec<String>>,
    /// `1 gate did not pass`, or that all passed.
    not_passed: String,
    waivers: Vec<Vec<String>>,
    families: Vec<gates::Family>,
    open: Vec<gates::Open>,
    risks: Vec<ending::Risk>,
    uncovered: Vec<ending::Uncovered>,
    challenge: Option<challenge::Challenged>,
    /// Plots of the first page.
    charts: Vec<charts::Plot>,
    /// The coverage matrix as data, for a table.
    coverage: Option<charts::Coverage>,
    sections: Vec<sections::Section>,
    criteria: Vec<ending::Criterion>,
    method: Vec<ending::Method>,
    manifest: Vec<ending::File>,
    manifest_note: String,
    manifest_more: String,
    tool: String,
    verify: Vec<Pair>,
}

/// Label and value.
#[derive(Debug, Clone, Serialize)]
pub struct Pair {
    label: String,
    value: String,
    /// Whether the value is a digest or an id.
    mono: bool,
}

/// A number with its label.
#[derive(Debug, Serialize)]
pub struct Count {
    number: String,
    label: String,
    key: &'static str,
    glyph: &'static str,
}

/// A verdict or decision in word and shape.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Mark {
    /// `pass`, `fail`, `inconclusive` or `none`.
    key: &'static str,
    /// The word.
    word: &'static str,
    /// The shape.
    glyph: &'static str,
}

impl Mark {
    fn of(verdict: Verdict) -> Self {
        let (key, glyph) = match verdict {
            Verdict::Pass => ("pass", "✔"),
            Verdict::Fail => ("fail", "✖"),
            Verdict::Inconclusive => ("inconclusive", "?"),
            Verdict::NotApplicable => ("none", "–"),
        };
        Self { key, word: verdict.word(), glyph }
    }
}

/// Where something stands: `file:line` and the digest of the file.
#[derive(Debug, Clone, Serialize)]
pub struct Source {
    place: String,
    short: String,
    sha256: String,
}

impl Source {
    fn of(source: &SourceRef) -> Self {
        let line = source.line.map_or(String::new(), |l| format!(":{l}"));
        Self { place: format!("{}{line}", name(&source.path)), short: short(&name(&source.sha256)), sha256: name(&source.sha256) }
    }

    fn all(sources: &[SourceRef]) -> Vec<Self> {
        sources.iter().take(MOST_SOURCES).map(Self::of).collect()
    }
}

/// The most sources shown with one number or finding.
const MOST_SOURCES: usize = 6;

/// A table of words.
#[derive(Debug, Serialize)]
pub struct Grid {
    caption: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// `Shown x of n rows.`, or empty when all are.
    note: String,
}

/// The most rows of one table.
const MOST_ROWS: usize = 200;

impl Grid {
    /// A table that shows at most [`MOST_ROWS`] rows and says how many there are.
    fn new<const N: usize>(caption: impl Into<String>, head: [&str; N], rows: Vec<Vec<String>>) -> Self {
        Self::of(caption.into(), head.map(String::from).to_vec(), rows)
    }

    fn of(caption: String, head: Vec<String>, mut rows: Vec<Vec<String>>) -> Self {
        let note = shown(MOST_ROWS, rows.len(), "row", "rows");
        rows.truncate(MOST_ROWS);
        Self { caption, head, rows, note }
    }
}

/// `Shown 200 of 1,000 rows.`; empty when all are shown.
fn shown(most: usize, all: usize, one: &str, many: &str) -> String {
    if all <= most {
        return String::new();
    }
    format!("Shown {} of {}.", text::group(most as u64), text::count(all as u64, one, many))
}

impl From<&chart::Table> for Grid {
    fn from(table: &chart::Table) -> Self {
        Self::of(table.caption.clone(), table.head.clone(), table.rows.clone())
    }
}

/// Builds the view.
#[must_use]
pub fn view(dossier: &Dossier, charts: &[Chart]) -> View {
    let release = &dossier.release;
    let (service, version) = (name(&release.service), name(&release.version));
    View {
        title: format!("{service} {version}: {}", dossier.decision.word()),
        service,
        version,
        decision: first::mark(dossier.decision),
        decision_sentence: first::reason(dossier),
        synthetic: first::synthetic(dossier),
        question: line(&release.question),
        identity: first::identity(dossier),
        counts: first::counts(dossier),
        exclusions: dossier.exclusions.iter().map(|e| vec![name(&e.gate), sentence(&e.reason)]).collect(),
        not_passed: gates::not_passed(dossier),
        waivers: first::waivers(dossier),
        families: gates::families(dossier),
        open: gates::open(dossier),
        risks: ending::risks(dossier),
        uncovered: ending::uncovered(dossier),
        challenge: challenge::challenged(dossier),
        charts: charts::of(charts, 0),
        coverage: dossier.charts.coverage.as_ref().map(charts::coverage),
        sections: sections::sections(dossier, charts),
        criteria: ending::criteria(dossier),
        method: ending::method(dossier),
        manifest: ending::manifest(dossier),
        manifest_note: ending::manifest_note(dossier),
        manifest_more: ending::manifest_more(dossier),
        tool: format!("{} {}", dossier.tool.name, dossier.tool.version),
        verify: first::verify(),
    }
}

fn pair(label: &str, value: &str) -> Pair {
    Pair { label: line(label), value: or_dash(value), mono: false }
}

fn mono(label: &str, value: &str) -> Pair {
    Pair { mono: true, ..pair(label, value) }
}

/// The anchor of a gate on the page.
fn anchor(gate: &str) -> String {
    format!("gate-{}", text::slug(gate))
}

/// Gates that the release was judged by.
fn judged(dossier: &Dossier) -> impl Iterator<Item = &GateFacts> {
    dossier.gates.iter().filter(|g| g.verdict != Verdict::NotApplicable)
}
