//! The short way through an event of EDN: a map of the usual keys, of whole numbers, words, plain texts and vectors of these, without a tree for the map.
//!
//! In: the bytes of a file from the first of a line on. Out: the event that the careful way gives, and how many bytes it has; or nothing, and then
//! the careful way reads it and finds what is unusual or wrong with it. Accepts nothing that the careful way refuses. Refuses to know faults.

use super::super::edn::{Edn, kept};
use super::super::events::{Event, Step};

/// How deep vectors may lie in each other: a key with a pair of values.
const DEPTH: usize = 2;

/// The event at the front. Its line is not known here.
pub(super) fn event(bytes: &[u8]) -> Option<(Event, usize)> {
    if bytes.first() != Some(&b'{') {
        return None;
    }
    let mut event = Event::BLANK;
    let (mut at, mut seen) = (1, 0_u8);
    loop {
        at = blank(bytes, at);
        match bytes.get(at)? {
            b'}' => break,
            b':' => {}
            _ => return None,
        }
        let end = word(bytes, at + 1);
        let name = &bytes[at + 1..end];
        // A word may go on with what is no plain letter.
        let start = Some(blank(bytes, end)).filter(|start| *start > end)?;
        let (value, after) = form(bytes, start, DEPTH)?;
        let bit = match name {
            b"process" => 1,
            b"type" => 2,
            b"f" => 4,
            b"value" => 8,
            b"time" => 16,
            b"key" => 32,
            b"error" => 64,
            b"index" => 128,
            _ => return None,
        };
        if seen & bit != 0 {
            return None;
        }
        seen |= bit;
        match (name, value) {
            (b"process", value) => event.process = value,
            (b"type", Edn::Keyword(step)) => event.step = Step::of(&step)?,
            (b"f", Edn::Keyword(f)) => event.f = Some(f),
            (b"value", value) => (event.value, event.bare) = (value, false),
            (b"time", Edn::Int(time)) => event.time = Some(time),
            (b"key", value) => event.key = Some(value),
            (b"error", Edn::Nil) | (b"index", _) => {}
            (b"error", value) => event.error = Some(value),
            _ => return None,
        }
        at = after;
    }
    // Without a type it is no event.
    (seen & 2 != 0).then_some((event, at + 1))
}

/// The first byte from `at` that is no blank; line ends are left to the careful way.
#[inline]
fn blank(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b',' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The end of a word of plain letters.
#[inline]
fn word(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Whether a form may end before this byte; what else may follow one is left to the careful way.
#[inline]
fn ends(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at), Some(b' ' | b',' | b'}' | b']'))
}

/// The form at a byte, and its end.
fn form(bytes: &[u8], at: usize, depth: usize) -> Option<(Edn, usize)> {
    let (form, end) = match bytes.get(at)? {
        b'-' | b'0'..=b'9' => number(bytes, at)?,
        b':' => {
            let end = word(bytes, at + 1);
            (Edn::Keyword(kept(text(bytes, at + 1, end).filter(|word| !word.is_empty())?)), end)
        }
        b'"' => {
            let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
            let end = at + 1 + bytes[at + 1..].iter().take_while(|byte| plain(byte)).count();
            if bytes.get(end) != Some(&b'"') {
                return None;
            }
            (Edn::Text(kept(text(bytes, at + 1, end)?)), end + 1)
        }
        b'n' if bytes[at..].starts_with(b"nil") => (Edn::Nil, at + 3),
        b'[' if depth > 0 => {
            let (mut items, mut at) = (Vec::new(), blank(bytes, at + 1));
            while bytes.get(at)? != &b']' {
                let (item, end) = form(bytes, at, depth - 1)?;
                items.push(item);
                at = blank(bytes, end);
            }
            (Edn::Vector(items), at + 1)
        }
        _ => return None,
    };
    ends(bytes, end).then_some((form, end))
}

/// A whole number of at most 18 digits, which fits whatever its digits are.
#[inline]
fn number(bytes: &[u8], at: usize) -> Option<(Edn, usize)> {
    let negative = bytes[at] == b'-';
    let start = at + usize::from(negative);
    let (mut end, mut number) = (start, 0_i64);
    while let Some(digit @ b'0'..=b'9') = bytes.get(end) {
        if end - start == 18 {
            return None;
        }
        number = number * 10 + i64::from(digit - b'0');
        end += 1;
    }
    (end > start).then_some((Edn::Int(if negative { -number } else { number }), end))
}

#[inline]
fn text(bytes: &[u8], from: usize, to: usize) -> Option<&str> {
    std::str::from_utf8(&bytes[from..to]).ok()
}

#[cfg(test)]
mod tests;
