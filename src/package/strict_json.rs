//! Reads JSON strictly: one value, no key twice (escaped or not), no float, no integer past 2^53, no trailing byte, bounded depth.
//!
//! In: the bytes that were hashed or signed. Out: the value, or every fault with its place as a JSON pointer. Two readers of the same
//! strict text see the same value, so that what was checked is what is used. Refuses to know what the value means.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// The largest integer that every JSON reader keeps exact.
const MAX_INT: u64 = 1 << 53;

/// How deep lists and objects may be nested.
const MAX_DEPTH: usize = 64;

/// The most faults that are kept.
const MAX_FAULTS: usize = 50;

/// Reads one value. White space between tokens is allowed.
///
/// # Errors
/// One sentence a fault.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Vec<String>> {
    let (mut faults, mut path) = (Vec::new(), Vec::new());
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { path: &mut path, faults: &mut faults }.deserialize(&mut reader);
    match value.and_then(|v| reader.end().map(|()| v)) {
        Ok(value) if faults.is_empty() => Ok(value),
        Ok(_) => Err(faults),
        Err(error) => {
            faults.push(format!("not strict JSON: {error}"));
            Err(faults)
        }
    }
}

/// Reads one value in canonical form: as [`read`], with sorted keys, no white space and the shortest escapes.
///
/// # Errors
/// One sentence a fault.
pub(super) fn read_canonical(bytes: &[u8]) -> Result<Value, Vec<String>> {
    let value = read(bytes)?;
    if serde_json::to_vec(&value).ok().as_deref() != Some(bytes) {
        return Err(vec!["not in canonical form: sorted keys, no white space, shortest escapes".into()]);
    }
    Ok(value)
}

/// Reads a value and notes what strict JSON does not allow, with the place as a JSON pointer.
struct Strict<'s> {
    path: &'s mut Vec<String>,
    faults: &'s mut Vec<String>,
}

impl Strict<'_> {
    /// Refuses to go deeper than [`MAX_DEPTH`]; the path has one part for each list or object that is open.
    fn deep<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.path.len() < MAX_DEPTH { Ok(()) } else { Err(E::custom(format!("nested deeper than {MAX_DEPTH}"))) }
    }

    fn fault(&mut self, what: &str) {
        if self.faults.len() == MAX_FAULTS {
            return;
        }
        let place: String = self.path.iter().map(|p| format!("/{}", p.replace('~', "~0").replace('/', "~1"))).collect();
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
        self.deep()?;
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
        self.deep()?;
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

    fn fault(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().join("; ")
    }

    #[test]
    fn ambiguous_json_is_refused() {
        assert_eq!(read(b" {\"a\" : [1, -2, null, true, \"x\"]}\n").unwrap()["a"][1], -2);
        assert_eq!(fault(r#"{"a":1,"a":2}"#), "a duplicate key at /a");
        assert_eq!(fault(r#"{"a":1,"\u0061":2}"#), "a duplicate key at /a");
        assert_eq!(fault(r#"{"x":{"payload":1,"p\u0061yload":1}}"#), "a duplicate key at /x/payload");
        assert_eq!(fault("[1.0]"), "a number that is not a plain integer at /0");
        assert_eq!(fault("[1e2,-0]").matches("not a plain integer").count(), 2);
        assert_eq!(fault("[9007199254740993]"), "an integer past 2^53 at /0");
        assert_eq!(fault("[-9007199254740993]"), "an integer past 2^53 at /0");
        assert_eq!(read(b"[9007199254740992,-9007199254740992]").unwrap()[0], 9_007_199_254_740_992_u64);
        assert_eq!(fault("99999999999999999999"), "a number that is not a plain integer at the top");
        assert_eq!(fault(r#"{"\u00fc":1}"#), "a key that is not ASCII at /\u{fc}");
        for text in ["", "{}x", "{}{}", "[1,]", "{\"a\":1,}", "\u{feff}{}", "nul", "NaN", "[01]", "'a'", "\"\\ud800\"", "\"\t\""]
        {
            assert!(fault(text).contains("not strict JSON"), "{text}");
        }
        assert!(read(b"\"\xff\"").is_err());
    }

    #[test]
    fn depth_and_faults_are_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(read(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(fault(&nested(MAX_DEPTH + 1)).contains("nested deeper than 64"));
        assert!(fault(&"[".repeat(100_000)).contains("nested deeper than 64"));
        assert!(fault(&"{\"a\":".repeat(100_000)).contains("nested deeper than 64"));
        let many = format!("[{}1.5]", "1.5,".repeat(1000));
        assert_eq!(read(many.as_bytes()).unwrap_err().len(), MAX_FAULTS);
    }

    #[test]
    fn canonical_is_one_form() {
        assert!(read_canonical(br#"{"a":1,"b":"\n"}"#).is_ok());
        for text in [r#"{"b":1,"a":1}"#, r#"{"a": 1}"#, "{}\n", r#"{"a":"\u0061"}"#, r#"{"a":"\/"}"#] {
            assert!(read_canonical(text.as_bytes()).unwrap_err()[0].contains("canonical"), "{text}");
        }
    }
}
