//! The table of operators, family by family. A new operator is one row in one of these tables.
//!
//! An operator finds every place at which it can break one promise, and says which edits break it there. It must break the promise surely: what
//! is only unlikely, or lawful in another reading, is no violation, and a gate that let it pass would be right.

mod atomic_commit;
mod commands;
mod consistency;
mod declared;
mod fencing;
mod integrity;
mod log;
mod measures;
mod membership;
mod partition;
mod quorum;
mod recovery;
mod scenarios;
mod success;
mod telemetry;
mod votes;

use super::Operator;

const TABLES: &[&[Operator]] = &[
    declared::OPERATORS,
    quorum::OPERATORS,
    log::OPERATORS,
    membership::OPERATORS,
    fencing::OPERATORS,
    partition::OPERATORS,
    recovery::OPERATORS,
    commands::OPERATORS,
    consistency::OPERATORS,
    success::OPERATORS,
    measures::OPERATORS,
    telemetry::OPERATORS,
    scenarios::OPERATORS,
    atomic_commit::OPERATORS,
    votes::OPERATORS,
    integrity::OPERATORS,
];

/// All operators, in the order of the families of gates.
#[must_use]
pub fn operators() -> Vec<&'static Operator> {
    TABLES.iter().flat_map(|table| table.iter()).collect()
}
