//! Where a key stands in a text that has been read before.
//!
//! In: a contract's or matrix's text and a path of keys. Out: the place of the last of them. Refuses to know what keys mean.

use crate::source::{SourceId, Span};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The place of the first key with a path such as `objectives.catch-up` or, of a certain value, `endpoint.consistency=linearizable`. In a list of
/// tables the first table counts that has it.
#[must_use]
pub fn key_span(source: SourceId, text: &str, path: &str) -> Option<Span> {
    let (root, _) = DeTable::parse_recoverable(text);
    let (path, value) = path.split_once('=').map_or((path, None), |(path, value)| (path, Some(value)));
    let parts: Vec<&str> = path.split('.').collect();
    let found = find(root.get_ref(), &parts, value)?;
    let clip = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Some(Span { source, start: clip(found.start), end: clip(found.end) })
}

fn find(table: &DeTable<'_>, parts: &[&str], wanted: Option<&str>) -> Option<Range<usize>> {
    let (first, rest) = parts.split_first()?;
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == first)?;
    let fits = |value: &DeValue<'_>| wanted.is_none_or(|w| value.as_str() == Some(w));
    match value.get_ref() {
        value if rest.is_empty() => fits(value).then(|| key.span()),
        DeValue::Table(table) => find(table, rest, wanted),
        DeValue::Array(list) => list.iter().find_map(|item| find(item.get_ref().as_table()?, rest, wanted)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_where_they_stand() {
        let text = "[a]\nb = 1\n\n[[c]]\nd = \"x\"\n[[c]]\nd = \"y\"\ne = { f = 1 }\n";
        let line = |path: &str| {
            let at = key_span(SourceId(0), text, path)?.start as usize;
            Some(1 + text[..at].matches('\n').count())
        };
        assert_eq!(["a", "a.b", "c.d", "c.d=y", "c.e.f"].map(line), [Some(1), Some(2), Some(5), Some(7), Some(8)]);
        assert_eq!(["z", "a.z", "c.d=z", "a.b.c", ""].map(line), [None; 5]);
    }
}
