//! A package as one file: a ustar archive that is written from a package folder and read in place, without being unpacked.
//!
//! In: a package folder, or an archive. Out: the archive, the same bytes for the same package; its files by path, and everything in it that is
//! not as it would have been written. No byte of an archive is free: headers have one form, paths their order, fillings are zero. Refuses
//! to know manifests.

use super::Limits;
use super::harm::{Damages, Harm};
use super::path::flaw;
use super::ustar::{self, BLOCK, header, whole};
use crate::error::{Error, ErrorKind, Fault, visible};
use crate::evidence::read::Files;
use crate::store::Pinned;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

/// The longest filling that is looked at in one piece.
const PIECE: u64 = 1 << 16;

/// Refuses paths and lengths that an archive cannot hold.
///
/// # Errors
/// [`ErrorKind::Usage`] with each of them.
pub(super) fn check<'p>(name: &str, files: impl Iterator<Item = (&'p str, u64)>) -> Result<(), Error> {
    let refuse = |path: &str, size| {
        let why = header(&format!("{name}/{path}"), size).err()?;
        let fault = Fault::new(format!("an archive cannot hold `{}`: {why}", visible(path)));
        Some(fault.help("leave out --archive, or leave the file out with --withhold or --max-evidence"))
    };
    let faults: Vec<Fault> = files.filter_map(|(path, size)| refuse(path, size)).collect();
    if faults.is_empty() { Ok(()) } else { Err(Error { kind: ErrorKind::Usage, faults }) }
}

/// Writes the files of a package, given by path and length, as an archive.
///
/// # Errors
/// What the system said, or that a file has another length now.
pub(super) fn pack(files: &dyn Files, list: &BTreeMap<String, u64>, name: &str, out: &mut File) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 18, out);
    let mut end = 0u64;
    for (path, size) in list {
        let block = header(&format!("{name}/{path}"), *size).map_err(io::Error::other)?;
        out.write_all(&block)?;
        let mut reader = files.open(path)?.ok_or_else(|| io::Error::other(format!("`{path}` is gone")))?;
        let copied = io::copy(&mut reader, &mut out)?;
        if copied != *size {
            return Err(io::Error::other(format!("`{path}` changed while it was archived")));
        }
        let filled = size.next_multiple_of(BLOCK);
        io::copy(&mut io::repeat(0).take(filled - size), &mut out)?;
        end += BLOCK + filled;
    }
    io::copy(&mut io::repeat(0).take(whole(end) - end), &mut out)?;
    out.flush()
}

/// Whether a file begins as the archive of a package of that name does.
pub(super) fn is_ours(path: &Path, name: &str) -> bool {
    first(path).is_some_and(|p| p.starts_with(&format!("{name}/")))
}

/// Whether a file begins as the archive of a package does, whatever its name is.
#[must_use]
pub fn is_archive(path: &Path) -> bool {
    let ours = |rest: &str| rest == super::bag::BAG_INFO || rest.starts_with("attest/");
    first(path).is_some_and(|p| p.split_once('/').is_some_and(|(_, rest)| ours(rest)))
}

/// The path of the first file of an archive.
fn first(path: &Path) -> Option<String> {
    let mut block = [0u8; BLOCK as usize];
    let found = std::fs::metadata(path).is_ok_and(|found| found.is_file());
    found.then(|| File::open(path)?.read_exact(&mut block)).and_then(Result::ok)?;
    ustar::read(&block).ok().map(|(p, _)| p)
}

/// An archive that was indexed: where each file lies.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    file: Pinned,
    index: BTreeMap<String, (u64, u64)>,
}

impl Archive {
    /// The archive in a file, not yet looked into.
    ///
    /// # Errors
    /// What the system said, or that it is no regular file.
    pub fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { file: Pinned::at(path)?, index: BTreeMap::new() })
    }

    /// Its files by their path in the package, with their lengths; `None` when it cannot be read to its end.
    pub fn list(&mut self, limits: &Limits, damages: &mut Damages) -> Option<BTreeMap<String, u64>> {
        let mut walk =
            Walk { file: &self.file, limits, damages, index: BTreeMap::new(), top: None, last: String::new(), bytes: 0 };
        let done = match walk.run() {
            Ok(done) => done,
            Err(error) => {
                walk.damages.add(Harm::Unreadable, "", error.to_string());
                false
            }
        };
        self.index = walk.index;
        done.then(|| self.index.iter().map(|(path, (_, size))| (path.clone(), *size)).collect())
    }
}

