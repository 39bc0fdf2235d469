//! The single values that contracts are written in: texts, ids, durations, counts, rates, fractions, dates.
//!
//! In: one TOML value. Out: a typed value, or what was expected. Refuses to know which key it stands under.

use super::decode::Leaf;
use crate::exact::Ratio;
use serde_json::{Value as Json, json};
use toml::de::DeValue;

/// A text that is not blank and at most 4,000 characters long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(pub String);

impl Leaf for Text {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value.as_str() {
            Some(text) if !text.trim().is_empty() && text.len() <= 4000 => Ok(Self(text.to_string())),
            _ => Err("a text that is not empty (at most 4000 bytes)".into()),
        }
    }
    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1, "maxLength": 4000 })
    }
}

/// An id: letters, digits, `.`, `_`, `-`; at most 64; starts with a letter or digit. Safe as a file name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Id(pub String);

impl Leaf for Id {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let good = |t: &str| {
            t.len() <= 64
                && t.starts_with(|c: char| c.is_ascii_alphanumeric())
                && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        match value.as_str() {
            Some(text) if good(text) => Ok(Self(text.to_string())),
            _ => Err("an id of letters, digits, `.`, `_` and `-` (at most 64, a letter or digit first)".into()),
        }
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" })
    }
}

/// A duration with its unit, in nanoseconds: `"180ms"`, `"1.5s"`, `"30d"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub i64);

impl Leaf for Span {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let expected = || "a duration with a unit, such as \"180ms\", \"1.5s\" or \"30d\"".to_string();
        let text = value.as_str().ok_or_else(expected)?.trim();
        if let Some(ns) = decimal_duration(text) {
            return Ok(Self(ns));
        }
        let parsed = humantime::parse_duration(text).map_err(|_| expected())?;
        i64::try_from(parsed.as_nanos()).map(Self).map_err(|_| expected())
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^ *[0-9].*(ns|us|ms|s|m|h|d|w|second|minute|hour|day|week)s? *$" })
    }
}

/// `1.5s`: what humantime does not read, one decimal number and one unit.
fn decimal_duration(text: &str) -> Option<i64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = (text[..split].trim(), &text[split..]);
    if !number.contains('.') {
        return None;
    }
    let unit = humantime::parse_duration(&format!("1{unit}")).ok()?;
    let ns = Ratio::parse(number)?.mul(Ratio::int(i64::try_from(unit.as_nanos()).ok()?))?;
    if ns.den() == 1 { i64::try_from(ns.num()).ok().filter(|n| *n >= 0) } else { None }
}

/// A whole number from 0 to 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count(pub u64);

impl Leaf for Count {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let digits = value.as_integer().map(|n| (n.as_str().replace('_', ""), n.radix()));
        let number = digits.as_ref().and_then(|(digits, radix)| u64::from_str_radix(digits, *radix).ok());
        let large = digits.is_some_and(|(digits, _)| !digits.starts_with('-'));
        number.filter(|n| *n <= 1 << 53).map(Self).ok_or_else(|| {
            let bound = if large { format!("at most {} (2^53)", 1u64 << 53) } else { "0 or more".into() };
            format!("a whole number, {bound}")
        })
    }
    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_992_u64 })
    }
}

/// Any number, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(pub Ratio);

impl Leaf for Number {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = value.as_float().map(|f| f.as_str()).or_else(|| value.as_integer().map(|n| n.as_str()));
        text.and_then(Ratio::parse).map(Self).ok_or_else(|| "a number".into())
    }
    fn schema() -> Json {
        json!({ "type": "number" })
    }
}

/// A share between 0 and 1, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fraction(pub Ratio);

impl Leaf for Fraction {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let number = Number::read(value).ok().map(|n| n.0);
        number
            .filter(|n| *n >= Ratio::ZERO && *n <= Ratio::ONE)
            .map(Self)
            .ok_or_else(|| "a share from 0 to 1, such as 0.999".into())
    }
    fn schema() -> Json {
        json!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

/// A calendar day, as `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Day(pub String);

impl Leaf for Day {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value.as_datetime() {
            Some(when) if when.time.is_none() && when.offset.is_none() && when.date.is_some() => Ok(Self(when.to_string())),
            _ => Err("a day without quotes, such as 2027-01-31".into()),
        }
    }
    fn schema() -> Json {
        json!({ "description": "a TOML local date" })
    }
}

/// A scalar as its text: what a field of a record is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar(pub String);

impl Leaf for Scalar {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::String(text) => Ok(Self(text.to_string())),
            DeValue::Integer(n) if n.radix() == 10 => Ok(Self(n.as_str().replace('_', ""))),
            DeValue::Boolean(b) => Ok(Self(b.to_string())),
            _ => Err("a text, a whole number, true or false".into()),
        }
    }
    fn schema() -> Json {
        json!({ "type": ["string", "integer", "boolean"] })
    }
}

/// true or false.
impl Leaf for bool {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| "expected true or false".into())
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::de::DeTable;

    fn span(text: &str) -> Option<i64> {
        Span::read(&DeValue::String(text.into())).ok().map(|s| s.0)
    }

    #[test]
    fn a_number_past_the_limit_is_told_the_limit() {
        let told = |text: &str| {
            let document = DeTable::parse(text).unwrap();
            Count::read(document.get_ref()["n"].get_ref()).map(|count| count.0)
        };
        assert_eq!(told("n = 9_007_199_254_740_992"), Ok(1 << 53));
        assert_eq!(told("n = 9223372036854775807"), Err("a whole number, at most 9007199254740992 (2^53)".into()));
        assert_eq!(told("n = -1"), Err("a whole number, 0 or more".into()));
    }

    #[test]
    fn durations() {
        assert_eq!(span("180ms"), Some(180_000_000));
        assert_eq!(span("1.5s"), Some(1_500_000_000));
        assert_eq!(span("30d"), Some(30 * 86_400_000_000_000));
        assert_eq!(span("5"), None);
        assert_eq!(span("-5s"), None);
        assert_eq!(span("-1.5s"), None);
        assert_eq!(span("1.0000000001s"), None);
    }
}
