//! Headers and end marks of native files.
//!
//! In: the first and the last line. Out: what they say. Refuses to know records.

use crate::contract::{ClockKind, Origin};
use serde::Deserialize;

/// The first line of a native file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The kind of its records.
    pub kind: String,
    /// The test it was recorded in.
    pub test: String,
    /// Who wrote it.
    pub origin: Origin,
    /// The kind of its clock.
    pub clock: ClockKind,
    /// Which clock.
    pub clock_id: String,
    /// Whether it was generated.
    pub synthetic: bool,
    /// SHA-256 in hex of the lock under which it was recorded.
    pub lock: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderWire {
    quorate: String,
    test: String,
    origin: String,
    clock: String,
    clock_id: String,
    recorded_by: String,
    #[serde(default)]
    lock: Option<String>,
    #[serde(default)]
    synthetic: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndWire {
    quorate: String,
    records: u64,
}

/// A sentence about a bad header, and help.
pub type Refusal = (String, String);

/// Whether a line looks like a header or an end mark.
#[must_use]
pub fn is_mark(line: &str) -> bool {
    line.trim_start().starts_with('{') && line.contains("\"quorate\"")
}

/// The header on a line; `None` when it is no header.
///
/// # Errors
/// When it is a header that cannot be taken.
pub fn header(line: &str) -> Option<Result<Header, Refusal>> {
    if !is_mark(line) || end(line).is_some() {
        return None;
    }
    Some(read(line))
}

fn read(line: &str) -> Result<Header, Refusal> {
    const SHAPE: &str = "a header is {\"quorate\":\"history/v1\",\"test\":\"…\",\"origin\":\"client\",\"clock\":\"monotonic\",\
                         \"clock_id\":\"…\",\"recorded_by\":\"…\"} with `lock` and `synthetic` if wanted";
    let refuse = |why: String| (why, SHAPE.to_string());
    let wire: HeaderWire = serde_json::from_str(line).map_err(|e| {
        let text = e.to_string();
        refuse(format!("the header cannot be read: {}", text.rsplit_once(" at line ").map_or(text.as_str(), |t| t.0)))
    })?;
    let Some((kind, version)) = wire.quorate.split_once('/') else {
        return Err(refuse(format!("the header names no version: {:?}", wire.quorate)));
    };
    if version != "v1" {
        return Err(refuse(format!("the header is of version {version:?}; this tool reads v1")));
    }
    let Some(origin) = Origin::of(&wire.origin) else {
        return Err(refuse(format!("unknown origin {:?}; known: {}", wire.origin, Origin::WORDS.join(", "))));
    };
    let Some(clock) = ClockKind::of(&wire.clock) else {
        return Err(refuse(format!("unknown clock {:?}; known: {}", wire.clock, ClockKind::WORDS.join(", "))));
    };
    for (name, text) in [("test", &wire.test), ("clock_id", &wire.clock_id), ("recorded_by", &wire.recorded_by)] {
        if text.trim().is_empty() {
            return Err(refuse(format!("`{name}` in the header is empty")));
        }
    }
    let lock = wire.lock.map(|l| lock_digest(&l).ok_or(l)).transpose();
    let lock = lock.map_err(|l| refuse(format!("the lock {l:?} in the header is no digest such as sha256:…")))?;
    Ok(Header { kind: kind.into(), test: wire.test, origin, clock, clock_id: wire.clock_id, synthetic: wire.synthetic, lock })
}

/// The hex digits of a lock's digest as evidence writes it: `sha256:` and 64 of them.
#[must_use]
pub fn lock_digest(text: &str) -> Option<String> {
    let hex = text.strip_prefix("sha256:")?;
    (hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))).then(|| hex.to_string())
}

/// The number of records that an end mark counts; `None` when the line is no end mark.
#[must_use]
pub fn end(line: &str) -> Option<u64> {
    if !is_mark(line) {
        return None;
    }
    serde_json::from_str::<EndWire>(line).ok().filter(|e| e.quorate == "end").map(|e| e.records)
}
