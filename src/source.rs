//! Texts that people wrote, and places in them.
//!
//! In: the text of a contract or matrix. Out: spans that an error can point at. Refuses to know what the text means.

use std::ops::Range;
use std::sync::Arc;

/// The number of a text in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u16);

/// A range of bytes in one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The byte range.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value and where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> At<T> {
    /// The same place with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> At<U> {
        At { value: f(self.value), span: self.span }
    }
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// One text with the name it is shown under.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as given by the user or as it stands in the package; never absolute in an output.
    pub path: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
    /// Where each line but the first begins.
    lines: Arc<[u32]>,
}

/// All texts of one run.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// Adds a text and gives its number.
    pub fn add(&mut self, path: &str, text: &str) -> SourceId {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = ends.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX)).collect();
        self.list.push(Source { path: path.into(), text: text.into(), lines });
        SourceId(u16::try_from(self.list.len() - 1).unwrap_or(u16::MAX))
    }

    /// The text behind a number.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.list[id.0 as usize]
    }

    /// The line (from 1) in which a span starts.
    #[must_use]
    pub fn line(&self, span: Span) -> u64 {
        1 + self.get(span.source).lines.partition_point(|begin| *begin <= span.start) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one() {
        let mut sources = Sources::default();
        let source = sources.add("a", "one\n\nthree\n");
        let line = |start| sources.line(Span { source, start, end: start });
        assert_eq!([0, 3, 4, 5, 9, 10, 11, 99].map(line), [1, 1, 2, 3, 3, 3, 4, 4]);
    }
}
