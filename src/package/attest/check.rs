//! Checks `attest/` and the signatures of locks against a trust file.
//!
//! In: a package whose digests are right, its files, and a [`Policy`]. Out: the lines AUTHENTIC, AUTHORISED and TIME. A file that is not
//! exactly as it would have been written is a fault whoever made it. A signature by a key that is not known, revoked, not allowed or out of
//! its term is shown and counts for nothing. Refuses to know clocks.

use super::super::bag::{DECISION, TAGMANIFEST};
use super::super::strict_json;
use super::super::verification::{Line, Mark};
use super::super::verify::Verified;
use super::key::KeyId;
use super::krl::Revoked;
use super::sign::{Names, Opinion};
use super::statement::{AUDIT, Subject};
use super::trust::{Instant, Signers};
use super::{FOLDER, MAX_FILE, Role, dsse, sshsig};
use crate::evidence::read::Files;
use crate::store::sha256;
use serde_json::Value;
use ssh_key::PublicKey;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// What a package is checked by.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Who may sign; without, nobody is trusted.
    pub signers: Option<Signers>,
    /// Keys that are revoked.
    pub revoked: Revoked,
    /// For which instant the auditor asks.
    pub as_of: Option<Instant>,
    /// Whether an audit by another key than the release's must concur.
    pub audit: bool,
    /// Whether a package without a checked signature fails. A trust file implies it.
    pub signature: bool,
}

/// What was found out about the signatures of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// Whether a key that is trusted signed it.
    pub authentic: Line,
    /// Whether the signer may release, and whether an auditor that is asked for concurs.
    pub authorised: Line,
    /// Whether the keys were in their terms.
    pub time: Line,
}

/// One signer in one role, whose signatures are right.
struct Signed {
    role: Role,
    /// What was signed: the release, a lock's path, or an opinion.
    what: String,
    opinion: Option<Opinion>,
    key: PublicKey,
    id: KeyId,
}

/// How far a signer is trusted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Unknown,
    Revoked(String),
    /// By whose word, and why.
    NotAllowed(String, String),
    Untimely(String, String),
    Good(String),
}

