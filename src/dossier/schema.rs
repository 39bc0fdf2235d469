//! The JSON Schema of `decision.json`.
//!
//! In: nothing. Out: draft-07, inlined. The text is made by a test from the very types that are written, so that the program carries no
//! schema generator; the test fails when a type and the text part. Readers must pass over keys that they do not know.

/// JSON Schema (draft-07) of `decision.json`, as text.
#[must_use]
pub fn decision_schema() -> &'static str {
    include_str!("decision.schema.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::{Dossier, SCHEMA};
    use schemars::generate::SchemaSettings;
    use serde_json::{Value, json};

    /// What the types cannot say: that a digest is one. Formats such as `uint64` are no words of JSON Schema.
    fn tighten(value: &mut Value) {
        let Some(object) = value.as_object_mut() else {
            value.as_array_mut().into_iter().flatten().for_each(tighten);
            return;
        };
        let properties = object.get_mut("properties").and_then(Value::as_object_mut);
        if let Some(digest) = properties.and_then(|p| p.get_mut("sha256")) {
            digest["pattern"] = json!("^([0-9a-f]{64})?$");
        }
        object.remove("format");
        object.values_mut().for_each(tighten);
    }

    fn made() -> String {
        let settings = SchemaSettings::draft07().for_serialize().with(|s| s.inline_subschemas = true);
        let mut schema = settings.into_generator().into_root_schema_for::<Dossier>().to_value();
        tighten(&mut schema);
        schema["properties"]["schema"]["const"] = json!(SCHEMA);
        schema["title"] = json!("decision.json of a quorate package");
        format!("{}\n", serde_json::to_string_pretty(&schema).expect("a schema is JSON"))
    }

    /// `QUORATE_DOCS=write cargo test --lib decision_schema` writes it.
    #[test]
    fn the_decision_schema_is_made_from_the_types() {
        let made = made();
        if std::env::var("QUORATE_DOCS").is_ok_and(|v| v == "write") {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/dossier/decision.schema.json");
            return std::fs::write(path, &made).expect("written");
        }
        assert!(decision_schema() == made, "run `QUORATE_DOCS=write cargo test --lib decision_schema`");
    }
}
