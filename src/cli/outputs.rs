//! The files that a release writes beside its package: which of them may be written, and what stands in them when no decision was taken.
//!
//! In: paths as the user gave them, and what the command reads. Out: faults before anything is judged; files that say what this run came to, never
//! what an earlier one did. Refuses to know gates and what an output says.

use super::ci::Emission;
use crate::dossier::Dossier;
use crate::error::{Error, ErrorKind, Fault};
use crate::package::{is_archive, is_package};
use crate::report::ci::{OUTPUTS, Output, Place, Unjudged};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// What one file is for.
#[derive(Debug, Clone, Copy)]
enum Use {
    /// An output for build systems.
    Emit(&'static Output),
    /// What templates see.
    View,
    /// A file of the runner, which is added to.
    Runner,
}

/// How far one file was found to be fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// It must not be written.
    No,
    /// It is none of the files that are known before the contract is read.
    SoFar,
    /// It is none of those that the command reads, and lies in no package.
    Yes,
}

/// One file.
#[derive(Debug)]
struct Target {
    /// How it was asked for.
    option: String,
    /// The path as it was given.
    file: PathBuf,
    /// Where it is, or will be, without links and detours.
    at: PathBuf,
    what: Use,
    fit: Fit,
}

/// What must not be written over.
#[derive(Debug, Default)]
pub(super) struct Spared {
    /// Files that the command reads, or will look for.
    pub inputs: Vec<PathBuf>,
    /// The folder of the locks.
    pub locks: PathBuf,
    /// The package that is to be written, once its name is known.
    pub package: Option<PathBuf>,
}

/// The files of one run.
#[derive(Debug)]
pub(super) struct Outputs {
    targets: Vec<Target>,
}

impl Outputs {
    /// The files that were asked for, and those of a runner by the name of their variable.
    pub fn new(emissions: &[Emission], view: Option<&Path>, runner: &[(&str, &Path)]) -> Self {
        let target = |option: String, file: &Path, what| Target {
            option,
            file: file.to_path_buf(),
            at: place(file),
            what,
            fit: Fit::SoFar,
        };
        let emitted = emissions
            .iter()
            .map(|e| target(format!("--emit {}={}", e.output().name, e.file().display()), e.file(), Use::Emit(e.output())));
        let view = view.iter().map(|file| target(format!("--dump-view {}", file.display()), file, Use::View));
        let runner = runner.iter().map(|(name, file)| target(format!("{name}={}", file.display()), file, Use::Runner));
        Self { targets: emitted.chain(view).chain(runner).collect() }
    }

    /// Says which files must not be written, all at once. Nothing is touched.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`], a fault for each of them.
    pub fn check(&mut self, spared: &Spared) -> Result<(), Error> {
        let fit = if spared.package.is_some() { Fit::Yes } else { Fit::SoFar };
        let mut faults = Vec::new();
        for i in 0..self.targets.len() {
            let found = self.twin(i).or_else(|| unfit(&self.targets[i], spared));
            self.targets[i].fit = if found.is_some() { Fit::No } else { fit };
            faults.extend(found.filter(|fault| !faults.contains(fault)));
        }
        if faults.is_empty() { Ok(()) } else { Err(Error { kind: ErrorKind::Usage, faults }) }
    }

    /// A fault when another one is the same regular file.
    fn twin(&self, i: usize) -> Option<Fault> {
        let own = &self.targets[i];
        let same = |(n, other): &(usize, &Target)| *n != i && own.at == other.at && !stream(&own.at);
        let twin = self.targets.iter().enumerate().find(same)?.1;
        let (one, other) = (own.option.as_str().min(&twin.option), own.option.as_str().max(&twin.option));
        Some(Fault::new(format!("`{one}` and `{other}` name one file")).help("give each a file of its own"))
    }

    /// Before anything is judged: files of an earlier run say that this one has not ended.
    ///
    /// # Errors
    /// As writing a file.
    pub fn begin(&self, run: &Unjudged<'_>) -> Result<(), Error> {
        self.tell(run, |t| t.at.is_file() && t.fit == Fit::Yes)
    }

    /// A run that came to no decision says so in every output that may be written. Of a file that is there, while it is not known what the
    /// command would have read, only one that an earlier run made is replaced.
    ///
    /// # Errors
    /// As writing a file.
    pub fn fail(&self, run: &Unjudged<'_>) -> Result<(), Error> {
        self.tell(run, |t| match t.fit {
            Fit::No => false,
            Fit::SoFar => !t.at.exists() || made_by_us(&t.at),
            Fit::Yes => true,
        })
    }

    /// Writes that there is no decision into each output that may be written.
    fn tell(&self, run: &Unjudged<'_>, may: impl Fn(&Target) -> bool) -> Result<(), Error> {
        all(self.targets.iter().filter(|target| may(target)).map(|target| match target.what {
            Use::Emit(output) => write(target, &(output.unjudged)(run)?),
            Use::View | Use::Runner => Ok(()),
        }))
    }

    /// Whether a file of the runner may be added to.
    pub fn may_add(&self, file: &Path) -> bool {
        let at = place(file);
        self.targets.iter().any(|t| t.at == at && matches!(t.what, Use::Runner) && t.fit != Fit::No)
    }

