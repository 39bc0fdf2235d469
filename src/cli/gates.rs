//! `quorate gates`: the registry as a list.

use super::{Exit, Failure, Io};
use crate::error::{Error, ErrorKind, nearest};
use crate::gate::{PROFILES, gates};
use std::fmt::Write;

/// Arguments of `quorate gates`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only the gates that this profile asks for
    #[arg(long)]
    profile: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let profile = match &args.profile {
        Some(name) => Some(PROFILES.iter().find(|p| p.name == name).ok_or_else(|| unknown(name))?),
        None => None,
    };
    let wanted: Vec<_> = gates().into_iter().filter(|g| profile.is_none_or(|p| p.gates.contains(&g.id))).collect();
    if args.json {
        let list: Vec<_> = wanted
            .iter()
            .map(|g| serde_json::json!({ "id": g.id, "title": g.title, "needs": g.needs, "proves": g.proves, "cannot_see": g.blind }))
            .collect();
        io.print(&format!("{}\n", serde_json::Value::Array(list)))?;
        return Ok(Exit::Done);
    }
    let width = wanted.iter().map(|g| g.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut family = "";
    for gate in wanted {
        if gate.family() != family {
            family = gate.family();
            let _ = writeln!(text, "{}{family}", if text.is_empty() { "" } else { "\n" });
        }
        let _ = writeln!(text, "  {:width$}  {}", gate.id, gate.title);
    }
    if profile.is_none() {
        let _ = writeln!(text, "\nprofiles");
        for profile in PROFILES {
            let _ = writeln!(text, "  {:width$}  {} gates: {}", profile.name, profile.gates.len(), profile.about);
        }
    }
    io.print(&text)?;
    Ok(Exit::Done)
}

fn unknown(name: &str) -> Error {
    let names: Vec<&str> = PROFILES.iter().map(|p| p.name).collect();
    let help = nearest(name, names.iter().copied()).map(|n| format!("did you mean {n}? ")).unwrap_or_default();
    Error::plain(ErrorKind::Usage, format!("unknown profile `{name}`: {help}known: {}", names.join(", ")))
}
