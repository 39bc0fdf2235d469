//! Injected faults.

use crate::evidence::record::record;
use crate::evidence::symbol::{Sym, Syms};
use crate::evidence::table::Ns;

record! {
    /// One injected fault.
    "faults" as Injection {
        /// Its id.
        "id" id: Sym,
        /// What was done.
        "fault" fault: Sym,
        /// Its failure model.
        "model" model: Option<Sym>,
        /// What it struck.
        "targets" targets: Syms,
        /// The layer.
        "layer" layer: Option<Sym>,
        /// How.
        "method" method: Option<Sym>,
        /// The earliest start, in ns.
        "start-lo" start_lo: Ns,
        /// The latest start, in ns.
        "start-hi" start_hi: Ns,
        /// The earliest stop, in ns; absent when it never stopped.
        "stop-lo" stop_lo: Option<Ns>,
        /// The latest stop, in ns.
        "stop-hi" stop_hi: Option<Ns>,
    } between start_lo .. start_hi, stop_lo .. stop_hi
}