    /// Writes all of them but those of a runner. One that cannot be written keeps none of the others back.
    ///
    /// # Errors
    /// All that went wrong.
    pub fn write(&self, dossier: &Dossier, at: &Place, view: impl Fn() -> Result<Vec<u8>, Error>) -> Result<(), Error> {
        all(self.targets.iter().map(|target| match target.what {
            Use::Emit(output) => write(target, &(output.make)(dossier, at)?),
            Use::View => write(target, &view()?),
            Use::Runner => Ok(()),
        }))
    }
}

/// Does all of them and gathers what went wrong.
///
/// # Errors
/// All faults; their kind is that of the first.
pub(super) fn all(results: impl IntoIterator<Item = Result<(), Error>>) -> Result<(), Error> {
    let mut wrong: Option<Error> = None;
    for error in results.into_iter().filter_map(Result::err) {
        match &mut wrong {
            Some(first) => first.faults.extend(error.faults),
            None => wrong = Some(error),
        }
    }
    wrong.map_or(Ok(()), Err)
}

/// Writes a file whole; folders on its way are made.
fn write(target: &Target, bytes: &[u8]) -> Result<(), Error> {
    if let Some(parent) = target.at.parent() {
        let cannot = |e| Error::plain(ErrorKind::Internal, format!("cannot make the folder of `{}`: {e}", target.file.display()));
        fs::create_dir_all(parent).map_err(cannot)?;
    }
    super::write::whole(&target.at, bytes).map_err(|e| as_given(target, e))
}

/// An error in which a file has the name that the user gave it.
fn as_given(target: &Target, mut error: Error) -> Error {
    let (at, given) = (target.at.display().to_string(), target.file.display().to_string());
    error.faults.iter_mut().for_each(|fault| fault.message = fault.message.replace(&at, &given));
    error
}

/// Where a file lies, or will lie, without links and detours. Past the last folder that is there, `..` goes back by one name.
fn place(file: &Path) -> PathBuf {
    let full = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
    let mut at = PathBuf::new();
    for part in full.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                at.pop();
            }
            _ => at.push(part),
        }
        at = fs::canonicalize(&at).unwrap_or(at);
    }
    at
}

/// Whether something is there that is neither a file nor a folder: writing to it takes nothing away.
fn stream(at: &Path) -> bool {
    fs::metadata(at).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// What forbids to write a file.
fn unfit(target: &Target, spared: &Spared) -> Option<Fault> {
    let (option, at) = (&target.option, &target.at);
    let wrong = |why: String, help: &str| Some(Fault::new(format!("`{option}` {why}")).help(help));
    let another = "name another file";
    let same = |input: &&PathBuf| super::write::same(at, input) || place(input) == *at;
    if let Some(input) = spared.inputs.iter().find(same).filter(|_| !stream(at)) {
        return wrong(format!("would write over {}, which this command reads", input.display()), another);
    }
    if let Some(above) = at.ancestors().skip(1).find(|a| a.exists()).filter(|a| !a.is_dir()) {
        let name = above.file_name().unwrap_or_default().to_string_lossy();
        return wrong(format!("cannot be: {name} is a file and not a folder"), another);
    }
    if let Err(error) = super::write::fit(at) {
        let fault = as_given(target, error).faults.pop();
        return fault.map(|fault| Fault { message: format!("`{option}`: {}", fault.message), ..fault });
    }
    let name = at.file_name().unwrap_or_default().to_string_lossy();
    if at.parent() == Some(place(&spared.locks).as_path()) && crate::release::is_lock(&name) {
        return wrong("is the name of a lock, which releases read".into(), another);
    }
    let package = spared.package.as_deref().map(place);
    let within = |package: &PathBuf| at.starts_with(package);
    if package.as_ref().is_some_and(within) || at.ancestors().skip(1).any(is_package) {
        return wrong("lies in the package, which holds nothing that is not in its manifest".into(), "name a file beside it");
    }
    let archive = package.as_ref().map(|package| {
        let mut name = OsString::from(package);
        name.push(".tar");
        PathBuf::from(name)
    });
    if archive.as_ref() == Some(at) || is_archive(at) {
        return wrong("is the archive of a package".into(), another);
    }
    package.filter(|package| package.starts_with(at)).and_then(|_| wrong("is where the package goes".into(), another))
}

/// Whether a file begins as one of our outputs does. All outputs say so in their first bytes.
fn made_by_us(at: &Path) -> bool {
    use std::io::Read;
    let mut head = Vec::new();
    let read = fs::File::open(at).and_then(|file| file.take(200).read_to_end(&mut head));
    at.is_file() && read.is_ok() && OUTPUTS.iter().any(|output| head.starts_with(output.begins.as_bytes()))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_one_by_any_name() {
        let dir = std::env::temp_dir().join(format!("quorate-outputs-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("real/sub")).unwrap();
        std::os::unix::fs::symlink("real", dir.join("link")).unwrap();
        let real = fs::canonicalize(dir.join("real")).unwrap();
        for name in ["real/new/x", "link/new/x", "link/sub/../new/x", "real/./none/../new/x", "link/sub/../../real/new/x"] {
            assert_eq!(place(&dir.join(name)), real.join("new/x"), "{name}");
        }
        fs::remove_dir_all(dir).unwrap();
    }
}
