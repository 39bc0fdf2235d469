//! What can be wrong with a package: a kind, a path and a sentence each.

use crate::error::{Error, ErrorKind, Fault, visible};
use crate::words::words;

words! {
    /// The kinds of damage.
    enum Harm {
        /// There is no package there.
        NoPackage = "no-package",
        /// A file or folder cannot be read.
        Unreadable = "unreadable",
        /// More files, bytes or nesting than a package may have.
        TooLarge = "too-large",
        /// A path that a package cannot hold.
        BadPath = "bad-path",
        /// Two paths that differ only in case.
        CaseCollision = "case-collision",
        /// A symbolic link.
        Symlink = "symlink",
        /// Neither file nor folder.
        NotRegular = "not-regular",
        /// A folder without anything in it.
        EmptyFolder = "empty-folder",
        /// A file that no manifest lists.
        ExtraFile = "extra-file",
        /// A file that is listed, or must be there, and is not.
        MissingFile = "missing-file",
        /// A line of a manifest that is not a digest and a path.
        ManifestLine = "manifest-line",
        /// A path that a manifest lists twice.
        DuplicateEntry = "duplicate-entry",
        /// A manifest that is not sorted.
        ManifestOrder = "manifest-order",
        /// Bytes that are not those of the digest.
        Digest = "digest",
        /// A tag file that does not say what it must.
        TagFile = "tag-file",
        /// A number or size of files other than stated.
        PayloadOxum = "payload-oxum",
        /// A decision.json that is not what it must be.
        Decision = "decision",
        /// A tool.json that is not what it must be.
        Tool = "tool",
        /// An archive that is not as it would have been written.
        Archive = "archive",
        /// A list of evidence that is not in the package, and is not what it must be.
        References = "references",
    }
}

/// One thing that is wrong with a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// The path in the package; empty for the package as a whole.
    pub path: String,
    /// The kind.
    pub kind: Harm,
    /// One sentence.
    pub detail: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.kind.word())?;
        if !self.path.is_empty() {
            write!(f, "{}: ", shown(&self.path))?;
        }
        f.write_str(&shown(&self.detail))
    }
}

/// Text from a package on one line, without characters that steer a terminal.
pub(super) fn shown(text: &str) -> String {
    visible(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// Gathers damage.
#[derive(Debug, Default)]
pub(super) struct Damages(pub Vec<Damage>);

impl Damages {
    /// Notes one thing.
    pub fn add(&mut self, kind: Harm, path: &str, detail: impl Into<String>) {
        self.0.push(Damage { path: path.to_string(), kind, detail: detail.into() });
    }

    /// All of it as one error, sorted by path.
    pub fn error(mut self) -> Error {
        self.0.sort();
        self.0.dedup();
        Error { kind: ErrorKind::Package, faults: self.0.iter().map(|d| Fault::new(d.to_string())).collect() }
    }
}
