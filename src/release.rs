//! The sequencing of a release, told top to bottom: texts → contract and matrix → evidence → gates → dossier → report → payload.
//!
//! In: texts, a way to open evidence, templates, a date. Out: the dossier and the bytes of every file of the package. The same function
//! serves `release` and `verify`, so that what is checked is what was made. Refuses to know the command line.

mod recompute;
mod withhold;

pub use recompute::{Recomputed, Unseen, recompute};
pub use withhold::Withhold;

use crate::contract::{Contract, Matrix, parse_contract, parse_matrix};
use crate::dossier::{self, Dossier};
use crate::error::{Error, ErrorKind};
use crate::evidence::read::{Files, read};
use crate::gate::{self, Profile, ReleaseCx};
use crate::package::Payload;
use crate::report::{self, Templates};
use crate::source::Sources;
use crate::store::sha256;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where files stand in a package, below `data/`.
pub mod paths {
    /// The dossier.
    pub const DECISION: &str = "decision.json";
    /// The contract.
    pub const CONTRACT: &str = "contract/contract.toml";
    /// The matrix.
    pub const MATRIX: &str = "contract/matrix.toml";
    /// The tool.
    pub const TOOL: &str = "tool.json";
    /// The folder of the evidence.
    pub const EVIDENCE: &str = "evidence";
    /// The list of evidence that is not in the package.
    pub const REFERENCES: &str = "evidence-refs.json";
    /// The folder of the report.
    pub const REPORT: &str = "report";
    /// The folder of templates that are not the built-in ones.
    pub const TEMPLATES: &str = "templates";
}

/// Contract and matrix, read and bound.
#[derive(Debug)]
pub struct Plan {
    /// The texts.
    pub sources: Sources,
    /// The promises.
    pub contract: Contract,
    /// The tests.
    pub matrix: Matrix,
    /// The gates asked for.
    pub profile: &'static Profile,
}

/// Reads contract and matrix and binds all their names.
///
/// # Errors
/// Every fault of both texts at once, with the sources to point into.
pub fn plan(contract: (&str, &str), matrix: (&str, &str)) -> Result<Plan, (Error, Sources)> {
    let mut sources = Sources::default();
    let contract_id = sources.add(contract.0, contract.1);
    let matrix_id = sources.add(matrix.0, matrix.1);
    let parsed = parse_contract(contract_id, contract.1);
    let tests = parse_matrix(matrix_id, matrix.1, parsed.as_ref().ok());
    let bound = match (parsed, tests) {
        (Ok(contract), Ok(matrix)) => gate::bind(&contract, &matrix).map(|profile| (contract, matrix, profile)),
        (left, right) => Err(left.err().into_iter().chain(right.err()).flatten().collect()),
    };
    match bound {
        Ok((contract, matrix, profile)) => Ok(Plan { sources, contract, matrix, profile }),
        Err(faults) => Err((Error { kind: ErrorKind::Contract, faults }, sources)),
    }
}

/// A judged release: its dossier and all that goes into the package but the evidence.
#[derive(Debug)]
pub struct Built {
    /// Every fact.
    pub dossier: Dossier,
    /// Files by their path below `data/`.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Evidence files: path below the evidence root, SHA-256 in hex, length.
    pub evidence: Vec<(String, String, u64)>,
}

/// Judges a plan on its evidence and renders all outputs. Waivers are weighed on the later of `date` and the newest wall-clock day of the
/// evidence: a date before the evidence would revive waivers that had expired when it was recorded.
///
/// # Errors
/// Evidence that cannot be read, bindings that name what does not exist, templates that do not render.
pub fn build(plan: &Plan, files: &dyn Files, templates: &Templates, date: Option<&str>, threads: usize) -> Result<Built, Error> {
    let evidence = read(&plan.matrix, files, threads)?;
    let digest = |i| sha256(plan.sources.get(i).text.as_bytes());
    let (contract_sha, matrix_sha) = (digest(plan.contract.source), digest(plan.matrix.source));
    let digests: [Arc<str>; 2] = [contract_sha.as_str().into(), matrix_sha.as_str().into()];
    let cx = ReleaseCx {
        contract: &plan.contract,
        matrix: &plan.matrix,
        evidence: &evidence,
        sources: &plan.sources,
        digests: &digests,
    };
    let outcomes = gate::judge(&cx, plan.profile);
    let newest = evidence.newest_wall_day();
    let weighed = newest.as_deref().into_iter().chain(date).max();
    let dossier = dossier::build(&dossier::Inputs {
        contract: &plan.contract,
        matrix: &plan.matrix,
        evidence: &evidence,
        profile: plan.profile,
        outcomes: &outcomes,
        digests: (&contract_sha, &matrix_sha),
        date: weighed,
    });
    let mut out = BTreeMap::new();
    out.insert(paths::DECISION.to_string(), dossier.canonical().map_err(|e| Error::plain(ErrorKind::Internal, e.to_string()))?);
    out.insert(paths::CONTRACT.to_string(), plan.sources.get(plan.contract.source).text.as_bytes().to_vec());
    out.insert(paths::MATRIX.to_string(), plan.sources.get(plan.matrix.source).text.as_bytes().to_vec());
    out.insert(paths::TOOL.to_string(), tool(templates));
    for (path, bytes) in report::render(&dossier, templates)? {
        out.insert(format!("{}/{path}", paths::REPORT), bytes);
    }
    for (name, text) in templates.overrides() {
        out.insert(format!("{}/{name}", paths::TEMPLATES), text.as_bytes().to_vec());
    }
    let present = dossier.artifacts.iter().filter(|a| !a.sha256.is_empty());
    let evidence = present.map(|a| (a.path.clone(), a.sha256.clone(), a.bytes)).collect();
    Ok(Built { dossier, files: out, evidence })
}

impl Built {
    /// All files of the package by their path below `data/`; evidence is copied from `files` when it is written.
    #[must_use]
    pub fn payload<'a>(&self, files: &'a dyn Files) -> BTreeMap<String, Payload<'a>> {
        let made = self.files.iter().map(|(path, bytes)| (path.clone(), Payload::Bytes(bytes.clone())));
        let copied = self.evidence.iter().map(|(path, sha256, bytes)| {
            let file = Payload::File { files, path: path.clone(), sha256: sha256.clone(), bytes: *bytes };
            (format!("{}/{path}", paths::EVIDENCE), file)
        });
        made.chain(copied).collect()
    }
}

/// What made the package: name, version, digests of the templates used.
fn tool(templates: &Templates) -> Vec<u8> {
    let digests: BTreeMap<String, String> = templates.digests().into_iter().collect();
    let value = serde_json::json!({
        "schema": "quorate-tool/1",
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "templates": digests,
    });
    value.to_string().into_bytes()
}

/// The name of the package folder: `<service>-<version>`.
#[must_use]
pub fn package_name(dossier: &Dossier) -> String {
    format!("{}-{}", dossier.release.service, dossier.release.version)
}
