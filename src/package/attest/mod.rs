//! Attestations: who vouches for a package, and whether a trust file lets them.
//!
//! In: a package's digests and decision, a key to sign with, or a trust file to check by. Out: the files of `attest/`, and three lines on
//! who signed, whether they may, and when. Keys are Ed25519 keys of OpenSSH. Trust comes from the trust file, never from the package.
//! The curve, the key formats and the SSH signature are of the `ssh-key` crate; only the pre-authentication encoding of DSSE is written
//! out here. Refuses to know clocks, folders and command lines.

mod check;
mod dsse;
mod key;
mod krl;
mod lines;
mod sign;
mod sshsig;
mod statement;
mod trust;

pub use check::check;
pub use key::{Key, KeyId, Refused, Sign};
pub use krl::Revoked;
pub use lines::{Attested, Policy};
pub use sign::{Attestations, Opinion, countersign, endorse, lock_signer, sign_lock};
pub use statement::Subject;
pub use trust::{Instant, Signers};

use crate::words::words;

/// The folder of attestations in a package, outside its root digest.
pub const FOLDER: &str = "attest";

/// The most bytes of one file in `attest/` that are read.
pub const MAX_FILE: u64 = 256 << 20;

words! {
    /// What a key signs as. The word is also the end of the namespace of its SSH signatures, such as `quorate-release`.
    enum Role {
        /// Made the package and stands by it.
        Release = "release",
        /// Declared the contract before the run.
        Lock = "lock",
        /// Looked at the package and concurs or dissents.
        Audit = "audit",
    }
}

impl Role {
    /// The namespace of SSH signatures made in this role.
    #[must_use]
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Release => "quorate-release",
            Self::Lock => "quorate-lock",
            Self::Audit => "quorate-audit",
        }
    }
}
