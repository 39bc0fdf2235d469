//! Verifies a package by itself, and compares it with what was made again.
//!
//! In: a folder or an archive. Out: [`Verified`], or all damage at once, each named by kind and path. Nothing is trusted before it is checked: paths
//! before files are opened, digests before texts are believed. Refuses to know how a package is judged again.

use super::Limits;
use super::bag::{BAG_INFO, BAGIT, DECISION, DECLARATION, Info, MANIFEST, Payload, TAGMANIFEST, TOOL};
use super::contents::Contents;
use super::decision::{self, Facts};
use super::harm::{Damages, Harm};
use super::manifest;
use super::path::collisions;
use super::references::{REFERENCES, Reference};
use super::tool::tool_faults;
use crate::error::Error;
use crate::store::{bytes, digest, sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The folder of files outside the root digest: signatures and countersignatures.
const ATTEST: &str = "attest/";

/// The tag files whose digests make the root.
const TAGS: [&str; 3] = [BAG_INFO, BAGIT, MANIFEST];

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// A package that is whole: every file is listed, every listed file is there, every digest is right.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The digest of the package.
    pub root: String,
    /// Every file under the root digest, by path in the package.
    pub files: BTreeMap<String, Seen>,
    /// Files in `attest/`, which the root digest does not cover.
    pub attestations: BTreeMap<String, Seen>,
    /// How many payload files there are.
    pub payload_files: u64,
    /// How many bytes they have.
    pub payload_bytes: u64,
    /// What decision.json says of itself.
    pub facts: Facts,
    /// Evidence that is not in the package, by digest.
    pub references: Vec<Reference>,
    /// The bytes of decision.json that were hashed and checked.
    pub decision: Vec<u8>,
    /// Where the files are, to read them again.
    pub contents: Contents,
}

/// How a packaged file differs from what was made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// The package has other bytes.
    Differs,
    /// The package does not have it.
    Missing,
    /// Only the package has it.
    Extra,
}

/// A packaged file that is not what was made again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Path in the package.
    pub path: String,
    /// How.
    pub kind: DifferenceKind,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = super::harm::shown(&self.path);
        match self.kind {
            DifferenceKind::Differs => write!(f, "differs: {path}: its bytes are not what judging and rendering again gives"),
            DifferenceKind::Missing => write!(f, "missing: {path}: judging and rendering again gives it, the package lacks it"),
            DifferenceKind::Extra => write!(f, "extra: {path}: judging and rendering again does not give it"),
        }
    }
}

/// Verifies the package in a folder, or in an archive, which is read in place.
///
/// # Errors
/// [`ErrorKind::Package`](crate::error::ErrorKind::Package) with one fault for each damage, sorted by path.
pub fn open(path: &Path) -> Result<Verified, Error> {
    open_within(path, &Limits::default())
}

/// As [`open`], with other limits.
///
/// # Errors
/// As [`open`].
pub fn open_within(path: &Path, limits: &Limits) -> Result<Verified, Error> {
    let mut damages = Damages::default();
    let Some(mut contents) = Contents::at(path, &mut damages) else { return Err(damages.error()) };
    let Some(files) = contents.list(limits, &mut damages) else { return Err(damages.error()) };
    let mut check = Check { contents, limits: *limits, damages, seen: BTreeMap::new() };
    check.world(&files);
    let tags: BTreeMap<&str, Vec<u8>> = [TAGMANIFEST, MANIFEST, BAGIT, BAG_INFO]
        .into_iter()
        .filter_map(|name| Some((name, check.must_have(name, &files)?)))
        .collect();
    check.tags(&tags);
    let decision = check.must_have(DECISION, &files);
    let references = check.references(&files);
    check.payload(&tags, &files);
    let facts = decision.as_deref().and_then(|bytes| check.decision(bytes));
    let payload = || files.iter().filter(|(path, _)| path.starts_with("data/"));
    let (payload_files, payload_bytes) = (payload().count() as u64, payload().map(|(_, n)| n).sum());
    if let Some(facts) = facts.as_ref().filter(|_| files.contains_key(TOOL)) {
        let tool = check.must_have(TOOL, &files).unwrap_or_default();
        for fault in tool_faults(&tool, &facts.tool, &facts.tool_version) {
            check.damages.add(Harm::Tool, TOOL, fault);
        }
    }
    check.bag_info(&tags, facts.as_ref(), payload_bytes, payload_files);
    for path in files.keys().filter(|p| p.starts_with(ATTEST)) {
        check.digest(path);
    }
    let root = check.seen.get(TAGMANIFEST).map(|s| s.sha256.clone());
    match (facts, decision, root) {
        (Some(facts), Some(decision), Some(root)) if check.damages.0.is_empty() => {
            let (attestations, files) = check.seen.into_iter().partition(|(path, _)| path.starts_with(ATTEST));
            Ok(Verified {
                root,
                files,
                attestations,
                payload_files,
                payload_bytes,
                facts,
                decision,
                references,
                contents: check.contents,
            })
        }
        _ => Err(check.damages.error()),
    }
}

