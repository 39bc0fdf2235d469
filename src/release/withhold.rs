//! Evidence that does not go into the package: what is asked for by name or is too large goes by digest and length.
//!
//! In: a built release and what to leave out. Out: the same release with references in the place of those files. The dossier and the
//! pages stay as they are.

use super::{Built, paths};
use crate::error::{Error, ErrorKind, Fault};
use crate::package::{Reason, Reference};
use std::collections::BTreeMap;

/// Which evidence does not go into the package.
#[derive(Debug, Clone, Default)]
pub struct Withhold {
    /// Patterns of paths below the evidence root: `*` and `?` within a name, `**` across folders.
    pub patterns: Vec<glob::Pattern>,
    /// The longest file that is packaged, in bytes.
    pub max: Option<u64>,
}

impl Withhold {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when it is none.
    pub fn pattern(text: &str) -> Result<glob::Pattern, Error> {
        glob::Pattern::new(text).map_err(|e| Error::plain(ErrorKind::Usage, format!("--withhold {text:?} is no pattern: {e}")))
    }

    /// Reads a size: a whole number with a unit, such as `100MB`, `64MiB` or `4096`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when it is none.
    pub fn size(text: &str) -> Result<u64, Error> {
        const UNITS: [(&str, u64); 9] = [
            ("", 1),
            ("B", 1),
            ("kB", 1000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("TiB", 1 << 40),
        ];
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let unit = UNITS.iter().find(|u| u.0 == unit.trim_start());
        number.parse::<u64>().ok().zip(unit).and_then(|(n, unit)| n.checked_mul(unit.1)).ok_or_else(|| {
            let fault = Fault::new(format!("--max-evidence is {text:?}"));
            Error::one(
                ErrorKind::Usage,
                fault.help("expected a whole number of bytes, or one with kB, MB, GB, KiB, MiB, GiB or TiB"),
            )
        })
    }

    fn reason(&self, path: &str, bytes: u64) -> Option<Reason> {
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        if self.patterns.iter().any(|p| p.matches_with(path, options)) {
            return Some(Reason::Withheld);
        }
        self.max.is_some_and(|max| bytes > max).then_some(Reason::Size)
    }
}

impl Built {
    /// Leaves out what is to be withheld.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when a pattern matches no file: it was meant to, and the file would be packaged.
    pub fn withhold(&mut self, what: &Withhold) -> Result<(), Error> {
        let alone = |pattern: &glob::Pattern| Withhold { patterns: vec![pattern.clone()], max: None };
        let matched = |w: &Withhold| self.evidence.iter().any(|(path, _, bytes)| w.reason(path, *bytes).is_some());
        let idle: Vec<Fault> = what
            .patterns
            .iter()
            .filter(|p| !matched(&alone(p)))
            .map(|p| Fault::new(format!("--withhold {:?} matches no evidence file", p.as_str())))
            .map(|f| {
                f.help(
                    "a pattern is matched against the path below the evidence folder; `*` stays within a folder, `**` does not",
                )
            })
            .collect();
        if !idle.is_empty() {
            return Err(Error { kind: ErrorKind::Usage, faults: idle });
        }
        let left_out = self.evidence.iter().filter_map(|(path, _, bytes)| Some((path.clone(), what.reason(path, *bytes)?)));
        self.refer(&left_out.collect());
        Ok(())
    }

    /// Puts references in the place of files.
    pub(super) fn refer(&mut self, left_out: &BTreeMap<String, Reason>) {
        let (references, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.evidence).into_iter().partition(|e| left_out.contains_key(&e.0));
        self.evidence = kept;
        let reference = |(path, sha256, bytes): (String, String, u64)| {
            let reason = left_out.get(&path).copied().unwrap_or(Reason::Withheld);
            Reference { path, sha256, bytes, reason }
        };
        let references: Vec<Reference> = references.into_iter().map(reference).collect();
        if !references.is_empty() {
            self.files.insert(paths::REFERENCES.to_string(), Reference::render(&references));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_patterns() {
        let size = |text: &str| Withhold::size(text).ok();
        assert_eq!(
            [size("0"), size("100MB"), size("64MiB"), size("2 GiB")],
            [Some(0), Some(100_000_000), Some(64 << 20), Some(2 << 30)]
        );
        assert_eq!([size(""), size("MB"), size("1.5MB"), size("-1"), size("1mb"), size("99999999999TiB")], [None; 6]);
        let reason = |pattern: &str, path: &str| {
            Withhold { patterns: vec![Withhold::pattern(pattern).unwrap()], max: Some(10) }.reason(path, 10)
        };
        assert_eq!(reason("a/*.jsonl", "a/b.jsonl"), Some(Reason::Withheld));
        assert_eq!(reason("a/*.jsonl", "a/b/c.jsonl"), None);
        assert_eq!(reason("**/c.jsonl", "a/b/c.jsonl"), Some(Reason::Withheld));
        assert_eq!(reason("*", "a/b"), None);
        assert_eq!(Withhold { patterns: Vec::new(), max: Some(10) }.reason("a", 11), Some(Reason::Size));
        assert!(Withhold::pattern("a/***").is_err());
    }
}
