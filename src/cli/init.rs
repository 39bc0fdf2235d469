//! `quorate init`: a commented contract and matrix with sample evidence that runs at once and is accepted.
//!
//! In: a profile and a folder. Out: whole files that were not there before; nothing is overwritten, and what is there already as it would be
//! written is left. The sample evidence is synthetic and says so; `examples/generate_starters.rs` makes it.

use super::{Exit, Failure, Io};
use crate::error::{Error, ErrorKind, Fault, in_line, visible};
use crate::report::text::{count, shell};
use std::fs;
use std::path::{Path, PathBuf};

/// Arguments of `quorate init`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to write into
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// What kind of service it is
    #[arg(long, default_value = "replicated-log", value_parser = clap::builder::PossibleValuesParser::new(STARTERS.iter().map(|s| s.profile)))]
    profile: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is written for a profile.
struct Starter {
    profile: &'static str,
    /// The decision that its sample comes to.
    comes_to: &'static str,
    /// What it does not ask for, for the reader to know.
    gap: &'static str,
    /// Path below the folder, and text; the contract last, so that it never stands without what it needs.
    files: &'static [(&'static str, &'static str)],
}

/// The files of a profile: the tests with the kinds of evidence of each, then matrix and contract.
macro_rules! files {
    ($profile:literal, $($test:literal: $($kind:literal)*),*) => {
        &[
            $($((
                concat!("evidence/", $test, "/", $kind, ".jsonl"),
                include_str!(concat!("../../templates/init/", $profile, "/evidence/", $test, "/", $kind, ".jsonl")),
            ),)*)*
            ("matrix.toml", include_str!(concat!("../../templates/init/", $profile, "/matrix.toml"))),
            ("contract.toml", include_str!(concat!("../../templates/init/", $profile, "/contract.toml"))),
        ]
    };
}

const STARTERS: &[Starter] = &[
    Starter {
        profile: "replicated-log",
        comes_to: "ACCEPT (3 excluded)",
        gap: "Three gates are excluded, each with its reason at the end of the contract: there is no lock yet, no member joins or leaves, no read \
              may be stale.",
        files: files!(
            "replicated-log",
            "baseline": "history" "run" "members" "progress" "telemetry",
            "leader-crash": "history" "faults" "members" "progress" "log" "applied" "fencing" "epochs" "phases" "replay" "probes" "telemetry",
            "follower-lag": "history" "faults" "members" "progress" "log" "applied" "epochs",
            "cut-followers": "history" "faults" "members" "progress" "log" "applied",
            "cut-leader": "history" "faults" "members" "progress" "log" "applied" "fencing" "epochs" "phases",
            "cut-leader-with-follower": "history" "faults" "members" "progress" "log" "applied" "fencing" "epochs" "phases",
            "reads-while-cut": "history" "faults" "members" "progress",
            "duplicate-retry": "history" "attempts" "faults" "log" "applied" "telemetry",
            "quorum-loss": "history" "faults" "members",
            "snapshot-replay": "history" "faults" "members" "replay" "applied" "telemetry",
            "telemetry-review": "history" "faults" "telemetry"
        ),
    },
    Starter {
        profile: "fenced-queue",
        comes_to: "ACCEPT",
        gap: "The sample has 30 runs with a fault, enough for the bound of 10 % that the contract declares; 1 % takes 299.",
        files: files!(
            "fenced-queue",
            "mixed-faults": "scenarios" "history" "attempts" "faults" "applied" "fencing" "epochs",
            "baseline-naive": "scenarios" "history" "attempts" "faults" "applied" "fencing" "epochs"
        ),
    },
    Starter {
        profile: "coordination-ensemble",
        comes_to: "ACCEPT",
        gap: "The sample has 15 runs, enough for the bound of 20 % that the contract declares; 10 % takes 29.",
        files: files!("coordination-ensemble", "quorum-loss": "scenarios" "history" "faults" "members" "probes" "applied"),
    },
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let Some(starter) = STARTERS.iter().find(|s| s.profile == args.profile) else {
        return Err(Error::plain(ErrorKind::Usage, format!("there is no profile `{}`", args.profile)).into());
    };
    let shown = visible(&args.dir.to_string_lossy());
    let mut wanting = Vec::new();
    let mut others = Vec::new();
    for (path, text) in starter.files {
        inside(&args.dir, path)?;
        match fs::symlink_metadata(args.dir.join(path)) {
            Err(_) => wanting.push((*path, *text)),
            Ok(found) if found.is_file() && fs::read(args.dir.join(path)).is_ok_and(|bytes| bytes == text.as_bytes()) => {}
            Ok(_) => others.push(*path),
        }
    }
    if !others.is_empty() || wanting.is_empty() {
        let held = if others.is_empty() { "this starter".to_string() } else { named(&others) };
        return Err(Error::plain(ErrorKind::Usage, format!("`{shown}` already holds {held}: nothing was written")).into());
    }
    write(&args.dir, &wanting)?;
    let contract = args.dir.join("contract.toml");
    if args.json {
        let name = |path: &Path| path.to_string_lossy().into_owned();
        let wrote: Vec<String> = starter.files.iter().map(|f| name(&args.dir.join(f.0))).collect();
        let out = serde_json::json!({
            "schema": "quorate-init/1", "profile": args.profile, "contract": name(&contract), "wrote": wrote, "comes_to": starter.comes_to,
        });
        io.print(&format!("{out}\n"))?;
        return Ok(Exit::Done);
    }
    io.print(&next(starter, &args.dir))?;
    Ok(Exit::Done)
}

