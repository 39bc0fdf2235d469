//! What is signed: in-toto statements, derived from decision.json and the digests of the package alone.
//!
//! In: a [`Subject`]. Out: canonical JSON, the same bytes from the same package, so that a verifier derives them again and compares.
//! Nothing is stated here that the package does not say. Refuses to know keys.

use super::super::bag::DECISION;
use super::super::strict_json;
use super::Opinion;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The type of the statements.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The predicate of the release statement.
pub(super) const RELEASE: &str = "urn:quorate:release:v1";
/// The predicate of a countersignature.
pub(super) const AUDIT: &str = "urn:quorate:audit:v1";
/// The predicate of the SLSA verification summary.
pub(super) const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";
/// The verifier that the statements name.
const VERIFIER: &str = "urn:quorate:verifier";

/// The list of evidence that a package names and does not hold.
const REFERENCES: &str = "data/evidence-refs.json";

/// Files of a package that the statement names, after the one whose digest is the root.
const NAMED: [&str; 4] = ["manifest-sha256.txt", "data/decision.json", "data/report/index.html", "data/report/report.md"];

/// What a statement is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The root digest.
    pub root: String,
    digests: Vec<(&'static str, String)>,
    decision: Value,
    /// Digests of evidence files that are named and not in the package.
    withheld: BTreeSet<String>,
}

