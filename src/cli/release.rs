//! `quorate release`: contract + matrix + evidence → package.

use super::outputs::{Outputs, Spared, all};
use super::print::{Look, painted};
use super::terminal::{Counted, Progress};
use super::{Env, Exit, Failure, Io};
use crate::error::{Error, ErrorKind, Fault, nearest, visible};
use crate::package::attest::{Sign, lock_signer};
use crate::package::{Bag, Info, MAX_LOCK, Mode, is_package, write_as};
use crate::release::{self, Built, Plan, Withhold, paths};
use crate::report::Templates;
use crate::report::ci::{Place, Unjudged, quiet};
use crate::store::{Folder, split};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Arguments of `quorate release`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The contract
    contract: PathBuf,
    /// The test matrix; matrix.toml beside the contract when left out
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
    /// The folder of the locks; locks beside the contract when left out
    #[arg(long, value_name = "DIR")]
    locks: Option<PathBuf>,
    /// The evidence folder; the matrix's evidence-root when left out
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    /// The folder in which the package folder is made
    #[arg(long, value_name = "DIR", default_value = "out")]
    out: PathBuf,
    /// Replace a package of the same name
    #[arg(long)]
    force: bool,
    /// Write the package as a reproducible tar archive too, beside its folder
    #[arg(long)]
    archive: bool,
    /// Leave evidence out of the package that matches a pattern (`*` within a folder, `**` across); it is named by digest and length
    #[arg(long, value_name = "PATTERN")]
    withhold: Vec<String>,
    /// Leave evidence files out that are longer, such as 100MB; they are named by digest and length
    #[arg(long, value_name = "SIZE")]
    max_evidence: Option<String>,
    /// A folder with templates that replace the built-in ones (report.html, report.md, report.css)
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// Also write what the templates see, as JSON, for writing templates
    #[arg(long, value_name = "FILE")]
    dump_view: Option<PathBuf>,
    /// Sign the package: an OpenSSH Ed25519 private key, or the public one of a key that ssh-agent holds
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// How many threads read evidence; all when left out
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Also write an output for a build system, such as junit=FILE (junit, sarif, ctrf, metrics); may be given several times
    #[arg(long, value_name = "NAME=FILE", value_parser = super::ci::emission)]
    emit: Vec<super::ci::Emission>,
    /// Speak to a build system: step summary, annotations and outputs
    #[arg(long, value_name = "SYSTEM", value_parser = ["github"], conflicts_with = "json")]
    ci: Option<String>,
    /// Print decision.json instead of the table
    #[arg(long)]
    json: bool,
    /// Print the verdict and the package's path only, and no progress
    #[arg(long, conflicts_with = "json")]
    quiet: bool,
}

impl Args {
    /// The contract as a build system knows it, when one reads both streams for commands.
    pub(super) fn runner(&self) -> Option<String> {
        self.ci.as_ref().map(|_| super::ci::shown(&self.contract))
    }
}

/// A release that was judged and packaged.
struct Judged {
    built: Built,
    templates: Templates,
    place: Place,
    package: PathBuf,
    root: String,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let env = io.env;
    let runner = [("GITHUB_OUTPUT", env.step_output.as_deref()), ("GITHUB_STEP_SUMMARY", env.step_summary.as_deref())];
    let runner = runner.into_iter().filter(|_| args.ci.is_some()).filter_map(|(name, file)| Some((name, file?)));
    let mut files = Outputs::new(&args.emit, args.dump_view.as_deref(), &runner.collect::<Vec<_>>());
    let judged = judge(args, io, &mut files).map_err(|mut failure| {
        let contract = super::ci::shown(&args.contract);
        let run = super::ci::unjudged(&failure, &contract);
        let told = if args.ci.is_some() { super::ci::github_failed(io, &files, &run) } else { Ok(()) };
        let wrong = all([files.fail(&run), told]).err();
        failure.error.faults.extend(wrong.into_iter().flat_map(|e| e.faults));
        failure
    })?;
    tell(args, io, &files, &judged)?;
    Ok(Exit::Decided(judged.built.dossier.decision))
}

