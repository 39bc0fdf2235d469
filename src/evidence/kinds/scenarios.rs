//! Injected scenarios.

use crate::evidence::record::{record, word_cell};
use crate::evidence::symbol::Sym;
use crate::evidence::table::{Micro, Ns};
use crate::words::words;

words! {
    /// What a scenario was run against.
    enum Subject {
        /// The system to be released.
        System = "system",
        /// The unprotected baseline.
        Baseline = "baseline",
    }
}
word_cell!(Subject);

record! {
    /// One injected scenario.
    "scenarios" as Scenario {
        /// Its id.
        "id" id: Sym,
        /// What was tested.
        "subject" subject: Subject,
        /// The fault.
        "fault" fault: Sym,
        /// The fault rate.
        "rate" rate: Option<Micro>,
        /// The seed.
        "seed" seed: Option<i64>,
        /// Commands applied more than once.
        "duplicates" duplicates: i64,
        /// Invariants violated.
        "violations" violations: i64,
        /// Time to recover, in ns.
        "recovery" recovery: Option<Ns>,
    }
}
