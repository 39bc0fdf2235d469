//! `quorate lock`: declares contract and matrix before the run.
//!
//! In: contract, matrix and the locks that are there. Out: one more lock, whose digest the evidence must hold.

use super::release::{Texts, locks_of};
use super::{Exit, Failure, Io, key};
use crate::contract::{Lock, chain_faults, lock_name};
use crate::error::{Error, ErrorKind, Fault};
use crate::package::attest::sign_lock;
use crate::package::{Held, MAX_LOCK, is_nonce, render_lock};
use crate::release::Plan;
use crate::store::sha256;
use crate::words::hex;
use ssh_key::rand_core::{OsRng, RngCore};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Arguments of `quorate lock`.
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
    /// A seed of the runs, to be held by the lock; may be given several times
    #[arg(long = "seed", value_name = "NAME=VALUE")]
    seeds: Vec<String>,
    /// Why it is locked again; needed for every lock after the first
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The nonce, 32 to 128 hex digits, so that the same lock can be made again; chance from the system when left out
    #[arg(long, value_name = "HEX")]
    nonce: Option<String>,
    /// Sign the lock: an OpenSSH Ed25519 private key, or the public one of a key that ssh-agent holds
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Failure> {
    let nonce = nonce(args.nonce.as_deref())?;
    let seeds = args.seeds.iter().map(|s| seed(s)).collect::<Result<Vec<_>, _>>()?;
    let mut names = BTreeSet::new();
    if let Some((name, _)) = seeds.iter().find(|(name, _)| !names.insert(name)) {
        return Err(Error::plain(ErrorKind::Usage, format!("--seed {name:?} is given twice")).into());
    }
    let key = args.key.as_deref().map(|path| key::load(path, io)).transpose()?;
    let texts = Texts { contract: &args.contract, matrix: args.matrix.as_deref(), locks: args.locks.as_deref() };
    // What is wrong with contract or matrix is told before anything is made; the chain is read again while no other run can add to it.
    texts.plan()?;
    let folder = locks_of(&args.contract, args.locks.as_deref());
    let held = Held::folder(&folder)?;
    let plan = texts.plan()?;
    let lock = next(&plan, args.reason.clone(), nonce, seeds)?;
    let bytes = render_lock(&lock);
    if bytes.len() as u64 > MAX_LOCK {
        return Err(
            Error::plain(ErrorKind::Usage, format!("the lock would be longer than {MAX_LOCK} bytes: name fewer seeds")).into()
        );
    }
    let path = folder.join(&lock.path);
    // The signature comes first: a run that is killed in between leaves no lock, and the next one replaces the signature.
    if let Some(key) = &key {
        held.put(&format!("{}.sig", lock.path), &sign_lock(&bytes, key.as_ref())?, true)?;
    }
    held.put(&lock.path, &bytes, false)?;
    let digest = format!("sha256:{}", sha256(&bytes));
    if args.json {
        let out = serde_json::json!({ "schema": "quorate-locked/1", "digest": digest, "path": path, "sequence": lock.sequence });
        io.print(&format!("{out}\n"))?;
    } else {
        let signed = if key.is_some() { "signed" } else { "not signed" };
        io.print(&format!("lock     {} ({signed})\ndigest   {digest}\n", path.display()))?;
    }
    Ok(Exit::Done)
}

/// The lock after those that are there.
fn next(plan: &Plan, reason: Option<String>, nonce: String, seeds: Vec<(String, String)>) -> Result<Lock, Error> {
    let broken = chain_faults(&plan.locks);
    if !broken.is_empty() {
        let faults = broken.into_iter().map(|(path, why)| Fault::new(format!("the chain of locks is broken: {path}: {why}")));
        return Err(Error { kind: ErrorKind::Contract, faults: faults.collect() });
    }
    let sequence = plan.locks.len() as u64 + 1;
    let before = plan.locks.last();
    if before.is_some() && reason.as_deref().is_none_or(|r| r.trim().is_empty()) {
        let fault = Fault::new(format!("this is lock {sequence}: it must say why it is locked again"));
        return Err(Error::one(ErrorKind::Usage, fault.help("--reason \"…\"; readers of the report see it")));
    }
    let digest = |source| sha256(plan.sources.get(source).text.as_bytes());
    Ok(Lock {
        path: lock_name(sequence),
        sha256: String::new(),
        sequence,
        previous: before.map(|b| b.sha256.clone()),
        nonce,
        contract: digest(plan.contract.source),
        matrix: digest(plan.matrix.source),
        seeds,
        reason: reason.filter(|r| !r.trim().is_empty()),
        signed: false,
    })
}

fn nonce(given: Option<&str>) -> Result<String, Error> {
    match given {
        Some(text) if is_nonce(text) => Ok(text.to_string()),
        Some(text) => Err(Error::plain(ErrorKind::Usage, format!("--nonce {text:?} is not 32 to 128 lower-case hex digits"))),
        None => {
            let mut bytes = [0; 16];
            let filled = OsRng.try_fill_bytes(&mut bytes);
            filled.map_err(|e| Error::plain(ErrorKind::Internal, format!("the system gives no chance: {e}")))?;
            Ok(hex(&bytes))
        }
    }
}

fn seed(text: &str) -> Result<(String, String), Error> {
    let parts = text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
    let parts = parts.map(|(name, value)| (name.to_string(), value.to_string()));
    parts
        .filter(|(name, value)| !name.chars().chain(value.chars()).any(char::is_control))
        .ok_or_else(|| Error::plain(ErrorKind::Usage, format!("--seed {text:?} is not NAME=VALUE")))
}