/// Judges and packages. Files that must not be written are refused before anything is judged.
fn judge(args: &Args, io: &mut Io<'_>, files: &mut Outputs) -> Result<Judged, Failure> {
    files.check(&spared(args))?;
    let date = date(io.env)?;
    let withhold = withhold(args)?;
    let key = args.key.as_deref().map(|path| super::key::load(path, io)).transpose()?;
    let texts = Texts { contract: &args.contract, matrix: args.matrix.as_deref(), locks: args.locks.as_deref() };
    let plan = texts.plan()?;
    let root = evidence_root(args.evidence.as_deref(), args.matrix.as_deref().unwrap_or(&args.contract), &plan)?;
    let package = args.out.join(release::package_name(&plan.contract));
    let place = super::ci::place(&plan, &args.contract);
    files.check(&spared_of(args, &plan, &root, &package))?;
    files.begin(&Unjudged { contract: &place.contract, what: "the run has not ended", faults: Vec::new() })?;
    let folder = Folder::new(&root);
    let templates = templates(args.templates.as_deref())?;
    let threads = args.threads.unwrap_or(io.env.threads).clamp(1, 256);
    let silent = args.quiet || args.json || args.ci.is_some();
    let progress = Progress::new(silent);
    let counted = Counted::new(&folder);
    let build = || release::build(&plan, &counted, &templates, date.as_deref(), threads);
    let built = progress.watch(io, "reading and judging the evidence", &counted, build);
    let stored = built.map_err(|error| Failure { error, sources: plan.sources.clone() }).and_then(|mut built| {
        built.withhold(&withhold)?;
        progress.phase(io, "writing the package");
        let stored = store(args, &built, &plan, &folder, &package, key.as_deref());
        progress.done(io);
        Ok((built, stored?))
    });
    if stored.as_ref().is_err_and(|f| f.error.kind != ErrorKind::Usage) && args.ci.is_none() && is_package(&package) {
        let _ = writeln!(io.err, "hint: {} is the package of an earlier run, not of this one", visible(&shown(&package)));
    }
    let (built, root) = stored?;
    if !args.quiet && args.ci.is_none() {
        hint(io, &built, &folder);
    }
    Ok(Judged { built, templates, place, package, root })
}

/// Says what was decided wherever it was asked for: the verdict first. What cannot be written keeps nothing else back.
fn tell(args: &Args, io: &mut Io<'_>, files: &Outputs, judged: &Judged) -> Result<(), Error> {
    let Judged { built, templates, place, package, root } = judged;
    let printed = report(args, io, built, package, root);
    let told = match args.ci {
        Some(_) => super::ci::github(io, files, built, place, (package, root)),
        None => Ok(()),
    };
    all([printed, told, files.write(&built.dossier, place, || crate::report::context(&built.dossier, templates))])
}

/// The day of `SOURCE_DATE_EPOCH`.
fn date(env: &Env) -> Result<Option<String>, Error> {
    let Some(text) = env.source_date_epoch.as_deref().filter(|t| !t.is_empty()) else {
        return Ok(None);
    };
    let seconds: Option<u64> = text.parse().ok().filter(|s| *s <= 253_402_300_799);
    let seconds = seconds.ok_or_else(|| {
        Error::plain(ErrorKind::Usage, format!("SOURCE_DATE_EPOCH is {text:?}: expected whole seconds since 1970"))
    })?;
    let stamp = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
    Ok(stamp.get(..10).map(str::to_string))
}

/// Where contract, matrix and locks lie.
pub(super) struct Texts<'a> {
    pub contract: &'a Path,
    pub matrix: Option<&'a Path>,
    pub locks: Option<&'a Path>,
}

