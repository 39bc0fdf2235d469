//! Cells: one value of a record as it was written, and how it becomes a typed cell.
//!
//! In: a value with its type still open. Out: the raw cell of a column, exact, or a sentence that says what was expected. Refuses to know
//! which field of which kind it fills.

use super::canonical;
use crate::contract::{ClockKind, TimeUnit};
use crate::error::nearest;
use crate::evidence::symbol::{Symbols, Val, named, same};
use crate::evidence::table::{ABSENT, FieldType, Raw};
use crate::exact::Ratio;
use std::borrow::Cow;

/// The largest whole number that every JSON writer keeps exactly.
const SAFE: i64 = 1 << 53;

/// A value as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cell<'a> {
    /// There is none.
    #[default]
    Missing,
    /// JSON null.
    Null,
    /// true or false.
    Bool(bool),
    /// A number, as its text.
    Number(&'a str),
    /// A text.
    Text(Cow<'a, str>),
    /// An array or object, as its text.
    Json(&'a str),
    /// A text without a type, as in CSV.
    Plain(Cow<'a, str>),
}

impl<'a> Cell<'a> {
    /// The text that conditions and translations compare with; `None` when there is no value.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Missing => return None,
            Self::Null => Cow::Borrowed("null"),
            Self::Bool(true) => Cow::Borrowed("true"),
            Self::Bool(false) => Cow::Borrowed("false"),
            Self::Number(text) | Self::Json(text) => Cow::Borrowed(*text),
            Self::Text(text) | Self::Plain(text) => Cow::Borrowed(text.as_ref()),
        })
    }

    /// Whether there is a value that is not null.
    #[must_use]
    pub fn is_there(&self) -> bool {
        !matches!(self, Self::Missing | Self::Null)
    }

    /// The part of the line it was read from, if it stands there as it is.
    #[must_use]
    pub fn borrowed(&self) -> Option<&'a str> {
        match self {
            Self::Number(text) | Self::Json(text) => Some(text),
            Self::Text(Cow::Borrowed(text)) | Self::Plain(Cow::Borrowed(text)) => Some(text),
            _ => None,
        }
    }
}

/// The cell of a JSON value that is known to be well formed.
pub(super) fn written(raw: &str) -> serde_json::Result<Cell<'_>> {
    Ok(match raw.as_bytes().first() {
        Some(b'"') if !raw.contains('\\') => Cell::Text(Cow::Borrowed(&raw[1..raw.len() - 1])),
        Some(b'"') => Cell::Text(Cow::Owned(serde_json::from_str(raw)?)),
        Some(b'{' | b'[') => Cell::Json(raw),
        Some(b't') => Cell::Bool(true),
        Some(b'f') => Cell::Bool(false),
        Some(b'n') => Cell::Null,
        _ => Cell::Number(raw),
    })
}

/// How times are written.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Nanoseconds in one unit.
    pub scale: i64,
    /// Whether texts such as `2026-01-02T03:04:05Z` are times.
    pub wall: bool,
    /// Whether a part of a nanosecond counts up: for the latest instant of an interval.
    pub up: bool,
    /// Whether a part of a nanosecond is refused, as in native files, whose times are whole nanoseconds: it is a time in another unit.
    pub whole: bool,
}

impl Timing {
    /// Times of a clock in a unit.
    #[must_use]
    pub fn new(unit: TimeUnit, kind: ClockKind) -> Self {
        Self { scale: scale(unit), wall: kind == ClockKind::Wall, up: false, whole: false }
    }
}

/// Nanoseconds in one unit.
#[must_use]
pub fn scale(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Ns => 1,
        TimeUnit::Us => 1_000,
        TimeUnit::Ms => 1_000_000,
        TimeUnit::S => 1_000_000_000,
    }
}

/// The raw cell of a value. Empty values give [`ABSENT`].
///
/// # Errors
/// What was expected, and what was found.
pub fn typed(cell: &Cell<'_>, ty: FieldType, timing: Timing, symbols: &mut Symbols) -> Result<Raw, String> {
    match (cell, ty) {
        (Cell::Null, FieldType::Value) => Ok(Val::NIL.0),
        (Cell::Missing | Cell::Null, _) => Ok(ABSENT),
        (Cell::Plain(text), _) if text.is_empty() => Ok(ABSENT),
        // A name that is empty names nothing; an empty value is one.
        (Cell::Text(text), FieldType::Text) if text.is_empty() => Ok(ABSENT),
        (_, FieldType::Time) => time(cell, timing),
        (_, FieldType::Int) => int(cell),
        (_, FieldType::Decimal) => decimal(cell),
        (_, FieldType::Text) => text(cell).map(|t| Raw::from(symbols.intern(&t).0)),
        (_, FieldType::List) => list(cell, symbols),
        (_, FieldType::Value) => value(cell, symbols),
        (_, FieldType::Bool) => flag(cell),
        (_, FieldType::Word(words)) => word(cell, words),
    }
}

