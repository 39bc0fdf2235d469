//! Outputs for build systems: `--emit NAME=FILE` and `--ci github`.
//!
//! In: a judged release. Out: files, lines for the runner. Paths are the user's own; a file is written whole or not at all.

use super::outputs::{Outputs, all};
use super::{Failure, Io};
use crate::contract::key_span;
use crate::error::{Error, ErrorKind, Fault, Place as At, nearest};
use crate::gate::{gates, promised};
use crate::release::{Built, Plan, paths};
use crate::report::ci::{OUTPUTS, Output, Place, Unjudged, annotations, not_judged, not_judged_summary, outputs, quiet, summary};
use crate::source::Span;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

/// One `--emit`.
#[derive(Debug, Clone)]
pub(super) struct Emission {
    output: &'static Output,
    file: PathBuf,
}

impl Emission {
    /// What is written.
    pub(super) fn output(&self) -> &'static Output {
        self.output
    }

    /// Where it goes.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }
}

/// Reads `NAME=FILE`.
pub(super) fn emission(text: &str) -> Result<Emission, String> {
    let names = || OUTPUTS.iter().map(|o| o.name);
    let known = || names().collect::<Vec<_>>().join(", ");
    let (name, file) = text.split_once('=').ok_or_else(|| format!("expected NAME=FILE with NAME one of {}", known()))?;
    let output = OUTPUTS.iter().find(|o| o.name == name).ok_or_else(|| match nearest(name, names()) {
        Some(near) => format!("unknown output `{name}`: did you mean `{near}`?"),
        None => format!("unknown output `{name}`: outputs are {}", known()),
    })?;
    if file.is_empty() {
        return Err(format!("`{name}=` names no file"));
    }
    Ok(Emission { output, file: file.into() })
}

/// Where the contract stands, and the lines at which gates are shown: that of the waiver or exclusion, else of what the gate holds the evidence to.
pub(super) fn place(plan: &Plan, contract: &Path) -> Place {
    let source = plan.contract.source;
    let text = &plan.sources.get(source).text;
    let promise = |id: &str| promised(id).iter().find_map(|key| key_span(source, text, key));
    let mut spans: BTreeMap<String, Span> = gates().iter().filter_map(|g| Some((g.id.to_string(), promise(g.id)?))).collect();
    let waived = plan.contract.waivers.iter().map(|w| &w.gate);
    let excluded = plan.contract.exclusions.iter().map(|e| &e.gate);
    spans.extend(waived.chain(excluded).map(|gate| (gate.value.clone(), gate.span)));
    let gates = spans.into_iter().map(|(gate, span)| (gate, plan.sources.line(span))).collect();
    Place { contract: shown(contract), profile: plan.sources.line(plan.contract.release.profile.span), gates }
}

/// A relative path with `/`, or the file name of one that is absolute or leaves the folder.
pub(super) fn shown(path: &Path) -> String {
    let parts: Vec<Component<'_>> = path.components().filter(|c| *c != Component::CurDir).collect();
    let inside = parts.iter().all(|c| matches!(c, Component::Normal(_)));
    let from = if inside { 0 } else { parts.len().saturating_sub(1) };
    let names: Vec<String> = parts[from..].iter().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
    names.join("/")
}

/// Adds outputs, prints annotations, adds a step summary. What cannot be written keeps nothing else back.
pub(super) fn github(
    io: &mut Io<'_>,
    files: &Outputs,
    built: &Built,
    place: &Place,
    (package, root): (&Path, &str),
) -> Result<(), Error> {
    let report = built.files.get(&format!("{}/report.md", paths::REPORT)).map(|b| String::from_utf8_lossy(b)).unwrap_or_default();
    let shown = package.to_string_lossy();
    let digest = format!("sha256:{root}");
    let told = outputs(&[("decision", built.dossier.decision.word()), ("package", &shown), ("root", &digest)]);
    let lines: String = annotations(&built.dossier, place).0.iter().flat_map(|l| [l.as_str(), "\n"]).collect();
    let done = add(files, io.env.step_output.as_deref(), "\n", |_| told.clone());
    let printed = io.print(&lines);
    all([done, printed, add(files, io.env.step_summary.as_deref(), "\n\n", |taken| summary(&report, taken))])
}

