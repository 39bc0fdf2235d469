//! Formats: how lines become records of named cells, or events become rows. A new format is one file and one row in [`FORMATS`].
//!
//! In: a name, a file's ending, or the start of its text. Out: a [`Format`]. Refuses to know kinds and tests.

use super::events::Pairs;
use super::fault::Problem;
use super::json::JsonLines;
use super::lines::Lines;
use super::stream::Stream;
use super::{csv, etcd, jepsen, jepsen_log};

/// Reads a file of events, in which several lines are one record, from its first byte to its last.
pub type ReadEvents = fn(&mut Stream<'_>, &mut Pairs<'_>) -> Result<(), Problem>;

/// How a format is read.
pub enum Reads {
    /// Line by line, by a mapping.
    Lines(Lines),
    /// In order, into history and faults. It has no mapping.
    Events(ReadEvents),
}

/// A format.
pub struct Format {
    /// Its name in a matrix.
    pub name: &'static str,
    /// Endings of files that are taken to be in it.
    pub endings: &'static [&'static str],
    /// Whether the start of a file that has no other sign is in it.
    pub sign: fn(&str) -> bool,
    /// How it is read.
    pub reads: Reads,
}

impl Format {
    /// Its line reader; events have none.
    #[must_use]
    pub fn lines(&self) -> Option<&Lines> {
        match &self.reads {
            Reads::Lines(lines) => Some(lines),
            Reads::Events(_) => None,
        }
    }
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// All formats. The start of a file is asked of each in this order.
pub const FORMATS: &[Format] = &[
    Format { name: "etcd-robustness", endings: &[], sign: etcd::sign, reads: Reads::Events(etcd::read) },
    Format { name: "jepsen-json", endings: &[], sign: jepsen::json_sign, reads: Reads::Events(jepsen::json) },
    Format { name: "jepsen-edn", endings: &[".edn"], sign: jepsen::edn_sign, reads: Reads::Events(jepsen::edn) },
    Format { name: "jepsen-log", endings: &[], sign: jepsen_log::sign, reads: Reads::Events(jepsen_log::read) },
    Format {
        name: "jsonl",
        endings: &[".jsonl", ".ndjson"],
        sign: |text| text.trim_start().starts_with('{'),
        reads: Reads::Lines(Lines { mark: "", columns: None, parser: |shape, _| Ok(Box::new(JsonLines::new(shape))) }),
    },
    Format {
        name: "csv",
        endings: &[".csv"],
        sign: csv::sign,
        reads: Reads::Lines(Lines {
            mark: "# ",
            columns: Some(csv::names),
            parser: |shape, columns| Ok(Box::new(csv::parser(shape, columns)?)),
        }),
    },
];

/// The format of a name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|f| f.name == name)
}

/// The format of a file's ending.
#[must_use]
pub fn by_ending(path: &str) -> Option<&'static Format> {
    let path = path.strip_suffix(".gz").or_else(|| path.strip_suffix(".zst")).unwrap_or(path);
    FORMATS.iter().find(|f| f.endings.iter().any(|e| path.ends_with(e)))
}

/// The format that the start of a file looks like.
#[must_use]
pub fn by_start(text: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|f| (f.sign)(text))
}
