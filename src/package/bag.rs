//! From payload to bag: the files of a BagIt 1.0 package (RFC 8493) and its root digest.
//!
//! In: payload by path, and what bag-info.txt says. Out: every file of the package, the same bytes for the same input. Refuses to know
//! folders and clocks.

use super::attest::{Sign, Subject, endorse};
use super::path::{collisions, flaw};
use super::{Facts, Limits};
use crate::error::{Error, ErrorKind, Fault, visible};
use crate::evidence::read::Files;
use crate::store::sha256;
use std::collections::BTreeMap;

/// The declaration at the top of every bag.
pub(super) const DECLARATION: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
/// The name of the declaration.
pub(super) const BAGIT: &str = "bagit.txt";
/// The name of the file of facts about the bag.
pub(super) const BAG_INFO: &str = "bag-info.txt";
/// The name of the list of payload digests.
pub(super) const MANIFEST: &str = "manifest-sha256.txt";
/// The name of the list of the digests of the three other tag files. The digest of this file is the root.
pub(super) const TAGMANIFEST: &str = "tagmanifest-sha256.txt";
/// The dossier's path in the package.
pub(super) const DECISION: &str = "data/decision.json";
/// The path of what made the package.
pub(super) const TOOL: &str = "data/tool.json";

/// One file of a package.
#[derive(Clone)]
pub enum Payload<'a> {
    /// Bytes in memory.
    Bytes(Vec<u8>),
    /// A file that is copied when the package is written, if it still is what was judged.
    File {
        /// Where it is opened.
        files: &'a dyn Files,
        /// Its path there.
        path: String,
        /// SHA-256 of the bytes that were judged, in lower-case hex.
        sha256: String,
        /// How many bytes were judged.
        bytes: u64,
    },
}

impl std::fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload({} bytes, {})", self.len(), self.sha256())
    }
}

impl Payload<'_> {
    /// SHA-256 in lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        match self {
            Self::Bytes(bytes) => sha256(bytes),
            Self::File { sha256, .. } => sha256.clone(),
        }
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { bytes, .. } => *bytes,
        }
    }

    /// Whether there is no byte in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What bag-info.txt says beside the size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Name and version of the tool, such as `quorate/0.1.0`.
    pub agent: String,
    /// The day, `YYYY-MM-DD`, from the environment or the evidence; never from a clock.
    pub date: Option<String>,
    /// What is released, such as `orders-2.4.0`.
    pub identifier: String,
}

impl Info {
    /// What bag-info.txt must say for a decision.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        Self { agent: format!("{}/{}", facts.tool, facts.tool_version), date: facts.date.clone(), identifier: facts.release() }
    }

    /// The text of bag-info.txt for a payload of so many bytes and files.
    pub(super) fn render(&self, bytes: u64, files: u64) -> String {
        let date = self.date.as_ref().map(|d| format!("Bagging-Date: {d}\n")).unwrap_or_default();
        let (agent, identifier) = (&self.agent, &self.identifier);
        format!("Bag-Software-Agent: {agent}\n{date}External-Identifier: {identifier}\nPayload-Oxum: {bytes}.{files}\n")
    }
}

/// All files of a package by their path in it.
#[derive(Debug, Clone)]
pub struct Bag<'a> {
    files: BTreeMap<String, Payload<'a>>,
    root: String,
}

impl<'a> Bag<'a> {
    /// Puts a payload, by path below `data/`, into a bag.
    ///
    /// # Errors
    /// [`ErrorKind::Evidence`] with every path that a package cannot hold; [`ErrorKind::Internal`] when `info` is not plain.
    pub fn new(payload: BTreeMap<String, Payload<'a>>, info: &Info) -> Result<Self, Error> {
        check(&payload, info)?;
        let mut files: BTreeMap<String, Payload<'a>> = payload.into_iter().map(|(p, f)| (format!("data/{p}"), f)).collect();
        let manifest = render(files.iter().map(|(path, file)| (path.as_str(), file.sha256())));
        let bytes = files.values().map(Payload::len).sum();
        let info = info.render(bytes, files.len() as u64);
        let tags = [(BAG_INFO, info), (BAGIT, DECLARATION.to_string()), (MANIFEST, manifest)];
        let tagmanifest = render(tags.iter().map(|(name, text)| (*name, sha256(text.as_bytes()))));
        let root = sha256(tagmanifest.as_bytes());
        for (name, text) in tags.into_iter().chain([(TAGMANIFEST, tagmanifest)]) {
            files.insert(name.to_string(), Payload::Bytes(text.into_bytes()));
        }
        Ok(Self { files, root })
    }

    /// The digest of the package: SHA-256 of tagmanifest-sha256.txt, in lower-case hex.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Signs the package as its maker and adds the files of `attest/`, which the root digest does not cover.
    ///
    /// # Errors
    /// When there is no decision.json, or the key does not sign.
    pub fn sign(&mut self, key: &dyn Sign) -> Result<(), Error> {
        let bytes = |path: &str| match self.files.get(path) {
            Some(Payload::Bytes(bytes)) => Some(bytes.clone()),
            _ => None,
        };
        let subject = Subject::new(&self.root, |path| self.files.get(path).map(Payload::sha256), bytes);
        let wrong = |faults: Vec<String>| Error::plain(ErrorKind::Internal, faults.join("; "));
        let signed = endorse(&subject.map_err(wrong)?, &bytes(TAGMANIFEST).unwrap_or_default(), key)?;
        self.files.extend(signed.into_iter().map(|(path, bytes)| (path, Payload::Bytes(bytes))));
        Ok(())
    }

    /// Every file by its path in the package, sorted bytewise.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Payload<'a>> {
        &self.files
    }
}

/// The text of a manifest.
fn render<'p>(entries: impl Iterator<Item = (&'p str, String)>) -> String {
    entries.map(|(path, digest)| format!("{digest}  {path}\n")).collect()
}

fn check(payload: &BTreeMap<String, Payload<'_>>, info: &Info) -> Result<(), Error> {
    let plain = |text: &str| !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control);
    if !plain(&info.agent) || !plain(&info.identifier) || !info.date.as_deref().is_none_or(plain) {
        return Err(Error::plain(ErrorKind::Internal, "bag-info.txt cannot hold an empty text or a line break"));
    }
    let limits = Limits::default();
    let paths: Vec<String> = payload.keys().map(|path| format!("data/{path}")).collect();
    let refuse = |path: &str, why: &str| Fault::new(format!("a package cannot hold `{}`: {why}", visible(path)));
    let mut faults: Vec<Fault> = paths.iter().filter_map(|p| flaw(p).map(|why| refuse(p, why))).collect();
    for (a, b) in collisions(paths.iter().map(String::as_str)) {
        faults
            .push(refuse(&b, &format!("it differs from `{}` only in case, or one is a folder of the other's name", visible(&a))));
    }
    let bytes = payload.values().try_fold(0u64, |sum, file| sum.checked_add(file.len()));
    if payload.len() as u64 > limits.files || bytes.is_none_or(|b| b > limits.bytes) {
        faults.push(Fault::new(format!("a package holds at most {} files and {} bytes", limits.files, limits.bytes)));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error { kind: ErrorKind::Evidence, faults }) }
}