impl Texts<'_> {
    /// Reads all of them.
    pub fn plan(&self) -> Result<Plan, Failure> {
        let matrix = self.matrix.map_or_else(|| self.contract.with_file_name("matrix.toml"), Path::to_path_buf);
        let contract_text = toml(self.contract, "`quorate init` writes a contract to start from")?;
        let matrix_text = toml(&matrix, "it is looked for beside the contract; `--matrix FILE` names another")?;
        let mut plan = release::plan((&shown(self.contract), &contract_text), (&shown(&matrix), &matrix_text))
            .map_err(|(error, sources)| Failure { error, sources })?;
        let folder = locks_of(self.contract, self.locks);
        let cannot = |e| Error::plain(ErrorKind::Contract, format!("cannot list the locks in `{}`: {e}", folder.display()));
        let locks = Folder::new(&folder);
        plan.lock(&locks, locks.names().map_err(cannot)?)?;
        for lock in plan.locks.iter().filter(|l| l.signed) {
            let bytes = |name: &str| locks.bytes(name, MAX_LOCK).ok().flatten().unwrap_or_default();
            let signature = format!("{}.sig", lock.path);
            let wrong = |why| Error::plain(ErrorKind::Contract, format!("the lock signature `{signature}` is wrong: {why}"));
            lock_signer(&bytes(&lock.path), &bytes(&signature)).map_err(wrong)?;
        }
        Ok(plan)
    }
}

/// The folder of the locks.
pub(super) fn locks_of(contract: &Path, given: Option<&Path>) -> PathBuf {
    given.map_or_else(|| contract.with_file_name("locks"), Path::to_path_buf)
}

/// What must not be written over, as far as it is known before the contract is read.
fn spared(args: &Args) -> Spared {
    let matrix = args.matrix.clone().unwrap_or_else(|| args.contract.with_file_name("matrix.toml"));
    let mut inputs = vec![args.contract.clone(), matrix];
    inputs.extend(args.key.clone());
    inputs.extend(args.templates.iter().flat_map(|dir| Templates::names().into_iter().map(|name| dir.join(name))));
    Spared { inputs, locks: locks_of(&args.contract, args.locks.as_deref()), package: None }
}

/// What must not be written over: all that is read, and the package.
fn spared_of(args: &Args, plan: &Plan, root: &Path, package: &Path) -> Spared {
    let mut spared = spared(args);
    spared.inputs.extend(plan.matrix.tests.iter().flat_map(|t| &t.evidence).map(|binding| root.join(&binding.path.value)));
    Spared { package: Some(package.to_path_buf()), ..spared }
}

/// Which evidence stays out of the package.
fn withhold(args: &Args) -> Result<Withhold, Error> {
    let patterns = args.withhold.iter().map(|text| Withhold::pattern(text)).collect::<Result<_, _>>()?;
    Ok(Withhold { patterns, max: args.max_evidence.as_deref().map(Withhold::size).transpose()? })
}

/// Says what is probably a slip: files that are missing beside one of nearly the same name, and what the release saw.
fn hint(io: &mut Io<'_>, built: &Built, folder: &Folder) {
    let mut hints = built.hints.clone();
    for artifact in built.dossier.artifacts.iter().filter(|a| a.state == "missing") {
        let (below, name) = artifact.path.rsplit_once('/').unwrap_or(("", &artifact.path));
        let names = folder.below(below).names().unwrap_or_default();
        if let Some(near) = nearest(name, names.iter().map(String::as_str)) {
            let near = if below.is_empty() { near.to_string() } else { format!("{below}/{near}") };
            hints.push(format!("{} is missing, {near} is there: is its `path` in the matrix wrong?", artifact.path));
        }
    }
    for hint in hints {
        let _ = writeln!(io.err, "hint: {}", visible(&hint));
    }
}

/// The whole text of a file that the user named.
fn text(path: &Path, kind: ErrorKind) -> Result<String, Error> {
    let Some((folder, name)) = split(path) else {
        return Err(Error::plain(kind, format!("`{}` does not name a file", path.display())));
    };
    folder.text(name, kind).map_err(|mut error| {
        for fault in &mut error.faults {
            fault.message = fault.message.replace(&format!("`{name}`"), &format!("`{}`", path.display()));
            if fault.message.contains("is not UTF-8") {
                fault.help = Some("save it as UTF-8; some editors write UTF-16".into());
            }
        }
        error
    })
}

