//! Reads from tool.json which templates the pages were made from.
//!
//! In: the bytes of tool.json. Out: digest by name. Refuses to know templates.

use super::strict_json::read_canonical;
use serde_json::Value;
use std::collections::BTreeMap;

/// SHA-256 in hex of each template, by its name; nothing when it does not say.
#[must_use]
pub fn template_digests(tool: &[u8]) -> BTreeMap<String, String> {
    let value = read_canonical(tool).unwrap_or_default();
    let list = value.get("templates").and_then(Value::as_object);
    list.into_iter().flatten().filter_map(|(name, digest)| Some((name.clone(), digest.as_str()?.to_string()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_json_is_read() {
        let read = |text: &str| template_digests(text.as_bytes());
        assert_eq!(read(r#"{"templates":{"a":"1"}}"#), BTreeMap::from([("a".into(), "1".into())]));
        for text in [r#"{"templates":{"a":"1","a":"2"}}"#, r#"{"templates":[]}"#, r#"{"templates":{"a":"1"}} "#, ""] {
            assert!(read(text).is_empty(), "{text}");
        }
    }
}
