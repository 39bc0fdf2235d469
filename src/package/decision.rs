//! Reads decision.json strictly: one value, no key twice, no float, no integer past 2^53, in canonical form.
//!
//! In: the bytes that were hashed. Out: the few facts that a package is checked by, or every fault. Refuses to know gates.

use super::strict_json::read_canonical;
use crate::dossier::{Decision, SCHEMA};
use serde_json::Value;

/// What the package's decision.json says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The version of its format.
    pub schema: String,
    /// The tool that made it.
    pub tool: String,
    /// The version of that tool.
    pub tool_version: String,
    /// The day on which waivers were weighed.
    pub date: Option<String>,
    /// The decision.
    pub decision: Decision,
    /// What is released.
    pub service: String,
    /// Its version.
    pub version: String,
    /// The digest of the exact artifact, when it is named.
    pub artifact: Option<String>,
}

impl Facts {
    /// What is released, by name and version, as the folder of its package is called.
    #[must_use]
    pub fn release(&self) -> String {
        folder(&self.service, &self.version)
    }
}

/// The name of a package's folder.
#[must_use]
pub fn folder(service: &str, version: &str) -> String {
    format!("{service}-{version}")
}

/// Reads the facts of a decision, or says all that is wrong with it.
///
/// # Errors
/// One sentence a fault.
pub fn read(bytes: &[u8]) -> Result<Facts, Vec<String>> {
    let value = read_canonical(bytes)?;
    let mut faults = Vec::new();
    let facts = facts(&value, &mut faults);
    match facts {
        Some(facts) if faults.is_empty() => Ok(facts),
        _ => Err(faults),
    }
}

fn facts(value: &Value, faults: &mut Vec<String>) -> Option<Facts> {
    let mut text = |pointer: &str| {
        let found = value.pointer(pointer).and_then(Value::as_str).map(str::to_string);
        if found.is_none() {
            faults.push(format!("{pointer} is not a text"));
        }
        found
    };
    let (schema, word) = (text("/schema"), text("/decision"));
    let (tool, tool_version) = (text("/tool/name"), text("/tool/version"));
    let (service, version) = (text("/release/service"), text("/release/version"));
    let date = match value.pointer("/date") {
        Some(Value::Null) => None,
        _ => Some(text("/date")?),
    };
    if schema.as_deref().is_some_and(|s| s != SCHEMA) {
        faults.push(format!("schema {:?} is not known; this version reads {SCHEMA:?}", schema.as_deref().unwrap_or_default()));
    }
    if let Some(version) = tool_version.as_deref().filter(|v| !is_version(v)) {
        faults.push(format!("/tool/version {version:?} is no version such as 1.2.3"));
    }
    let words = [Decision::Accept, Decision::Reject, Decision::Inconclusive];
    let decision = words.into_iter().find(|d| word.as_deref() == Some(d.word()));
    if let (Some(word), None) = (&word, decision) {
        faults.push(format!("decision {word:?} is none of accept, reject, inconclusive"));
    }
    Some(Facts {
        schema: schema?,
        tool: tool?,
        tool_version: tool_version?,
        date,
        decision: decision?,
        service: service?,
        version: version?,
        artifact: value.pointer("/release/digest").and_then(Value::as_str).map(str::to_string),
    })
}

/// Whether a text is a version as <https://semver.org> has it: three numbers, then what `-` and `+` lead in.
fn is_version(text: &str) -> bool {
    let (core, build) = text.split_once('+').map_or((text, None), |(core, build)| (core, Some(build)));
    let (core, pre) = core.split_once('-').map_or((core, None), |(core, pre)| (core, Some(pre)));
    let number = |part: &str| !part.is_empty() && part.len() < 10 && part.bytes().all(|b| b.is_ascii_digit());
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    core.split('.').count() == 3
        && core.split('.').all(number)
        && [pre, build].into_iter().flatten().all(|words| words.split('.').all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = concat!(
        r#"{"date":null,"decision":"accept","n":[1,-2],"release":{"service":"s","version":"1"},"#,
        r#""schema":"quorate-decision/1","tool":{"name":"quorate","version":"0.1.0"}}"#
    );

    fn fault(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from));
        read(GOOD.replacen(from, to, 1).as_bytes()).unwrap_err().join("; ")
    }

    #[test]
    fn only_canonical_json_is_read() {
        let facts = read(GOOD.as_bytes()).unwrap();
        assert_eq!((facts.decision, facts.date), (Decision::Accept, None));
        assert_eq!(fault("[1,-2]", "[1.5,-2]"), "a number that is not a plain integer at /n/0");
        assert_eq!(fault("[1,-2]", "[1,-0]"), "a number that is not a plain integer at /n/1");
        assert_eq!(fault("[1,-2]", "[1e3,-2]"), "a number that is not a plain integer at /n/0");
        assert_eq!(fault("[1,-2]", "[9007199254740993]"), "an integer past 2^53 at /n/0");
        assert_eq!(fault("[1,-2]", "[-9007199254740993]"), "an integer past 2^53 at /n/0");
        assert_eq!(fault("[1,-2]", "[99999999999999999999]"), "a number that is not a plain integer at /n/0");
        assert_eq!(fault("\"n\":[1,-2]", "\"decision\":\"reject\""), "a duplicate key at /decision");
        assert_eq!(fault("\"n\"", "\"ü\""), "a key that is not ASCII at /ü");
        assert!(fault("}}", "}} ").contains("not in canonical form"));
        assert!(fault("}}", "}}{}").contains("trailing characters"));
        assert!(fault("[1,-2]", "[1, -2]").contains("not in canonical form"));
        assert!(fault("\"accept\"", "\"\\u0061ccept\"").contains("not in canonical form"));
        assert!(fault("decision/1", "decision/2").contains("is not known"));
        assert!(fault("\"accept\"", "\"passed\"").contains("none of accept"));
        for wrong in ["0.1", "0.1.0 ", " 0.1.0", "0.1.0-", "0.1.x", "", "0.1.0+a..b", "0.1.0\u{2060}"] {
            assert!(fault("\"0.1.0\"", &format!("\"{wrong}\"")).contains("is no version such as"), "{wrong:?}");
        }
        assert!(read(GOOD.replace("0.1.0", "1.20.3-rc.1+b-7").as_bytes()).is_ok());
        assert!(fault("null", "7").contains("/date is not a text"));
        assert!(fault("[1,-2]", &"[".repeat(100_000)).contains("not strict JSON"));
        assert!(read(b"\xef\xbb\xbf{}").is_err());
        assert!(read(b"").is_err());
    }
}