/// The text of a contract or matrix; where there is none, where it may be.
fn toml(path: &Path, otherwise: &str) -> Result<String, Error> {
    let inside = path.join("contract.toml");
    if path.is_dir() && inside.is_file() {
        let fault = Fault::new(format!("`{}` is a folder, and a contract is a file", path.display()));
        return Err(Error::one(ErrorKind::Contract, fault.help(format!("did you mean {}?", inside.display()))));
    }
    let mut error = match text(path, ErrorKind::Contract) {
        Err(error) if !path.exists() => error,
        found => return found,
    };
    let named = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names = Folder::new(folder).names().unwrap_or_default();
    let near = nearest(&named, names.iter().filter(|n| n.ends_with(".toml")).map(String::as_str));
    for fault in &mut error.faults {
        fault.help =
            Some(near.map_or(otherwise.to_string(), |near| format!("did you mean {}?", path.with_file_name(near).display())));
    }
    Err(error)
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The folder of the evidence: as named, else as the matrix says, from where the matrix lies.
pub(super) fn evidence_root(named: Option<&Path>, matrix: &Path, plan: &Plan) -> Result<PathBuf, Failure> {
    let beside = || matrix.parent().unwrap_or(Path::new("")).join(&plan.matrix.evidence_root.value);
    let root = named.map_or_else(beside, Path::to_path_buf);
    if root.is_dir() {
        return Ok(root);
    }
    let message = format!("there is no evidence folder `{}`", root.display());
    let fault = match named {
        Some(_) => Fault::new(message).help("`--evidence` names the folder that the paths of the matrix begin at"),
        None => Fault::at(plan.matrix.evidence_root.span, message, "counted from where the matrix lies")
            .help("`--evidence DIR` names another for this run"),
    };
    Err(Failure { error: Error::one(ErrorKind::Evidence, fault), sources: plan.sources.clone() })
}

/// The built-in templates with those of a folder put over them.
fn templates(dir: Option<&Path>) -> Result<Templates, Error> {
    let mut templates = Templates::default();
    let Some(dir) = dir else {
        return Ok(templates);
    };
    let mut found = 0;
    for name in Templates::names() {
        let path = dir.join(name);
        if path.exists() {
            templates.replace(name, &text(&path, ErrorKind::Usage)?)?;
            found += 1;
        }
    }
    if found == 0 {
        let message = format!("{} holds none of {}", dir.display(), Templates::names().join(", "));
        return Err(Error::plain(ErrorKind::Usage, message));
    }
    Ok(templates)
}

fn store(
    args: &Args,
    built: &Built,
    plan: &Plan,
    folder: &Folder,
    package: &Path,
    key: Option<&dyn Sign>,
) -> Result<String, Error> {
    let info = Info {
        agent: format!("{}/{}", built.dossier.tool.name, built.dossier.tool.version),
        date: built.dossier.date.clone(),
        identifier: release::package_name(&plan.contract),
    };
    let mut bag = Bag::new(built.payload(folder), &info)?;
    if let Some(key) = key {
        bag.sign(key)?;
    }
    write_as(&bag, package, Mode { force: args.force, archive: args.archive })?;
    Ok(bag.root().to_string())
}

fn report(args: &Args, io: &mut Io<'_>, built: &Built, package: &Path, root: &str) -> Result<(), Error> {
    if args.json {
        let bytes = built.files.get(paths::DECISION).map(|b| String::from_utf8_lossy(b).into_owned()).unwrap_or_default();
        return io.print(&format!("{bytes}\n"));
    }
    let look = Look::new(io.env);
    let mut text = if args.quiet { String::new() } else { super::print::dossier(&built.dossier, look) };
    let word = painted(&built.dossier, look);
    let shown = package.display();
    let archive = if args.archive { format!("archive  {shown}.tar\n") } else { String::new() };
    let lines = format!("\n{word}\npackage  {shown}\n{archive}report   {shown}/data/report/index.html\nroot     sha256:{root}\n");
    text.push_str(if args.quiet { lines.trim_start() } else { &lines });
    io.print(&if args.ci.is_some() { quiet(&text, root) } else { text })
}
