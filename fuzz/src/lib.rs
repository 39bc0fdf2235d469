//! What every fuzz target of a reader does with its bytes; `tests/mutations.rs` does the same with seeded mutations.
//!
//! In: a format and bytes. Out: nothing, or a panic when a rule is broken: no panic below, an error names its file, the answer depends neither on the
//! number of threads nor on the size of blocks, a packed file says what its content says, and a page holds no script. Refuses to know what an answer
//! should be.

use quorate::check::{self, Ask};
use quorate::contract::parse_matrix;
use quorate::error::Error;
use quorate::evidence::Evidence;
use quorate::evidence::read::{Files, Limits, read_with};
use quorate::report::check::{page, terminal};
use quorate::source::Sources;
use std::io::{Cursor, Read, Write};
use std::sync::atomic::AtomicBool;

/// The name of the one file there is.
pub const NAME: &str = "history";

/// One file in memory.
pub struct Memory<'b>(pub &'b [u8]);

impl Files for Memory<'_> {
    fn open(&self, path: &str) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        Ok((path == NAME).then(|| Box::new(Cursor::new(self.0.to_vec())) as Box<dyn Read + Send>))
    }
}

/// All that a check says: an error as it is printed, or the facts without digest and length of the file.
fn answer(format: Option<&str>, bytes: &[u8], threads: usize) -> Result<String, String> {
    let ask = Ask { files: vec![NAME.into()], format: format.map(Into::into), threads, ..Ask::default() };
    let judged = check::read(&ask, &Memory(bytes)).and_then(|loaded| check::judge(&ask, &loaded, &AtomicBool::new(false)));
    let mut checked = judged.map_err(|error| said(&error))?;
    assert!(!terminal(&checked, None).is_empty());
    assert!(!page(&checked).contains("<script"), "a page with a script");
    for file in &mut checked.files {
        (file.sha256, file.bytes) = (String::new(), 0);
    }
    Ok(serde_json::to_string(&checked).expect("facts are JSON"))
}

/// An error as it is printed. There is always something to say.
fn said(error: &Error) -> String {
    assert!(!error.faults.is_empty(), "an error that says nothing");
    error.render(&Sources::default(), false)
}

/// Reads and judges bytes as a format; as the one they look like when there is none.
pub fn history(format: Option<&str>, bytes: &[u8]) -> Result<String, String> {
    let one = answer(format, bytes, 1);
    assert_eq!(one, answer(format, bytes, 3), "one thread and three");
    one
}

/// Reads and judges bytes packed with gzip and with zstd. The answer must be that of the content.
pub fn packed(format: Option<&str>, bytes: &[u8]) {
    let plain = answer(format, bytes, 1);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).expect("memory");
    let zstd = ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
    for file in [gzip.finish().expect("memory"), zstd] {
        // An empty file and the empty content of a packed file are both empty; bytes that are themselves packed are unpacked once only.
        if !bytes.is_empty() && !magic(bytes) {
            assert_eq!(plain, answer(format, &file, 1), "packed and plain");
        }
    }
}

fn magic(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

/// What is compared of evidence.
fn shown(evidence: &Evidence) -> String {
    let parts = evidence.parts.iter().map(|p| format!("{} {:?} {:?} {:?}", p.kind, p.origin, p.clock, p.table));
    format!("{:?} {}", evidence.artifacts, parts.collect::<Vec<_>>().join("\n"))
}

/// Reads a file as a matrix says, in large blocks on one thread and in small ones on three.
pub fn mapped(matrix: &str, bytes: &[u8]) -> Result<String, String> {
    let mut sources = Sources::default();
    let id = sources.add("matrix.toml", matrix);
    let matrix = parse_matrix(id, matrix, None).map_err(|faults| format!("{} faults", faults.len()))?;
    let line = 1 << 20;
    let read = |block, threads| {
        let evidence = read_with(&matrix, &Memory(bytes), threads, Limits { block, line });
        evidence.map(|e| shown(&e)).map_err(|error| error.render(&sources, false))
    };
    let large = read(1 << 20, 1);
    for block in [1, 64] {
        assert_eq!(large, read(block, 3), "blocks of {block} bytes");
    }
    large
}
