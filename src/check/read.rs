//! Files of a check: each sniffed, bound to the kind history, and read.

use super::{Ask, unreadable};
use crate::contract::{Binding, Clock, ClockKind, Matrix, Model, Origin, Subject, Test, TimeUnit};
use crate::error::{Error, ErrorKind, Place};
use crate::evidence::read::{Files, Sniffed, content, sniff};
use crate::evidence::{Evidence, State};
use crate::source::{At, SourceId, Span};

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

/// Everything that was read.
#[derive(Debug)]
pub struct Loaded {
    /// The records.
    pub evidence: Evidence,
    /// The test that they belong to.
    pub test: String,
    /// The files, as taken.
    pub files: Vec<Taken>,
    /// What was assumed.
    pub assumed: Vec<String>,
}

/// The fields that a check judges by or shows. Others are not read: an id of its own for each operation would take more time and room than the rest.
pub(super) const FIELDS: &[&str] =
    &["client", "process", "op", "key", "value", "expected", "invoke", "return", "result", "commit-index", "version"];

/// The span of everything that nobody wrote.
fn nowhere<T>(value: T) -> At<T> {
    At { value, span: Span { source: SourceId(0), start: 0, end: 0 } }
}

fn clock() -> Clock {
    Clock { kind: ClockKind::Monotonic, id: "as recorded".into(), unit: TimeUnit::Ns }
}

fn binding(path: &str, format: &str, found: &Sniffed, ask: &Ask) -> Binding {
    let bare = !found.events && found.header.is_none();
    let ours = found.events || bare;
    Binding {
        kind: nowhere("history".into()),
        path: nowhere(path.into()),
        format: Some(nowhere(format.into())),
        origin: ours.then_some(Origin::Client),
        clock: ours.then(clock),
        endpoint: None,
        constants: Vec::new(),
        when: Vec::new(),
        unless: Vec::new(),
        each: None,
        pair: None,
        whole: None,
        fields: Vec::new(),
        keyed: ask.keyed,
        lock: None,
        bare,
        only: Some(FIELDS),
        model: Model { name: "cas-register".into(), initial: ask.initial.clone(), nil_read: ask.nil_read },
    }
}

/// Reads the files of a check.
///
/// # Errors
/// A file that cannot be read, or whose format is not clear.
pub fn read(ask: &Ask, files: &dyn Files) -> Result<Loaded, Error> {
    let mut bindings = Vec::new();
    let (mut taken, mut assumed) = (Vec::new(), Vec::new());
    let mut starts: Vec<Vec<u8>> = Vec::new();
    let mut test: Option<String> = None;
    for path in &ask.files {
        if taken.iter().any(|t: &Taken| t.path == *path) {
            return Err(Error::plain(ErrorKind::Usage, format!("{path} is given twice")));
        }
        let found = sniff(files, path, ask.format.as_deref())?;
        let Some(format) = found.format.or(found.empty.then_some("jsonl")) else {
            let message = format!("it is not clear in which format {path} is");
            return Err(Error::one(ErrorKind::Evidence, crate::error::Fault::new(message).help("say it with `--format`")));
        };
        if let Some((kind, of)) = &found.header {
            if kind != "history" {
                return Err(unreadable(format!("{path} holds {kind} records, not history")));
            }
            if test.get_or_insert_with(|| of.clone()) != of {
                return Err(unreadable(format!("{path} is of test {of}, other files are of another")));
            }
        } else if !found.events && !found.empty {
            assumed.push(format!("{path} has no header: its fields are taken by our names, its times as ns on one clock"));
        }
        bindings.push(binding(path, format, &found, ask));
        taken.push(Taken { path: path.clone(), format, guessed: ask.format.is_none() });
        starts.push(found.start);
    }
    if ask.keyed.is_some() && !taken.iter().any(|t| t.format.starts_with("jepsen")) {
        let message = "`--keyed` goes with Jepsen's formats: in others a key is a field of its own";
        return Err(Error::plain(ErrorKind::Usage, message));
    }
    let test = test.unwrap_or_else(|| "check".into());
    if taken.len() > 1 {
        assumed.push("the files are one history, with all times on one clock".into());
    }
    let bare: Vec<bool> = bindings.iter().map(|b| b.clock.is_some()).collect();
    let paths: Vec<String> = taken.iter().map(|t| t.path.clone()).collect();
    let matrix = matrix(&test, bindings);
    let mut evidence = crate::evidence::read::read(&matrix, files, ask.threads).map_err(without_spans)?;
    twice(&evidence)?;
    packed_twice(&taken, &starts, files)?;
    let mut unproven = 0;
    for artifact in &mut evidence.artifacts {
        let ours = paths.iter().position(|p| **p == *artifact.path).is_some_and(|i| bare[i]);
        if ours && matches!(artifact.state, State::Unproven(_)) {
            artifact.state = State::Whole;
            unproven += 1;
        }
        assumed.extend(artifact.notes.iter().map(|note| format!("{}: {note}", artifact.path)));
    }
    if unproven > 0 {
        let which = if unproven == 1 { "the file is" } else { "the files are" };
        assumed.push(format!("{which} taken to be whole: no mark shows that nothing was cut off at a line end"));
    }
    assumed.extend(super::notes::notes(&evidence, &test, &taken));
    Ok(Loaded { evidence, test, files: taken, assumed })
}

/// One file under two names would count every operation twice.
fn twice(evidence: &Evidence) -> Result<(), Error> {
    let mut seen = std::collections::BTreeMap::new();
    for artifact in evidence.artifacts.iter().filter(|artifact| artifact.records > 0) {
        if let Some(other) = seen.insert(artifact.sha256.to_string(), &artifact.path) {
            let message = format!("{other} and {} hold the same bytes: one history is given twice", artifact.path);
            return Err(Error::plain(ErrorKind::Usage, message));
        }
    }
    Ok(())
}

/// The same for a file and its packed copy. Only files that begin alike are read again.
fn packed_twice(taken: &[Taken], starts: &[Vec<u8>], files: &dyn Files) -> Result<(), Error> {
    for (i, start) in starts.iter().enumerate().filter(|(_, start)| !start.is_empty()) {
        for j in (0..i).filter(|&j| starts[j] == *start) {
            let (one, other) = (&taken[j].path, &taken[i].path);
            if content(files, one)? == content(files, other)? {
                let message = format!("{one} and {other} hold the same bytes when unpacked: one history is given twice");
                return Err(Error::plain(ErrorKind::Usage, message));
            }
        }
    }
    Ok(())
}

/// The bindings were written by nobody, so nothing points into them.
fn without_spans(mut error: Error) -> Error {
    for fault in &mut error.faults {
        fault.places.retain(|(place, _)| matches!(place, Place::Record(_)));
    }
    Error { kind: ErrorKind::Evidence, ..error }
}

fn matrix(test: &str, evidence: Vec<Binding>) -> Matrix {
    let text = String::new;
    let test = Test {
        id: nowhere(test.into()),
        subject: Subject::System,
        plan: Vec::new(),
        fault: text(),
        method: text(),
        model: text(),
        layer: text(),
        covers: Vec::new(),
        expected: text(),
        requires: Vec::new(),
        partition: Vec::new(),
        injections: None,
        generator: None,
        evidence,
    };
    Matrix {
        source: SourceId(0),
        contract: nowhere(text()),
        evidence_root: nowhere(text()),
        skews: Vec::new(),
        tests: vec![test],
        idle: Vec::new(),
    }
}
