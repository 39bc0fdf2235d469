//! Reads `attest/` and the signatures of locks, and finds what is damaged or of something else.
//!
//! In: a package whose digests are right, and its files. Out: the signatures that are right, and every fault. A file that is not exactly as it
//! would have been written is a fault, whoever made it. Whose word a signature is worth is for [`super::lines`] to say.

use super::super::bag::{DECISION, TAGMANIFEST};
use super::super::strict_json;
use super::super::verify::Verified;
use super::key::KeyId;
use super::lines::{Attested, Policy, Signed, attested};
use super::sign::{Names, Opinion};
use super::statement::{AUDIT, Subject};
use super::{FOLDER, MAX_FILE, Role, dsse, sshsig};
use crate::evidence::read::Files;
use crate::store::sha256;
use serde_json::Value;
use ssh_key::PublicKey;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// Checks all signatures of a package. `files` opens the package's own paths.
#[must_use]
pub fn check(files: &dyn Files, verified: &Verified, policy: &Policy) -> Attested {
    let mut checker = Checker { files, verified, faults: Vec::new(), signed: Vec::new() };
    checker.all();
    attested(&checker.faults, checker.signed, verified, policy)
}

struct Checker<'v> {
    files: &'v dyn Files,
    verified: &'v Verified,
    faults: Vec<String>,
    signed: Vec<Signed>,
}

impl Checker<'_> {
    fn fault(&mut self, path: &str, why: impl std::fmt::Display) {
        self.faults.push(format!("{path}: {why}"));
    }

    /// The bytes of a file, if they still are those whose digest was taken; a fault is noted.
    fn bytes(&mut self, path: &str) -> Option<Vec<u8>> {
        self.read(path).map_err(|why| self.fault(path, why)).ok()
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let seen = self.verified.attestations.get(path).or_else(|| self.verified.files.get(path));
        let seen = seen.ok_or("it is not there")?;
        let gone = "it vanished while it was verified";
        let reader = self.files.open(path).map_err(|e| e.to_string())?.ok_or(gone)?;
        let mut bytes = Vec::new();
        reader.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(format!("it is longer than {MAX_FILE} bytes"));
        }
        if sha256(&bytes) == seen.sha256 { Ok(bytes) } else { Err("it changed while it was verified".into()) }
    }

    fn all(&mut self) {
        let mut known = BTreeSet::new();
        let (mut releases, mut audits) = (BTreeSet::new(), BTreeSet::new());
        for path in self.verified.attestations.keys() {
            match signer_of(path) {
                Some((role, short)) => {
                    let names = Names::of(role, short);
                    known.extend([names.statement, names.ssh].into_iter().chain(names.summary));
                    if role == Role::Release {
                        releases.insert(short)
                    } else {
                        audits.insert(short)
                    };
                }
                None => self.faults.push(format!("{path}: it is not a file that attest/ may hold")),
            }
        }
        for path in known.iter().filter(|p| !self.verified.attestations.contains_key(*p)) {
            self.faults.push(format!("{path}: it is missing, and the other files of the same key are there"));
        }
        if !releases.is_empty() || !audits.is_empty() {
            self.packages(&releases, &audits);
        }
        self.locks();
    }

    fn packages(&mut self, releases: &BTreeSet<&str>, audits: &BTreeSet<&str>) {
        let Some(tagmanifest) = self.bytes(TAGMANIFEST) else { return };
        let digest = |name: &str| self.verified.files.get(name).map(|s| s.sha256.clone());
        let subject = match Subject::new(&self.verified.root, digest, |path| self.read(path).ok()) {
            Ok(subject) => subject,
            Err(faults) => return faults.into_iter().for_each(|why| self.fault(DECISION, why)),
        };
        for short in releases {
            self.release(short, &subject, &tagmanifest);
        }
        for short in audits {
            self.audit(short, &subject);
        }
    }

    fn release(&mut self, short: &str, subject: &Subject, tagmanifest: &[u8]) {
        let names = Names::of(Role::Release, short);
        let Some(key) = self.ssh(&names.ssh, Role::Release, tagmanifest, short) else { return };
        let statement = self.bundle(&names.statement, &key).map(|p| self.same(&names.statement, &p, &subject.release(), subject));
        let summary = names.summary.and_then(|n| self.bundle(&n, &key).map(|p| self.same(&n, &p, &subject.summary(), subject)));
        if (statement, summary) == (Some(true), Some(true)) {
            self.add(Role::Release, "release".into(), None, key);
        }
    }

    fn audit(&mut self, short: &str, subject: &Subject) {
        let names = Names::of(Role::Audit, short);
        let Some(bundle) = self.bytes(&names.statement) else { return };
        let Some(key) = self.ssh(&names.ssh, Role::Audit, &bundle, short) else { return };
        let Some(payload) = self.bundle(&names.statement, &key) else { return };
        let (opinion, releases) = match opinion(&payload) {
            Ok(found) => found,
            Err(why) => return self.fault(&names.statement, why),
        };
        for (path, digest) in &releases {
            match self.verified.attestations.get(path) {
                Some(seen) if seen.sha256 == *digest => {}
                Some(_) => return self.fault(&names.statement, format!("it is about another {path}: sha256 {digest}")),
                None => return self.fault(&names.statement, format!("it is about {path}, which is not there")),
            }
        }
        if self.same(&names.statement, &payload, &subject.audit(opinion, &releases), subject) {
            self.add(Role::Audit, format!("audit, {}", opinion.word()), Some(opinion), key);
        }
    }

    /// The signatures of locks, which lie beside them.
    fn locks(&mut self) {
        let signatures: Vec<&String> =
            self.verified.files.keys().filter(|p| p.starts_with("data/lock/") && p.ends_with(".sig")).collect();
        for path in signatures {
            let of = path.strip_suffix(".sig").unwrap_or(path);
            if !self.verified.files.contains_key(of) {
                self.fault(path, "the lock it signs is not there");
                continue;
            }
            let (Some(lock), Some(armour)) = (self.bytes(of), self.bytes(path)) else { continue };
            match sshsig::verify(&armour, Role::Lock.namespace(), &lock) {
                Ok(key) => self.add(Role::Lock, of.to_string(), None, key),
                Err(why) => self.fault(path, why),
            }
        }
    }

    fn add(&mut self, role: Role, what: String, opinion: Option<Opinion>, key: PublicKey) {
        let id = KeyId::of(&key);
        self.signed.push(Signed { role, what, opinion, key, id });
    }

    /// The key that made an SSH signature, if it is right and the file is named after it.
    fn ssh(&mut self, path: &str, role: Role, message: &[u8], short: &str) -> Option<PublicKey> {
        let armour = self.bytes(path)?;
        match sshsig::verify(&armour, role.namespace(), message) {
            Ok(key) if KeyId::of(&key).short() == short => return Some(key),
            Ok(key) => self.fault(path, format!("it is by {}, after which it is not named", KeyId::of(&key))),
            Err(why) => self.fault(path, why),
        }
        None
    }

    /// The payload of a bundle that a key signed.
    fn bundle(&mut self, path: &str, key: &PublicKey) -> Option<Vec<u8>> {
        let bytes = self.bytes(path)?;
        let bundle = match dsse::read(&bytes) {
            Ok(bundle) => bundle,
            Err(faults) => {
                faults.into_iter().for_each(|why| self.fault(path, why));
                return None;
            }
        };
        if bundle.keyid != KeyId::of(key).to_string() {
            self.fault(path, format!("it is by {}, the SSH signature beside it by {}", bundle.keyid, KeyId::of(key)));
            return None;
        }
        if !sshsig::verify_bare(key, &dsse::pae(&bundle.payload), &bundle.signature) {
            self.fault(path, format!("it is not signed by {}", bundle.keyid));
            return None;
        }
        Some(bundle.payload)
    }

    /// Whether a payload is what this package makes. If not, says whether it is of another package.
    fn same(&mut self, path: &str, payload: &[u8], derived: &[u8], subject: &Subject) -> bool {
        if payload == derived {
            return true;
        }
        let statement: Value = strict_json::read(payload).unwrap_or_default();
        let subjects = statement["subject"].as_array().map_or(&[][..], Vec::as_slice);
        let root = subjects.iter().find(|s| s["name"] == TAGMANIFEST).and_then(|s| s.pointer("/digest/sha256")?.as_str());
        match root {
            Some(root) if root == subject.root => self.fault(path, "it states other than what follows from decision.json"),
            Some(root) => self.fault(path, format!("it was signed for another package: root sha256:{root}")),
            None => self.fault(path, "it names no package"),
        }
        false
    }
}

