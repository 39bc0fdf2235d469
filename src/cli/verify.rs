//! `quorate verify`: is the package whole, and does judging its evidence again give the same bytes?

use super::key::Trust;
use super::terminal::Progress;
use super::{Exit, Failure, Io, recomputed};
use crate::dossier::Decision;
use crate::error::{Error, ErrorKind, Fault, visible};
use crate::package::{Verification, Verified, attest, open};
use crate::release::{self, Recomputed, paths};
use crate::report::Templates;
use crate::store::Folder;
use std::path::PathBuf;

/// Arguments of `quorate verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The package: its folder, or its archive, which is read without being unpacked
    package: PathBuf,
    /// The root digest that the package must have, such as sha256:9f86…
    #[arg(long, value_name = "DIGEST")]
    root: Option<String>,
    /// The release that the package must be of, as its folder is called when it is made, such as orders-2.4.0
    #[arg(long, value_name = "NAME")]
    release: Option<String>,
    /// Check the files only; do not judge the evidence again
    #[arg(long)]
    no_recompute: bool,
    #[command(flatten)]
    trust: Trust,
    /// A folder with evidence that the package names and does not hold; what is there is hashed and judged
    #[arg(long, value_name = "DIR", conflicts_with = "no_recompute")]
    evidence: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// How many threads read evidence; all when left out
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// No progress on standard error
    #[arg(long)]
    quiet: bool,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let policy = args.trust.policy()?;
    let root = args.root.as_deref().map(digest).transpose()?;
    if let Some(folder) = args.evidence.as_ref().filter(|folder| !folder.is_dir()) {
        let fault = Fault::new(format!("--evidence: there is no folder `{}`", visible(&folder.display().to_string())));
        let help = "name the folder in which the withheld files lie, each under the path that the package gives it";
        return Err(Error::one(ErrorKind::Usage, fault.help(help)).into());
    }
    let progress = Progress::new(args.quiet || args.json);
    progress.phase(io, "reading the package");
    let opened = open(&args.package);
    progress.done(io);
    let verified = match opened {
        Ok(verified) => verified,
        Err(error) => {
            inside(args, io);
            print(args, io, &Verification::damaged(&error), None)?;
            return Ok(Exit::Unverified);
        }
    };
    if let Some(why) = another(&verified, root.as_deref(), args.release.as_deref()) {
        print(args, io, &Verification::another(&verified, &why), None)?;
        return Ok(Exit::Unverified);
    }
    let attested = attest::check(&verified.contents, &verified, &policy);
    let threads = args.threads.unwrap_or(io.env.threads).clamp(1, 256);
    let handed = args.evidence.as_ref().map(Folder::new);
    let again = if args.no_recompute {
        None
    } else {
        progress.phase(io, "judging the evidence again");
        let again = release::recompute(&verified, handed.as_ref(), threads);
        progress.done(io);
        match again {
            Ok(again) => Some(again),
            // What is in the package cannot be judged at all: its own lines say so, and the others what is known.
            Err((error, _)) if error.kind == ErrorKind::Package => {
                let verification = Verification::unsigned(&verified).attested(attested);
                print(args, io, &verification.unjudged(&error), None)?;
                return Ok(Exit::Unverified);
            }
            Err((error, sources)) => return Err(Failure { error, sources }),
        }
    };
    let mut verification = Verification::unsigned(&verified).attested(attested);
    if let Some(again) = &again {
        verification.recomputed = recomputed::recomputed(&verified, again);
        verification.decision = recomputed::decision(&verified, again);
    }
    let own: Vec<&str> = Templates::names().into_iter().filter(|n| verified.files.contains_key(&packaged(n))).collect();
    if !own.is_empty() {
        let note = format!(
            "the pages come from templates in the package, not the built-in ones ({}): read decision.json",
            own.join(", ")
        );
        verification.recomputed = verification.recomputed.details([note]);
    }
    print(args, io, &verification, again.as_ref())?;
    // An accept that was not judged again, or not in all it rests on, is not a pass.
    let stands = again.is_some_and(|again| again.stands(verified.facts.decision));
    let decision = if stands { verified.facts.decision } else { Decision::Inconclusive };
    Ok(if verification.broken() { Exit::Unverified } else { Exit::Decided(decision) })
}

/// Says where the package may be, when a folder was named that holds packages.
fn inside(args: &Args, io: &mut Io<'_>) {
    let names = Folder::new(&args.package).names().unwrap_or_default();
    for path in names.iter().map(|name| args.package.join(name)).filter(|path| path.join("bagit.txt").is_file()).take(5) {
        let _ = writeln!(io.err, "hint: a package is {}", visible(&path.display().to_string()));
    }
}

/// Why a package is not the one that was asked for.
fn another(verified: &Verified, root: Option<&str>, release: Option<&str>) -> Option<String> {
    let (own, its) = (&verified.root, verified.facts.release());
    let root = root.filter(|root| root != own).map(|root| format!("its root is sha256:{own}, sha256:{root} was expected"));
    root.or_else(|| release.filter(|r| *r != its).map(|release| format!("it is of {its}, {release} was expected")))
}

/// A root digest as hex, with or without `sha256:` before it.
fn digest(text: &str) -> Result<String, Error> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
    if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(hex);
    }
    let fault =
        Fault::new(format!("--root is {text:?}")).help("expected `sha256:` and 64 hex digits, as `quorate release` prints them");
    Err(Error::one(ErrorKind::Usage, fault))
}

fn print(args: &Args, io: &mut Io<'_>, verification: &Verification, again: Option<&Recomputed>) -> Result<(), Error> {
    if !args.json {
        return io.print(&verification.text());
    }
    let mut json = verification.json();
    if let Some(again) = again {
        json["again"] = recomputed::to_json(again);
    }
    io.print(&format!("{json}\n"))
}

/// Where a template that is not the built-in one stands in a package.
fn packaged(name: &str) -> String {
    format!("data/{}/{name}", paths::TEMPLATES)
}