/// A verification under way.
struct Check {
    contents: Contents,
    limits: Limits,
    damages: Damages,
    seen: BTreeMap<String, Seen>,
}

impl Check {
    /// Only known things lie at the top.
    fn world(&mut self, files: &BTreeMap<String, u64>) {
        for path in files.keys() {
            let attestation = path.strip_prefix(ATTEST).is_some_and(|rest| !rest.contains('/'));
            let tag = TAGS.contains(&path.as_str()) || path == TAGMANIFEST;
            if !attestation && !tag && !path.starts_with("data/") {
                self.damages.add(Harm::ExtraFile, path, "it does not belong to a package");
            }
        }
    }

    /// The whole of a file that must be there; its digest is noted from the same bytes.
    fn must_have(&mut self, path: &str, files: &BTreeMap<String, u64>) -> Option<Vec<u8>> {
        if !files.contains_key(path) {
            self.missing(path, "a package must have it");
            return None;
        }
        match bytes(&self.contents, path, self.limits.text) {
            Ok(Some(bytes)) => {
                self.seen.insert(path.to_string(), Seen { sha256: sha256(&bytes), bytes: bytes.len() as u64 });
                return Some(bytes);
            }
            Ok(None) => self.damages.add(Harm::Unreadable, path, "it vanished while it was verified"),
            Err(error) => self.damages.add(Harm::Unreadable, path, error.to_string()),
        }
        None
    }

    /// Notes a missing file, unless it is already said what lies in its place.
    fn missing(&mut self, path: &str, why: &str) {
        if !self.damages.0.iter().any(|d| d.path == path) {
            self.damages.add(Harm::MissingFile, path, why);
        }
    }

    /// Reads a file as a stream and notes its digest.
    fn digest(&mut self, path: &str) {
        if self.seen.contains_key(path) {
            return;
        }
        match digest(&self.contents, path) {
            Ok(Some((sha256, bytes))) => {
                self.seen.insert(path.to_string(), Seen { sha256, bytes });
            }
            Ok(None) => self.damages.add(Harm::Unreadable, path, "it vanished while it was verified"),
            Err(error) => self.damages.add(Harm::Unreadable, path, error.to_string()),
        }
    }

    /// Compares a digest that was listed with the one that was read, if the file could be read.
    fn expect(&mut self, path: &str, listed: &str, by: &str) {
        if let Some(seen) = self.seen.get(path).filter(|seen| seen.sha256 != listed) {
            let detail = format!("its bytes are not those that {by} lists: sha256 {listed} was listed, {} was read", seen.sha256);
            self.damages.add(Harm::Digest, path, detail);
        }
    }

    /// The tagmanifest lists exactly the three other tag files, and bagit.txt is as it must be.
    fn tags(&mut self, tags: &BTreeMap<&str, Vec<u8>>) {
        if tags.get(BAGIT).is_some_and(|bytes| bytes.as_slice() != DECLARATION.as_bytes()) {
            self.damages.add(Harm::TagFile, BAGIT, "it is not the declaration of BagIt 1.0 in UTF-8");
        }
        let Some(bytes) = tags.get(TAGMANIFEST) else { return };
        let listed = manifest::read(TAGMANIFEST, bytes, |path| TAGS.contains(&path), &mut self.damages);
        for name in TAGS {
            match listed.get(name) {
                Some(digest) => self.expect(name, digest, TAGMANIFEST),
                None => self.damages.add(Harm::TagFile, TAGMANIFEST, format!("it does not list {name}")),
            }
        }
    }

