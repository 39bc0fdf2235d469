//! Decisions of protected resources.

use crate::evidence::record::{record, word_cell};
use crate::evidence::symbol::Sym;
use crate::evidence::table::Ns;
use crate::words::words;

words! {
    /// What a resource did with a command.
    enum Ruling {
        /// It took effect.
        Accepted = "accepted",
        /// It was refused.
        Rejected = "rejected",
    }
}
word_cell!(Ruling);

record! {
    /// One decision of the protected resource.
    "fencing" as Decision {
        /// When, in ns.
        "t" t: Ns,
        /// The resource's own order of decisions.
        "seq" seq: Option<i64>,
        /// Which resource.
        "resource" resource: Sym,
        /// What the command works on, when each job has epochs of its own.
        "job" job: Option<Sym>,
        /// The command.
        "command-id" command_id: Option<Sym>,
        /// Who asked.
        "holder" holder: Option<Sym>,
        /// Who held authority at that moment.
        "leader" leader: Option<Sym>,
        /// E_request: the epoch or token of the request.
        "epoch" epoch: i64,
        /// E_current at that moment.
        "current-epoch" current_epoch: Option<i64>,
        /// What the resource did.
        "outcome" outcome: Ruling,
        /// Why.
        "reason" reason: Option<Sym>,
        /// The clock of the resource.
        "time-source" time_source: Option<Sym>,
    }
}
