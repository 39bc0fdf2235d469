//! `quorate sign`: an auditor's opinion on a signed package, or one more signature of its makers.

use super::{Exit, Failure, Io, key};
use crate::dossier::Summary;
use crate::error::{Error, ErrorKind, Fault};
use crate::package::attest::{FOLDER, MAX_FILE, Opinion, Subject, countersign, endorse};
use crate::package::{Verified, add, open};
use crate::store::{Folder, sha256};
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
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let opinion = args.opinion.as_deref().and_then(Opinion::of);
    if args.role == "release" && opinion.is_some() {
        return Err(Error::plain(ErrorKind::Usage, "--opinion is for --role audit").into());
    }
    if args.package.is_file() {
        let fault = Fault::new(format!("`{}` is no package folder", args.package.display()));
        return Err(
            Error::one(ErrorKind::Usage, fault.help("signatures are added to the folder, not to an archive of it")).into()
        );
    }
    let verified = open(&args.package)?;
    Summary::read(&verified.decision).map_err(|why| Error::plain(ErrorKind::Package, why))?;
    let key = key::load(&args.key, io)?;
    let folder = Folder::new(&args.package);
    let bytes = |path: &str| folder.bytes(path, MAX_FILE).ok().flatten().filter(|b| seen(&verified, path, b));
    let digest = |name: &str| verified.files.get(name).map(|s| s.sha256.clone());
    let subject = Subject::new(&verified.root, digest, bytes)
        .map_err(|faults| Error { kind: ErrorKind::Package, faults: faults.into_iter().map(Fault::new).collect() })?;
    let made = match opinion {
        Some(opinion) => countersign(&subject, &releases(&verified), opinion, key.as_ref())?,
        None => {
            let changed = || Error::plain(ErrorKind::Package, "the package changed while it was signed");
            endorse(&subject, &bytes("tagmanifest-sha256.txt").ok_or_else(changed)?, key.as_ref())?
        }
    };
    add(&args.package, &made)?;
    if args.json {
        let paths: Vec<&String> = made.keys().collect();
        let out = serde_json::json!({
            "schema": "quorate-signed/1",
            "root": format!("sha256:{}", verified.root),
            "role": args.role,
            "opinion": args.opinion,
            "wrote": paths,
        });
        io.print(&format!("{out}\n"))?;
        return Ok(Exit::Done);
    }
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

/// Whether bytes are those that were verified.
fn seen(verified: &Verified, path: &str, bytes: &[u8]) -> bool {
    verified.files.get(path).is_some_and(|seen| seen.sha256 == sha256(bytes))
}
