//! Reads tool.json: what made the package, and from which templates.
//!
//! In: the bytes of tool.json. Out: digest by name, or every fault. Refuses to know templates.

use super::strict_json::read_canonical;
use serde_json::Value;
use std::collections::BTreeMap;

/// The version of its format.
pub const SCHEMA: &str = "quorate-tool/1";

/// SHA-256 in hex of each template, by its name; nothing when it does not say.
#[must_use]
pub fn template_digests(tool: &[u8]) -> BTreeMap<String, String> {
    let value = read_canonical(tool).unwrap_or_default();
    let list = value.get("templates").and_then(Value::as_object);
    list.into_iter().flatten().filter_map(|(name, digest)| Some((name.clone(), digest.as_str()?.to_string()))).collect()
}

/// What is wrong with a tool.json, which must name the tool and the version that decision.json names and the digest of each template, in
/// canonical form, and nothing else.
#[must_use]
pub(super) fn tool_faults(tool: &[u8], name: &str, version: &str) -> Vec<String> {
    let value = match read_canonical(tool) {
        Ok(value) => value,
        Err(faults) => return faults,
    };
    let mut faults = Vec::new();
    for (key, want) in [("schema", SCHEMA), ("name", name), ("version", version)] {
        if value.get(key).and_then(Value::as_str) != Some(want) {
            faults.push(format!("{key} is not {want:?}"));
        }
    }
    let hex = |digest: &Value| digest.as_str().is_some_and(|d| d.len() == 64 && d.bytes().all(|b| b.is_ascii_hexdigit()));
    if !value.get("templates").and_then(Value::as_object).is_some_and(|list| list.values().all(hex)) {
        faults.push("templates are not digests by name".into());
    }
    let known = ["schema", "name", "version", "templates"];
    let unknown = value.as_object().into_iter().flatten().map(|(key, _)| key).filter(|key| !known.contains(&key.as_str()));
    faults.extend(unknown.map(|key| format!("it does not belong there: {key}")));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_made_the_package_and_nothing_else() {
        let good =
            format!(r#"{{"name":"q","schema":"quorate-tool/1","templates":{{"a":"{}"}},"version":"1.2.3"}}"#, "0".repeat(64));
        let faults = |text: &str| tool_faults(text.as_bytes(), "q", "1.2.3").join("; ");
        assert_eq!(faults(&good), "");
        assert_eq!(faults(&good.replace("1.2.3", "1.2.4")), "version is not \"1.2.3\"");
        assert_eq!(faults(&good.replace("000000\"", "00000\"")), "templates are not digests by name");
        assert_eq!(faults(&good.replace("{\"name\"", "{\"a\":1,\"name\"")), "it does not belong there: a");
        for text in [good.replace("{\"name\"", "{\"name\":\"x\",\"name\""), format!("{good} "), String::new(), "[]".into()] {
            assert_ne!(faults(&text), "", "{text}");
        }
    }

    #[test]
    fn only_plain_json_is_read() {
        let read = |text: &str| template_digests(text.as_bytes());
        assert_eq!(read(r#"{"templates":{"a":"1"}}"#), BTreeMap::from([("a".into(), "1".into())]));
        for text in [r#"{"templates":{"a":"1","a":"2"}}"#, r#"{"templates":[]}"#, r#"{"templates":{"a":"1"}} "#, ""] {
            assert!(read(text).is_empty(), "{text}");
        }
    }
}
