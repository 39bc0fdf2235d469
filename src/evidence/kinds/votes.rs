//! Votes and decisions.

use crate::evidence::record::record;
use crate::evidence::symbol::{Sym, Val};
use crate::evidence::table::Ns;

record! {
    /// One vote or decision of one participant.
    "votes" as Vote {
        /// When, in ns.
        "t" t: Option<Ns>,
        /// The transaction or unit.
        "unit" unit: Sym,
        /// Who.
        "participant" participant: Sym,
        /// What it voted or put out.
        "vote" vote: Option<Val>,
        /// What was decided.
        "decision" decision: Option<Val>,
    }
}
