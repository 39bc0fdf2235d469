//! The first page: decision, release, counts, what was excluded or waived.

use super::{Count, Mark, Pair, mono, pair};
use crate::dossier::{Decision, Dossier, GateFacts};
use crate::report::text::{count, group, line, name, sentence};
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
    match dossier.decision {
        Decision::Accept if waived == 0 => format!("All {all} passed."),
        Decision::Accept => format!("Of {all}, all passed but those that a waiver in force covers.{under}"),
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
        pair("Weighed on", dossier.date.as_deref().unwrap_or("no known day")),
    ];
    out.push(mono("Contract", &format!("sha256:{}", dossier.contract.sha256)));
    out.push(mono("Matrix", &format!("sha256:{}", dossier.matrix.sha256)));
    out.extend(release.uri.iter().map(|uri| mono("Artifact", uri)));
    out.extend(release.digest.iter().map(|digest| mono("Artifact digest", digest)));
    out
}

pub(super) fn counts(dossier: &Dossier) -> Vec<Count> {
    let gates = |verdict: Verdict| dossier.gates.iter().filter(|g| g.verdict == verdict).count() as u64;
    let tally = |verdict: Verdict, label: &str| {
        let mark = Mark::of(verdict);
        Count { number: group(gates(verdict)), label: label.into(), key: mark.key, glyph: mark.glyph }
    };
    let plain = |n: u64, label: &str| Count { number: group(n), label: label.into(), key: "plain", glyph: "" };
    vec![
        tally(Verdict::Pass, "gates passed"),
        tally(Verdict::Fail, "gates failed"),
        tally(Verdict::Inconclusive, "gates inconclusive"),
        tally(Verdict::NotApplicable, "gates not applicable"),
        plain(dossier.tests.len() as u64, "tests"),
        plain(dossier.artifacts.len() as u64, "evidence files"),
        plain(dossier.artifacts.iter().map(|a| a.records).sum(), "records read"),
    ]
}

pub(super) fn waivers(dossier: &Dossier) -> Vec<Vec<String>> {
    let row = |w: &crate::dossier::WaiverFacts| {
        vec![name(&w.gate), line(&w.state), sentence(&w.reason), name(&w.approver), name(&w.expires), name(&w.ticket)]
    };
    dossier.waivers.iter().map(row).collect()
}

pub(super) fn verify() -> Vec<Pair> {
    vec![
        mono("Check this package again, from its evidence", "quorate verify PACKAGE"),
        mono("What a gate asks, proves and cannot see", "quorate explain GATE"),
        mono("The digest of the package", "sha256sum tagmanifest-sha256.txt"),
    ]
}
