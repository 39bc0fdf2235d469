//! Locks: what was declared before a run, each naming the one before it.
//!
//! In: locks as they were read. Out: what is wrong with their chain. Evidence that holds a lock's digest was made after the lock, and the lock
//! holds the digests of contract and matrix: the order follows from the digests, without a clock. Refuses to know files and signatures.

/// A declaration of contract and matrix, made before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Its path below the package's `data/lock/`, such as `lock-0001.json`.
    pub path: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its number, from 1.
    pub sequence: u64,
    /// SHA-256 of the lock before it, in hex; none for the first.
    pub previous: Option<String>,
    /// Chance, so that nobody can know the digest before the lock is made.
    pub nonce: String,
    /// SHA-256 of the contract, in hex.
    pub contract: String,
    /// SHA-256 of the matrix, in hex.
    pub matrix: String,
    /// Seeds of the runs: name and value.
    pub seeds: Vec<(String, String)>,
    /// Why it was locked again; none for the first.
    pub reason: Option<String>,
    /// Whether a signature lies beside it.
    pub signed: bool,
}

/// What is wrong with a chain of locks, in the order of their numbers: one sentence a fault, with the path of the lock.
#[must_use]
pub fn chain_faults(locks: &[Lock]) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    for (i, lock) in locks.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| &locks[i]);
        let mut fault = |why: String| faults.push((lock.path.clone(), why));
        if lock.sequence != i as u64 + 1 {
            fault(format!("its sequence is {} and must be {}", lock.sequence, i + 1));
        }
        if lock.path != name(lock.sequence) {
            fault(format!("lock {} must be named {}", lock.sequence, name(lock.sequence)));
        }
        if lock.previous.as_deref() != before.map(|b| b.sha256.as_str()) {
            let shown = |digest: Option<&str>| digest.map_or("no lock".to_string(), |d| format!("sha256:{d}"));
            let (named, is) = (shown(lock.previous.as_deref()), shown(before.map(|b| b.sha256.as_str())));
            fault(format!("it follows {named}, and the lock before it is {is}"));
        }
    }
    faults
}

/// The file name of a lock.
#[must_use]
pub fn name(sequence: u64) -> String {
    format!("lock-{sequence:04}.json")
}
