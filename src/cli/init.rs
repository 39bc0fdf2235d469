//! `quorate init`: a commented contract and matrix with sample evidence that runs at once.
//!
//! In: a profile and a folder. Out: files that were not there before; nothing is overwritten. The sample evidence is synthetic and says so.

use super::{Exit, Failure, Io};
use crate::error::{Error, ErrorKind};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Arguments of `quorate init`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to write into
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// What kind of service it is
    #[arg(long, default_value = "replicated-log", value_parser = clap::builder::PossibleValuesParser::new(STARTERS.iter().map(|s| s.0)))]
    profile: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Path below the folder, and text.
type File = (&'static str, &'static str);

macro_rules! starter {
    ($profile:literal, $($path:literal),*) => {
        ($profile, &[$(($path, include_str!(concat!("../../templates/init/", $profile, "/", $path)))),*])
    };
}

/// The files of each profile.
const STARTERS: &[(&str, &[File])] = &[
    starter!(
        "replicated-log",
        "contract.toml",
        "matrix.toml",
        "evidence/leader-crash/history.jsonl",
        "evidence/leader-crash/faults.jsonl"
    ),
    starter!(
        "fenced-queue",
        "contract.toml",
        "matrix.toml",
        "evidence/stale-takeover/history.jsonl",
        "evidence/stale-takeover/faults.jsonl",
        "evidence/stale-takeover/epochs.jsonl",
        "evidence/stale-takeover/fencing.jsonl",
        "evidence/stale-takeover/applied.jsonl"
    ),
    starter!(
        "coordination-ensemble",
        "contract.toml",
        "matrix.toml",
        "evidence/quorum-loss/history.jsonl",
        "evidence/quorum-loss/faults.jsonl",
        "evidence/quorum-loss/members.jsonl"
    ),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let files = STARTERS.iter().find(|s| s.0 == args.profile).map_or(&[][..], |s| s.1);
    let there: Vec<&str> = files.iter().map(|f| f.0).filter(|path| args.dir.join(path).symlink_metadata().is_ok()).collect();
    if !there.is_empty() {
        let message = format!("`{}` already holds {}: nothing was written", args.dir.display(), there.join(", "));
        return Err(Error::plain(ErrorKind::Usage, message).into());
    }
    for (path, text) in files {
        let file = args.dir.join(path);
        write(&file, text).map_err(|e| Error::plain(ErrorKind::Internal, format!("cannot write `{}`: {e}", file.display())))?;
    }
    let contract = args.dir.join("contract.toml");
    if args.json {
        let wrote: Vec<PathBuf> = files.iter().map(|f| args.dir.join(f.0)).collect();
        let out =
            serde_json::json!({ "schema": "quorate-init/1", "profile": args.profile, "contract": contract, "wrote": wrote });
        io.print(&format!("{out}\n"))?;
        return Ok(Exit::Done);
    }
    let names: String = files.iter().map(|f| format!("  {}\n", args.dir.join(f.0).display())).collect();
    io.print(&format!(
        "{names}\nThe sample evidence is synthetic. Judge it:\n  quorate release {}\nThen name your own members, endpoints and logs in the two TOML files.\n",
        contract.display()
    ))?;
    Ok(Exit::Done)
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(parent) = file.parent().filter(|p| !p.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    OpenOptions::new().write(true).create_new(true).open(file)?.write_all(text.as_bytes())
}
