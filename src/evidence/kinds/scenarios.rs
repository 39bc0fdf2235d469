//! Injected scenarios.

use crate::contract::Subject;
use crate::evidence::record::{record, word_cell};
use crate::evidence::symbol::{Sym, Syms};
use crate::evidence::table::{Micro, Ns};

word_cell!(Subject);

record! {
    /// One injected scenario. What it did is recomputed from the records of its commands and faults; duplicates, violations and recovery are what its
    /// driver claims, and are compared.
    "scenarios" as Scenario {
        /// Its id.
        "id" id: Sym,
        /// What was tested: system or baseline, as its test.
        "subject" subject: Option<Subject>,
        /// The fault: crash, stale-takeover, retry-storm, timeout-burst, duplicate-submission, partial-write, or another; absent or none
        /// when the scenario ran undisturbed.
        "fault" fault: Option<Sym>,
        /// The fault rate.
        "rate" rate: Option<Micro>,
        /// The seed; two scenarios of one fault, rate and seed count as one run.
        "seed" seed: Option<i64>,
        /// The commands that it submitted.
        "commands" commands: Option<Syms>,
        /// The ids of its faults among the records of faults.
        "injections" injections: Option<Syms>,
        /// Commands applied more than once, as its driver claims.
        "duplicates" duplicates: Option<i64>,
        /// Invariants violated, as its driver claims.
        "violations" violations: Option<i64>,
        /// Time to recover in ns, as its driver claims.
        "recovery" recovery: Option<Ns>,
    }
}
