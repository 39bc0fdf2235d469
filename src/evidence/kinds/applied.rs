//! Applications to state machines.

use crate::evidence::record::{record, word_cell};
use crate::evidence::symbol::Sym;
use crate::evidence::table::Ns;
use crate::words::words;

words! {
    /// How a command came to be applied.
    enum ApplySource {
        /// As it was committed.
        Live = "live",
        /// In a replay after a restart.
        Replay = "replay",
    }
}
word_cell!(ApplySource);

record! {
    /// One application of a command to one member's state machine.
    "applied" as Application {
        /// Which member.
        "member" member: Sym,
        /// The log index or revision.
        "index" index: Option<i64>,
        /// The command.
        "command-id" command_id: Sym,
        /// When, in ns.
        "t" t: Option<Ns>,
        /// Live, or in a replay.
        "source" source: Option<ApplySource>,
    }
}
