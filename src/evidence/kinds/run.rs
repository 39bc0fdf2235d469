//! Load windows.

use crate::evidence::record::record;
use crate::evidence::table::Ns;

record! {
    /// The window in which load was offered.
    "run" as Run {
        /// The earliest start, in ns.
        "start-lo" start_lo: Ns,
        /// The latest start, in ns.
        "start-hi" start_hi: Ns,
        /// The earliest stop, in ns.
        "stop-lo" stop_lo: Ns,
        /// The latest stop, in ns.
        "stop-hi" stop_hi: Ns,
    } between start_lo .. start_hi, stop_lo .. stop_hi
}
