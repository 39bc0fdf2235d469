//! The release package: a BagIt bag that names every byte it holds by digest, and the checks of it.
//!
//! In: payload by path. Out: a package on disk ([`Bag`], [`write()`]), and of a package on disk whether it is whole ([`open`]), whether it
//! equals what was made again ([`compare`]), and the printout of both ([`Verification`]). Refuses to know gates and pages; it judges
//! nothing.
//!
//! What a signature adds goes into `attest/`, outside the root digest: see [`attest`].

mod add;
mod archive;
pub mod attest;
mod bag;
mod contents;
mod decision;
mod harm;
mod lock;
mod manifest;
mod path;
mod references;
mod strict_json;
mod tool;
mod ustar;
mod verification;
mod verify;
mod walk;
mod write;

pub use add::{Held, add};
pub use archive::is_archive;
pub use bag::{Bag, Info, Payload};
pub use contents::{Below, Contents};
pub use decision::{Facts, folder, read as read_decision};
pub use harm::{Damage, Harm};
pub use lock::{MAX_LOCK, is_nonce, read_lock, render_lock};
pub use references::{EvidenceState, Reason, Reference};
pub use tool::{SCHEMA as TOOL_SCHEMA, template_digests};
pub use verification::{Line, Mark, Verification};
pub use verify::{Difference, DifferenceKind, Seen, Verified, compare, open, open_within};
pub use write::{Mode, is_package, write, write_as};

/// How much a package may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files and folders.
    pub files: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Folders below each other.
    pub depth: usize,
    /// Bytes of a manifest or of decision.json.
    pub text: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { files: 100_000, bytes: 1 << 40, depth: 32, text: 256 << 20 }
    }
}
