//! What stands after the judging: risks, what was not covered, acceptance criteria, method and manifest.

use super::{Mark, anchor, judged, shown};
use crate::contract::PLAN_ITEMS;
use crate::dossier::{ArtifactFacts, Dossier, GateFacts};
use crate::report::prose;
use crate::report::text::{count, group, line, name, or_dash};
use crate::verdict::Verdict;
use serde::Serialize;

/// One residual risk.
#[derive(Debug, Serialize)]
pub struct Risk {
    id: String,
    gate: String,
    /// HTML without raw HTML and links; safe to put on a page as it is.
    html: String,
    words: String,
}

pub(super) fn risks(dossier: &Dossier) -> Vec<Risk> {
    let one = |r: &crate::dossier::RiskFacts| Risk {
        id: name(&r.id),
        gate: name(r.gate.as_deref().unwrap_or_default()),
        html: prose::html(&r.text),
        words: prose::words(&r.text),
    };
    dossier.risks.iter().map(one).collect()
}

/// Something that was not covered, and why.
#[derive(Debug, Serialize)]
pub struct Uncovered {
    what: String,
    entries: Vec<(String, String)>,
    /// How many are shown of how many; empty when all are.
    more: String,
}

pub(super) fn uncovered(dossier: &Dossier) -> Vec<Uncovered> {
    let excluded = |g: &GateFacts| dossier.exclusions.iter().any(|e| e.gate == g.id);
    let skipped = dossier.gates.iter().filter(|g| g.verdict == Verdict::NotApplicable);
    let (out, unasked): (Vec<&GateFacts>, Vec<&GateFacts>) = skipped.partition(|g| excluded(g));
    let item = |g: &&GateFacts| (name(&g.id), line(g.why.strip_prefix("excluded: ").unwrap_or(&g.why)));
    let bare = |g: &&GateFacts| (name(&g.id), String::new());
    let planned = judged(dossier).any(|g| g.id == "contract.plan-covered");
    let plan =
        PLAN_ITEMS.iter().filter(|_| planned).filter(|item| !dossier.tests.iter().any(|t| t.plan.iter().any(|p| p == item.0)));
    let files = dossier.artifacts.iter().filter(|a| a.state != "whole");
    let untaken = dossier.artifacts.iter().filter(|a| a.untaken > 0);
    let lists = [
        ("Gates excluded by the contract", out.iter().map(item).collect::<Vec<_>>()),
        ("Gates that the profile does not ask for", unasked.iter().map(bare).collect()),
        ("Plan items without a test", plan.map(|p| (p.0.to_string(), p.1.to_string())).collect()),
        ("Evidence that cannot be relied on", files.map(|a| (name(&a.path), line(&a.state))).collect()),
        ("Records that no binding reads", untaken.map(|a| (name(&a.path), group(a.untaken))).collect()),
    ];
    let some = lists.into_iter().filter(|l| !l.1.is_empty());
    some.map(|(what, mut entries)| {
        let more = shown(MOST_UNCOVERED, entries.len(), "entry", "entries");
        entries.truncate(MOST_UNCOVERED);
        Uncovered { what: what.into(), entries, more }
    })
    .collect()
}

/// The most entries of one list of what was not covered, the most files of the manifest, and the most readings of one file.
const MOST_UNCOVERED: usize = 100;
const MOST_FILES: usize = 1_000;
const MOST_READINGS: usize = 20;

/// One acceptance criterion.
#[derive(Debug, Serialize)]
pub struct Criterion {
    number: String,
    text: String,
    mark: Mark,
    gates: Vec<CriterionGate>,
}

/// A gate that carries a criterion.
#[derive(Debug, Serialize)]
pub struct CriterionGate {
    id: String,
    anchor: String,
    mark: Mark,
}

pub(super) fn criteria(dossier: &Dossier) -> Vec<Criterion> {
    let gate = |(id, verdict): &(String, Verdict)| CriterionGate { id: name(id), anchor: anchor(id), mark: Mark::of(*verdict) };
    dossier
        .criteria
        .iter()
        .map(|c| Criterion {
            number: c.number.to_string(),
            text: line(&c.text),
            mark: Mark::of(c.verdict),
            gates: c.gates.iter().map(gate).collect(),
        })
        .collect()
}

/// What a gate proves and cannot see.
#[derive(Debug, Serialize)]
pub struct Method {
    id: String,
    title: String,
    proves: String,
    blind: String,
}

pub(super) fn method(dossier: &Dossier) -> Vec<Method> {
    let one =
        |g: &GateFacts| Method { id: name(&g.id), title: line(&g.title), proves: or_dash(&g.proves), blind: or_dash(&g.blind) };
    judged(dossier).map(one).collect()
}

/// One evidence file.
#[derive(Debug, Serialize)]
pub struct File {
    path: String,
    sha256: String,
    bytes: String,
    records: String,
    state: String,
    whole: bool,
    synthetic: bool,
    tests: String,
    unmapped: String,
    untaken: String,
    readings: Vec<String>,
}

pub(super) fn manifest(dossier: &Dossier) -> Vec<File> {
    let (broken, whole): (Vec<&ArtifactFacts>, Vec<&ArtifactFacts>) = dossier.artifacts.iter().partition(|a| a.state != "whole");
    if dossier.artifacts.len() <= MOST_FILES {
        return dossier.artifacts.iter().map(file).collect();
    }
    broken.into_iter().chain(whole).take(MOST_FILES).map(file).collect()
}

fn file(artifact: &ArtifactFacts) -> File {
    let unmapped: Vec<String> = artifact.unmapped.iter().map(|(field, n)| format!("{field} ({})", group(*n))).collect();
    File {
        path: name(&artifact.path),
        sha256: or_dash(&artifact.sha256),
        bytes: group(artifact.bytes),
        records: group(artifact.records),
        state: line(&artifact.state),
        whole: artifact.state == "whole",
        synthetic: artifact.synthetic,
        tests: or_dash(&artifact.tests.join(", ")),
        unmapped: or_dash(&unmapped.join(", ")),
        untaken: group(artifact.untaken),
        readings: readings(artifact),
    }
}

fn readings(artifact: &ArtifactFacts) -> Vec<String> {
    let mut out: Vec<String> = artifact.readings.iter().take(MOST_READINGS).map(|r| line(r)).collect();
    let more = shown(MOST_READINGS, artifact.readings.len(), "reading", "readings");
    if !more.is_empty() {
        out.push(more);
    }
    out
}

pub(super) fn manifest_more(dossier: &Dossier) -> String {
    let more = shown(MOST_FILES, dossier.artifacts.len(), "file", "files");
    if more.is_empty() { more } else { format!("{more} Files that are not whole come first; manifest-sha256.txt has them all.") }
}

pub(super) fn manifest_note(dossier: &Dossier) -> String {
    let sum = |of: fn(&ArtifactFacts) -> u64| group(dossier.artifacts.iter().map(of).sum());
    let files = count(dossier.artifacts.len() as u64, "evidence file", "evidence files");
    let untaken = match dossier.artifacts.iter().map(|a| a.untaken).sum() {
        0 => "Every record is read by some binding.".to_string(),
        n => format!("{} by no binding.", count(n, "record is read", "records are read")),
    };
    format!("{files}, {} bytes, {} records. {untaken}", sum(|a| a.bytes), sum(|a| a.records))
}
