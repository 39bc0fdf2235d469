//! The sequencing of a release, told top to bottom: texts → contract and matrix → evidence → gates → dossier → report → payload.
//!
//! In: texts, a way to open evidence, templates, a date. Out: the dossier and the bytes of every file of the package. The same function
//! serves `release` and `verify`, so that what is checked is what was made. Refuses to know the command line.

mod hints;
mod part;
mod recompute;
mod withhold;

pub use recompute::{Recomputed, Unseen, recompute};
pub use withhold::Withhold;

use crate::challenge;
use crate::contract::{Challenge as Asked, Contract, Lock, Matrix, lock_name, parse_contract, parse_matrix};
use crate::dossier::{self, Dossier};
use crate::error::{Error, ErrorKind, Fault};
use crate::evidence::read::{Files, read};
use crate::gate::{self, Profile, ReleaseCx};
use crate::package::{MAX_LOCK, Payload, folder, read_lock};
use crate::report::{self, Templates};
use crate::source::Sources;
use crate::store::sha256;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

/// Where files stand in a package, below `data/`.
pub mod paths {
    /// The dossier.
    pub const DECISION: &str = "decision.json";
    /// The contract.
    pub const CONTRACT: &str = "contract/contract.toml";
    /// The matrix.
    pub const MATRIX: &str = "contract/matrix.toml";
    /// The folder of the locks.
    pub const LOCK: &str = "lock";
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
    /// What was declared before the run; none until [`Plan::lock`] reads them.
    pub locks: Vec<Lock>,
    /// The files of the locks and their signatures, by path below `data/`.
    lock_files: BTreeMap<String, Vec<u8>>,
}

impl Plan {
    /// Reads the locks among the files of a folder: `lock-0001.json`, `lock-0001.json.sig` and so on. Other files are left alone.
    ///
    /// # Errors
    /// Every lock that cannot be read.
    pub fn lock(&mut self, files: &dyn Files, names: impl IntoIterator<Item = String>) -> Result<(), Error> {
        let mut names: BTreeSet<String> = names.into_iter().filter(|n| is_lock(n)).collect();
        // A run that was killed before it wrote its lock leaves a signature one past the chain; the next lock replaces it.
        let locks = names.iter().filter(|n| n.ends_with(".json")).count() as u64;
        names.remove(&format!("{}.sig", lock_name(locks + 1)));
        let mut faults = Vec::new();
        for name in &names {
            let bytes = match lock_bytes(files, name) {
                Ok(bytes) => bytes,
                Err(why) => {
                    faults.push(Fault::new(format!("lock `{name}` cannot be read: {why}")));
                    continue;
                }
            };
            if name.strip_suffix(".sig").is_some_and(|of| !names.contains(of)) {
                faults.push(Fault::new(format!("`{name}` signs a lock that is not there")));
            }
            if name.ends_with(".json") {
                match read_lock(name, &bytes, names.contains(&format!("{name}.sig"))) {
                    Ok(lock) => self.locks.push(lock),
                    Err(found) => faults.extend(found.into_iter().map(|why| Fault::new(format!("lock `{name}`: {why}")))),
                }
            }
            self.lock_files.insert(format!("{}/{name}", paths::LOCK), bytes);
        }
        if faults.is_empty() { Ok(()) } else { Err(Error { kind: ErrorKind::Contract, faults }) }
    }
}

