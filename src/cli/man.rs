//! `quorate man`: the manual page, of the command or of one verb.

use super::{Exit, Failure, Io};
use crate::error::{Error, ErrorKind};
use clap::CommandFactory;

/// Arguments of `quorate man`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A verb, such as release; the whole command when left out
    verb: Option<String>,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let mut command = super::Args::command();
    command.build();
    let chosen = match &args.verb {
        None => command,
        Some(verb) => {
            let found = command.get_subcommands().find(|c| c.get_name() == verb).cloned();
            let verbs: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
            let found = found.ok_or_else(|| {
                Error::plain(ErrorKind::Usage, format!("there is no verb `{verb}`: verbs are {}", verbs.join(", ")))
            })?;
            let name: &'static str = String::leak(format!("quorate-{verb}"));
            found.name(name)
        }
    };
    let mut page = Vec::new();
    let written = clap_mangen::Man::new(chosen).render(&mut page);
    written.map_err(|e| Error::plain(ErrorKind::Internal, e.to_string()))?;
    io.print(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Done)
}
