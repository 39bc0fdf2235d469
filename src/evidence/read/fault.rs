//! What is wrong with a line: message, line, byte and the start of the line.
//!
//! In: a line and a byte in it. Out: a [`Problem`] relative to its block, and in the end a [`Fault`] in the file. Refuses to know contracts.

use crate::error::{Fault, RecordPlace};

/// The longest excerpt, in bytes.
const EXCERPT: usize = 160;

/// A file that the system does not give.
pub(super) fn unreadable(path: &str, error: &std::io::Error) -> Fault {
    let place = RecordPlace { path: path.into(), line: 0, byte: 0, excerpt: String::new() };
    Fault::record(place, format!("{path} cannot be read: {error}"))
}

/// What is wrong with a line of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub message: String,
    /// What would have been right.
    pub help: Option<String>,
    /// The line in its block, from 0.
    pub line: u64,
    /// The byte in the line, from 1; 0 when the whole line is meant.
    pub byte: u64,
    /// The start of the line.
    pub excerpt: String,
}

impl Problem {
    /// Something wrong with a line; `at` is a byte from 0.
    pub fn new(message: impl Into<String>, line: &[u8], at: Option<usize>) -> Self {
        Self { message: message.into(), help: None, line: 0, byte: at.map_or(0, |at| at as u64 + 1), excerpt: excerpt(line) }
    }

    /// Adds help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With the start of the line shown.
    #[must_use]
    pub fn of(mut self, line: &[u8]) -> Self {
        self.excerpt = excerpt(line);
        self
    }

    /// In the line of that number in its block, from 0.
    #[must_use]
    pub fn on(mut self, line: u64) -> Self {
        self.line = line;
        self
    }

    /// The fault in a file, where the block starts after `before` lines.
    #[must_use]
    pub fn fault(self, path: &str, before: u64) -> Fault {
        let line = before + self.line + 1;
        let place = RecordPlace { path: path.into(), line, byte: self.byte, excerpt: self.excerpt };
        let at = if self.byte > 0 { format!("{path}:{line}: byte {}: ", self.byte) } else { format!("{path}:{line}: ") };
        let fault = Fault::record(place, format!("{at}{}", self.message));
        match self.help {
            Some(help) => fault.help(help),
            None => fault,
        }
    }
}

/// At most so many bytes from the start of a text, cut between characters.
#[must_use]
pub fn cut(text: &str, limit: usize) -> &str {
    let end = text.len().min(limit);
    let end = (0..=end).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    &text[..end]
}

/// The start of a line that may not be a text.
fn excerpt(line: &[u8]) -> String {
    let head = &line[..line.len().min(EXCERPT)];
    let end = match std::str::from_utf8(head) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => head.len(),
    };
    let text = String::from_utf8_lossy(&head[..end]);
    cut(&text, EXCERPT).to_string()
}

/// A line that is too long.
pub fn too_long(line: &[u8], limit: usize) -> Problem {
    Problem::new(format!("the line is longer than {limit} bytes"), line, None)
        .help("one record is one line; write records, not whole files, on a line")
}

/// Bytes that are no text.
pub fn not_utf8(line: &[u8], at: usize) -> Problem {
    Problem::new("not UTF-8 text", line, Some(at)).help("evidence is UTF-8; convert the file where it is written")
}
