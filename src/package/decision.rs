//! Reads decision.json strictly: one value, no key twice, no float, no integer past 2^53, in canonical form.
//!
//! In: the bytes that were hashed. Out: the few facts that a package is checked by, or every fault. Refuses to know gates.

use crate::dossier::{Decision, SCHEMA};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

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
}

/// The largest integer that every JSON reader keeps exact.
const MAX_INT: u64 = 1 << 53;

/// Reads the facts of a decision, or says all that is wrong with it.
///
/// # Errors
/// One sentence a fault.
pub fn read(bytes: &[u8]) -> Result<Facts, Vec<String>> {
    let mut faults = Vec::new();
    let mut path = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { path: &mut path, faults: &mut faults }.deserialize(&mut reader);
    let value = match value.and_then(|v| reader.end().map(|()| v)) {
        Ok(value) => value,
        Err(error) => {
            faults.push(format!("not strict JSON: {error}"));
            return Err(faults);
        }
    };
    if faults.is_empty() && serde_json::to_vec(&value).ok().as_deref() != Some(bytes) {
        faults.push("not in canonical form: sorted keys, no white space, shortest escapes".into());
    }
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
    })
}

/// Reads a value and notes what canonical JSON does not allow, with the place as a JSON pointer.
struct Strict<'s> {
    path: &'s mut Vec<String>,
    faults: &'s mut Vec<String>,
}

impl Strict<'_> {
    fn fault(&mut self, what: &str) {
        let place: String = self.path.iter().map(|p| format!("/{p}")).collect();
        self.faults.push(format!("{what} at {}", if place.is_empty() { "the top" } else { &place }));
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_string()))
    }

    fn visit_i64<E>(mut self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_INT {
            self.fault("an integer past 2^53");
        }
        Ok(value.into())
    }

    fn visit_u64<E>(mut self, value: u64) -> Result<Value, E> {
        if value > MAX_INT {
            self.fault("an integer past 2^53");
        }
        Ok(value.into())
    }

    fn visit_f64<E>(mut self, _: f64) -> Result<Value, E> {
        self.fault("a number that is not a plain integer");
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            self.path.push(list.len().to_string());
            let item = items.next_element_seed(Strict { path: &mut *self.path, faults: &mut *self.faults })?;
            self.path.pop();
            match item {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.path.push(key.clone());
            if map.contains_key(&key) {
                self.fault("a duplicate key");
            }
            if !key.is_ascii() {
                self.fault("a key that is not ASCII");
            }
            let value = entries.next_value_seed(Strict { path: &mut *self.path, faults: &mut *self.faults })?;
            self.path.pop();
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
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
        assert!(fault("null", "7").contains("/date is not a text"));
        assert!(fault("[1,-2]", &"[".repeat(100_000)).contains("not strict JSON"));
        assert!(read(b"\xef\xbb\xbf{}").is_err());
        assert!(read(b"").is_err());
    }
}
