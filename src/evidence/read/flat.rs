//! The short way through a JSON line: keys that were seen before, texts without escapes and plain numbers, each byte looked at once.
//!
//! In: a line. Out: the same cells that the careful way gives, or nothing, and then the careful way reads the line from its start and finds what
//! is unusual or wrong with it. Accepts nothing that the careful way refuses. Refuses to know faults.

use super::cell::Cell;
use super::json::{JsonLines, Slots, cell};
use super::shape::{Cells, Want};
use crate::evidence::symbol::same;
use serde_json::value::RawValue;
use std::borrow::Cow;

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// The first byte from `at` that is a quote, a backslash or a control character; the length if there is none.
#[inline]
fn special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(eight) = bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok()) {
        // The lowest marked byte is a true one: subtracting borrows only from bytes above a marked one.
        let word = u64::from_le_bytes(eight);
        let (quote, slash) = (word ^ (ONES * 0x22), word ^ (ONES * 0x5c));
        let marked =
            quote.wrapping_sub(ONES) & !quote | slash.wrapping_sub(ONES) & !slash | word.wrapping_sub(ONES * 0x20) & !word;
        let marked = marked & HIGHS;
        if marked != 0 {
            return at + (marked.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|b| matches!(b, 0x22 | 0x5c | 0..0x20)).map_or(bytes.len(), |i| at + i)
}

/// The first byte from `at` that is no white space.
#[inline]
fn skip(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

fn digits(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The end of a number without an exponent.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let at = at + usize::from(bytes.get(at) == Some(&b'-'));
    let whole = match bytes.get(at)? {
        b'0' => at + 1,
        b'1'..=b'9' => digits(bytes, at + 1),
        _ => return None,
    };
    match bytes.get(whole) {
        Some(b'.') => Some(digits(bytes, whole + 1)).filter(|end| *end > whole + 1),
        _ => Some(whole),
    }
}

/// The value at the front of a text, of any kind.
fn front(text: &str) -> Option<&str> {
    let first = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>().next()?;
    Some(first.ok()?.get())
}

/// What stands at a place.
#[derive(Clone, Copy)]
enum Form {
    /// A text without escapes.
    Text,
    /// A number without an exponent.
    Number,
    /// true or false.
    Bool(bool),
    /// null.
    Null,
    /// Any other value, known to be well formed.
    Other,
}

/// The form of the value at a byte, and its end. Small on purpose: what it means is written where it belongs at once.
#[inline]
fn value(line: &str, at: usize) -> Option<(Form, usize)> {
    let bytes = line.as_bytes();
    let word = |word: &str, form| bytes[at..].starts_with(word.as_bytes()).then_some((form, at + word.len()));
    match bytes.get(at)? {
        b'"' => {
            let end = special(bytes, at + 1);
            if bytes.get(end) == Some(&b'"') {
                return Some((Form::Text, end + 1));
            }
        }
        b'-' | b'0'..=b'9' => {
            let end = number(bytes, at)?;
            if !matches!(bytes.get(end), Some(b'e' | b'E')) {
                return Some((Form::Number, end));
            }
        }
        b't' => return word("true", Form::Bool(true)),
        b'f' => return word("false", Form::Bool(false)),
        b'n' => return word("null", Form::Null),
        _ => {}
    }
    let raw = front(line.get(at..)?)?;
    Some((Form::Other, at + raw.len()))
}

impl JsonLines<'_> {
    /// Fills the cells of a line; `None` when that takes care, and the cells may then be filled in part.
    pub(super) fn flat<'a>(&mut self, line: &'a str, cells: &mut Cells<'a>) -> Option<()> {
        let bytes = line.as_bytes();
        let mut nested: Vec<(&'a str, Option<Want>)> = Vec::new();
        self.stamp += 1;
        self.unwanted.clear();
        let mut at = skip(bytes, 0);
        if bytes.get(at) != Some(&b'{') {
            return None;
        }
        let mut last = None;
        loop {
            let (id, end) = self.key(line, skip(bytes, at + 1), last)?;
            last = Some(id);
            at = skip(bytes, end);
            if bytes.get(at) != Some(&b':') {
                return None;
            }
            let want = self.keys[0].list[id].want;
            let start = skip(bytes, at + 1);
            let (form, end) = value(line, start)?;
            if matches!(form, Form::Other) && matches!(bytes[start], b'{' | b'[') {
                nested.push((line.get(start..end)?, want));
            } else if let Some(slot) = want.and_then(|w| w.slot) {
                let place = &mut cells.outer[slot];
                if !matches!(place, Cell::Missing) {
                    return None;
                }
                *place = match form {
                    Form::Text => Cell::Text(Cow::Borrowed(line.get(start + 1..end - 1)?)),
                    Form::Number => Cell::Number(line.get(start..end)?),
                    Form::Bool(flag) => Cell::Bool(flag),
                    Form::Null => Cell::Null,
                    Form::Other => cell(line.get(start..end)?).ok()?,
                };
            }
            at = skip(bytes, end);
            match bytes.get(at)? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        if skip(bytes, at + 1) != bytes.len() {
            return None;
        }
        let mut out = Slots { cells: &mut cells.outer, groups: &mut cells.groups };
        for (raw, want) in nested {
            self.value(raw, want, &mut out).ok()?;
        }
        for &id in &self.unwanted {
            self.keys[0].list[id].count += 1;
        }
        Some(())
    }

    /// The key at a byte, if it was seen before but not in this record, and the end of its quotes.
    #[inline]
    fn key(&mut self, line: &str, at: usize, last: Option<usize>) -> Option<(usize, usize)> {
        let keys = &mut self.keys[0];
        let guess = last.map_or(keys.first, |last| keys.list[last].next);
        let token = keys.list.get(guess)?.token.as_deref().unwrap_or_default();
        let guessed = line.as_bytes().get(at..at + token.len()).is_some_and(|key| same(key, token.as_bytes()));
        let (id, end) = if guessed && !token.is_empty() {
            (guess, at + token.len())
        } else {
            let end = special(line.as_bytes(), at + 1);
            if line.as_bytes().get(at) != Some(&b'"') || line.as_bytes().get(end) != Some(&b'"') {
                return None;
            }
            let id = *keys.index.get(line.get(at + 1..end)?)?;
            match last {
                Some(last) => keys.list[last].next = id,
                None => keys.first = id,
            }
            (id, end + 1)
        };
        let key = &mut keys.list[id];
        if key.stamp == self.stamp {
            return None;
        }
        key.stamp = self.stamp;
        if key.want.is_none() {
            self.unwanted.push(id);
        }
        Some((id, end))
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::{Counts, Parser};
    use super::super::shape::Shape;
    use super::*;
    use proptest::prelude::*;

    fn shape() -> Shape {
        let mut shape = Shape::default();
        let slot = shape.outer("key");
        shape.alias("k-e-y", slot);
        for path in ["value", "meta.id", "a\"b", "tab\t", "ü"] {
            shape.outer(path);
        }
        let group = shape.each("items");
        shape.inner(group, "x");
        shape
    }

    /// What the careful way alone and both ways together make of lines.
    fn both(lines: &[String]) -> [String; 2] {
        let shape = shape();
        [false, true].map(|short| {
            let mut parser = JsonLines::new(&shape);
            let mut seen = String::new();
            let mut counts = Counts::default();
            for line in lines {
                let mut cells = Cells::new(&shape);
                let done = if short { parser.record(line, &mut cells) } else { parser.careful(line, &mut cells) };
                match done {
                    Ok(()) => seen.push_str(&format!("{cells:?}\n")),
                    Err(problem) => return format!("{seen}{problem:?}"),
                }
            }
            parser.unmapped(&mut counts);
            format!("{seen}{counts:?}")
        })
    }

    /// Whether the short way reads the last of these lines.
    fn short(lines: &[&str]) -> bool {
        let shape = shape();
        let mut parser = JsonLines::new(&shape);
        lines
            .iter()
            .map(|line| {
                let short = parser.flat(line, &mut Cells::new(&shape)).is_some();
                parser.record(line, &mut Cells::new(&shape)).expect("a record");
                short
            })
            .last()
            .expect("a line")
    }

    #[test]
    fn what_is_read_the_short_way() {
        let first = r#"{"key":"a","value":1,"other":null}"#;
        assert!(!short(&[first]));
        for line in [
            first,
            r#" { "value" : -0.5 , "key" : "a long text with ü and more" } "#,
            r#"{"key":"\n","value":1e5,"other":[1,{"a":2}]}"#,
            r#"{"value":true}"#,
        ] {
            assert!(short(&[first, line]), "{line}");
        }
        assert!(!short(&[first, "{}"]) && !short(&[first, r#"{"new":1}"#]));
    }

    #[test]
    fn what_is_unusual_is_read_alike() {
        let first = r#"{"key":"a","value":1,"other":null,"a\"b":2,"tab\t":3,"ü":4}"#;
        for line in [
            r#"{"key":"a","key":"b"}"#,
            r#"{"key":1,"k-e-y":2}"#,
            r#"{"other":1,"other":2}"#,
            r#"{"a"b":2}"#,
            "{\"tab\t\":3}",
            r#"{"key":01}"#,
            r#"{"key":1.}"#,
            r#"{"key":-}"#,
            r#"{"key":1.5e}"#,
            r#"{"key":tru}"#,
            r#"{"key":nullx}"#,
            "{",
            "{}",
            "[]",
            "",
            r#"{"key":"\ud800"}"#,
            r#"{"other":"\ud800"}"#,
            "{\"key\":\"a\u{1}\"}",
            r#"{"key":1,}"#,
            r#"{,"key":1}"#,
            r#"{"key":1}}"#,
            r#"{"key":1} x"#,
            "{\"key\":\0}",
            r#"{"key":{"a":1,"a":2}}"#,
            r#"{"meta":{"id":[1]},"items":[{"x":1},{"y":"z"}]}"#,
            r#"{"items":[1]}"#,
            r#"{"key":"a" "value":1}"#,
            r#"{"key":"a"#,
            r#"{"key" 1}"#,
            r#"{"key":"\q"}"#,
            r#"{"other":{"b":1,"b":1}}"#,
        ] {
            let [careful, mixed] = both(&[first.to_string(), line.to_string(), first.to_string()]);
            assert_eq!(careful, mixed, "{line}");
        }
    }

    fn value() -> impl Strategy<Value = String> {
        let text =
            proptest::sample::select(vec!["", "a", "ü", "12345678", "\\n", "\\u00e9", "\\ud800", " ", "\t", "{", "\\\"", "\\\\"]);
        let text = proptest::collection::vec(text, 0..5).prop_map(|parts| format!("\"{}\"", parts.concat()));
        let word = proptest::sample::select(vec![
            "null",
            "true",
            "false",
            "0",
            "-1",
            "12345678901234567890",
            "1.50",
            "2e3",
            "-0",
            "[]",
            "{}",
        ]);
        let leaf = prop_oneof![text, word.prop_map(str::to_string)];
        leaf.prop_recursive(2, 6, 3, |inner| {
            let key = proptest::sample::select(vec!["id", "x", "y"]);
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(","))),
                proptest::collection::vec((key, inner), 0..3).prop_map(|pairs| format!(
                    "{{{}}}",
                    pairs.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect::<Vec<_>>().join(", ")
                )),
            ]
        })
    }

    fn record() -> impl Strategy<Value = String> {
        let key = proptest::sample::select(vec![
            "key",
            "value",
            "meta",
            "items",
            "other",
            "a\\\"b",
            "tab\\t",
            "ü",
            "k-e-y",
            "\\u006bey",
        ]);
        let space = || proptest::sample::select(vec!["", "", "", " ", "\t "]);
        let pair =
            (space(), key, space(), space(), value(), space()).prop_map(|(a, k, b, c, v, d)| format!("{a}\"{k}\"{b}:{c}{v}{d}"));
        (space(), proptest::collection::vec(pair, 0..5), space())
            .prop_map(|(a, pairs, b)| format!("{a}{{{}}}{b}", pairs.join(",")))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_short_way_changes_nothing(lines in proptest::collection::vec(record(), 1..6)) {
            let [careful, mixed] = both(&lines);
            prop_assert_eq!(careful, mixed);
        }

        #[test]
        fn nor_on_damaged_lines(
            lines in proptest::collection::vec(record(), 1..4),
            damage in proptest::collection::vec((any::<prop::sample::Index>(), 0..3_u8, prop::sample::select(b"\"\\{}[]:,01.e- \tn\0a".to_vec())), 1..4),
        ) {
            let mut last = lines.last().cloned().unwrap_or_default().into_bytes();
            for (at, how, byte) in damage {
                let at = at.index(last.len() + 1);
                match how {
                    0 => last.insert(at, byte),
                    1 if at < last.len() => last[at] = byte,
                    _ if at < last.len() => { last.remove(at); }
                    _ => {}
                }
            }
            let Ok(last) = String::from_utf8(last) else { return Ok(()) };
            // Learn the keys first, so that the short way goes as far as it can.
            let mut all = vec![lines[0].clone(), r#"{"key":"a","value":1,"other":null}"#.to_string()];
            all.push(last);
            let [careful, mixed] = both(&all);
            prop_assert_eq!(careful, mixed);
        }

        #[test]
        fn special_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..40), at in 0..40_usize) {
            let at = at.min(bytes.len());
            let slow = bytes[at..].iter().position(|b| *b < 0x20 || matches!(b, b'"' | b'\\')).map_or(bytes.len(), |i| at + i);
            prop_assert_eq!(special(&bytes, at), slow);
        }
    }
}
