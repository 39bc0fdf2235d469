//! What leaders know of members' logs.

use crate::evidence::record::record;
use crate::evidence::symbol::Sym;
use crate::evidence::table::Ns;

record! {
    /// One member's match index, as its leader saw it in one sample.
    "progress" as Progress {
        /// The earliest instant, in ns.
        "t-lo" t_lo: Ns,
        /// The latest instant, in ns.
        "t-hi" t_hi: Ns,
        /// The leader.
        "leader" leader: Sym,
        /// Its term.
        "term" term: i64,
        /// The commit index it reports.
        "commit-index" commit_index: i64,
        /// The member.
        "member" member: Sym,
        /// match_j: the highest index known to be on that member.
        "match-index" match_index: i64,
    } between t_lo .. t_hi
}
