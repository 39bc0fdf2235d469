//! Samples of members.

use crate::evidence::record::{record, word_cell};
use crate::evidence::symbol::{Sym, Syms};
use crate::evidence::table::Ns;
use crate::words::words;

words! {
    /// The role of a member.
    enum Role {
        /// It leads.
        Leader = "leader",
        /// It follows.
        Follower = "follower",
        /// It asks for votes.
        Candidate = "candidate",
        /// It receives the log without a vote.
        Learner = "learner",
    }
}
word_cell!(Role);

record! {
    /// One sample of one member.
    "members" as Sample {
        /// The earliest instant it describes, in ns.
        "t-lo" t_lo: Ns,
        /// The latest instant, in ns.
        "t-hi" t_hi: Ns,
        /// Which member.
        "member" member: Sym,
        /// Its role.
        "role" role: Option<Role>,
        /// The leader it names.
        "leader" leader: Option<Sym>,
        /// Its term.
        "term" term: Option<i64>,
        /// The first index its log still holds.
        "first-index" first_index: Option<i64>,
        /// The last index of its log.
        "last-index" last_index: Option<i64>,
        /// Its commit index.
        "commit-index" commit_index: Option<i64>,
        /// The last index it applied.
        "applied-index" applied_index: Option<i64>,
        /// The index its last snapshot covers.
        "snapshot-index" snapshot_index: Option<i64>,
        /// The version of its membership configuration.
        "config-version" config_version: Option<i64>,
        /// The voting members it knows.
        "voters" voters: Option<Syms>,
        /// Whether it answered.
        "reachable" reachable: Option<bool>,
        /// Whether it says that it serves.
        "serving" serving: Option<bool>,
    } between t_lo .. t_hi
}
