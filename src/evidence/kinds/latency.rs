//! Latency distributions measured elsewhere.

use crate::evidence::record::record;
use crate::evidence::symbol::Sym;
use crate::evidence::table::Ns;

record! {
    /// One step of a latency distribution.
    "latency" as Bucket {
        /// Which operations.
        "op-class" op_class: Sym,
        /// Which window.
        "window" window: Option<Sym>,
        /// The latency at the step, in ns.
        "value" value: Ns,
        /// Operations at or below it.
        "count" count: i64,
    }
}
