//! Native evidence files: a header line, one record a line, an end line that counts them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// One record in the making; keys keep the order in which they are added.
pub struct Line(String);

impl Line {
    /// An empty record.
    pub fn new() -> Self {
        Self(String::from("{"))
    }

    fn put(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        let comma = if self.0.len() > 1 { "," } else { "" };
        let _ = write!(self.0, "{comma}\"{key}\":{value}");
        self
    }

    /// A text; the simulation's names need no escapes.
    pub fn text(self, key: &str, value: &str) -> Self {
        self.put(key, format_args!("\"{value}\""))
    }

    /// A text, or null.
    pub fn value(self, key: &str, value: Option<String>) -> Self {
        match value {
            Some(value) => self.text(key, &value),
            None => self.put(key, "null"),
        }
    }

    /// A whole number.
    pub fn int(self, key: &str, value: i64) -> Self {
        self.put(key, value)
    }

    /// Yes or no.
    pub fn flag(self, key: &str, value: bool) -> Self {
        self.put(key, value)
    }

    /// Thousandths as a decimal number.
    pub fn milli(self, key: &str, value: i64) -> Self {
        self.put(key, format_args!("{}.{:03}", value / 1000, value % 1000))
    }

    /// A list of texts.
    pub fn list<'a>(self, key: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let quoted: Vec<String> = values.into_iter().map(|v| format!("\"{v}\"")).collect();
        self.put(key, format_args!("[{}]", quoted.join(",")))
    }

    /// An instant known exactly: the same lower and upper bound.
    pub fn exact(self, low: &str, high: &str, t: i64) -> Self {
        self.int(low, t).int(high, t)
    }

    /// The record with a field that may be missing.
    pub fn maybe<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }
}

/// Records by kind.
#[derive(Default)]
pub struct Recorder(BTreeMap<&'static str, Vec<String>>);

impl Recorder {
    /// Adds a record.
    pub fn add(&mut self, kind: &'static str, line: Line) {
        self.0.entry(kind).or_default().push(line.0 + "}");
    }

    /// Writes the wanted kinds of a test, a file each.
    pub fn write(&self, folder: &Path, test: &str, kinds: &[&str]) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        for kind in kinds {
            let records = self.0.get(kind).map_or(&[][..], Vec::as_slice);
            let head = Line::new()
                .text("quorate", &format!("{kind}/v1"))
                .text("test", test)
                .text("origin", origin(kind))
                .text("clock", "monotonic")
                .text("clock_id", "sim")
                .text("recorded_by", "quorate example generator, seed 7")
                .flag("synthetic", true);
            let tail = Line::new().text("quorate", "end").int("records", i64::try_from(records.len()).unwrap_or(-1));
            let mut text = head.0 + "}\n";
            for record in records {
                text.push_str(record);
                text.push('\n');
            }
            text.push_str(&tail.0);
            text.push_str("}\n");
            fs::write(folder.join(format!("{kind}.jsonl")), text)?;
        }
        Ok(())
    }
}

/// Which part of the simulated system writes a kind.
fn origin(kind: &str) -> &'static str {
    match kind {
        "history" | "attempts" => "client",
        "fencing" | "epochs" => "resource",
        "faults" | "phases" | "probes" | "run" => "orchestrator",
        _ => "replica",
    }
}