/// A value for a message, shortened.
pub(super) fn shown(cell: &Cell<'_>) -> String {
    let text = cell.text().unwrap_or_default();
    let cut = super::fault::cut(&text, 60);
    let dots = if cut.len() < text.len() { "…" } else { "" };
    if matches!(cell, Cell::Text(_)) { format!("\"{cut}{dots}\"") } else { format!("{cut}{dots}") }
}

fn digits<'c>(cell: &'c Cell<'_>) -> Option<&'c str> {
    match cell {
        Cell::Number(text) => Some(text),
        Cell::Text(text) | Cell::Plain(text) => Some(text.as_ref()),
        _ => None,
    }
}

/// The raw cell of a value that is written as nearly all are; `None` leaves it to [`typed`], which gives the same where both give one.
#[inline]
pub(super) fn quick(cell: &Cell<'_>, ty: FieldType, scale: i64, symbols: &mut Symbols) -> Option<Raw> {
    match (cell, ty) {
        (Cell::Number(text), FieldType::Time) if scale == 1 => small(text),
        (Cell::Number(text), FieldType::Int | FieldType::Value) => small(text),
        (Cell::Text(text), FieldType::Text) if !text.is_empty() => Some(Raw::from(symbols.intern(text).0)),
        (Cell::Text(text), FieldType::Word(words)) => {
            Raw::try_from(words.iter().position(|word| same(word.as_bytes(), text.as_bytes()))?).ok()
        }
        _ => None,
    }
}

