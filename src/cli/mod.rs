//! The command line: one verb a file.
//!
//! In: arguments, environment and streams, handed in. Out: text and an exit code. The only room that knows clap and exit codes.

mod agent;
mod challenge;
mod check;
mod ci;
mod completions;
mod diff;
mod explain;
mod gates;
mod init;
mod key;
mod lock;
mod man;
mod outputs;
mod print;
mod recomputed;
mod release;
mod schema;
mod sign;
mod terminal;
mod verify;
mod write;

pub use key::Secret;
pub use terminal::{coloured, columns};

use crate::dossier::Decision;
use crate::error::{Error, ErrorKind};
use crate::source::Sources;
use clap::error::ErrorKind as ClapKind;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub struct Env {
    /// `SOURCE_DATE_EPOCH`: seconds since 1970, for the date of the package.
    pub source_date_epoch: Option<String>,
    /// Whether diagnostics may use colours.
    pub styled: bool,
    /// Whether results may use colours.
    pub coloured: bool,
    /// Whether diagnostics go to a terminal, so that a status line can be drawn.
    pub status: bool,
    /// How many threads may be used.
    pub threads: usize,
    /// `COLUMNS`, or the width of the terminal; `None` when the output goes elsewhere.
    pub columns: Option<usize>,
    /// `QUORATE_KEY_PASSPHRASE`: opens an encrypted key.
    pub passphrase: Option<Secret>,
    /// Asks the person at the terminal for a passphrase; `None` when there is nobody.
    pub ask: Option<fn(&str) -> std::io::Result<String>>,
    /// `SSH_AUTH_SOCK`: where the ssh-agent listens.
    pub ssh_auth_sock: Option<String>,
    /// `GITHUB_STEP_SUMMARY`: the file that a step's summary is added to.
    pub step_summary: Option<PathBuf>,
    /// `GITHUB_OUTPUT`: the file that a step's outputs are added to.
    pub step_output: Option<PathBuf>,
}

/// Turns the evidence of failover and partition tests into a release package that anyone can check again.
#[derive(Debug, Parser)]
#[command(name = "quorate", version, after_help = EXIT_CODES)]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 accept · 1 reject, a gate failed (diff: something is worse) · 2 inconclusive · 3 contract or matrix invalid · \
4 evidence unreadable · 5 package does not verify · 64 usage · 70 internal or I/O\n\
Of challenge: 0 all caught · 1 a mutant survived · 2 a gate is untested";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a commented contract and matrix with sample evidence that runs at once
    Init(init::Args),
    /// Declare contract and matrix before the run
    Lock(lock::Args),
    /// Judge the evidence of a contract and write the release package
    Release(release::Args),
    /// Judge one history without a contract: is it linearizable?
    Check(check::Args),
    /// Break the evidence in small ways, in memory, and see which gate catches what
    Challenge(challenge::Args),
    /// Check a package: its files, and its verdicts by judging again
    Verify(verify::Args),
    /// Add a signature to a package: an auditor's opinion, or another maker's
    Sign(sign::Args),
    /// Compare two packages: what is better, worse, newly excluded or waived
    Diff(diff::Args),
    /// List the gates, or those of a profile
    Gates(gates::Args),
    /// Tell what a gate proves, needs and cannot see
    Explain(explain::Args),
    /// Print the JSON Schema of contracts, matrices or decisions
    Schema(schema::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Print the manual page
    Man(man::Args),
}

/// How a verb ends when nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// There was no decision to take.
    Done,
    /// As decided.
    Decided(Decision),
    /// A package does not verify.
    Unverified,
    /// Gates were challenged.
    Challenged(crate::challenge::Result),
    /// Something is worse than it was.
    Worse,
}

/// A failed verb: the error, and the texts it points into.
struct Failure {
    error: Error,
    sources: Sources,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, sources: Sources::default() }
    }
}

/// The streams of a verb.
struct Io<'a> {
    env: &'a Env,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

impl Io<'_> {
    /// Writes a result; a closed pipe is nobody's fault.
    fn print(&mut self, text: &str) -> Result<(), Error> {
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Error::plain(ErrorKind::Internal, format!("cannot write the result: {error}")))
            }
            _ => Ok(()),
        }
    }
}

/// Runs one command and gives its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>, env: &Env, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            let help = matches!(error.kind(), ClapKind::DisplayHelp | ClapKind::DisplayVersion);
            let _ = if help { write!(out, "{error}") } else { write!(err, "{error}") };
            return if help { 0 } else { code_of(ErrorKind::Usage) };
        }
    };
    let mut io = Io { env, out, err };
    let runner = if let Verb::Release(args) = &args.verb { args.runner() } else { None };
    let ended = match args.verb {
        Verb::Init(args) => init::run(&args, &mut io),
        Verb::Lock(args) => lock::run(&args, &mut io),
        Verb::Release(args) => release::run(&args, &mut io),
        Verb::Check(args) => check::run(&args, &mut io),
        Verb::Challenge(args) => challenge::run(&args, &mut io),
        Verb::Verify(args) => verify::run(&args, &mut io),
        Verb::Sign(args) => sign::run(&args, &mut io),
        Verb::Diff(args) => diff::run(&args, &mut io),
        Verb::Gates(args) => gates::run(&args, &mut io),
        Verb::Explain(args) => explain::run(&args, &mut io),
        Verb::Schema(args) => schema::run(&args, &mut io),
        Verb::Completions(args) => completions::run(&args, &mut io),
        Verb::Man(args) => man::run(&args, &mut io),
    };
    match ended {
        Ok(Exit::Done | Exit::Decided(Decision::Accept)) => 0,
        Ok(Exit::Decided(Decision::Reject) | Exit::Worse) => 1,
        Ok(Exit::Decided(Decision::Inconclusive)) => 2,
        Ok(Exit::Challenged(result)) => challenge::code(result),
        Ok(Exit::Unverified) => code_of(ErrorKind::Package),
        Err(failure) => {
            let text = failure.error.render(&failure.sources, env.styled);
            let text = runner.map_or(text.clone(), |contract| ci::fenced(&text, &ci::unjudged(&failure, &contract)));
            let _ = write!(io.err, "{text}");
            code_of(failure.error.kind)
        }
    }
}

fn code_of(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Contract => 3,
        ErrorKind::Evidence => 4,
        ErrorKind::Package => 5,
        ErrorKind::Usage => 64,
        ErrorKind::Internal => 70,
    }
}
