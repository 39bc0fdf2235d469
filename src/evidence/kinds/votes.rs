//! Votes and decisions.

use crate::evidence::record::{record, word_cell};
use crate::evidence::symbol::{Sym, Val};
use crate::evidence::table::Ns;
use crate::words::words;

words! {
    /// The part that somebody has in a vote.
    enum VoteRole {
        /// Votes, and follows the decision.
        Participant = "participant",
        /// Gathers the votes and decides.
        Coordinator = "coordinator",
    }
}
word_cell!(VoteRole);

record! {
    /// One vote or decision of one participant or coordinator: in atomic commitment, on redundant outputs, or in an agreement.
    "votes" as Vote {
        /// When, in ns.
        "t" t: Option<Ns>,
        /// The transaction or unit.
        "unit" unit: Sym,
        /// Who.
        "participant" participant: Sym,
        /// participant or coordinator; participant when left out.
        "role" role: Option<VoteRole>,
        /// The round, where a unit has several.
        "round" round: Option<i64>,
        /// To whom it was told; a participant that tells two receivers two things equivocates.
        "to" to: Option<Sym>,
        /// What it voted or put out; in atomic commitment commit, abort or timeout (it was asked and did not answer in time).
        "vote" vote: Option<Val>,
        /// What it took as decided; in atomic commitment commit or abort.
        "decision" decision: Option<Val>,
        /// What a sound unit would have put out.
        "correct" correct: Option<Val>,
    }
}
