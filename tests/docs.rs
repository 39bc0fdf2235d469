//! The reference pages of docs/ are made from the code, and fail this test when they are not up to date.
//! `QUORATE_DOCS=write cargo test --test docs` writes them.

use quorate::contract::{contract_schema, matrix_schema};
use quorate::evidence::kinds::KINDS;
use quorate::evidence::table::FieldType;
use quorate::gate::{CRITERIA, PROFILES, gates};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

const NOTE: &str = "<!-- Made from the code by `QUORATE_DOCS=write cargo test --test docs`. -->\n";

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var("QUORATE_DOCS").is_ok_and(|v| v == "write") {
        std::fs::write(&path, text).expect("docs can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "docs/{name} is not up to date: run `QUORATE_DOCS=write cargo test --test docs`");
}

fn type_of(schema: &Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().filter_map(Value::as_str).map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ");
    }
    if schema["anyOf"].is_array() {
        return "text or table".into();
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", type_of(&schema["items"])),
        Some("object") => "table".into(),
        Some("integer") => "whole number".into(),
        Some("string") if schema["pattern"].as_str().is_some_and(|p| p.contains("ms")) => "duration, such as \"180ms\"".into(),
        Some("string") if schema["pattern"].is_string() => "id".into(),
        Some("string") => "text".into(),
        Some(other) => other.into(),
        None if schema["type"].is_array() => "text, number or flag".into(),
        None => "day".into(),
    }
}

/// One section a table of keys, depth first.
fn tables(out: &mut String, path: &str, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    let doc = schema["description"].as_str().unwrap_or_default();
    let _ = write!(
        out,
        "\n## `{}`\n\n{doc}\n\n| key | type | | meaning |\n|---|---|---|---|\n",
        if path.is_empty() { "top level" } else { path }
    );
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (key, value) in properties {
        let must = if required.contains(&key.as_str()) { "required" } else { "" };
        let _ =
            writeln!(out, "| `{key}` | {} | {must} | {} |", type_of(value), value["description"].as_str().unwrap_or_default());
    }
    for (key, value) in properties {
        let inner = if value["type"] == "array" { &value["items"] } else { value };
        let name = if value["type"] == "array" { format!("[[{}]]", join(path, key)) } else { format!("[{}]", join(path, key)) };
        let free = inner.get("additionalProperties").filter(|a| a.is_object());
        if let Some(rule) = free.and_then(|f| f["anyOf"].as_array()).and_then(|a| a.last()) {
            tables(out, &format!("{} rule", name.trim_matches(['[', ']'])), rule);
        }
        tables(out, &name, inner);
    }
}

fn join(path: &str, key: &str) -> String {
    let path = path.trim_matches(['[', ']']);
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}

#[test]
fn contract_and_matrix_pages() {
    let mut text = format!(
        "{NOTE}# Every key of a contract\n\n`contract.toml` says what is promised. Unknown keys are errors; durations carry their unit.\n"
    );
    tables(&mut text, "", &contract_schema());
    check("contract.md", &text);
    let mut text = format!(
        "{NOTE}# Every key of a test matrix\n\n`matrix.toml` says how the promises are tested and where the evidence lies. A `[[evidence]]` table at top level serves every\ntest that requires its kind and binds none of its own; `{{test}}` in its path and marks stands for the test's id.\n"
    );
    tables(&mut text, "", &matrix_schema());
    check("matrix.md", &text);
}

#[test]
fn record_kinds_page() {
    let mut text = format!(
        "{NOTE}# Record kinds\n\nNames are as in a matrix; native files may write `_` for `-`. Times are nanoseconds on the file's clock.\n"
    );
    for kind in KINDS {
        let _ = write!(text, "\n## {}\n\n{}\n\n| field | type | | meaning |\n|---|---|---|---|\n", kind.name, kind.doc.trim());
        for field in kind.fields {
            let ty = match field.ty {
                FieldType::Time => "time".to_string(),
                FieldType::Int => "whole number".into(),
                FieldType::Decimal => "number".into(),
                FieldType::Text => "text".into(),
                FieldType::List => "list of texts".into(),
                FieldType::Value => "value".into(),
                FieldType::Bool => "flag".into(),
                FieldType::Word(words) => words.join(", "),
            };
            let must = if field.required { "required" } else { "" };
            let _ = writeln!(text, "| `{}` | {ty} | {must} | {} |", field.name, field.doc.trim());
        }
    }
    check("records.md", &text);
}

#[test]
fn gates_page() {
    let mut text = format!(
        "{NOTE}# Gates\n\nEvery gate gives pass, fail, inconclusive or not applicable. Missing, empty or cut evidence is inconclusive.\n"
    );
    let mut family = "";
    for gate in gates() {
        if gate.family() != family {
            family = gate.family();
            let _ = write!(text, "\n## {family}\n");
        }
        let needs = if gate.needs.is_empty() { "contract and matrix".to_string() } else { gate.needs.join(", ") };
        let _ = write!(
            text,
            "\n### {}\n\n{}. {}\n\nNeeds: {needs}. Cannot see: {}{}\n",
            gate.id,
            gate.title.trim_end_matches('.'),
            gate.proves,
            gate.blind,
            if gate.safety { " Refuses waivers." } else { "" }
        );
    }
    text.push_str("\n## Acceptance criteria\n\n| | criterion | gates |\n|---|---|---|\n");
    for criterion in CRITERIA {
        let _ = writeln!(text, "| {} | {} | {} |", criterion.number, criterion.text, criterion.gates.join(", "));
    }
    text.push_str("\n## Profiles\n");
    for profile in PROFILES {
        let _ = write!(text, "\n**{}**: {}. {}\n", profile.name, profile.about, profile.gates.join(", "));
    }
    check("gates.md", &text);
}

#[test]
fn operators_are_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/challenge.md");
    let page = std::fs::read_to_string(&path).expect("docs/challenge.md");
    let head = page.split("## Operators\n").next().expect("a part before the table");
    let mut out = format!("{head}## Operators\n\n{NOTE}\n| operator | what it does | gates | must |\n|---|---|---|---|\n");
    for operator in quorate::challenge::operators() {
        let must = if operator.wants == quorate::challenge::Wants::Fail { "fail" } else { "not pass" };
        let _ = writeln!(out, "| `{}` | {} | {} | {must} |", operator.id, operator.does, operator.gates.join(", "));
    }
    check("challenge.md", &out);
}
