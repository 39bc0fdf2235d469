//! Reads a manifest: the exact inverse of how it is written.
//!
//! In: the bytes of a manifest. Out: digest by path, and every line that is not as it would have been written. Refuses to know folders.

use super::harm::{Damages, Harm};
use super::path::flaw;
use std::collections::BTreeMap;

/// Digest by path; `allowed` says which paths may be listed.
pub(super) fn read(name: &str, bytes: &[u8], allowed: impl Fn(&str) -> bool, damages: &mut Damages) -> BTreeMap<String, String> {
    let mut entries: BTreeMap<String, String> = BTreeMap::new();
    let Ok(text) = std::str::from_utf8(bytes) else {
        damages.add(Harm::ManifestLine, name, "it is not UTF-8");
        return entries;
    };
    if !text.is_empty() && !text.ends_with('\n') {
        damages.add(Harm::ManifestLine, name, "the last line has no end");
    }
    let mut before = "";
    for (i, line) in text.split_terminator('\n').enumerate() {
        let at = i + 1;
        let Some((digest, path)) = line.split_once("  ").filter(|(d, p)| is_digest(d) && !p.is_empty()) else {
            damages.add(Harm::ManifestLine, name, format!("line {at} is not 64 hex digits, two spaces and a path"));
            continue;
        };
        if let Some(why) = flaw(path) {
            damages.add(Harm::BadPath, path, format!("{why} ({name} line {at})"));
            continue;
        }
        if !allowed(path) {
            damages.add(Harm::ManifestLine, name, format!("line {at} lists {path}, which does not belong there"));
            continue;
        }
        if path < before {
            damages.add(Harm::ManifestOrder, name, format!("line {at} is not in the order of bytes"));
        }
        before = path;
        if entries.insert(path.to_string(), digest.to_string()).is_some() {
            damages.add(Harm::DuplicateEntry, path, format!("{name} lists it again in line {at}"));
        }
    }
    entries
}

/// Whether a text is 64 hex digits in lower case.
pub(super) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
