//! Keys and trust files as the command line names them.
//!
//! In: paths, and a passphrase from the environment or the person at the terminal. Out: keys and policies. What goes wrong is told without a
//! byte of the key.

use super::Io;
use crate::error::{Error, ErrorKind, Fault};
use crate::package::attest::{Instant, Key, Policy, Refused, Revoked, Sign, Signers};
use crate::store::split;
use std::path::Path;

/// The most bytes of a file with a private key.
const MAX_KEY: u64 = 64 << 10;

/// The most bytes of a trust file or a revocation list.
const MAX_LIST: u64 = 16 << 20;

/// A text that is not to be seen.
#[derive(Clone, Default)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The key in a file: a private key, opened with a passphrase if it needs one, or the public key of one that the agent holds.
pub(super) fn load(path: &Path, io: &Io<'_>) -> Result<Box<dyn Sign>, Error> {
    let bytes = read(path, MAX_KEY)?;
    if bytes.starts_with(b"ssh-ed25519 ") {
        return super::agent::key(path, &bytes, io.env).map(|k| Box::new(k) as Box<dyn Sign>);
    }
    if let Some(kind) = bytes.split(|b| *b == b' ').next().filter(|word| public(word)) {
        let kind = String::from_utf8_lossy(kind);
        let fault = Fault::new(format!("`{}` is a public key of the kind {kind}: only Ed25519 keys are used", path.display()));
        return Err(Error::one(ErrorKind::Usage, fault.help("ssh-keygen -t ed25519 -f FILE makes one")));
    }
    guarded(path)?;
    let shown = path.display().to_string();
    let opened = match Key::read(&bytes, io.env.passphrase.as_ref().map(|s| s.0.as_str()).filter(|s| !s.is_empty())) {
        Err(Refused::Locked) => match io.env.ask {
            Some(ask) => {
                let words = ask(&format!("Passphrase of {shown}: "));
                let words = words.map_err(|e| Error::plain(ErrorKind::Usage, format!("cannot ask for the passphrase: {e}")))?;
                Key::read(&bytes, Some(&words))
            }
            None => Err(Refused::Locked),
        },
        other => other,
    };
    opened.map(|k| Box::new(k) as Box<dyn Sign>).map_err(|refused| refused.error(&shown))
}

/// Whether a word begins the line of a public key.
fn public(word: &[u8]) -> bool {
    [&b"ssh-"[..], b"ecdsa-", b"sk-ssh-", b"sk-ecdsa-"].iter().any(|start| word.starts_with(start))
}

/// Refuses a private key that others may read, as ssh does.
fn guarded(path: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let open = std::fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o077 != 0);
        if open {
            let fault = Fault::new(format!("others may read the key `{}`", path.display()));
            return Err(Error::one(ErrorKind::Usage, fault.help("chmod 600 makes it yours alone")));
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// The whole of a file that the user named.
fn read(path: &Path, cap: u64) -> Result<Vec<u8>, Error> {
    let shown = path.display();
    let usage = |why: String| Error::plain(ErrorKind::Usage, why);
    // What the user names may be a link, as mounted secrets are.
    let full = path.canonicalize().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => usage(format!("there is no file `{shown}`")),
        _ => usage(format!("cannot read `{shown}`: {e}")),
    })?;
    let (folder, name) = split(&full).ok_or_else(|| usage(format!("`{shown}` does not name a file")))?;
    let bytes = folder.bytes(name, cap).map_err(|e| usage(format!("cannot read `{shown}`: {e}")))?;
    bytes.ok_or_else(|| usage(format!("there is no file `{shown}`")))
}

/// How `verify` was told to check signatures.
#[derive(Debug, clap::Args)]
pub(super) struct Trust {
    /// Whom to trust: an allowed_signers file of OpenSSH
    #[arg(long, value_name = "FILE")]
    allowed_signers: Option<std::path::PathBuf>,
    /// Revoked keys: a key revocation list of OpenSSH, or public keys line by line
    #[arg(long, value_name = "FILE", requires = "allowed_signers")]
    krl: Option<std::path::PathBuf>,
    /// The day for which keys must be valid, YYYY-MM-DD or YYYYMMDDhhmmZ, in UTC; no clock is asked
    #[arg(long, value_name = "DATE", requires = "allowed_signers")]
    as_of: Option<String>,
    /// Fail unless this principal of the trust file has signed the release; without it anybody whom the file allows may have
    #[arg(long, value_name = "PRINCIPAL", requires = "allowed_signers")]
    signer: Option<String>,
    /// Fail unless a trusted key other than the maker's has signed in this role and concurs
    #[arg(long, value_name = "ROLE", value_parser = ["audit"], requires = "allowed_signers")]
    require_role: Option<String>,
    /// Fail when no signature was checked; --allowed-signers implies it
    #[arg(long)]
    require_signature: bool,
}

impl Trust {
    /// The policy, or what is wrong with one of the files.
    pub fn policy(&self) -> Result<Policy, Error> {
        let usage = |path: &Path, faults: Vec<String>| Error {
            kind: ErrorKind::Usage,
            faults: faults
                .into_iter()
                .map(|why| {
                    let fault = Fault::new(format!("`{}`: {why}", path.display()));
                    let line = "a line such as: you@example.org namespaces=\"quorate-release\" ssh-ed25519 AAAA…";
                    if why.contains("PRINCIPALS") { fault.help(line) } else { fault }
                })
                .collect(),
        };
        let mut policy = Policy {
            audit: self.require_role.is_some(),
            signature: self.require_signature,
            signer: self.signer.clone(),
            ..Policy::default()
        };
        if let Some(path) = &self.allowed_signers {
            let text = String::from_utf8(read(path, MAX_LIST)?).map_err(|_| usage(path, vec!["it is not UTF-8".into()]))?;
            policy.signers = Some(Signers::parse(&text).map_err(|faults| usage(path, faults))?);
        }
        if let Some(path) = &self.krl {
            policy.revoked = Revoked::parse(&read(path, MAX_LIST)?).map_err(|why| usage(path, vec![why]))?;
        }
        if let Some(day) = &self.as_of {
            let instant = Instant::parse(day);
            let wrong = || Error::plain(ErrorKind::Usage, format!("--as-of {day:?} is no day such as 2026-01-31"));
            policy.as_of = Some(instant.ok_or_else(wrong)?);
        }
        Ok(policy)
    }
}
