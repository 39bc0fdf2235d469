//! Evidence by reference: which files are not in the package, by digest and length.
//!
//! In: references. Out: `evidence-refs.json`, and back. What is read must be, byte for byte, what would have been written. The dossier
//! does not know of it: the same decision follows from the same evidence, whether it is packaged or not.

use super::manifest::is_digest;
use super::path::flaw;
use super::strict_json::read_canonical;
use crate::words::words;
use serde_json::{Value, json};

/// The version of the format.
const SCHEMA: &str = "quorate-evidence-refs/1";

/// Where it stands in a package.
pub(super) const REFERENCES: &str = "data/evidence-refs.json";

words! {
    /// Why a file is not in the package.
    enum Reason {
        /// It was asked for by its name.
        Withheld = "withheld",
        /// It is longer than was asked for.
        Size = "size",
    }
}

words! {
    /// What is known of the bytes of an evidence file when a package is judged again.
    enum EvidenceState {
        /// They are there, and have the digest that the decision names.
        Rehashed = "rehashed",
        /// They are named by digest and length, and are not there.
        Withheld = "withheld",
        /// They were not there when the release was judged.
        Missing = "missing",
    }
}

/// An evidence file that is not in the package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Path below the evidence root.
    pub path: String,
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Why it is not there.
    pub reason: Reason,
}

impl Reference {
    /// The list as canonical JSON, sorted by path.
    #[must_use]
    pub fn render(list: &[Self]) -> Vec<u8> {
        let mut sorted: Vec<&Self> = list.iter().collect();
        sorted.sort();
        let file = |r: &&Self| json!({ "path": r.path, "sha256": r.sha256, "bytes": r.bytes, "reason": r.reason.word() });
        json!({ "schema": SCHEMA, "files": sorted.iter().map(file).collect::<Vec<_>>() }).to_string().into_bytes()
    }

    /// Reads a list.
    ///
    /// # Errors
    /// One sentence a fault.
    pub(super) fn read(bytes: &[u8]) -> Result<Vec<Self>, Vec<String>> {
        let value = read_canonical(bytes)?;
        let files = value.get("files").and_then(Value::as_array).ok_or_else(|| vec!["/files is not a list".to_string()])?;
        let (mut list, mut faults) = (Vec::new(), Vec::new());
        for (i, file) in files.iter().enumerate() {
            match one(file) {
                Ok(reference) => list.push(reference),
                Err(why) => faults.push(format!("/files/{i}: {why}")),
            }
        }
        if faults.is_empty() && list.windows(2).any(|pair| pair[0].path >= pair[1].path) {
            faults.push("the files are not in the order of their paths, each once".into());
        }
        if faults.is_empty() && (list.is_empty() || Self::render(&list) != bytes) {
            faults.push(format!("it is not a list of {SCHEMA} with at least one file and nothing else in it"));
        }
        if faults.is_empty() { Ok(list) } else { Err(faults) }
    }
}

fn one(file: &Value) -> Result<Reference, String> {
    let text = |key: &str| file.get(key).and_then(Value::as_str).ok_or_else(|| format!("`{key}` is not a text"));
    let (path, sha256) = (text("path")?, text("sha256")?);
    if let Some(why) = flaw(&format!("data/evidence/{path}")) {
        return Err(why.to_string());
    }
    if !is_digest(sha256) {
        return Err("`sha256` is not 64 hex digits".into());
    }
    let reason = Reason::of(text("reason")?).ok_or_else(|| format!("`reason` is none of {}", Reason::WORDS.join(", ")))?;
    let bytes = file.get("bytes").and_then(Value::as_u64).ok_or("`bytes` is not a length")?;
    Ok(Reference { path: path.to_string(), sha256: sha256.to_string(), bytes, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(path: &str) -> Reference {
        Reference { path: path.into(), sha256: "0".repeat(64), bytes: 7, reason: Reason::Size }
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let list = vec![reference("a"), reference("p/b")];
        let bytes = Reference::render(&list);
        assert_eq!(Reference::read(&bytes).unwrap(), list);
        let text = String::from_utf8(bytes).unwrap();
        for (from, to) in [
            ("\"a\"", "\"../a\""),
            ("\"a\"", "\"z\""),
            ("\"a\"", "\"p/b\""),
            ("size", "lost"),
            ("000\"", "00G\""),
            ("000\"", "00\""),
            (":7", ":-7"),
            (":7", ":7.0"),
            ("refs/1", "refs/2"),
            ("\"path\"", "\"more\":1,\"path\""),
            ("}]", "}],\"x\":1"),
            ("[{", "[ {"),
        ] {
            assert!(text.contains(from), "{from}");
            assert!(Reference::read(text.replacen(from, to, 1).as_bytes()).is_err(), "{from} → {to}");
        }
        assert!(Reference::read(&Reference::render(&[])).is_err());
        assert!(Reference::read(b"[]").is_err());
    }
}
