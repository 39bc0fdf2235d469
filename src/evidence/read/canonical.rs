//! One text for each JSON value: no blanks, names of an object in order, one form of escapes and of numbers.
//!
//! In: JSON text. Out: texts that are equal exactly when the values are, numbers compared exactly. Refuses to know what a value is for. What is no
//! JSON, or is nested too deep, is kept as it is.

use std::borrow::Cow;

/// Deeper than any reader lets a line be.
const DEPTH: usize = 200;

/// The canonical text of a JSON value.
pub fn json(text: &str) -> Cow<'_, str> {
    canonical(text, true)
}

/// The same for a cell without types, as in CSV, where a text in quotes and the text alone are one value.
pub fn untyped(text: &str) -> Cow<'_, str> {
    canonical(text, false)
}

fn canonical(text: &str, typed: bool) -> Cow<'_, str> {
    if simple(text) {
        return Cow::Borrowed(text);
    }
    let mut reader = Reader { text, at: 0, typed };
    let form = reader.form(0).filter(|_| reader.blank().is_none());
    form.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// A list of whole numbers without blanks, which needs nothing: most lists are.
fn simple(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b',' | b'[' | b']'))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    typed: bool,
}

impl Reader<'_> {
    /// The next byte that is no blank.
    fn blank(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let skipped = rest.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r')).unwrap_or(rest.len());
        self.at += skipped;
        rest.get(skipped).copied()
    }

    fn taken(&mut self, wanted: u8) -> bool {
        let there = self.blank() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn form(&mut self, depth: usize) -> Option<String> {
        if depth > DEPTH {
            return None;
        }
        match self.blank()? {
            b'[' => {
                let items = self.list(b']', |reader| reader.form(depth + 1))?;
                Some(format!("[{}]", items.join(",")))
            }
            b'{' => {
                let mut pairs = self.list(b'}', |reader| {
                    let name = reader.string()?;
                    let value = reader.taken(b':').then(|| reader.form(depth + 1))??;
                    Some((name, value))
                })?;
                pairs.sort_by(|a, b| a.0.cmp(&b.0));
                let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{}:{value}", quoted(&name))).collect();
                Some(format!("{{{}}}", pairs.join(",")))
            }
            b'"' => {
                let text = self.string()?;
                let bare = !self.typed
                    && !matches!(text.as_str(), "" | "null" | "nil")
                    && !text.contains([',', '[', ']', '{', '}', '"', '\'', '\\']);
                Some(if bare && text.trim() == text { text } else { quoted(&text) })
            }
            _ => self.atom(),
        }
    }

    fn list<T>(&mut self, close: u8, one: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.at += 1;
        let mut items = Vec::new();
        if self.taken(close) {
            return Some(items);
        }
        loop {
            items.push(one(self)?);
            if self.taken(close) {
                return Some(items);
            }
            self.taken(b',').then_some(())?;
        }
    }

    fn string(&mut self) -> Option<String> {
        (self.blank()? == b'"').then_some(())?;
        let (start, bytes) = (self.at, self.text.as_bytes());
        let mut end = start + 1;
        while *bytes.get(end)? != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        self.at = end + 1;
        serde_json::from_str(self.text.get(start..=end)?).ok()
    }

    /// A number, true, false or null.
    fn atom(&mut self) -> Option<String> {
        let rest = &self.text[self.at..];
        let end = rest.find([',', ']', '}', ':', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
        let word = &rest[..end];
        self.at += end;
        let numeric = word.starts_with(|c: char| c == '-' || c.is_ascii_digit())
            && serde_json::from_str::<serde_json::Number>(word).is_ok();
        match word {
            "true" | "false" | "null" => Some(word.into()),
            // In a cell without types `05` and `5.0` are texts.
            _ if !self.typed => (!word.is_empty() && !word.contains(['"', '[', '{'])).then(|| word.into()),
            _ if numeric => Some(number(word)),
            _ => None,
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The one text of a JSON number.
pub fn number(text: &str) -> String {
    exact(text).unwrap_or_else(|| text.into())
}

/// Digits and exponent without zeros at either end; written out where that is short.
fn exact(text: &str) -> Option<String> {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let exponent: i64 = exponent.parse().ok()?;
    let short = digits.trim_end_matches('0');
    let dropped = i64::try_from(digits.len() - short.len()).ok()?;
    let exponent = exponent.checked_sub(i64::try_from(part.len()).ok()?)?.checked_add(dropped)?;
    let short = short.trim_start_matches('0');
    if short.is_empty() {
        return Some("0".into());
    }
    Some(match exponent {
        0..=40 => format!("{sign}{short}{}", "0".repeat(usize::try_from(exponent).ok()?)),
        -40..=-1 => {
            let places = usize::try_from(-exponent).ok()?;
            let padded = format!("{short:0>width$}", width = places + 1);
            let (whole, part) = padded.split_at(padded.len() - places);
            format!("{sign}{whole}.{part}")
        }
        _ => format!("{sign}{short}e{exponent}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_text_and_others_have_another() {
        let same = [
            (r#"{"b": 2, "a": [1, 2]}"#, r#"{"a":[1,2],"b":2}"#),
            (r#"["\u00e9", "a\/b"]"#, r#"["é","a/b"]"#),
            ("[1.50, 1.0, 1e2, -0, 0.10e1]", "[1.5,1,100,0,1]"),
            ("[100000000000000000001]", "[100000000000000000001]"),
            ("[0.00125, 1e-50]", "[0.00125,1e-50]"),
            (r#"[ ]"#, "[]"),
            (r#"{"a":{"z":[{"y":null,"x":true}]}}"#, r#"{"a":{"z":[{"x":true,"y":null}]}}"#),
        ];
        for (text, wanted) in same {
            assert_eq!(json(text), wanted);
            assert_eq!(json(wanted), wanted);
        }
        for (one, other) in [
            ("[1]", "[\"1\"]"),
            ("[100000000000000000001]", "[100000000000000000000]"),
            ("[true]", "[\"true\"]"),
            ("[1.5]", "[1.25]"),
        ] {
            assert_ne!(json(one), json(other));
        }
    }

    #[test]
    fn what_is_no_json_stays_as_it_is() {
        for text in ["[1, 2", "[1 2]", "{\"a\"}", "[1,]", "[\"a]", "[nul]", "[1] x"] {
            assert_eq!(json(text), text);
        }
        let deep = "[".repeat(100_000);
        assert_eq!(json(&deep), deep);
    }

    #[test]
    fn cells_without_types_hold_texts_without_quotes() {
        assert_eq!(untyped(r#"["a b", "x,y", "true", 05, ""]"#), r#"[a b,"x,y",true,05,""]"#);
        assert_eq!(untyped("[1, 2]"), "[1,2]");
    }
}
