//! Grants of authority.

use crate::evidence::record::record;
use crate::evidence::symbol::Sym;
use crate::evidence::table::Ns;

record! {
    /// One grant of authority over a resource.
    "epochs" as Grant {
        /// When, in ns.
        "t" t: Ns,
        /// The resource's own order of decisions.
        "seq" seq: Option<i64>,
        /// Which resource.
        "resource" resource: Sym,
        /// What it is granted for, when each job has epochs of its own.
        "job" job: Option<Sym>,
        /// To whom.
        "holder" holder: Option<Sym>,
        /// The epoch or token.
        "epoch" epoch: i64,
        /// When it lapses, in ns.
        "lease-until" lease_until: Option<Ns>,
    }
}
