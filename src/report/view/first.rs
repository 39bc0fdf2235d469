//! The first page: decision, release, counts, what was excluded or waived.

use super::{Count, Mark, Pair, commands, mono, pair};
use crate::dossier::{Decision, Dossier, GateFacts};
use crate::report::text::{count, group, line, name, sentence};
use crate::store::sha256;
use crate::verdict::Verdict;

pub(super) fn mark(decision: Decision) -> Mark {
    match decision {
        Decision::Accept => Mark { key: "pass", word: "ACCEPT", glyph: "✔" },
        Decision::Reject => Mark { key: "fail", word: "REJECT", glyph: "✖" },
        Decision::Inconclusive => Mark { key: "inconclusive", word: "INCONCLUSIVE", glyph: "?" },
    }
}

/// Why the decision is what it is.
pub(super) fn reason(dossier: &Dossier) -> String {
    let required: Vec<&GateFacts> = dossier.gates.iter().filter(|g| g.required).collect();
    let of = |verdict: Verdict| required.iter().filter(|g| g.verdict == verdict && !g.waived).count() as u64;
    let waived = required.iter().filter(|g| g.waived).count() as u64;
    let all = count(required.len() as u64, "required gate", "required gates");
    let under = if waived == 0 { String::new() } else { format!(" {} under a waiver.", count(waived, "gate is", "gates are")) };
    let without: Vec<String> = dossier.unguarded().into_iter().map(name).collect();
    let without =
        if without.is_empty() { String::new() } else { format!(" Excluded though it guards safety: {}.", without.join(", ")) };
    match dossier.decision {
        Decision::Accept if waived == 0 => format!("All {all} passed.{without}"),
        Decision::Accept => format!("Of {all}, all passed but those that a waiver in force covers.{under}{without}"),
        Decision::Reject => {
            let (fail, unproven) = (of(Verdict::Fail), of(Verdict::Inconclusive));
            let open = if unproven == 0 { "none is left unproven".into() } else { format!("{} not proven", are(unproven)) };
            format!("Of {all}, {} disproven by evidence and {open}.{under}", are(fail))
        }
        Decision::Inconclusive => {
            format!("No required gate failed, but of {all}, {} not proven.{under}", are(of(Verdict::Inconclusive)))
        }
    }
}

fn are(n: u64) -> String {
    format!("{} {}", group(n), if n == 1 { "is" } else { "are" })
}

pub(super) fn synthetic(dossier: &Dossier) -> Option<String> {
    let made = dossier.artifacts.iter().filter(|a| a.synthetic).count() as u64;
    let all = count(dossier.artifacts.len() as u64, "evidence file", "evidence files");
    let verb = if made == 1 { "was" } else { "were" };
    (made > 0).then(|| {
        format!(
            "{} of {all} {verb} generated, not recorded from a running system. Such evidence shows how judging works; it proves \
             nothing about a release.",
            group(made)
        )
    })
}

pub(super) fn identity(dossier: &Dossier) -> Vec<Pair> {
    let release = &dossier.release;
    let mut out = vec![
        pair("Release", &format!("{} {}", release.service, release.version)),
        pair("Owner", &release.owner),
        pair("Profile", &release.profile),
        pair("Judged as of", dossier.date.as_deref().unwrap_or("no date given")),
    ];
    out.extend(locked(dossier).map(|text| pair("Declared before the run", &text)));
    out.push(mono("Package", &format!("{}-{}; its digest is that of tagmanifest-sha256.txt", release.service, release.version)));
    out.push(mono("decision.json", &format!("sha256:{}", sha256(&dossier.canonical().unwrap_or_default()))));
    out.push(mono("Contract", &format!("sha256:{}", dossier.contract.sha256)));
    out.push(mono("Matrix", &format!("sha256:{}", dossier.matrix.sha256)));
    out.extend(release.uri.iter().map(|uri| mono("Artifact", uri)));
    out.extend(release.digest.iter().map(|digest| mono("Artifact digest", digest)));
    out
}

/// The locks in one sentence.
fn locked(dossier: &Dossier) -> Option<String> {
    let last = dossier.locks.last()?;
    let same = (&last.contract, &last.matrix) == (&dossier.contract.sha256, &dossier.matrix.sha256);
    let of = if same { "this contract and matrix" } else { "another contract or matrix" };
    let signed = if last.signed { "signed" } else { "not signed" };
    Some(format!("lock {} of {of}, {signed}; {}", last.sequence, count(dossier.locks.len() as u64, "attempt", "attempts")))
}

pub(super) fn counts(dossier: &Dossier) -> Vec<Count> {
    let gates = |verdict: Verdict| dossier.gates.iter().filter(|g| g.verdict == verdict).count() as u64;
    let one = |n: u64, labels: [&str; 2]| labels[usize::from(n != 1)].to_string();
    let tally = |verdict: Verdict, labels: [&str; 2]| {
        let (mark, n) = (Mark::of(verdict), gates(verdict));
        Count { number: group(n), label: one(n, labels), key: mark.key, glyph: mark.glyph }
    };
    let plain = |n: u64, labels: [&str; 2]| Count { number: group(n), label: one(n, labels), key: "plain", glyph: "" };
    vec![
        tally(Verdict::Pass, ["gate passed", "gates passed"]),
        tally(Verdict::Fail, ["gate failed", "gates failed"]),
        tally(Verdict::Inconclusive, ["gate inconclusive", "gates inconclusive"]),
        tally(Verdict::NotApplicable, ["gate not applicable", "gates not applicable"]),
        plain(dossier.tests.len() as u64, ["test", "tests"]),
        plain(dossier.artifacts.len() as u64, ["evidence file", "evidence files"]),
        plain(dossier.artifacts.iter().map(|a| a.records).sum(), ["record read", "records read"]),
    ]
}

pub(super) fn waivers(dossier: &Dossier) -> Vec<Vec<String>> {
    let row = |w: &crate::dossier::WaiverFacts| {
        vec![name(&w.gate), line(&w.state), sentence(&w.reason), name(&w.approver), name(&w.expires), name(&w.ticket)]
    };
    dossier.waivers.iter().map(row).collect()
}

pub(super) fn verify() -> Vec<Pair> {
    commands::package()
}