/// Checks all signatures of a package. `files` opens the package's own paths.
#[must_use]
pub fn check(files: &dyn Files, verified: &Verified, policy: &Policy) -> Attested {
    let mut checker = Checker { files, verified, faults: Vec::new(), signed: Vec::new() };
    checker.all();
    let (faults, signed) = (checker.faults, checker.signed);
    let standings: Vec<(Signed, Standing)> = signed
        .into_iter()
        .map(|s| {
            let standing = standing(&s, policy);
            (s, standing)
        })
        .collect();
    lines(&faults, &standings, verified, policy)
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

/// The best that any line of the trust file says of a signer.
fn standing(signed: &Signed, policy: &Policy) -> Standing {
    let Some(signers) = &policy.signers else { return Standing::Unknown };
    let each = signers.of(&signed.id).map(|line| {
        let who = line.principals.clone();
        if policy.revoked.has(&signed.key) {
            Standing::Revoked(who)
        } else if !line.allows(signed.role) {
            let why = format!("line {} of the trust file does not allow {}", line.line, signed.role.namespace());
            Standing::NotAllowed(who, why)
        } else if let Some(why) = line.untimely(policy.as_of.as_ref()) {
            Standing::Untimely(who, why)
        } else {
            Standing::Good(who)
        }
    });
    each.max().unwrap_or(Standing::Unknown)
}

fn lines(faults: &[String], standings: &[(Signed, Standing)], verified: &Verified, policy: &Policy) -> Attested {
    let releases: Vec<&(Signed, Standing)> = standings.iter().filter(|(s, _)| s.role == Role::Release).collect();
    let best = releases.iter().map(|(_, standing)| standing).max();
    let details: Vec<String> = standings.iter().map(|(s, standing)| describe(s, standing, policy)).collect();
    let authentic = authentic(faults, &releases, best, verified, policy).details(faults.iter().cloned()).details(details);
    if authentic.mark != Mark::Ok {
        let nobody =
            || Line::new(Mark::NotChecked, "no signer is trusted, so there is nobody whose right or term could be checked");
        return Attested { authentic, authorised: nobody(), time: claimed(verified, policy, nobody()) };
    }
    let (authorised, time) = (authorised(best, &releases, standings, policy), timely(best, verified, policy));
    Attested { authentic, authorised, time }
}

fn authentic(
    faults: &[String],
    releases: &[&(Signed, Standing)],
    best: Option<&Standing>,
    verified: &Verified,
    policy: &Policy,
) -> Line {
    let failed = |why: &str| Line::new(Mark::Failed, why);
    if !faults.is_empty() {
        return failed("the signatures are damaged or of something else");
    }
    let needed = policy.signature || policy.signers.is_some();
    let keys: Vec<String> = releases.iter().map(|(s, _)| s.id.to_string()).collect();
    match best {
        None if verified.attestations.is_empty() && needed => failed("the package is unsigned, and a signature is required"),
        None if needed => failed("no release signature is there, and one is required"),
        None => Line::new(Mark::NotChecked, "the package is unsigned"),
        Some(Standing::Unknown) if policy.signers.is_none() && policy.signature => {
            failed("a signature is required, and without --allowed-signers nobody is trusted to make one")
        }
        Some(Standing::Unknown) if policy.signers.is_none() => Line::new(
            Mark::NotChecked,
            format!("signed by {}; whose key that is was not checked: --allowed-signers says whom to trust", keys.join(", ")),
        ),
        Some(Standing::Unknown) => failed(&format!("signed by {}, which the trust file does not name", keys.join(", "))),
        Some(Standing::Revoked(who)) => failed(&format!("the key of {who} is revoked")),
        Some(_) => {
            let good = releases.iter().find(|(_, s)| Some(s) == best);
            Line::new(Mark::Ok, format!("the release is signed by {}", good.map_or_else(String::new, |(s, _)| s.id.to_string())))
        }
    }
}

fn describe(signed: &Signed, standing: &Standing, policy: &Policy) -> String {
    let state = match standing {
        Standing::Unknown if policy.signers.is_none() => "no trust file".to_string(),
        Standing::Unknown => "the trust file does not name this key; it counts for nothing".into(),
        Standing::Revoked(who) => format!("{who}: the key is revoked; it counts for nothing"),
        Standing::NotAllowed(who, why) | Standing::Untimely(who, why) => format!("{who}: {why}"),
        Standing::Good(who) => who.clone(),
    };
    format!("{}: {}: {state}", signed.what, signed.id)
}

/// Whether the release's signer may release, and whether the auditors that are asked for concur. Only opinions of trusted auditors count,
/// and none of a key that also signed the release.
fn authorised(
    best: Option<&Standing>,
    releases: &[&(Signed, Standing)],
    standings: &[(Signed, Standing)],
    policy: &Policy,
) -> Line {
    let who = match best {
        Some(Standing::Good(who) | Standing::Untimely(who, _)) => who,
        Some(Standing::NotAllowed(who, why)) => return Line::new(Mark::Failed, format!("{who}: {why}")),
        _ => return Line::new(Mark::NotChecked, "no signer is trusted"),
    };
    let makers: Vec<&KeyId> = releases.iter().map(|(s, _)| &s.id).collect();
    let opinions: Vec<(&str, Opinion)> = standings
        .iter()
        .filter(|(s, _)| s.role == Role::Audit && !makers.contains(&&s.id))
        .filter_map(|(s, standing)| if let Standing::Good(who) = standing { Some((who.as_str(), s.opinion?)) } else { None })
        .collect();
    let said: Vec<String> = opinions.iter().map(|(who, o)| format!("audit: {who}: {}", o.word())).collect();
    let dissent = opinions.iter().find(|(_, o)| *o == Opinion::Dissent);
    let line = match dissent {
        Some((auditor, _)) if policy.audit => Line::new(Mark::Failed, format!("{auditor} may audit and dissents")),
        _ if policy.audit && opinions.is_empty() => {
            Line::new(Mark::Failed, format!("{who} may release, but no trusted auditor other than the maker has signed"))
        }
        Some((auditor, _)) => Line::new(Mark::Ok, format!("{who} may release; {auditor} dissents")),
        None if opinions.is_empty() => Line::new(Mark::Ok, format!("{who} may release")),
        None => Line::new(Mark::Ok, format!("{who} may release; {} concurs", opinions[0].0)),
    };
    line.details(said)
}

fn timely(best: Option<&Standing>, verified: &Verified, policy: &Policy) -> Line {
    match best {
        Some(Standing::Untimely(who, why)) => Line::new(Mark::Failed, format!("the key of {who}: {why}")),
        Some(Standing::Good(_)) => {
            let line = match &policy.as_of {
                Some(at) => Line::new(Mark::Ok, format!("the key was valid at {}, the day that the auditor names", at.text)),
                None => Line::new(Mark::Ok, "the key has no term"),
            };
            claimed(verified, policy, line)
        }
        _ => claimed(verified, policy, Line::new(Mark::NotChecked, "the signer may not release, so its term was not asked for")),
    }
}

/// Adds what the package itself says of its day.
fn claimed(verified: &Verified, policy: &Policy, line: Line) -> Line {
    let date = match &verified.facts.date {
        Some(date) => format!("the package itself says {date}"),
        None => "the package names no date".to_string(),
    };
    let vouched = if policy.signers.is_some() { "" } else { "; nothing else vouches for it" };
    line.details([format!("{date}{vouched}")])
}