/// Whether a name in the folder of the locks is that of a lock or of its signature.
#[must_use]
pub fn is_lock(name: &str) -> bool {
    let number = |name: &str| name.strip_prefix("lock-")?.strip_suffix(".json").map(str::to_string);
    number(name.strip_suffix(".sig").unwrap_or(name)).is_some_and(|n| n.len() == 4 && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The bytes of one file of a lock.
fn lock_bytes(files: &dyn Files, name: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let reader = files.open(name).map_err(|e| e.to_string())?.ok_or("it is not there")?;
    reader.take(MAX_LOCK + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > MAX_LOCK { Err(format!("it is longer than {MAX_LOCK} bytes")) } else { Ok(bytes) }
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
        (Ok(contract), Ok(matrix)) => {
            let unknown = challenge::bind(&contract);
            match gate::bind(&contract, &matrix) {
                Ok(profile) if unknown.is_empty() => Ok((contract, matrix, profile)),
                Ok(_) => Err(unknown),
                Err(faults) => Err(faults.into_iter().chain(unknown).collect()),
            }
        }
        (left, right) => Err(left.err().into_iter().chain(right.err()).flatten().collect()),
    };
    match bound {
        Ok((contract, matrix, profile)) => {
            Ok(Plan { sources, contract, matrix, profile, locks: Vec::new(), lock_files: BTreeMap::new() })
        }
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
    /// What is probably a slip; on no path to a verdict and in no file.
    pub hints: Vec<String>,
}

/// Challenges the gates of a plan on its evidence, as its contract asks, or with the settings that are left out there.
///
/// # Errors
/// Evidence that cannot be read, bindings that name what does not exist.
pub fn challenged(
    plan: &Plan,
    files: &dyn Files,
    (seed, mutants): (Option<u64>, Option<u64>),
    threads: usize,
) -> Result<challenge::Report, Error> {
    let evidence = read(&plan.matrix, files, threads)?;
    let digest = |i| Arc::<str>::from(sha256(plan.sources.get(i).text.as_bytes()));
    let digests = [digest(plan.contract.source), digest(plan.matrix.source)];
    let (contract, matrix, sources) = (&plan.contract, &plan.matrix, &plan.sources);
    let cx = ReleaseCx { contract, matrix, evidence: &evidence, sources, digests: &digests, locks: &plan.locks };
    let asked = contract.challenge.clone().unwrap_or_default();
    let asked = Asked { seed: seed.unwrap_or(asked.seed), mutants: mutants.unwrap_or(asked.mutants), ..asked };
    Ok(of(&cx, plan.profile, &asked, threads))
}

fn of(cx: &ReleaseCx<'_>, profile: &Profile, asked: &Asked, threads: usize) -> challenge::Report {
    let settings = challenge::Settings { seed: asked.seed, each: usize::try_from(asked.mutants).unwrap_or(1), threads };
    challenge::challenge(cx, &gate::gates(), profile, &challenge::operators(), settings).report(&asked.explained)
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
        locks: &plan.locks,
    };
    let outcomes = gate::judge(&cx, plan.profile);
    let challenged = plan.contract.challenge.as_ref().map(|asked| of(&cx, plan.profile, asked, threads));
    let newest = evidence.newest_wall_day();
    let weighed = newest.as_deref().into_iter().chain(date).max();
    let dossier = dossier::build(&dossier::Inputs {
        contract: &plan.contract,
        matrix: &plan.matrix,
        evidence: &evidence,
        profile: plan.profile,
        outcomes: &outcomes,
        challenge: challenged,
        digests: (&contract_sha, &matrix_sha),
        locks: &plan.locks,
        date: weighed,
    });
    let mut out = BTreeMap::new();
    out.insert(paths::DECISION.to_string(), dossier.canonical().map_err(|e| Error::plain(ErrorKind::Internal, e.to_string()))?);
    out.insert(paths::CONTRACT.to_string(), plan.sources.get(plan.contract.source).text.as_bytes().to_vec());
    out.insert(paths::MATRIX.to_string(), plan.sources.get(plan.matrix.source).text.as_bytes().to_vec());
    out.insert(paths::TOOL.to_string(), tool(templates));
    out.extend(plan.lock_files.clone());
    for (path, bytes) in report::render(&dossier, templates)? {
        out.insert(format!("{}/{path}", paths::REPORT), bytes);
    }
    for (name, text) in templates.overrides() {
        out.insert(format!("{}/{name}", paths::TEMPLATES), text.as_bytes().to_vec());
    }
    let present = dossier.artifacts.iter().filter(|a| !a.sha256.is_empty());
    let copied = present.map(|a| (a.path.clone(), a.sha256.clone(), a.bytes)).collect();
    let hints = hints::apart(&evidence);
    Ok(Built { dossier, files: out, evidence: copied, hints })
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
        "schema": crate::package::TOOL_SCHEMA,
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "templates": digests,
    });
    value.to_string().into_bytes()
}

/// The name of the package folder: `<service>-<version>`.
#[must_use]
pub fn package_name(contract: &Contract) -> String {
    folder(&contract.release.service, &contract.release.version)
}
