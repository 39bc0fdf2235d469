//! Attempts within operations.

use crate::evidence::record::{record, word_cell};
use crate::evidence::symbol::Sym;
use crate::evidence::table::Ns;
use crate::words::words;

words! {
    /// What a client knows of one attempt.
    enum AttemptResult {
        /// It took effect.
        Ok = "ok",
        /// It was refused and surely did not take effect.
        Fail = "fail",
        /// It may have taken effect.
        Unknown = "unknown",
        /// It never left the client.
        NotSent = "not-sent",
    }
}
word_cell!(AttemptResult);

record! {
    /// One attempt of one client operation.
    "attempts" as Attempt {
        /// Who called.
        "client" client: Sym,
        /// The logical process.
        "process" process: Option<Sym>,
        /// The command.
        "command-id" command_id: Sym,
        /// Which attempt, from 1; the order of records when left out.
        "attempt" attempt: Option<i64>,
        /// The member called.
        "member" member: Option<Sym>,
        /// When it was sent, in ns.
        "invoke" invoke: Ns,
        /// When its answer came, in ns.
        "return" returned: Option<Ns>,
        /// What the client was told.
        "result" result: AttemptResult,
        /// The error.
        "error" error: Option<Sym>,
    }
}
