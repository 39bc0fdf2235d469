//! What judging again came to, as the lines RECOMPUTED and DECISION.

use crate::dossier::{Decision, GateChange, ValueChange};
use crate::package::{Line, Mark, Verified};
use crate::release::{Recomputed, Unseen};
use crate::words::plural;
use serde_json::{Value, json};

/// The most values of one gate that are told.
const MAX_VALUES: usize = 12;

/// The most files that are named for one gate.
const MAX_FILES: usize = 3;

/// The line RECOMPUTED.
pub(super) fn recomputed(verified: &Verified, again: &Recomputed) -> Line {
    let mut details = Vec::new();
    details.extend(again.gates.iter().flat_map(gate));
    details.extend(again.places.iter().map(|place| format!("differs: data/decision.json at {place}")));
    details.extend(again.files.iter().map(ToString::to_string));
    if !again.templates.is_empty() && again.made_by.is_none() {
        let names = again.templates.join(", ");
        details
            .push(format!("tool.json names other templates than this build has, so its pages cannot come out the same: {names}"));
    }
    details.extend(again.unseen.iter().map(unseen));
    let own = env!("CARGO_PKG_VERSION");
    if !again.newer.is_empty() {
        details.push(format!("gates that quorate {own} asks for and the package does not have: {}", again.newer.join(", ")));
    }
    if let Some(version) = &again.made_by {
        details.push(format!(
            "NOT RE-VERIFIED: pages of data/report: quorate {version} made them, this is {own}; read decision.json"
        ));
    } else if again.in_part() {
        details.push(
            "NOT RE-VERIFIED: pages of data/report, plots and the challenge: they rest on gates that were not judged again"
                .into(),
        );
    }
    let by = again.made_by.as_ref().map(|v| format!("made by quorate {v}, judged by {own}: ")).unwrap_or_default();
    let counted = format!("{} with {}", plural(again.same, "gate", "gates"), plural(again.figures, "figure", "figures"));
    if again.differs() {
        let gates = plural(again.gates.len(), "gate", "gates");
        let files = plural(again.files.len(), "file", "files");
        return Line::new(Mark::Failed, format!("{by}judging and rendering again differs in {gates} and {files}"))
            .details(details);
    }
    if again.in_part() {
        let sentence = format!("{by}in part: {counted} came out the same, {} NOT RE-VERIFIED", again.unseen.len());
        return Line::new(Mark::NotChecked, sentence).details(details);
    }
    if again.made_by.is_some() {
        // Whoever made the package chose the version that it names, so pages that were not compared must not look as if they were.
        let sentence = format!("{by}in part: {counted} came out the same; pages are not compared between versions");
        return Line::new(Mark::NotChecked, sentence).details(details);
    }
    let sentence = format!("judged and rendered again: all {} files are the same byte for byte", verified.payload_files);
    Line::new(Mark::Ok, sentence).details(details)
}

/// The line DECISION: believed only when judging again came to it.
pub(super) fn decision(verified: &Verified, again: &Recomputed) -> Line {
    let word = verified.facts.decision.word();
    if again.differs() {
        return Line::new(Mark::Failed, format!("the package says {word}, and its evidence does not bear that out"));
    }
    match verified.facts.decision {
        Decision::Accept if !again.stands(Decision::Accept) => {
            let open = again.unseen.iter().filter(|u| u.counts).count();
            let gates = plural(open, "gate", "gates");
            Line::new(Mark::NotChecked, format!("the package says accept, with {gates} that it rests on NOT RE-VERIFIED"))
        }
        Decision::Accept => Line::new(Mark::Ok, word),
        Decision::Reject | Decision::Inconclusive => Line::new(Mark::Failed, word),
    }
}

/// The same for machines.
pub(super) fn to_json(again: &Recomputed) -> Value {
    let files: Vec<Value> =
        again.unseen.iter().map(|u| json!({ "gate": u.gate, "verdict": u.verdict.word(), "files": u.files })).collect();
    let evidence: Value = again.evidence.iter().map(|(path, state)| (path.clone(), json!(state.word()))).collect();
    json!({
        "made_by": again.made_by,
        "gates": again.gates.iter().map(GateChange::json).collect::<Vec<_>>(),
        "places": again.places,
        "files": again.files.iter().map(|d| d.path.clone()).collect::<Vec<_>>(),
        "not_reverified": files,
        "evidence_state": evidence,
    })
}

/// A gate that came out other: both verdicts, then its values.
fn gate(change: &GateChange) -> Vec<String> {
    let word = |v: &Option<String>| v.clone().unwrap_or_else(|| "nothing".into());
    let (packaged, again) = (word(&change.from), word(&change.to));
    let silent = if change.values.is_empty() && packaged == again {
        "; only its words, its sources or whether it is asked for differ"
    } else {
        ""
    };
    let mut lines = vec![format!("gate {}: packaged {packaged}, judged again {again}{silent}", change.gate)];
    let value = |v: &ValueChange| {
        let test = if v.test.is_empty() { String::new() } else { format!("{} ", v.test) };
        format!("  {test}{}: packaged {}, judged again {}", v.name, word(&v.from), word(&v.to))
    };
    lines.extend(change.values.iter().take(MAX_VALUES).map(value));
    if change.values.len() > MAX_VALUES {
        lines.push(format!("  and {} more", plural(change.values.len() - MAX_VALUES, "value", "values")));
    }
    lines
}

fn unseen(unseen: &Unseen) -> String {
    let mut files = unseen.files.iter().take(MAX_FILES).map(String::as_str).collect::<Vec<_>>().join(", ");
    if unseen.files.len() > MAX_FILES {
        files.push_str(&format!(" and {}", plural(unseen.files.len() - MAX_FILES, "more file", "more files")));
    }
    format!("NOT RE-VERIFIED: {}: packaged {}; not there: {files}", unseen.gate, unseen.verdict.word())
}