/// A whole number of at most 15 digits and no sign, which every field of numbers takes as it is.
#[inline]
fn small(text: &str) -> Option<i64> {
    let digits = text.as_bytes();
    let (head, tail) = match digits.split_last_chunk::<8>() {
        _ if digits.is_empty() || digits.len() > 15 => return None,
        Some((head, tail)) => (head, eight(*tail)?),
        None => (digits, 0),
    };
    let mut number = 0;
    for byte in head {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    Some(if head.len() < digits.len() { number * 100_000_000 + tail } else { number })
}

/// Eight digits at once: pairs, then fours, then all.
#[inline]
fn eight(digits: [u8; 8]) -> Option<i64> {
    const ONES: u64 = u64::MAX / 255;
    let word = u64::from_le_bytes(digits);
    let value = word.wrapping_sub(ONES * 0x30);
    // A byte above 9 sets its high bit here, or did so when 0x30 was taken off.
    if (value | value.wrapping_add(ONES * 0x76) | word) & (ONES << 7) != 0 {
        return None;
    }
    let pairs = value.wrapping_mul(10).wrapping_add(value >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    let all = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff;
    i64::try_from(all).ok()
}

/// A whole number; those of at most 18 digits, which cannot be too large, without a check a digit.
fn integer(text: &str) -> Option<i64> {
    if let Some(number) = small(text) {
        return Some(number);
    }
    if text.is_empty() || text.len() > 18 {
        return text.parse().ok();
    }
    let mut number = 0;
    for byte in text.bytes() {
        if !byte.is_ascii_digit() {
            return text.parse().ok();
        }
        number = number * 10 + i64::from(byte - b'0');
    }
    Some(number)
}

fn time(cell: &Cell<'_>, timing: Timing) -> Result<Raw, String> {
    let expected = || format!("expected a time, found {}", shown(cell));
    let text = digits(cell).ok_or_else(expected)?;
    if let Some(n) = integer(text) {
        return n.checked_mul(timing.scale).filter(|n| n.abs() <= i64::MAX / 2).ok_or_else(expected);
    }
    if let Some(ratio) = Ratio::parse(text).and_then(|r| r.mul(Ratio::int(timing.scale))) {
        if timing.whole && timing.scale == 1 && ratio.den() != 1 {
            return Err(format!("expected whole nanoseconds, found {}: is it in seconds?", shown(cell)));
        }
        let whole = if timing.up { Ratio::ZERO.sub(ratio).map(|r| -r.floor()) } else { Some(ratio.floor()) };
        let whole = whole.and_then(|n| i64::try_from(n).ok()).filter(|n| n.abs() <= i64::MAX / 2);
        return whole.ok_or_else(expected);
    }
    if timing.wall { date(text).ok_or_else(expected) } else { Err(expected()) }
}

/// `2026-01-02T03:04:05.678Z`, also with an offset such as `+02:00`; without either it is taken as UTC. Times are compared within one clock only, so
/// a zone that a log leaves out shifts them all alike.
fn date(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let split = bytes.len().checked_sub(6).filter(|&i| matches!(bytes[i], b'+' | b'-') && bytes[i + 3] == b':');
    let (local, offset) = match split {
        Some(i) => {
            let number = |from: usize| text.get(from..from + 2)?.parse::<i64>().ok();
            let minutes = number(i + 1)? * 60 + number(i + 4)?;
            (format!("{}Z", text.get(..i)?), if bytes[i] == b'+' { minutes } else { -minutes })
        }
        None => (text.to_string(), 0),
    };
    let instant = humantime::parse_rfc3339_weak(&local).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(instant.as_nanos()).ok()?.checked_sub(offset * 60_000_000_000)
}

/// A whole number, exact or refused.
fn whole(text: &str) -> Option<i64> {
    match integer(text) {
        Some(n) => Some(n),
        None => Ratio::parse(text).filter(|r| r.den() == 1).and_then(|r| i64::try_from(r.num()).ok()),
    }
}

fn unsafe_number(text: &str) -> String {
    format!("the number {} is past 2^53, where JSON writers round: write it as a string", super::fault::cut(text, 40))
}

/// A JSON number past 2^53, which some writer may have rounded.
fn past_safe(text: &str) -> bool {
    if text.len() <= 15 && text.bytes().all(|b| !matches!(b, b'e' | b'E')) {
        return false;
    }
    match text.parse::<i64>() {
        Ok(n) => !(-SAFE..=SAFE).contains(&n),
        Err(_) => Ratio::parse(text).is_none_or(|r| r.num().unsigned_abs() / r.den().unsigned_abs() > SAFE.unsigned_abs().into()),
    }
}

fn int(cell: &Cell<'_>) -> Result<Raw, String> {
    let expected = || format!("expected a whole number, found {}", shown(cell));
    let text = digits(cell).ok_or_else(expected)?;
    let written = matches!(cell, Cell::Number(_));
    match integer(text) {
        Some(n) if !written || (-SAFE..=SAFE).contains(&n) => Some(n).filter(|n| *n > i64::MIN + 1).ok_or_else(expected),
        _ if written && past_safe(text) => Err(unsafe_number(text)),
        _ => whole(text).filter(|n| *n > i64::MIN + 1).ok_or_else(expected),
    }
}

fn decimal(cell: &Cell<'_>) -> Result<Raw, String> {
    let expected = || format!("expected a number, found {}", shown(cell));
    let ratio = digits(cell).and_then(Ratio::parse).ok_or_else(expected)?;
    let half = Ratio::new(1, 2).unwrap_or(Ratio::ZERO);
    let micro = ratio.mul(Ratio::int(1_000_000)).and_then(|r| r.add(half)).and_then(|r| i64::try_from(r.floor()).ok());
    micro.filter(|n| *n != ABSENT).ok_or_else(|| format!("the number {} is too large", shown(cell)))
}

fn text<'c>(cell: &'c Cell<'_>) -> Result<Cow<'c, str>, String> {
    match cell {
        Cell::Number(text) if past_safe(text) => Err(unsafe_number(text)),
        Cell::Json(_) => Err(format!("expected a text, found {}", shown(cell))),
        _ => Ok(cell.text().unwrap_or_default()),
    }
}

fn list(cell: &Cell<'_>, symbols: &mut Symbols) -> Result<Raw, String> {
    let expected = || format!("expected a list of texts, found {}", shown(cell));
    let syms: Vec<_> = match cell {
        Cell::Json(json) => {
            let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(json).map_err(|_| expected())?;
            let mut syms = Vec::with_capacity(items.len());
            for item in items {
                let item = written(item.get()).map_err(|_| expected())?;
                if !item.is_there() {
                    return Err(expected());
                }
                syms.push(symbols.intern(&text(&item)?));
            }
            syms
        }
        Cell::Plain(plain) => plain.split([' ', ',', ';']).filter(|t| !t.is_empty()).map(|t| symbols.intern(t)).collect(),
        Cell::Text(text) => vec![symbols.intern(text)],
        Cell::Number(_) => vec![symbols.intern(&text(cell)?)],
        _ => return Err(expected()),
    };
    Ok(Raw::from(symbols.intern_list(&syms).0))
}

fn value(cell: &Cell<'_>, symbols: &mut Symbols) -> Result<Raw, String> {
    let mut intern = |text: &str| Ok(Val::text(symbols.intern(text)).0);
    match cell {
        Cell::Number(text) if past_safe(text) => Err(unsafe_number(text)),
        Cell::Number(text) => match whole(text).and_then(Val::int) {
            Some(val) => Ok(val.0),
            None => intern(&canonical::number(text)),
        },
        Cell::Plain(text) if text == "nil" => Ok(Val::NIL.0),
        Cell::Plain(text) if text.starts_with('"') => intern(&named(text)),
        Cell::Plain(text) if text.starts_with(['[', '{']) => intern(&canonical::untyped(text)),
        Cell::Plain(text) => match text.parse::<i64>().ok().filter(|n| n.to_string() == *text).and_then(Val::int) {
            Some(val) => Ok(val.0),
            None => intern(text),
        },
        Cell::Text(text) => intern(&named(text)),
        Cell::Json(json) => intern(&canonical::json(json)),
        _ => intern(&cell.text().unwrap_or_default()),
    }
}

fn flag(cell: &Cell<'_>) -> Result<Raw, String> {
    match cell.text().as_deref() {
        Some("true") => Ok(1),
        Some("false") => Ok(0),
        _ => Err(format!("expected true or false, found {}", shown(cell))),
    }
}

fn word(cell: &Cell<'_>, words: &[&str]) -> Result<Raw, String> {
    let text = match cell {
        Cell::Text(text) | Cell::Plain(text) => text.as_ref(),
        _ => "",
    };
    if let Some(i) = words.iter().position(|w| *w == text) {
        return Raw::try_from(i).map_err(|_| "too many words".into());
    }
    let near = nearest(text, words.iter().copied()).map(|w| format!("; did you mean {w}?")).unwrap_or_default();
    Err(format!("expected one of {}, found {}{near}", words.join(", "), shown(cell)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Timing = Timing { scale: 1_000_000_000, wall: true, up: false, whole: false };

    fn plain(text: &str) -> Cell<'_> {
        Cell::Plain(Cow::Borrowed(text))
    }

    fn quoted(text: &str) -> Cell<'_> {
        Cell::Text(Cow::Borrowed(text))
    }

    #[test]
    fn times_are_exact() {
        let time = |cell: Cell<'_>, timing| typed(&cell, FieldType::Time, timing, &mut Symbols::default());
        assert_eq!(time(Cell::Number("1795219427.294254"), S), Ok(1_795_219_427_294_254_000));
        assert_eq!(time(Cell::Number("0.1234567891"), S), Ok(123_456_789));
        assert_eq!(time(Cell::Number("0.1234567891"), Timing { up: true, ..S }), Ok(123_456_790));
        assert_eq!(time(Cell::Number("-0.0000000001"), S), Ok(-1));
        assert_eq!(time(Cell::Number("9007199254740993"), Timing { scale: 1, ..S }), Ok(9_007_199_254_740_993));
        assert_eq!(time(quoted("2026-01-02T03:04:05.5Z"), S), Ok(1_767_323_045_500_000_000));
        assert_eq!(time(quoted("2026-01-02T03:04:05-00:30"), S), Ok(1_767_324_845_000_000_000));
        assert_eq!(time(quoted("2026-01-02T03:04:05.500000"), S), Ok(1_767_323_045_500_000_000));
        assert_eq!(time(quoted("2026-01-02 03:04:05"), S), Ok(1_767_323_045_000_000_000));
        assert!(time(quoted("2026-01-02"), S).is_err());
        assert!(time(quoted("2026-01-02T03:04:05Z"), Timing { wall: false, ..S }).is_err());
        let native = Timing { scale: 1, whole: true, ..S };
        assert!(time(Cell::Number("2.01"), native).is_err_and(|why| why.contains("seconds")));
        assert_eq!((time(Cell::Number("2.0"), native), time(Cell::Number("2.01"), Timing { scale: 1, ..S })), (Ok(2), Ok(2)));
        assert!(time(Cell::Number("1e12"), S).is_err() && time(Cell::Bool(true), S).is_err());
        assert_eq!(time(Cell::Null, S), Ok(ABSENT));
    }

    #[test]
    fn numbers_are_exact_or_refused() {
        let mut symbols = Symbols::default();
        let mut int = |cell: Cell<'_>| typed(&cell, FieldType::Int, S, &mut symbols);
        assert_eq!(int(Cell::Number("9007199254740992")), Ok(1 << 53));
        assert!(int(Cell::Number("9007199254740993")).is_err_and(|e| e.contains("write it as a string")));
        assert!(int(Cell::Number("1e300")).is_err() && int(Cell::Number("1.5")).is_err());
        assert_eq!(int(quoted("9007199254740993")), Ok(9_007_199_254_740_993));
        assert!(int(plain("9223372036854775808")).is_err() && int(plain("x")).is_err());
        assert_eq!(typed(&Cell::Number("0.0000015"), FieldType::Decimal, S, &mut symbols), Ok(2));
        assert_eq!(typed(&plain("-2.25"), FieldType::Decimal, S, &mut symbols), Ok(-2_250_000));
    }

    #[test]
    fn the_quick_way_gives_what_the_careful_way_gives() {
        let mut random = 1_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random >> 33
        };
        let types = [FieldType::Time, FieldType::Int, FieldType::Value, FieldType::Text, FieldType::Word(&["read", "cas", "ok"])];
        let native = Timing { scale: 1, whole: true, ..S };
        let mut taken = 0;
        for round in 0..20_000 {
            let length = next() % 20;
            let mut text: String = (0..length).map(|_| char::from(b'0' + u8::try_from(next() % 10).unwrap())).collect();
            if round % 2 == 0 && !text.is_empty() {
                let at = usize::try_from(next()).unwrap() % text.len();
                let other = b"/:-+.eE \x7f\x00\x10"[usize::try_from(next()).unwrap() % 11];
                text.replace_range(at..=at, &char::from(other).to_string());
            }
            for ty in types {
                for cell in [Cell::Number(&text), quoted(&text)] {
                    let mut symbols = Symbols::default();
                    if let Some(raw) = quick(&cell, ty, native.scale, &mut symbols) {
                        taken += 1;
                        assert_eq!(typed(&cell, ty, native, &mut symbols), Ok(raw), "{cell:?} as {ty:?}");
                    }
                }
            }
        }
        assert!(taken > 20_000, "{taken}");
        for (text, number) in [("0", 0), ("7", 7), ("12345678", 12_345_678), ("999999999999999", 999_999_999_999_999)] {
            assert_eq!(small(text), Some(number));
        }
        for (i, word) in ["read", "cas", "ok"].into_iter().enumerate() {
            assert_eq!(quick(&quoted(word), types[4], 1, &mut Symbols::default()), Raw::try_from(i).ok());
        }
        assert!(["", "1234567890123456", "-1", "1234567:", "/2345678", "\u{b0}234567"].iter().all(|text| small(text).is_none()));
    }

    #[test]
    fn an_empty_name_is_none_and_an_empty_value_is_one() {
        let mut symbols = Symbols::default();
        for ty in [FieldType::Text, FieldType::Value] {
            assert_eq!(quick(&quoted(""), ty, 1, &mut symbols), None);
        }
        assert_eq!(typed(&quoted(""), FieldType::Text, S, &mut symbols), Ok(ABSENT));
        assert_ne!(typed(&quoted(""), FieldType::Value, S, &mut symbols), Ok(ABSENT));
    }

    #[test]
    fn values_do_not_mix() {
        let mut symbols = Symbols::default();
        let cells = [
            Cell::Null,
            Cell::Number("5"),
            quoted("5"),
            Cell::Number("1.5"),
            quoted("1.5"),
            Cell::Bool(true),
            quoted("true"),
            Cell::Json("[1, \"a b\"]"),
            quoted("[1,\"a b\"]"),
            quoted(""),
        ];
        let values: Vec<Raw> = cells.iter().map(|c| typed(c, FieldType::Value, S, &mut symbols).unwrap()).collect();
        let mut different = values.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), values.len());
        assert_eq!(symbols.value(Val(values[7])), "[1,\"a b\"]");
        assert_eq!(typed(&Cell::Json("[1,\"a b\"]"), FieldType::Value, S, &mut symbols), Ok(values[7]));
        assert_eq!(typed(&plain("5"), FieldType::Value, S, &mut symbols), Ok(5));
        assert_ne!(typed(&plain("05"), FieldType::Value, S, &mut symbols), Ok(5));
        assert_eq!(typed(&plain(""), FieldType::Value, S, &mut symbols), Ok(ABSENT));
    }
}
