//! `quorate diff`: two packages, gate by gate and figure by figure.
//!
//! Exit code 1 when anything is worse, see [`crate::dossier::compare_gates`]; else 0. Only the integrity of the packages is checked: what
//! they say is compared, not judged again.

use super::print::{Look, wrapped};
use super::{Exit, Failure, Io};
use crate::dossier::{GateChange, Summary, Trend, ValueChange, compare_decisions, compare_gates};
use crate::error::{Error, ErrorKind, visible};
use crate::package::{Verified, open};
use crate::words::plural;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Arguments of `quorate diff`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The package before: its folder or its archive
    old: PathBuf,
    /// The package now
    new: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One side of the comparison.
struct Side {
    verified: Verified,
    summary: Summary,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let (old, new) = (side(&args.old)?, side(&args.new)?);
    let gates = compare_gates(&old.summary, &new.summary);
    let decision = compare_decisions(old.summary.decision, new.summary.decision);
    let worse = decision == Some(Trend::Worse) || gates.iter().any(|g| g.trend == Trend::Worse);
    if args.json {
        io.print(&format!("{}\n", to_json(&old, &new, decision, &gates, worse)))?;
    } else {
        io.print(&text((&old, &new), decision, &gates, worse, Look::new(io.env)))?;
    }
    Ok(if worse { Exit::Worse } else { Exit::Done })
}

fn side(path: &Path) -> Result<Side, Error> {
    let verified = open(path).map_err(|mut error| {
        for fault in &mut error.faults {
            fault.message = format!("{}: {}", path.display(), fault.message);
        }
        error
    })?;
    let summary = Summary::read(&verified.decision).map_err(|why| Error::plain(ErrorKind::Package, why))?;
    Ok(Side { verified, summary })
}

/// What is compared beside the gates: label, before, now.
fn identity(old: &Side, new: &Side) -> Vec<(&'static str, String, String)> {
    let of = |side: &Side| -> [String; 8] {
        let (s, v) = (&side.summary, &side.verified);
        let release = format!("{} {}", s.release.service, s.release.version);
        let digest = s.release.digest.clone().unwrap_or_else(|| "none".into());
        let tool = format!("{} {}", s.tool.name, s.tool.version);
        let date = v.facts.date.clone().unwrap_or_else(|| "none".into());
        [
            release,
            digest,
            s.release.profile.clone(),
            date,
            tool,
            s.contract.sha256.clone(),
            s.matrix.sha256.clone(),
            v.root.clone(),
        ]
    };
    let labels = ["release", "artifact", "profile", "date", "tool", "contract", "matrix", "root"];
    labels.into_iter().zip(of(old).into_iter().zip(of(new))).map(|(label, (a, b))| (label, a, b)).collect()
}

fn to_json(old: &Side, new: &Side, decision: Option<Trend>, gates: &[GateChange], worse: bool) -> Value {
    let rows = identity(old, new);
    let side = |side: &Side, before: bool| {
        let mut out = json!({ "decision": side.summary.decision.word() });
        for row in &rows {
            out[row.0] = json!(if before { &row.1 } else { &row.2 });
        }
        out
    };
    json!({
        "schema": "quorate-diff/1",
        "worse": worse,
        "decision": decision.map_or("same", Trend::word),
        "old": side(old, true),
        "new": side(new, false),
        "gates": gates.iter().map(GateChange::json).collect::<Vec<_>>(),
    })
}

fn text((old, new): (&Side, &Side), decision: Option<Trend>, gates: &[GateChange], worse: bool, look: Look) -> String {
    let mut out = String::new();
    let (before, now) = (old.summary.decision.word(), new.summary.decision.word());
    let trend = decision.map_or(String::new(), |t| format!("  {}", t.word()));
    let _ = writeln!(out, "{} → {}{trend}\n", before.to_uppercase(), now.to_uppercase());
    for (label, a, b) in identity(old, new) {
        let value = if a == b { a } else { format!("{a} → {b}") };
        out.push_str(&wrapped(label, &visible(&value), look));
    }
    if old.summary.release.service != new.summary.release.service {
        out.push_str("\nThese are packages of two services.\n");
    }
    for (trend, heading) in [(Trend::Worse, "worse"), (Trend::Better, "better"), (Trend::Changed, "changed")] {
        let list: Vec<&GateChange> = gates.iter().filter(|g| g.trend == trend).collect();
        if !list.is_empty() {
            let _ = writeln!(out, "\n{heading}: {}", plural(list.len(), "gate", "gates"));
            list.iter().for_each(|gate| out.push_str(&gate_text(gate)));
        }
    }
    let same = new.summary.gates.len() - gates.iter().filter(|g| g.to.is_some()).count();
    let _ = writeln!(
        out,
        "\n{} the same; {}",
        plural(same, "gate is", "gates are"),
        if worse { "something is worse" } else { "nothing is worse" }
    );
    out
}

fn gate_text(gate: &GateChange) -> String {
    let reasons = if gate.reasons.is_empty() { String::new() } else { format!("  [{}]", gate.reasons.join(", ")) };
    let mut out = format!("  {}  {}{reasons}\n", visible(&gate.gate), gate.verdicts());
    let mut test = "";
    for value in &gate.values {
        if value.test != test {
            test = &value.test;
            let _ = writeln!(out, "    {}", visible(test));
        }
        let _ = writeln!(out, "      {}", visible(&value_text(value)));
    }
    out
}

fn value_text(value: &ValueChange) -> String {
    let word = |v: &Option<String>| v.clone().unwrap_or_else(|| "none".into());
    let trend = if value.trend == Trend::Changed { String::new() } else { format!("  ({})", value.trend.word()) };
    format!("{}: {} → {}{trend}", value.name, word(&value.from), word(&value.to))
}
