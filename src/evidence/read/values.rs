//! Forms as values: scalars as they are, everything else as JSON text.
//!
//! In: forms. Out: values, which are equal exactly when the forms are. Refuses to know operations.

use super::edn::Edn;
use crate::evidence::symbol::{Symbols, Val, named, plain};

/// The names in what the nemesis says.
pub fn names(value: &Edn) -> Vec<String> {
    let mut names = std::collections::BTreeSet::new();
    let mut todo = vec![value];
    while let Some(form) = todo.pop() {
        match form {
            Edn::Text(name) if !name.contains(char::is_whitespace) => {
                names.insert(name.to_string());
            }
            Edn::Vector(items) | Edn::List(items) | Edn::Set(items) | Edn::Map(items) => todo.extend(items),
            Edn::Tagged(_, inner) => todo.push(inner),
            _ => {}
        }
    }
    names.into_iter().collect()
}

/// A value of ours for a form: scalars as they are, everything else as JSON text. Different forms give different values, but for
/// vectors and lists, which Clojure holds to be equal.
pub fn val(form: &Edn, symbols: &mut Symbols) -> Val {
    match form {
        Edn::Nil => Val::NIL,
        Edn::Int(n) => match Val::int(*n) {
            Some(val) => val,
            None => Val::text(symbols.intern(&n.to_string())),
        },
        Edn::Text(text) => Val::text(symbols.intern(&named(text))),
        _ => Val::text(symbols.intern(&canonical(form))),
    }
}

/// A form as JSON text, with marks where JSON has no such form. Sets are sorted. Forms are at most 100 deep.
pub fn canonical(form: &Edn) -> String {
    let quoted = |text: String| serde_json::Value::from(text).to_string();
    let all = |items: &[Edn]| items.iter().map(canonical).collect::<Vec<_>>();
    match form {
        Edn::Nil => "null".into(),
        Edn::Bool(b) => b.to_string(),
        Edn::Int(n) => n.to_string(),
        Edn::Number(n) => n.to_string(),
        Edn::Text(text) => quoted(text.to_string()),
        Edn::Keyword(word) => format!(":{word}"),
        Edn::Char(c) => format!("\\{}", quoted(c.to_string())),
        Edn::Symbol(word) => format!("'{word}"),
        Edn::Vector(items) | Edn::List(items) => format!("[{}]", all(items).join(",")),
        Edn::Set(items) => {
            let mut items = all(items);
            items.sort();
            format!("#{{{}}}", items.join(","))
        }
        Edn::Map(items) => {
            let mut pairs: Vec<String> = items.chunks(2).map(|pair| all(pair).join(":")).collect();
            pairs.sort();
            format!("{{{}}}", pairs.join(","))
        }
        Edn::Tagged(tag, inner) => format!("#{tag} {}", canonical(inner)),
    }
}

/// A value of ours as JSON text.
pub fn json(value: Val, symbols: &Symbols) -> String {
    match value.as_text().map(|sym| symbols.text(sym)) {
        None if value == Val::NIL => "null".into(),
        None => value.0.to_string(),
        Some(text) if plain(text) => serde_json::Value::from(text).to_string(),
        Some(text) => text.to_string(),
    }
}
