//! `quorate verify`: is the package whole, and does judging its evidence again give the same bytes?

use super::{Exit, Failure, Io};
use crate::error::{Error, ErrorKind, Fault};
use crate::package::{Difference, Verification, Verified, compare, open};
use crate::release::{self, paths};
use crate::report::Templates;
use crate::store::text;
use std::path::PathBuf;

/// Arguments of `quorate verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The package: its folder, or its archive, which is read without being unpacked
    package: PathBuf,
    /// The root digest that the package must have, such as sha256:9f86…
    #[arg(long, value_name = "DIGEST")]
    root: Option<String>,
    /// Check the files only; do not judge the evidence again
    #[arg(long)]
    no_recompute: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// How many threads read evidence; all when left out
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let root = args.root.as_deref().map(digest).transpose()?;
    let verified = match open(&args.package) {
        Ok(verified) if root.as_ref().is_some_and(|root| *root != verified.root) => {
            print(args, io, &Verification::another(&verified, &root.unwrap_or_default()))?;
            return Ok(Exit::Unverified);
        }
        Ok(verified) => verified,
        Err(error) => {
            print(args, io, &Verification::damaged(&error))?;
            return Ok(Exit::Unverified);
        }
    };
    let threads = args.threads.unwrap_or(io.env.threads).clamp(1, 256);
    let differences = if args.no_recompute { None } else { Some(recompute(&verified, threads)?) };
    let mut verification = Verification::unsigned(&verified, differences.as_deref());
    let own: Vec<&str> = Templates::names().into_iter().filter(|n| verified.files.contains_key(&packaged(n))).collect();
    if !own.is_empty() {
        let note = format!(
            "the pages come from templates in the package, not the built-in ones ({}): read decision.json",
            own.join(", ")
        );
        verification.recomputed = verification.recomputed.details([note]);
    }
    print(args, io, &verification)?;
    Ok(if verification.broken() { Exit::Unverified } else { Exit::Decided(verified.facts.decision) })
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

fn print(args: &Args, io: &mut Io<'_>, verification: &Verification) -> Result<(), Error> {
    if args.json { io.print(&format!("{}\n", verification.json())) } else { io.print(&verification.text()) }
}

/// Where a template that is not the built-in one stands in a package.
fn packaged(name: &str) -> String {
    format!("data/{}/{name}", paths::TEMPLATES)
}

/// Judges the packaged evidence by the packaged contract, renders again, and compares bytes.
fn recompute(verified: &Verified, threads: usize) -> Result<Vec<Difference>, Failure> {
    let data = verified.contents.below("data");
    let evidence = verified.contents.below(&format!("data/{}", paths::EVIDENCE));
    let contract = text(&data, paths::CONTRACT, ErrorKind::Package)?;
    let matrix = text(&data, paths::MATRIX, ErrorKind::Package)?;
    let plan = release::plan((paths::CONTRACT, &contract), (paths::MATRIX, &matrix))
        .map_err(|(error, sources)| Failure { error: Error { kind: ErrorKind::Package, ..error }, sources })?;
    let mut templates = Templates::default();
    for name in Templates::names() {
        if verified.files.contains_key(&packaged(name)) {
            templates.replace(name, &text(&data, &format!("{}/{name}", paths::TEMPLATES), ErrorKind::Package)?)?;
        }
    }
    let built = release::build(&plan, &evidence, &templates, verified.facts.date.as_deref(), threads)
        .map_err(|error| Failure { error: Error { kind: ErrorKind::Package, ..error }, sources: plan.sources.clone() })?;
    Ok(compare(verified, &built.payload(&evidence)))
}
