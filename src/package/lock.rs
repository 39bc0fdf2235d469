//! The file of a lock: canonical JSON, read as strictly as it is written.
//!
//! In: the bytes of a lock, or what goes into one. Out: [`Lock`], or every fault; or the bytes. Refuses to know chains and folders.

use super::strict_json;
use crate::contract::Lock;
use crate::store::sha256;
use serde_json::{Value, json};

/// The version of the format.
const SCHEMA: &str = "quorate-lock/1";

/// The most bytes of a lock.
pub const MAX_LOCK: u64 = 1 << 20;

/// The bytes of a lock. Its path, digest and signature are not in it.
#[must_use]
pub fn render_lock(lock: &Lock) -> Vec<u8> {
    let digest = |hex: &String| format!("sha256:{hex}");
    let seeds: Vec<Value> = lock.seeds.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let value = json!({
        "schema": SCHEMA,
        "sequence": lock.sequence,
        "previous": lock.previous.as_ref().map(digest),
        "nonce": lock.nonce,
        "contract": digest(&lock.contract),
        "matrix": digest(&lock.matrix),
        "seeds": seeds,
        "reason": lock.reason,
    });
    value.to_string().into_bytes()
}

/// Reads a lock.
///
/// # Errors
/// One sentence a fault.
pub fn read_lock(path: &str, bytes: &[u8], signed: bool) -> Result<Lock, Vec<String>> {
    let value = strict_json::read_canonical(bytes)?;
    let mut faults = Vec::new();
    let mut text = |key: &str| match &value[key] {
        Value::String(text) if !text.trim().is_empty() => text.clone(),
        _ => {
            faults.push(format!("`{key}` is not a text"));
            String::new()
        }
    };
    let schema = text("schema");
    let digests: Vec<String> = ["contract", "matrix"].map(&mut text).into();
    let nonce = text("nonce");
    let previous = if value["previous"].is_null() { None } else { Some(text("previous")) };
    let reason = if value["reason"].is_null() { None } else { Some(text("reason")) };
    if schema != SCHEMA {
        faults.push(format!("schema {schema:?} is not known; this version reads {SCHEMA:?}"));
    }
    let mut digest = |text: &str| {
        let hex = text.strip_prefix("sha256:").filter(|h| is_hex(h) && h.len() == 64);
        if hex.is_none() {
            faults.push(format!("{text:?} is no digest such as sha256:…"));
        }
        hex.unwrap_or_default().to_string()
    };
    let (contract, matrix) = (digest(&digests[0]), digest(&digests[1]));
    let previous = previous.map(|p| digest(&p));
    if !is_nonce(&nonce) {
        faults.push("`nonce` is not 32 to 128 hex digits".into());
    }
    if previous.is_some() && reason.is_none() {
        faults.push("it follows another lock and does not say why".into());
    }
    let sequence = value["sequence"].as_u64().filter(|n| (1..=9999).contains(n));
    let sequence = sequence.unwrap_or_else(|| {
        faults.push("`sequence` is not a number from 1 to 9999".into());
        0
    });
    let seed = |v: &Value| Some((v["name"].as_str()?.to_string(), v["value"].as_str()?.to_string()));
    let seeds: Option<Vec<(String, String)>> = value["seeds"].as_array().and_then(|list| list.iter().map(seed).collect());
    if seeds.is_none() {
        faults.push("`seeds` is not a list of names and values".into());
    }
    let seeds = seeds.unwrap_or_default();
    let lock =
        Lock { path: path.into(), sha256: sha256(bytes), sequence, previous, nonce, contract, matrix, seeds, reason, signed };
    if faults.is_empty() && render_lock(&lock) != bytes {
        faults.push("it holds more than a lock has".into());
    }
    if faults.is_empty() { Ok(lock) } else { Err(faults) }
}

/// Whether a text can be a nonce: 32 to 128 lower-case hex digits.
#[must_use]
pub fn is_nonce(text: &str) -> bool {
    is_hex(text) && (32..=128).contains(&text.len())
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        Lock {
            path: "lock-0002.json".into(),
            sha256: String::new(),
            sequence: 2,
            previous: Some("a".repeat(64)),
            nonce: "0123456789abcdef".repeat(2),
            contract: "b".repeat(64),
            matrix: "c".repeat(64),
            seeds: vec![("load".into(), "42".into())],
            reason: Some("the load generator was too slow".into()),
            signed: false,
        }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let bytes = render_lock(&lock());
        let read = read_lock("lock-0002.json", &bytes, true).unwrap();
        assert_eq!(read, Lock { sha256: sha256(&bytes), signed: true, ..lock() });
    }

    #[test]
    fn other_texts_are_refused() {
        let text = String::from_utf8(render_lock(&lock())).unwrap();
        let fault = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            read_lock("x", text.replacen(from, to, 1).as_bytes(), false).unwrap_err().join("; ")
        };
        assert!(fault("lock/1", "lock/2").contains("is not known"));
        assert!(fault("sha256:bbbb", "sha256:BBBB").contains("no digest"));
        assert!(fault("\"0123", "\"X123").contains("nonce"));
        assert!(fault("\"sequence\":2", "\"sequence\":0").contains("sequence"));
        assert!(fault("\"sequence\":2", "\"sequence\":2,\"zeal\":1").contains("holds more"));
        assert!(fault("\"the load generator was too slow\"", "null").contains("does not say why"));
        assert!(fault("\"value\":\"42\"", "\"value\":42").contains("seeds"));
        assert!(fault("{", "{ ").contains("canonical"));
    }
}
