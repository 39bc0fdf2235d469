//! Reading: from bytes to records, each byte hashed once and parsed from the same buffer.
//!
//! In: a matrix and a way to open files. Out: [`Evidence`], or every error with file, line and byte.

mod blocks;
mod canonical;
mod cell;
mod coherence;
mod csv;
mod edn;
mod envelope;
mod etcd;
mod events;
mod fault;
mod file;
mod flat;
mod form;
mod format;
mod found;
mod frame;
mod jepsen;
mod jepsen_log;
mod join;
mod json;
mod lines;
mod mapping;
mod merge;
mod nemesis;
mod output;
mod parse;
mod plan;
mod pool;
mod rows;
mod sequence;
mod shape;
mod sniff;
mod stream;
mod unpack;
mod values;

pub use sniff::{Sniffed, content, sniff};

use super::{Artifact, Evidence, Part};
use crate::contract::Matrix;
use crate::error::{Error, ErrorKind, Fault};
use file::read_file;
use found::FileRead;
use plan::{FilePlan, plan};
use std::io::Read;
use std::sync::Arc;

/// A way to open evidence files by their clean path below the evidence root.
pub trait Files: Sync {
    /// The bytes of a file; `None` when there is none of that name.
    ///
    /// # Errors
    /// What the system said; a symbolic link or anything else that is no regular file.
    fn open(&self, path: &str) -> std::io::Result<Option<Box<dyn Read + Send>>>;
}

/// How much is held at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one block.
    pub block: usize,
    /// Bytes of the longest line allowed.
    pub line: usize,
}

impl Default for Limits {
    /// Blocks of 1 MiB, which stay in the caches between reading, hashing and parsing, and lines of up to 16 MiB.
    fn default() -> Self {
        Self { block: 1 << 20, line: 16 << 20 }
    }
}

/// Reads all evidence of a matrix on up to `threads` threads. The result does not depend on their number.
///
/// # Errors
/// [`ErrorKind::Evidence`] with every file that is there but cannot be read; [`ErrorKind::Contract`] with every binding that names an
/// unknown kind, format or field.
pub fn read(matrix: &Matrix, files: &dyn Files, threads: usize) -> Result<Evidence, Error> {
    read_with(matrix, files, threads, Limits::default())
}

/// [`read`] with other limits.
///
/// # Errors
/// As [`read`].
pub fn read_with(matrix: &Matrix, files: &dyn Files, threads: usize, limits: Limits) -> Result<Evidence, Error> {
    let plans = plan(matrix).map_err(|faults| Error { kind: ErrorKind::Contract, faults })?;
    let mut evidence = Evidence { skews: matrix.skews.clone(), ..Evidence::default() };
    let mut parts: Vec<(usize, Part)> = Vec::new();
    let mut faults: Vec<Fault> = Vec::new();
    for plan in &plans {
        let found = match files.open(plan.path) {
            Ok(Some(reader)) => read_file(plan, reader, limits, threads, Arc::make_mut(&mut evidence.symbols)).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(fault::unreadable(plan.path, &error)),
        };
        match found {
            Ok(read) => add(plan, read, &mut evidence, &mut parts),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(Error { kind: ErrorKind::Evidence, faults });
    }
    parts.sort_by_key(|(order, _)| *order);
    evidence.parts = parts.into_iter().map(|(_, part)| part).collect();
    coherence::settle(&mut evidence, &plans);
    Ok(evidence)
}

/// Adds a file that was read, or is not there.
fn add(plan: &FilePlan<'_>, read: Option<FileRead>, evidence: &mut Evidence, parts: &mut Vec<(usize, Part)>) {
    let mut tests: Vec<String> = plan.outputs.iter().map(|o| o.test.to_string()).collect();
    tests.dedup();
    let artifact = evidence.artifacts.len();
    let read = read.unwrap_or_else(|| FileRead::absent(plan));
    for ((output, recipe), (origin, clock, table)) in plan.outputs.iter().zip(&plan.recipes).zip(read.parts) {
        let (test, model) = (output.test.to_string(), output.binding.model.clone());
        parts.push((output.order, Part { test, kind: recipe.kind.name, artifact, origin, clock, model, table: Arc::new(table) }));
    }
    evidence.artifacts.push(Artifact {
        path: plan.path.into(),
        sha256: read.sha256.into(),
        bytes: read.bytes,
        records: read.records,
        untaken: read.untaken,
        unmapped: read.unmapped.list(),
        synthetic: read.synthetic,
        lock: read.lock.map(Into::into),
        state: read.state,
        notes: read.notes,
        tests,
    });
}
