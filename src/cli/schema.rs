//! `quorate schema`: JSON Schema for editors and for readers of decisions.

use super::{Exit, Failure, Io};
use crate::contract::{contract_schema, matrix_schema};
use crate::dossier::decision_schema;
use crate::error::{Error, ErrorKind};

/// Arguments of `quorate schema`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which schema
    #[arg(value_parser = ["contract", "matrix", "decision"])]
    what: String,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let schema = match args.what.as_str() {
        "matrix" => matrix_schema(),
        "contract" => contract_schema(),
        _ => {
            io.print(decision_schema())?;
            return Ok(Exit::Done);
        }
    };
    let text = serde_json::to_string_pretty(&schema).map_err(|e| Error::plain(ErrorKind::Internal, e.to_string()))?;
    io.print(&format!("{text}\n"))?;
    Ok(Exit::Done)
}
