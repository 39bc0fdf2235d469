//! Recoveries of members.

use crate::evidence::record::record;
use crate::evidence::symbol::Sym;
use crate::evidence::table::Ns;

record! {
    /// One recovery of one member.
    "replay" as Recovery {
        /// Which member.
        "member" member: Sym,
        /// C_snapshot: the index its snapshot covers.
        "snapshot-index" snapshot_index: i64,
        /// C_commit when it began.
        "commit-index" commit_index: i64,
        /// When the replay began, in ns.
        "started" started: Ns,
        /// When it ended, in ns.
        "finished" finished: Option<Ns>,
        /// When the member first served, in ns.
        "serving" serving: Option<Ns>,
        /// How many entries were replayed.
        "entries" entries: Option<i64>,
    }
}