impl Files for Archive {
    fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read + Send>>> {
        let Some((at, size)) = self.index.get(path) else { return Ok(None) };
        Ok(Some(Box::new(self.file.part(*at, *size)?)))
    }
}

/// A walk from header to header.
struct Walk<'w> {
    file: &'w Pinned,
    limits: &'w Limits,
    damages: &'w mut Damages,
    index: BTreeMap<String, (u64, u64)>,
    top: Option<String>,
    last: String,
    bytes: u64,
}

impl Walk<'_> {
    /// Walks to the end mark; `false` when something on the way cannot be passed.
    fn run(&mut self) -> io::Result<bool> {
        let (mut at, mut count) = (0u64, 0u64);
        let length = self.file.len();
        loop {
            if at + BLOCK > length {
                self.damages.add(Harm::Archive, &self.last, "the archive breaks off: there is no end mark");
                return Ok(false);
            }
            let mut block = [0u8; BLOCK as usize];
            self.file.part(at, BLOCK)?.read_exact(&mut block)?;
            if block.iter().all(|&b| b == 0) {
                return self.end(at);
            }
            count += 1;
            if count > self.limits.files {
                self.damages.add(Harm::TooLarge, "", format!("there are more than {} files", self.limits.files));
                return Ok(false);
            }
            let size = match ustar::read(&block) {
                Ok((path, size)) => {
                    self.entry(&path, at + BLOCK, size);
                    size
                }
                Err(wrong) => {
                    self.damages.add(wrong.harm, &wrong.path, wrong.why);
                    match wrong.size {
                        Some(size) => size,
                        None => return Ok(false),
                    }
                }
            };
            let (from, to) = (at + BLOCK + size, at + BLOCK + size.next_multiple_of(BLOCK));
            if to > length {
                let rest = length - at - BLOCK;
                self.damages.add(
                    Harm::Archive,
                    &self.last,
                    format!("its header says {size} bytes, and {rest} are left in the archive"),
                );
                return Ok(false);
            }
            if !self.zeros(from, to)? {
                self.damages.add(Harm::Archive, &self.last, "the filling after it is not empty");
            }
            self.bytes = self.bytes.saturating_add(size);
            if self.bytes > self.limits.bytes {
                self.damages.add(Harm::TooLarge, "", format!("there are more than {} bytes", self.limits.bytes));
                return Ok(false);
            }
            at = to;
        }
    }

    /// Notes a file.
    fn entry(&mut self, full: &str, at: u64, size: u64) {
        let Some((top, path)) = full.split_once('/').filter(|(top, path)| !top.is_empty() && !path.is_empty()) else {
            self.damages.add(Harm::BadPath, full, "it is not below one folder that holds the whole package");
            return;
        };
        if let Some(why) = flaw(path).or_else(|| flaw(top)) {
            self.damages.add(Harm::BadPath, full, why);
            return;
        }
        if path.split('/').count() > self.limits.depth {
            self.damages.add(Harm::TooLarge, path, format!("folders are nested deeper than {}", self.limits.depth));
        }
        let first = self.top.get_or_insert_with(|| top.to_string());
        if first != top {
            let why = format!("it is not below `{first}` as the files before it");
            self.damages.add(Harm::BadPath, full, why);
            return;
        }
        if self.index.insert(path.to_string(), (at, size)).is_some() {
            self.damages.add(Harm::DuplicateEntry, path, "the archive holds it again");
        } else if path < self.last.as_str() {
            self.damages.add(Harm::Archive, path, "it is not in the order of bytes");
        }
        self.last = path.to_string();
    }

    /// The archive ends here: nothing but zeros follows, and as many as must.
    fn end(&mut self, at: u64) -> io::Result<bool> {
        let (length, wanted) = (self.file.len(), whole(at));
        if !self.zeros(at, length.min(wanted))? {
            self.damages.add(Harm::Archive, "", "there are bytes after the end mark");
        }
        if length != wanted {
            let why = format!("the archive has {length} bytes; with its end mark it must have {wanted}");
            self.damages.add(Harm::Archive, "", why);
        }
        Ok(true)
    }

    /// Whether all bytes from one place to another are zero.
    fn zeros(&self, from: u64, to: u64) -> io::Result<bool> {
        let mut at = from;
        while at < to {
            let n = (to - at).min(PIECE);
            let mut bytes = Vec::new();
            self.file.part(at, n)?.read_to_end(&mut bytes)?;
            if bytes.iter().any(|&b| b != 0) {
                return Ok(false);
            }
            at += n;
        }
        Ok(true)
    }
}
