//! How a file of a check was taken, and which of its fields are looked at.
//!
//! In: what was found. Out: the same by name. Refuses to know how files are read.

/// One file as it was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its path as it was given.
    pub path: String,
    /// Its format.
    pub format: &'static str,
    /// Whether the format was guessed.
    pub guessed: bool,
}

/// The fields that a check judges by or shows. Others are not read: an id of its own for each operation would take more time and room than the rest.
pub(super) const FIELDS: &[&str] =
    &["client", "process", "op", "key", "value", "expected", "invoke", "return", "result", "commit-index", "version"];
