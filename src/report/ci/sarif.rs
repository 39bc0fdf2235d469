//! SARIF 2.1.0: what code scanning shows beside the contract.
//!
//! In: a dossier and lines of the contract. Out: a rule a gate, a result a gate that did not pass, at the line of the contract that asks for
//! it, with the evidence that decided it beside. A waived gate keeps its result, as a suppressed one.

use super::{Ended, Place, asked, details, ended};
use crate::dossier::{Dossier, GateFacts};
use crate::error::{Error, ErrorKind};
use crate::report::text::{line, sentence};
use serde_json::{Value, json};

/// Where the schema is.
pub(super) const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// The name of the folder that paths of evidence start from.
const EVIDENCE: &str = "EVIDENCE";
/// The most records that one result points at.
const MOST_LOCATIONS: usize = 10;

pub(super) fn sarif(dossier: &Dossier, place: &Place) -> Result<Vec<u8>, Error> {
    let rules: Vec<Value> = asked(dossier).map(rule).collect();
    let shown = |gate: &&GateFacts| !matches!(ended(gate), Ended::Passed | Ended::Skipped);
    let index = |gate: &GateFacts| asked(dossier).position(|g| g.id == gate.id).unwrap_or(0);
    let results: Vec<Value> = asked(dossier).filter(shown).map(|gate| result(dossier, gate, index(gate), place)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": dossier.tool.name, "version": dossier.tool.version, "rules": rules } },
            "automationDetails": { "id": format!("quorate/{}/", line(&dossier.release.service)) },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { EVIDENCE: { "description": { "text": "The evidence folder of the release; data/evidence/ in the package." } } },
            "results": results,
            "properties": { "decision": dossier.decision.word(), "contract": format!("sha256:{}", dossier.contract.sha256) },
        }],
    });
    let mut bytes = serde_json::to_vec_pretty(&log).map_err(|e| Error::plain(ErrorKind::Internal, e.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn rule(gate: &GateFacts) -> Value {
    json!({
        "id": gate.id,
        "shortDescription": { "text": sentence(&gate.title) },
        "fullDescription": { "text": sentence(&gate.proves) },
        "help": { "text": format!("{} It cannot see: {}", sentence(&gate.proves), sentence(&gate.blind)) },
    })
}

fn result(dossier: &Dossier, gate: &GateFacts, rule: usize, place: &Place) -> Value {
    let level = if gate.verdict == crate::verdict::Verdict::Fail { "error" } else { "warning" };
    let text = format!("{}: {}", gate.verdict.word(), sentence(&gate.why));
    let mut out = json!({
        "ruleId": gate.id,
        "ruleIndex": rule,
        "level": level,
        "message": { "text": text },
        "locations": [location(&place.contract, Some(place.line(&gate.id)), None)],
        "partialFingerprints": { "gate/v1": gate.id },
        "properties": { "verdict": gate.verdict.word(), "details": details(gate) },
    });
    let sources: Vec<Value> = evidence(gate);
    if !sources.is_empty() {
        out["relatedLocations"] = sources.into();
    }
    let waiver = dossier.waivers.iter().find(|w| gate.waived && w.gate == gate.id);
    if let Some(waiver) = waiver {
        let why = format!("{} (by {}, until {})", line(&waiver.reason), line(&waiver.approver), line(&waiver.expires));
        out["suppressions"] = json!([{ "kind": "external", "status": "accepted", "justification": why }]);
    }
    out
}

/// The records that decided, the first few. A record stands once for each claim: the schema wants locations that differ.
fn evidence(gate: &GateFacts) -> Vec<Value> {
    let findings = gate.deciding().into_iter().flat_map(|t| &t.judgement.findings);
    let sources = findings.flat_map(|f| f.sources.iter().map(move |s| (s, f)));
    let mut out: Vec<Value> = Vec::new();
    for (source, finding) in sources {
        let mut at = location(&source.path, source.line, Some(&finding.claim));
        at["physicalLocation"]["artifactLocation"]["uriBaseId"] = EVIDENCE.into();
        if out.len() < MOST_LOCATIONS && !out.contains(&at) {
            out.push(at);
        }
    }
    out
}

pub(super) fn location(path: &str, at: Option<u64>, message: Option<&str>) -> Value {
    let mut out = json!({ "physicalLocation": { "artifactLocation": { "uri": uri(path) } } });
    if let Some(at) = at {
        out["physicalLocation"]["region"] = json!({ "startLine": at.max(1) });
    }
    if let Some(message) = message {
        out["message"] = json!({ "text": line(message) });
    }
    out
}

/// A path as a relative URI reference: all but unreserved characters and `/` are percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
