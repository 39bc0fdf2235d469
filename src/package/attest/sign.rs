//! Makes the files of `attest/`.
//!
//! In: what is signed, and a key. Out: files by their path in the package. The same input and key give the same bytes: Ed25519 signatures
//! have no chance in them. Refuses to know folders.

use super::key::{KeyId, Sign};
use super::statement::Subject;
use super::{FOLDER, Role, dsse, sshsig};
use crate::error::{Error, ErrorKind};
use crate::words::words;
use std::collections::BTreeMap;

words! {
    /// What an auditor says of a release.
    enum Opinion {
        /// The auditor agrees.
        Concur = "concur",
        /// The auditor does not agree.
        Dissent = "dissent",
    }
}

/// Files by their path in the package.
pub type Attestations = BTreeMap<String, Vec<u8>>;

/// The names of the files that one key makes in one role.
pub(super) struct Names {
    /// The statement in its bundle.
    pub statement: String,
    /// The SLSA summary in its bundle; releases only.
    pub summary: Option<String>,
    /// The SSH signature.
    pub ssh: String,
}

impl Names {
    pub fn of(role: Role, short: &str) -> Self {
        let word = role.word();
        let statement = format!("{FOLDER}/{word}.{short}.sigstore.json");
        match role {
            Role::Release => Self {
                statement,
                summary: Some(format!("{FOLDER}/vsa.{short}.sigstore.json")),
                ssh: format!("{FOLDER}/tagmanifest-sha256.txt.{short}.sig"),
            },
            Role::Audit | Role::Lock => Self { ssh: format!("{statement}.sig"), summary: None, statement },
        }
    }
}

/// Signs a package as its maker: statement, SLSA summary, and an SSH signature over tagmanifest-sha256.txt, whose bytes are given.
///
/// # Errors
/// When the key does not sign.
pub fn endorse(subject: &Subject, tagmanifest: &[u8], key: &dyn Sign) -> Result<Attestations, Error> {
    let names = Names::of(Role::Release, KeyId::of(key.public()).short());
    let mut files = Attestations::new();
    files.insert(names.statement, dsse::sign(&subject.release(), key)?);
    if let Some(summary) = names.summary {
        files.insert(summary, dsse::sign(&subject.summary(), key)?);
    }
    files.insert(names.ssh, sshsig::sign(tagmanifest, Role::Release.namespace(), key)?);
    Ok(files)
}

/// Countersigns the release bundles (digest by path) of a package: a statement, and an SSH signature over its bundle.
///
/// # Errors
/// [`ErrorKind::Usage`] when there is no release bundle to name; else when the key does not sign.
pub fn countersign(
    subject: &Subject,
    releases: &BTreeMap<String, String>,
    opinion: Opinion,
    key: &dyn Sign,
) -> Result<Attestations, Error> {
    if releases.is_empty() {
        return Err(Error::plain(ErrorKind::Usage, "the package has no release signature that could be countersigned"));
    }
    let names = Names::of(Role::Audit, KeyId::of(key.public()).short());
    let bundle = dsse::sign(&subject.audit(opinion, releases), key)?;
    let ssh = sshsig::sign(&bundle, Role::Audit.namespace(), key)?;
    Ok([(names.statement, bundle), (names.ssh, ssh)].into())
}

/// Whose key signed a lock.
///
/// # Errors
/// One sentence, when it is no signature of the lock.
pub fn lock_signer(lock: &[u8], signature: &[u8]) -> Result<KeyId, String> {
    sshsig::verify(signature, Role::Lock.namespace(), lock).map(|key| KeyId::of(&key))
}

/// The SSH signature of a lock.
///
/// # Errors
/// When the key does not sign.
pub fn sign_lock(lock: &[u8], key: &dyn Sign) -> Result<Vec<u8>, Error> {
    sshsig::sign(lock, Role::Lock.namespace(), key)
}
