//! `quorate challenge`: can each gate fail on this evidence?

use super::release::{Texts, evidence_root};
use super::terminal::Progress;
use super::{Exit, Failure, Io};
use crate::challenge::{Counts, GateFacts, Report, Result as Outcome, Tested};
use crate::error::{Error, ErrorKind, visible};
use crate::release;
use crate::store::Folder;
use crate::words::plural;
use std::fmt::Write;
use std::path::PathBuf;

/// Arguments of `quorate challenge`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The contract
    contract: PathBuf,
    /// The test matrix; matrix.toml beside the contract when left out
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
    /// The evidence folder; the matrix's evidence-root when left out
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    /// The seed of the places; the contract's when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=1 << 53))]
    seed: Option<u64>,
    /// The most mutants of each operator; the contract's when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    mutants: Option<u64>,
    /// How many threads judge; all when left out
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// No progress on standard error
    #[arg(long)]
    quiet: bool,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let plan = Texts { contract: &args.contract, matrix: args.matrix.as_deref(), locks: None }.plan()?;
    let root = evidence_root(args.evidence.as_deref(), args.matrix.as_deref().unwrap_or(&args.contract), &plan)?;
    let threads = args.threads.unwrap_or(io.env.threads).clamp(1, 256);
    let progress = Progress::new(args.quiet || args.json);
    progress.phase(io, "judging the evidence, then each mutant of it");
    let report = release::challenged(&plan, &Folder::new(&root), (args.seed, args.mutants), threads);
    progress.done(io);
    let report = report.map_err(|error| Failure { error, sources: plan.sources.clone() })?;
    if args.json {
        let value = serde_json::to_value(&report).map_err(|e| Error::plain(ErrorKind::Internal, e.to_string()))?;
        io.print(&format!("{value}\n"))?;
    } else {
        io.print(&text(&report, &plan.contract.release.service))?;
    }
    Ok(Exit::Challenged(report.result))
}

/// `3 of 4` caught, and what became of the others.
fn counts(counts: &Counts) -> String {
    let mut text = format!("{} of {}", counts.caught, counts.all);
    for (n, word) in [(counts.held, "held back"), (counts.survived, "survived")] {
        if n > 0 {
            let _ = write!(text, ", {n} {word}");
        }
    }
    text
}

fn glyph(gate: &GateFacts) -> &'static str {
    match gate.tested {
        Tested::NotPassed => "–",
        Tested::Untested | Tested::Unproven => "○",
        Tested::Tested if gate.mutants.survived > 0 => "✖",
        Tested::Tested if gate.mutants.held > 0 => "?",
        Tested::Tested => "✔",
    }
}

fn text(report: &Report, service: &str) -> String {
    let mut out = String::new();
    let m = &report.mutants;
    let _ = writeln!(
        out,
        "{}  {service}: {} of {} tested; {}, {} caught, {} held back, {} survived (seed {}, at most {} an operator)\n",
        report.result.words().to_uppercase(),
        report.gates.iter().filter(|g| g.tested == Tested::Tested).count(),
        plural(report.gates.len(), "gate", "gates"),
        plural(m.all, "mutant", "mutants"),
        m.caught,
        m.held,
        m.survived,
        report.seed,
        report.each
    );
    let width = report.gates.iter().map(|g| g.id.len()).max().unwrap_or(0);
    for gate in &report.gates {
        let said = match (&gate.tested, &gate.explained) {
            (Tested::Tested, _) => format!("{} caught", counts(&gate.mutants)),
            (Tested::Untested, None) => "untested by this evidence".into(),
            (Tested::Untested, Some(why)) => format!("untested by this evidence: {why}"),
            (Tested::NotPassed, _) => "fails, so nothing can turn it".into(),
            (Tested::Unproven, None) => "did not pass, so nothing can turn it: untested by this evidence".into(),
            (Tested::Unproven, Some(why)) => format!("did not pass, so nothing can turn it: {why}"),
        };
        let _ = writeln!(out, "{} {:width$}  {}", glyph(gate), gate.id, visible(&said));
        let own = report.operators.iter().filter(|o| o.wants == "fail");
        for cell in gate.cells.iter().filter(|c| own.clone().any(|o| o.id == c.operator)) {
            let _ = writeln!(out, "    {:32} {}  {}", cell.operator, counts(&cell.mutants), visible(&cell.why));
        }
    }
    for survivor in &report.survivors {
        let at = survivor.at.as_ref().map_or_else(
            || survivor.what.clone(),
            |s| s.line.map_or_else(|| s.path.to_string(), |line| format!("{}:{line}", s.path)),
        );
        let explained = survivor.explained.as_ref().map_or(String::new(), |why| format!("\n    explained: {why}"));
        let _ = writeln!(
            out,
            "\n{} at {}: {} ({at})\n    {}{}",
            survivor.fate,
            survivor.gate,
            survivor.operator,
            visible(&survivor.why),
            visible(&explained)
        );
    }
    if !report.idle.is_empty() {
        let _ = writeln!(out, "\nno place on this evidence: {}", report.idle.join(", "));
    }
    out
}

/// The exit code of a challenge.
pub(super) fn code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::AllCaught => 0,
        Outcome::Survivors => 1,
        Outcome::Untested => 2,
    }
}
