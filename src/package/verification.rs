//! What verifying prints: six lines, each with its state and a sentence.
//!
//! In: a verified package or its damage, and what judging again differed in. Out: text and JSON. A line says `ok` only for what was
//! checked. Refuses to know how anything was checked.

use super::attest::Attested;
use super::harm::shown;
use super::verify::Verified;
use crate::error::Error;
use crate::words::{plural, words};
use serde_json::{Value, json};

words! {
    /// The state of one line.
    enum Mark {
        /// Checked, and right.
        Ok = "ok",
        /// Checked, and wrong.
        Failed = "failed",
        /// Not checked.
        NotChecked = "not checked",
    }
}

/// One line of the printout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The state.
    pub mark: Mark,
    /// One sentence.
    pub sentence: String,
    /// Particulars, one below the other.
    pub details: Vec<String>,
}

impl Line {
    /// A line.
    pub fn new(mark: Mark, sentence: impl Into<String>) -> Self {
        Self { mark, sentence: sentence.into(), details: Vec::new() }
    }

    /// Adds particulars.
    #[must_use]
    pub fn details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }
}

/// What was found out about a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The digest of the package, when it is whole.
    pub root: Option<String>,
    /// Whether the package is whole and nothing was added or changed.
    pub integrity: Line,
    /// Whether a key that is trusted signed it.
    pub authentic: Line,
    /// Whether the signer may release.
    pub authorised: Line,
    /// What is known of when it was made.
    pub time: Line,
    /// Whether judging and rendering again gives the same bytes.
    pub recomputed: Line,
    /// What it says about the release.
    pub decision: Line,
    /// What is released, when the package is whole.
    pub release: Option<Release>,
}

/// What is released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The service.
    pub service: String,
    /// Its version.
    pub version: String,
    /// The digest of the exact artifact, when it is named.
    pub artifact: Option<String>,
}

impl Release {
    fn of(verified: &Verified) -> Option<Self> {
        let facts = &verified.facts;
        Some(Self { service: facts.service.clone(), version: facts.version.clone(), artifact: facts.artifact.clone() })
    }

    fn shown(&self) -> String {
        let artifact = self.artifact.as_ref().map_or_else(|| "no artifact digest".to_string(), |a| format!("artifact {a}"));
        format!("of {} {}, {artifact}", self.service, self.version)
    }
}

/// The most particulars of one line that are printed; JSON holds all.
const MAX_DETAILS: usize = 200;

const DAMAGED: &str = "the package is damaged";

impl Verification {
    /// A package that is damaged: nothing in it is believed.
    #[must_use]
    pub fn damaged(error: &Error) -> Self {
        let count = error.faults.len();
        let sentence = format!("{DAMAGED}: {count} fault{}", if count == 1 { "" } else { "s" });
        let unchecked = || Line::new(Mark::NotChecked, DAMAGED);
        Self {
            root: None,
            integrity: Line::new(Mark::Failed, sentence).details(error.faults.iter().map(|f| f.message.clone())),
            authentic: unchecked(),
            authorised: unchecked(),
            time: unchecked(),
            recomputed: unchecked(),
            decision: unchecked(),
            release: None,
        }
    }

    /// A package that is whole, and not the one that was asked for, and why.
    #[must_use]
    pub fn another(verified: &Verified, why: &str) -> Self {
        let sentence = format!("it is another package: {why}");
        let unchecked = || Line::new(Mark::NotChecked, "it is another package");
        Self {
            root: Some(verified.root.clone()),
            integrity: Line::new(Mark::Failed, sentence),
            authentic: unchecked(),
            authorised: unchecked(),
            time: unchecked(),
            recomputed: unchecked(),
            decision: unchecked(),
            release: Release::of(verified),
        }
    }

    /// A package that is whole, without any look at signatures, and before it is judged again.
    #[must_use]
    pub fn unsigned(verified: &Verified) -> Self {
        let attested = verified.attestations.len();
        let authentic = match attested {
            0 => "the package is unsigned".to_string(),
            n => format!(
                "{n} file{} in attest/ not looked at; nothing here says who made the package",
                if n == 1 { "" } else { "s" }
            ),
        };
        let time = match &verified.facts.date {
            Some(date) => format!("the package itself says {date}; nothing else vouches for it"),
            None => "the package names no date".to_string(),
        };
        Self {
            root: Some(verified.root.clone()),
            integrity: Line::new(
                Mark::Ok,
                format!("{} files, {} bytes, root sha256:{}", verified.payload_files, verified.payload_bytes, verified.root),
            ),
            authentic: Line::new(Mark::NotChecked, authentic),
            authorised: Line::new(Mark::NotChecked, "no signer is known, so no right to release was checked"),
            time: Line::new(Mark::NotChecked, time),
            recomputed: Line::new(Mark::NotChecked, "the evidence was not judged again"),
            decision: Line::new(Mark::NotChecked, format!("the package says {}", verified.facts.decision.word())),
            release: Release::of(verified),
        }
    }

    /// The same when what is in the package cannot be judged, and why.
    #[must_use]
    pub fn unjudged(mut self, error: &Error) -> Self {
        let details = error.faults.iter().map(|f| f.message.clone());
        self.recomputed = Line::new(Mark::Failed, "what is in the package cannot be judged").details(details);
        self.decision = Line::new(Mark::Failed, "what the package says cannot be borne out");
        self
    }

    /// The same with what is known of its signatures.
    #[must_use]
    pub fn attested(mut self, attested: Attested) -> Self {
        (self.authentic, self.authorised, self.time) = (attested.authentic, attested.authorised, attested.time);
        self
    }

    /// The six lines with their names, in the order in which they are printed.
    #[must_use]
    pub fn lines(&self) -> [(&'static str, &Line); 6] {
        [
            ("INTEGRITY", &self.integrity),
            ("AUTHENTIC", &self.authentic),
            ("AUTHORISED", &self.authorised),
            ("TIME", &self.time),
            ("RECOMPUTED", &self.recomputed),
            ("DECISION", &self.decision),
        ]
    }

    /// Whether the package does not verify: a line other than DECISION failed.
    #[must_use]
    pub fn broken(&self) -> bool {
        self.lines().iter().any(|(name, line)| *name != "DECISION" && line.mark == Mark::Failed)
    }

    /// The printout: a line each, particulars indented below.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (name, line) in self.lines() {
            out.push_str(&format!("{name:<11} {:<12} {}\n", line.mark.word(), shown(&line.sentence)));
            let release = self.release.iter().filter(|_| name == "DECISION").map(Release::shown);
            let more = line.details.len().saturating_sub(MAX_DETAILS);
            let more = (more > 0).then(|| format!("and {} more", plural(more, "line", "lines")));
            for detail in line.details.iter().take(MAX_DETAILS).cloned().chain(more).chain(release) {
                out.push_str(&format!("            - {}\n", shown(&detail)));
            }
        }
        out
    }

    /// The printout as canonical JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut out = json!({ "schema": "quorate-verification/1", "root": self.root });
        if let Some(release) = &self.release {
            out["release"] = json!({ "service": release.service, "version": release.version, "artifact": release.artifact });
        }
        for (name, line) in self.lines() {
            out[name.to_lowercase()] = json!({ "state": line.mark.word(), "sentence": line.sentence, "details": line.details });
        }
        out
    }
}
