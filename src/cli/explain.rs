//! `quorate explain`: what one gate proves, needs and cannot see.

use super::print::{Look, wrapped};
use super::{Exit, Failure, Io};
use crate::error::{Error, ErrorKind, nearest};
use crate::gate::{CRITERIA, Gate, PROFILES, gate, gates};

/// Arguments of `quorate explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The gate's id, such as log.no-loss
    gate: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let Some(gate) = gate(&args.gate) else {
        let help = nearest(&args.gate, gates().iter().map(|g| g.id))
            .map_or_else(|| "`quorate gates` lists them".to_string(), |near| format!("did you mean {near}?"));
        return Err(Error::plain(ErrorKind::Usage, format!("unknown gate `{}`: {help}", args.gate)).into());
    };
    if args.json {
        let profiles: Vec<&str> = PROFILES.iter().filter(|p| p.gates.contains(&gate.id)).map(|p| p.name).collect();
        let criteria: Vec<u8> = CRITERIA.iter().filter(|c| c.gates.contains(&gate.id)).map(|c| c.number).collect();
        let out = serde_json::json!({
            "schema": "quorate-gate/1",
            "id": gate.id,
            "title": gate.title,
            "proves": gate.proves,
            "needs": gate.needs,
            "cannot_see": gate.blind,
            "profiles": profiles,
            "criteria": criteria,
            "waivers": !gate.safety,
        });
        io.print(&format!("{out}\n"))?;
        return Ok(Exit::Done);
    }
    io.print(&text(gate, Look::new(io.env)))?;
    Ok(Exit::Done)
}

fn text(gate: &Gate, look: Look) -> String {
    let needs = if gate.needs.is_empty() {
        "the contract and the matrix alone".to_string()
    } else {
        format!("a test that requires {}", gate.needs.join(" and "))
    };
    let profiles: Vec<&str> = PROFILES.iter().filter(|p| p.gates.contains(&gate.id)).map(|p| p.name).collect();
    let criteria: Vec<String> =
        CRITERIA.iter().filter(|c| c.gates.contains(&gate.id)).map(|c| format!("{} ({})", c.number, c.text)).collect();
    let mut rows = vec![
        ("asks", gate.title.to_string()),
        ("a pass proves", gate.proves.to_string()),
        ("it needs", needs),
        ("it cannot see", gate.blind.to_string()),
        ("asked for by", if profiles.is_empty() { "no profile".into() } else { profiles.join(", ") }),
    ];
    if !criteria.is_empty() {
        rows.push(("carries criterion", criteria.join("; ")));
    }
    rows.push(("waivers", if gate.safety { "refused: it guards safety" } else { "allowed, shown on the first page" }.into()));
    let lines: String = rows.iter().map(|(label, value)| wrapped(label, value, look)).collect();
    format!("{}\n{lines}", gate.id)
}