/// Tells the runner that there is no decision: outputs and summary. Annotations are printed behind the message.
pub(super) fn github_failed(io: &Io<'_>, files: &Outputs, run: &Unjudged<'_>) -> Result<(), Error> {
    let told = outputs(&[("decision", "error"), ("package", ""), ("root", "")]);
    let done = add(files, io.env.step_output.as_deref(), "\n", |_| told.clone());
    all([done, add(files, io.env.step_summary.as_deref(), "\n\n", |_| not_judged_summary(run))])
}

/// What a failed run says to build systems.
pub(super) fn unjudged<'a>(failure: &Failure, contract: &'a str) -> Unjudged<'a> {
    let fault = |fault: &Fault| {
        let spans = fault.places.iter().filter_map(|(place, _)| match place {
            At::Span(span) => Some(*span),
            At::Record(_) => None,
        });
        let own = |span: &Span| shown(Path::new(&*failure.sources.get(span.source).path)) == contract;
        let line = spans.filter(own).map(|span| failure.sources.line(span)).next();
        let record = fault.places.iter().find_map(|(place, _)| match place {
            At::Record(record) if record.line > 0 => Some(format!("{}:{}: ", record.path, record.line)),
            At::Record(record) => Some(format!("{}: ", record.path)),
            At::Span(_) => None,
        });
        (line, format!("{}{}", record.unwrap_or_default(), fault.message))
    };
    Unjudged { contract, what: words(failure.error.kind), faults: failure.error.faults.iter().map(fault).collect() }
}

fn words(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Contract => "contract or matrix invalid",
        ErrorKind::Evidence => "evidence unreadable",
        ErrorKind::Package => "package does not verify",
        ErrorKind::Usage => "the command cannot be run as it was given",
        ErrorKind::Internal => "reading or writing failed",
    }
}

/// A message with excerpts of evidence, so that the runner takes no line of it for a command, and annotations behind it. The token is the digest of
/// the message: a text cannot hold its own.
pub(super) fn fenced(text: &str, run: &Unjudged<'_>) -> String {
    let digest: String = Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    format!("{}{}", quiet(text, &digest), not_judged(run))
}

/// Adds to a file of the runner, on a line of its own: `between` is what must stand between two texts. What is added may depend on how long the file is.
fn add(files: &Outputs, file: Option<&Path>, between: &str, text: impl Fn(u64) -> String) -> Result<(), Error> {
    let Some(file) = file.filter(|file| files.may_add(file)) else { return Ok(()) };
    let cannot = |e| Error::plain(ErrorKind::Internal, format!("cannot add to `{}`: {e}", file.display()));
    let length = fs::metadata(file).map_or(0, |m| if m.is_file() { m.len() } else { 0 });
    let missing = missing(file, length, between).map_err(cannot)?;
    let opened = OpenOptions::new().create(true).append(true).open(file);
    opened.and_then(|mut f| f.write_all(format!("{missing}{}", text(length)).as_bytes())).map_err(cannot)
}

/// What lacks at the end of a file to what must stand between two texts.
fn missing<'b>(file: &Path, length: u64, between: &'b str) -> std::io::Result<&'b str> {
    let mut end = Vec::new();
    if length > 0 {
        let mut open = fs::File::open(file)?;
        open.seek(SeekFrom::Start(length.saturating_sub(between.len() as u64)))?;
        open.take(between.len() as u64).read_to_end(&mut end)?;
    }
    let there = end.iter().rev().take_while(|b| **b == b'\n').count();
    Ok(if length == 0 { "" } else { &between[there.min(between.len())..] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_absolute_path_is_shown() {
        assert_eq!(shown(Path::new("./contracts/a/contract.toml")), "contracts/a/contract.toml");
        assert_eq!(shown(Path::new("/srv/a/contract.toml")), "contract.toml");
        assert_eq!(shown(Path::new("../a/contract.toml")), "contract.toml");
    }

    #[test]
    fn a_slip_in_a_name_is_answered() {
        assert!(emission("junit=a.xml").is_ok());
        assert!(emission("junti=a.xml").is_err_and(|e| e.contains("did you mean `junit`")));
        assert!(emission("junit").is_err_and(|e| e.contains("NAME=FILE")));
        assert!(emission("junit=").is_err_and(|e| e.contains("no file")));
    }
}
