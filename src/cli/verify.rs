//! `quorate verify`: is the package whole, and does judging its evidence again give the same bytes?

use super::key::Trust;
use super::{Exit, Failure, Io};
use crate::error::{Error, ErrorKind};
use crate::package::attest;
use crate::package::{Difference, Verification, Verified, compare, open};
use crate::release::{self, paths};
use crate::report::Templates;
use crate::store::Folder;
use std::path::PathBuf;

/// Arguments of `quorate verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The package folder
    package: PathBuf,
    /// Check the files only; do not judge the evidence again
    #[arg(long)]
    no_recompute: bool,
    #[command(flatten)]
    trust: Trust,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// How many threads read evidence; all when left out
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let policy = args.trust.policy()?;
    let verified = match open(&args.package) {
        Ok(verified) => verified,
        Err(error) => {
            print(args, io, &Verification::damaged(&error))?;
            return Ok(Exit::Unverified);
        }
    };
    let attested = attest::check(&Folder::new(&args.package), &verified, &policy);
    let threads = args.threads.unwrap_or(io.env.threads).clamp(1, 256);
    let differences = if args.no_recompute { None } else { Some(recompute(args, &verified, threads)?) };
    let mut verification = Verification::unsigned(&verified, differences.as_deref()).attested(attested);
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

fn print(args: &Args, io: &mut Io<'_>, verification: &Verification) -> Result<(), Error> {
    if args.json { io.print(&format!("{}\n", verification.json())) } else { io.print(&verification.text()) }
}

/// Where a template that is not the built-in one stands in a package.
fn packaged(name: &str) -> String {
    format!("data/{}/{name}", paths::TEMPLATES)
}

/// Judges the packaged evidence by the packaged contract, renders again, and compares bytes.
fn recompute(args: &Args, verified: &Verified, threads: usize) -> Result<Vec<Difference>, Failure> {
    let data = Folder::new(args.package.join("data"));
    let evidence = Folder::new(args.package.join("data").join(paths::EVIDENCE));
    let contract = data.text(paths::CONTRACT, ErrorKind::Package)?;
    let matrix = data.text(paths::MATRIX, ErrorKind::Package)?;
    let mut plan = release::plan((paths::CONTRACT, &contract), (paths::MATRIX, &matrix))
        .map_err(|(error, sources)| Failure { error: Error { kind: ErrorKind::Package, ..error }, sources })?;
    let prefix = format!("data/{}/", paths::LOCK);
    let locks = verified.files.keys().filter_map(|p| p.strip_prefix(&prefix)).map(str::to_string);
    plan.lock(&Folder::new(args.package.join(&prefix)), locks).map_err(|error| Error { kind: ErrorKind::Package, ..error })?;
    let mut templates = Templates::default();
    for name in Templates::names() {
        if verified.files.contains_key(&packaged(name)) {
            templates.replace(name, &data.text(&format!("{}/{name}", paths::TEMPLATES), ErrorKind::Package)?)?;
        }
    }
    let built = release::build(&plan, &evidence, &templates, verified.facts.date.as_deref(), threads)
        .map_err(|error| Failure { error: Error { kind: ErrorKind::Package, ..error }, sources: plan.sources.clone() })?;
    Ok(compare(verified, &built.payload(&evidence)))
}
