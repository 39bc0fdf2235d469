//! Log entries.

use crate::evidence::record::{record, word_cell};
use crate::evidence::symbol::Sym;
use crate::words::words;

words! {
    /// What became of a log entry.
    enum EntryState {
        /// In the log, not known to be committed.
        Appended = "appended",
        /// Committed.
        Committed = "committed",
        /// Overwritten or cut off.
        Discarded = "discarded",
    }
}
word_cell!(EntryState);

record! {
    /// One log entry at one member.
    "log" as Entry {
        /// Which member.
        "member" member: Sym,
        /// Its index.
        "index" index: i64,
        /// Its term.
        "term" term: i64,
        /// The command; absent for entries of the protocol.
        "command-id" command_id: Option<Sym>,
        /// What became of it.
        "state" state: EntryState,
    }
}
