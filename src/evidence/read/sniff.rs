//! What a file seems to be, by its name and the start of its text.
//!
//! In: a file. Out: a format, and what its header says if it has one. Refuses to read on.

use super::fault::unreadable;
use super::format;
use super::unpack::Unpacked;
use super::{Files, envelope};
use crate::error::{Error, ErrorKind, Fault};
use sha2::{Digest, Sha256};
use std::io::Read;

/// How much is looked at.
const START: u64 = 1 << 14;

/// What a file seems to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sniffed {
    /// The name of its format, if that is clear.
    pub format: Option<&'static str>,
    /// Whether that is read in order, into history and faults, without a mapping.
    pub events: bool,
    /// The kind and the test that its header names.
    pub header: Option<(String, String)>,
    /// Whether there is not a byte in it.
    pub empty: bool,
    /// Its first bytes, unpacked.
    pub start: Vec<u8>,
}

/// Looks at the start of a file; `name` is its format when that is declared.
///
/// # Errors
/// A file that is not there or cannot be opened, and a format of that name that is not.
pub fn sniff(files: &dyn Files, path: &str, name: Option<&str>) -> Result<Sniffed, Error> {
    let evidence = |fault: Fault| Error::one(ErrorKind::Evidence, fault);
    let file = files.open(path).map_err(|e| evidence(unreadable(path, &e)))?;
    let file = file.ok_or_else(|| evidence(Fault::new(format!("there is no file `{path}`"))))?;
    let mut start = Vec::new();
    Unpacked::new(file).take(START).read_to_end(&mut start).map_err(|e| evidence(unreadable(path, &e)))?;
    let text = String::from_utf8_lossy(&start);
    let first = text.lines().next().unwrap_or_default();
    let header = envelope::header(first.strip_prefix("# ").unwrap_or(first)).and_then(Result::ok).map(|h| (h.kind, h.test));
    let format = match name {
        Some(name) => Some(format::by_name(name).ok_or_else(|| {
            let known = format::FORMATS.iter().map(|f| f.name).collect::<Vec<_>>().join(", ");
            Error::plain(ErrorKind::Usage, format!("there is no format `{name}`; known: {known}"))
        })?),
        None => format::by_start(&text).or_else(|| format::by_ending(path)),
    };
    let events = format.is_some_and(|f| f.lines().is_none());
    Ok(Sniffed { format: format.map(|f| f.name), events, header, empty: start.is_empty(), start })
}

/// The SHA-256 of what a file holds when it is unpacked; nothing when there is no such file.
///
/// # Errors
/// A file that cannot be opened or unpacked.
pub fn content(files: &dyn Files, path: &str) -> Result<Option<[u8; 32]>, Error> {
    let evidence = |e: std::io::Error| Error::one(ErrorKind::Evidence, unreadable(path, &e));
    let Some(file) = files.open(path).map_err(evidence)? else { return Ok(None) };
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    let mut unpacked = Unpacked::new(file);
    loop {
        match unpacked.read(&mut buffer).map_err(evidence)? {
            0 => return Ok(Some(hash.finalize().into())),
            n => hash.update(&buffer[..n]),
        }
    }
}
