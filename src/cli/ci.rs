//! Outputs for build systems: `--emit NAME=FILE` and `--ci github`.
//!
//! In: a judged release. Out: files, lines for the runner. Paths are the user's own; a file is written whole or not at all.

use super::Io;
use crate::dossier::Dossier;
use crate::error::{Error, ErrorKind, nearest};
use crate::release::{Built, Plan, paths};
use crate::report::ci::{OUTPUTS, Output, Place, annotations, outputs, quiet, summary};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Component, Path, PathBuf};

/// One `--emit`.
#[derive(Debug, Clone)]
pub(super) struct Emission {
    output: &'static Output,
    file: PathBuf,
}

impl Emission {
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

/// Where the contract stands, and the lines at which gates are shown.
pub(super) fn place(plan: &Plan, contract: &Path) -> Place {
    let text = &plan.sources.get(plan.contract.source).text;
    let line = |start: u32| text.bytes().take(start as usize).filter(|b| *b == b'\n').count() as u64 + 1;
    let waived = plan.contract.waivers.iter().map(|w| &w.gate);
    let excluded = plan.contract.exclusions.iter().map(|e| &e.gate);
    let gates: BTreeMap<String, u64> = waived.chain(excluded).map(|g| (g.value.clone(), line(g.span.start))).collect();
    Place { contract: shown(contract), profile: line(plan.contract.release.profile.span.start), gates }
}

/// A relative path with `/`, or the file name of one that is absolute or leaves the folder.
fn shown(path: &Path) -> String {
    let parts: Vec<Component<'_>> = path.components().filter(|c| *c != Component::CurDir).collect();
    let inside = parts.iter().all(|c| matches!(c, Component::Normal(_)));
    let from = if inside { 0 } else { parts.len().saturating_sub(1) };
    let names: Vec<String> = parts[from..].iter().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
    names.join("/")
}

/// Writes every output that was asked for.
pub(super) fn emit(emissions: &[Emission], dossier: &Dossier, place: &Place, package: &Path) -> Result<(), Error> {
    for emission in emissions {
        write_beside(&emission.file, package, &(emission.output.make)(dossier, place)?)?;
    }
    Ok(())
}

/// Writes a file that must not lie in the package. Folders on its way are made.
pub(super) fn write_beside(file: &Path, package: &Path, bytes: &[u8]) -> Result<(), Error> {
    if let Some(parent) = file.parent().filter(|p| !p.as_os_str().is_empty()) {
        let cannot = |e| Error::plain(ErrorKind::Internal, format!("cannot make the folder of `{}`: {e}", file.display()));
        if !file.starts_with(package) {
            fs::create_dir_all(parent).map_err(cannot)?;
        }
    }
    if file.starts_with(package) || real(file).is_some_and(|at| real(package).is_some_and(|package| at.starts_with(package))) {
        let message = format!("`{}` lies in the package, which holds nothing that is not in its manifest", file.display());
        return Err(Error::plain(ErrorKind::Usage, message));
    }
    super::write::whole(file, bytes)
}

/// Where a file lies, or will lie, without links and detours.
fn real(file: &Path) -> Option<PathBuf> {
    fs::canonicalize(file).ok().or_else(|| {
        let parent = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(fs::canonicalize(parent).ok()?.join(file.file_name()?))
    })
}

/// Adds a step summary and outputs, and prints annotations.
pub(super) fn github(io: &mut Io<'_>, built: &Built, place: &Place, package: &Path, root: &str) -> Result<(), Error> {
    let report = built.files.get(&format!("{}/report.md", paths::REPORT)).map(|b| String::from_utf8_lossy(b)).unwrap_or_default();
    if let Some(file) = io.env.step_summary.clone() {
        let taken = fs::metadata(&file).map_or(0, |m| m.len());
        append(&file, &summary(&report, taken))?;
    }
    if let Some(file) = io.env.step_output.clone() {
        let shown = package.to_string_lossy();
        let digest = format!("sha256:{root}");
        append(&file, &outputs(&[("decision", built.dossier.decision.word()), ("package", &shown), ("root", &digest)]))?;
    }
    let lines: String = annotations(&built.dossier, place).0.iter().flat_map(|l| [l.as_str(), "\n"]).collect();
    io.print(&lines)
}

/// A message with excerpts of evidence, so that the runner takes no line of it for a command. The token is the digest of the message: a text
/// cannot hold its own.
pub(super) fn fenced(text: &str) -> String {
    let digest: String = Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    quiet(text, &digest)
}

fn append(file: &Path, text: &str) -> Result<(), Error> {
    let opened = OpenOptions::new().create(true).append(true).open(file);
    let done = opened.and_then(|mut f| f.write_all(text.as_bytes()));
    done.map_err(|e| Error::plain(ErrorKind::Internal, format!("cannot add to `{}`: {e}", file.display())))
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