impl Subject {
    /// The package with this root, whose files have these digests. `bytes` gives decision.json, and the list of evidence that is not in the
    /// package, when there is one.
    ///
    /// # Errors
    /// What is wrong with one of the two, one sentence a fault.
    pub fn new(
        root: &str,
        digest: impl Fn(&str) -> Option<String>,
        bytes: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, Vec<String>> {
        let decision = strict_json::read_canonical(&bytes(DECISION).ok_or_else(|| vec![format!("{DECISION} is missing")])?)?;
        let references = bytes(REFERENCES).map(|b| strict_json::read_canonical(&b)).transpose()?.unwrap_or_default();
        let files = references["files"].as_array().map_or(&[][..], Vec::as_slice);
        let withheld = files.iter().filter_map(|f| f["sha256"].as_str()).map(str::to_string).collect();
        let digests = NAMED.into_iter().filter_map(|name| Some((name, digest(name)?))).collect();
        Ok(Self { root: root.to_string(), digests, decision, withheld })
    }

    fn text(&self, pointer: &str) -> &str {
        self.decision.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn list(&self, key: &str) -> &[Value] {
        self.decision.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The release statement.
    #[must_use]
    pub(super) fn release(&self) -> Vec<u8> {
        let gates: Vec<Value> = self.list("gates").iter().map(|gate| self.gate(gate)).collect();
        let pick = |value: &Value, keys: &[&str]| -> Value {
            keys.iter().map(|key| ((*key).to_string(), value.get(key).cloned().unwrap_or_default())).collect()
        };
        let locks: Vec<Value> =
            self.list("locks").iter().map(|l| pick(l, &["sequence", "sha256", "previous", "files"])).collect();
        let digest = |pointer: &str| json!({ "sha256": self.text(pointer) });
        statement(
            self.subjects(),
            RELEASE,
            json!({
                "result": self.text("/decision"),
                "date": self.decision.get("date"),
                "release": pick(&self.decision["release"], &["service", "version", "uri", "digest", "profile"]),
                "contract": digest("/contract/sha256"),
                "matrix": digest("/matrix/sha256"),
                "locks": locks,
                "gates": gates,
                "verifier": self.verifier(),
            }),
        )
    }

    /// The SLSA verification summary, for readers that know no quorate. Only an accepted release has passed.
    #[must_use]
    pub(super) fn summary(&self) -> Vec<u8> {
        let (service, version) = (self.text("/release/service"), self.text("/release/version"));
        let passed = self.text("/decision") == "accept";
        let mut subjects = Vec::new();
        if let Some(digest) = self.text("/release/digest").strip_prefix("sha256:") {
            subjects.push(subject(&format!("{service}-{version}"), digest));
        }
        subjects.push(subject("tagmanifest-sha256.txt", &self.root));
        let uri = match self.text("/release/uri") {
            "" => format!("urn:quorate:release:{service}:{version}"),
            uri => uri.to_string(),
        };
        let contract = self.text("/contract/sha256");
        statement(
            subjects,
            SUMMARY,
            json!({
                "verifier": self.verifier(),
                "resourceUri": uri,
                "policy": { "uri": "data/contract/contract.toml", "digest": { "sha256": contract } },
                "inputAttestations": [],
                "verificationResult": if passed { "PASSED" } else { "FAILED" },
                "verifiedLevels": [if passed { "SLSA_BUILD_LEVEL_UNEVALUATED" } else { "FAILED" }],
            }),
        )
    }

    /// A countersignature: an opinion on release bundles, by name and digest.
    #[must_use]
    pub(super) fn audit(&self, opinion: Opinion, releases: &BTreeMap<String, String>) -> Vec<u8> {
        let mut subjects: Vec<Value> = releases.iter().map(|(name, digest)| subject(name, digest)).collect();
        subjects.push(subject("tagmanifest-sha256.txt", &self.root));
        let said = self.text("/decision");
        statement(subjects, AUDIT, json!({ "opinion": opinion.word(), "decision": said, "verifier": self.verifier() }))
    }

    fn subjects(&self) -> Vec<Value> {
        let root = [("tagmanifest-sha256.txt", &self.root)];
        let rest = self.digests.iter().map(|(name, digest)| (*name, digest));
        root.into_iter().chain(rest).map(|(name, digest)| subject(name, digest)).collect()
    }

    fn verifier(&self) -> Value {
        let (name, version) = (self.text("/tool/name"), self.text("/tool/version"));
        json!({ "id": VERIFIER, "version": { name: version } })
    }

    /// One gate: its result, what was measured against what, and the evidence it cites.
    fn gate(&self, gate: &Value) -> Value {
        let tests = gate["tests"].as_array().map_or(&[][..], Vec::as_slice);
        let measured: Vec<Value> = tests.iter().filter_map(measured).collect();
        let cited: BTreeSet<&str> = tests.iter().flat_map(sources).collect();
        let names: Vec<&str> = tests.iter().filter_map(|t| t["test"].as_str()).collect();
        let state = |artifact: &&Value| {
            let whole = names.contains(&"");
            whole || artifact["tests"].as_array().is_some_and(|t| t.iter().any(|t| names.iter().any(|n| t == n)))
        };
        let used: Vec<&Value> = self.list("artifacts").iter().filter(state).collect();
        let evidence: Vec<&str> =
            self.list("artifacts").iter().filter_map(|a| a["sha256"].as_str()).filter(|d| cited.contains(d)).collect();
        json!({
            "id": gate["id"],
            "result": gate["verdict"],
            "required": gate["required"],
            "waived": gate["waived"],
            "measured": measured,
            "evidence": evidence,
            "evidenceState": self.evidence_state(&used),
        })
    }

    /// The worst state of the files that a gate was judged on; null when it was judged on none.
    fn evidence_state(&self, used: &[&Value]) -> Option<&'static str> {
        let digests = || used.iter().filter_map(|a| a["sha256"].as_str());
        let worst = if digests().any(str::is_empty) {
            "missing"
        } else if digests().any(|d| self.withheld.contains(d)) {
            "withheld"
        } else {
            "rehashed"
        };
        (!used.is_empty()).then_some(worst)
    }
}

/// What one test measured, if it measured something: `≤ 3.000 s` becomes operator and bound.
fn measured(test: &Value) -> Option<Value> {
    let observed = test["measured"].as_str().filter(|m| !m.is_empty())?;
    let objective = test["objective"].as_str().unwrap_or_default();
    let parted = objective.split_once(' ').filter(|(op, _)| ["≤", "<", "≥", ">", "="].contains(op));
    let (op, bound) = parted.unwrap_or(("", objective));
    let figure = test.pointer("/figures/0/id").cloned().unwrap_or_default();
    Some(json!({ "test": test["test"], "figure": figure, "observed": observed, "op": op, "bound": bound }))
}

/// The digests of the files that a judgement cites.
fn sources(test: &Value) -> impl Iterator<Item = &str> {
    let parts = ["figures", "findings"].into_iter().filter_map(|key| test[key].as_array()).flatten();
    parts.filter_map(|part| part["sources"].as_array()).flatten().filter_map(|s| s["sha256"].as_str())
}

fn subject(name: &str, sha256: &str) -> Value {
    json!({ "name": name, "digest": { "sha256": sha256 } })
}

fn statement(subjects: Vec<Value>, predicate_type: &str, predicate: Value) -> Vec<u8> {
    json!({ "_type": STATEMENT, "subject": subjects, "predicateType": predicate_type, "predicate": predicate })
        .to_string()
        .into_bytes()
}