    /// Payload and manifest are the same set of paths, with the listed digests.
    fn payload(&mut self, tags: &BTreeMap<&str, Vec<u8>>, files: &BTreeMap<String, u64>) {
        let Some(bytes) = tags.get(MANIFEST) else {
            self.collide(files.keys().map(String::as_str));
            return;
        };
        let listed = manifest::read(MANIFEST, bytes, |path| path.starts_with("data/"), &mut self.damages);
        let all: BTreeSet<&str> = files.keys().chain(listed.keys()).map(String::as_str).collect();
        self.collide(all.into_iter());
        for path in files.keys().filter(|p| p.starts_with("data/") && !listed.contains_key(*p)) {
            self.damages.add(Harm::ExtraFile, path, format!("{MANIFEST} does not list it"));
        }
        let known: BTreeSet<String> = self.damages.0.iter().map(|d| d.path.clone()).collect();
        for (path, digest) in &listed {
            if files.contains_key(path) {
                self.digest(path);
                self.expect(path, digest, MANIFEST);
            } else if !known.contains(path) {
                self.damages.add(Harm::MissingFile, path, format!("{MANIFEST} lists it"));
            }
        }
    }

    fn collide<'p>(&mut self, paths: impl Iterator<Item = &'p str>) {
        for (a, b) in collisions(paths) {
            self.damages.add(Harm::CaseCollision, &b, format!("on some systems it is the same as {a}"));
        }
    }

    /// The evidence that is not in the package; none of it is.
    fn references(&mut self, files: &BTreeMap<String, u64>) -> Vec<Reference> {
        if !files.contains_key(REFERENCES) {
            return Vec::new();
        }
        let Some(bytes) = self.must_have(REFERENCES, files) else { return Vec::new() };
        let list = match Reference::read(&bytes) {
            Ok(list) => list,
            Err(faults) => {
                faults.into_iter().for_each(|fault| self.damages.add(Harm::References, REFERENCES, fault));
                return Vec::new();
            }
        };
        for path in list.iter().map(|r| format!("data/evidence/{}", r.path)).filter(|p| files.contains_key(p)) {
            self.damages.add(Harm::References, &path, format!("{REFERENCES} says that it is not in the package"));
        }
        list
    }

    fn decision(&mut self, bytes: &[u8]) -> Option<Facts> {
        let faults = match decision::read(bytes) {
            Ok(facts) => return Some(facts),
            Err(faults) => faults,
        };
        for fault in faults {
            self.damages.add(Harm::Decision, DECISION, fault);
        }
        None
    }

    /// bag-info.txt says what follows from the decision and from the payload, and nothing else.
    fn bag_info(&mut self, tags: &BTreeMap<&str, Vec<u8>>, facts: Option<&Facts>, bytes: u64, files: u64) {
        let Some(info) = tags.get(BAG_INFO) else { return };
        let text = String::from_utf8_lossy(info);
        let oxum: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("Payload-Oxum: ")).collect();
        if oxum != [format!("{bytes}.{files}")] {
            let said = oxum.join(", ");
            let detail = format!("it says {said:?}, the payload has {bytes} bytes in {files} files ({bytes}.{files})");
            self.damages.add(Harm::PayloadOxum, BAG_INFO, detail);
            return;
        }
        if facts.is_some_and(|facts| info.as_slice() != Info::of(facts).render(bytes, files).as_bytes()) {
            self.damages.add(Harm::TagFile, BAG_INFO, "it does not say what follows from decision.json");
        }
    }
}

/// Compares a verified package with the payload that judging and rendering its own evidence again gave, by path below `data/`.
/// Nothing is found when both are the same byte for byte.
#[must_use]
pub fn compare(verified: &Verified, rebuilt: &BTreeMap<String, Payload<'_>>) -> Vec<Difference> {
    let mut found = Vec::new();
    for (path, payload) in rebuilt {
        let path = format!("data/{path}");
        let kind = match verified.files.get(&path) {
            None => DifferenceKind::Missing,
            Some(seen) if seen.bytes != payload.len() || seen.sha256 != payload.sha256() => DifferenceKind::Differs,
            Some(_) => continue,
        };
        found.push(Difference { path, kind });
    }
    for path in verified.files.keys() {
        if path.strip_prefix("data/").is_some_and(|rest| !rebuilt.contains_key(rest)) {
            found.push(Difference { path: path.clone(), kind: DifferenceKind::Extra });
        }
    }
    found.sort();
    found
}