/// Role and short key name that the name of a file in `attest/` tells.
fn signer_of(path: &str) -> Option<(Role, &str)> {
    let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
    let within = |front: &str, back: &str| name.strip_prefix(front)?.strip_suffix(back);
    let found = [
        (Role::Release, within("release.", ".sigstore.json")),
        (Role::Release, within("vsa.", ".sigstore.json")),
        (Role::Release, within("tagmanifest-sha256.txt.", ".sig")),
        (Role::Audit, within("audit.", ".sigstore.json")),
        (Role::Audit, within("audit.", ".sigstore.json.sig")),
    ];
    let hex = |s: &&str| s.len() == 16 && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    found.into_iter().find_map(|(role, short)| Some((role, short.filter(hex)?)))
}

/// The opinion in a countersignature and the release bundles it names.
fn opinion(payload: &[u8]) -> Result<(Opinion, BTreeMap<String, String>), String> {
    let value = strict_json::read_canonical(payload).map_err(|f| f.join("; "))?;
    if value["predicateType"] != AUDIT {
        return Err(format!("its predicate is {} and must be {AUDIT:?}", value["predicateType"]));
    }
    let word = value.pointer("/predicate/opinion").and_then(Value::as_str).unwrap_or_default();
    let opinion = Opinion::of(word).ok_or_else(|| format!("its opinion {word:?} is neither concur nor dissent"))?;
    let subjects = value["subject"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |s: &Value, pointer: &str| s.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
    let named = subjects.iter().map(|s| (text(s, "/name"), text(s, "/digest/sha256"))).filter(|(name, _)| name != TAGMANIFEST);
    let releases: BTreeMap<String, String> = named.collect();
    let is_release = |p: &String| matches!(signer_of(p), Some((Role::Release, _))) && p.ends_with(".json");
    if releases.is_empty() || !releases.keys().all(is_release) {
        return Err("it names no release bundle".into());
    }
    Ok((opinion, releases))
}
