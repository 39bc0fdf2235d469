//! `quorate completions`: a completion script for a shell.

use super::{Exit, Failure, Io};
use clap::CommandFactory;
use clap_complete::Shell;

/// Arguments of `quorate completions`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which shell
    shell: Shell,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Args::command(), "quorate", &mut script);
    io.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
