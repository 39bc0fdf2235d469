//! `quorate sign`: an auditor's opinion on a signed package, or one more signature of its makers.

use super::{Exit, Failure, Io, key};
use crate::error::{Error, ErrorKind, Fault};
use crate::package::attest::{Attestations, FOLDER, Opinion, Subject, countersign, endorse};
use crate::package::{Verified, add, open};
use crate::store::Folder;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Arguments of `quorate sign`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The package folder
    package: PathBuf,
    /// As what to sign: audit gives an opinion on the release bundles, release adds a signature beside them
    #[arg(long, value_name = "ROLE", value_parser = ["audit", "release"])]
    role: String,
    /// What the auditor says: concur or dissent
    #[arg(long, value_name = "OPINION", value_parser = ["concur", "dissent"], required_if_eq("role", "audit"))]
    opinion: Option<String>,
    /// The key to sign with: an OpenSSH Ed25519 private key, or the public one of a key that ssh-agent holds
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let opinion = args.opinion.as_deref().and_then(Opinion::of);
    if args.role == "release" && opinion.is_some() {
        return Err(Error::plain(ErrorKind::Usage, "--opinion is for --role audit").into());
    }
    let verified = open(&args.package)?;
    let key = key::load(&args.key, io)?;
    let folder = Folder::new(&args.package);
    let bytes = |path: &str| -> Result<Vec<u8>, Error> {
        let found = folder.bytes(path, u64::MAX - 1).ok().flatten();
        found.ok_or_else(|| Error::plain(ErrorKind::Package, format!("{path} cannot be read again")))
    };
    let digest = |name: &str| verified.files.get(name).map(|s| s.sha256.clone());
    let subject = Subject::new(&verified.root, digest, &bytes("data/decision.json")?)
        .map_err(|faults| Error { kind: ErrorKind::Package, faults: faults.into_iter().map(Fault::new).collect() })?;
    let made = match opinion {
        Some(opinion) => countersign(&subject, &releases(&verified), opinion, key.as_ref())?,
        None => endorse(&subject, &bytes("tagmanifest-sha256.txt")?, key.as_ref())?,
    };
    store(args, &made)?;
    io.print(&made.keys().map(|path| format!("wrote {}\n", args.package.join(path).display())).collect::<String>())?;
    Ok(Exit::Done)
}

/// The release bundles of a package with their digests.
fn releases(verified: &Verified) -> BTreeMap<String, String> {
    let bundle = |path: &str| path.starts_with(&format!("{FOLDER}/release.")) && path.ends_with(".sigstore.json");
    verified
        .attestations
        .iter()
        .filter(|(path, _)| bundle(path))
        .map(|(path, seen)| (path.clone(), seen.sha256.clone()))
        .collect()
}

fn store(args: &Args, made: &Attestations) -> Result<(), Error> {
    add(&args.package, made)
}