/// The first few of a list of paths.
fn named(paths: &[&str]) -> String {
    const MOST: usize = 3;
    let mut list = paths.iter().rev().take(MOST).copied().collect::<Vec<_>>().join(", ");
    if paths.len() > MOST {
        list.push_str(&format!(" and {} more", paths.len() - MOST));
    }
    list
}

/// What was written, and what to do with it.
fn next(starter: &Starter, dir: &Path) -> String {
    let dir = if dir == Path::new(".") { Path::new("") } else { dir };
    let at = |path: &str| in_line(&dir.join(path).to_string_lossy());
    let contract = dir.join("contract.toml").to_string_lossy().into_owned();
    let contract = if contract.starts_with('-') { format!("./{contract}") } else { contract };
    let word = shell(&contract).unwrap_or_else(|| "CONTRACT".into());
    let evidence = starter.files.iter().filter(|f| f.0.starts_with("evidence/")).count();
    format!(
        "  {}\n  {}\n  {} ({}, synthetic)\n\nJudge it; the sample comes to {}:\n  quorate release {word}\n{}\n\
         Then put your own members, endpoints and numbers into the contract, your own tests and logs into the matrix, and lock the contract before a \
         test runs:\n  quorate lock {word}\n",
        at("contract.toml"),
        at("matrix.toml"),
        at("evidence"),
        count(evidence as u64, "file", "files"),
        starter.comes_to,
        starter.gap,
    )
}

/// Refuses a path on whose way below the folder there is a link or a file.
fn inside(dir: &Path, path: &str) -> Result<(), Error> {
    let mut at = dir.to_path_buf();
    let parents = path.split('/').rev().skip(1).collect::<Vec<_>>();
    for part in parents.into_iter().rev() {
        at.push(part);
        let Ok(found) = fs::symlink_metadata(&at) else { return Ok(()) };
        if !found.is_dir() {
            let what = if found.is_symlink() { "a symbolic link" } else { "no folder" };
            let fault = Fault::new(format!("`{}` is {what}: nothing was written", visible(&at.to_string_lossy())));
            return Err(Error::one(ErrorKind::Usage, fault.help("name an empty folder")));
        }
    }
    Ok(())
}

/// Writes all files whole; on a fault those that were written are taken away again.
fn write(dir: &Path, files: &[(&str, &str)]) -> Result<(), Error> {
    let mut made = Made::default();
    for (path, text) in files {
        let file = dir.join(path);
        let done = made.folders(&file).and_then(|()| {
            super::write::whole(&file, text.as_bytes())?;
            made.files.push(file);
            Ok(())
        });
        if let Err(error) = done {
            made.undo();
            return Err(error);
        }
    }
    Ok(())
}

/// What was made so far, in this order.
#[derive(Default)]
struct Made {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Made {
    /// Makes the folders on the way to a file, outermost first.
    fn folders(&mut self, file: &Path) -> Result<(), Error> {
        let missing: Vec<&Path> =
            file.ancestors().skip(1).take_while(|a| !a.as_os_str().is_empty() && fs::symlink_metadata(a).is_err()).collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder).map_err(|e| {
                let shown = visible(&folder.to_string_lossy());
                Error::plain(ErrorKind::Internal, format!("cannot make the folder `{shown}`: {e}"))
            })?;
            self.folders.push(folder.to_path_buf());
        }
        Ok(())
    }

    fn undo(self) {
        self.files.iter().for_each(|file| drop(fs::remove_file(file)));
        self.folders.iter().rev().for_each(|folder| drop(fs::remove_dir(folder)));
    }
}
