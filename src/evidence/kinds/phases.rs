//! Phases of failovers.

use crate::evidence::record::{record, word_cell};
use crate::evidence::symbol::Sym;
use crate::evidence::table::Ns;
use crate::words::words;

words! {
    /// The phases of a failover, in order.
    enum PhaseName {
        /// From the fault to its detection.
        Detect = "detect",
        /// From detection to a new leader.
        Elect = "elect",
        /// From the new leader to confirmed fencing.
        Fence = "fence",
        /// From fencing to the first write served.
        CatchUp = "catch-up",
    }
}
word_cell!(PhaseName);

record! {
    /// One phase of one failover.
    "phases" as Phase {
        /// Which failover.
        "failover" failover: Sym,
        /// Which phase.
        "phase" phase: PhaseName,
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
