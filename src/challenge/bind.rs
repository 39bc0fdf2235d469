//! Binds the names of operators and gates in explanations to what exists.

use super::operators;
use crate::contract::Contract;
use crate::error::{Fault, unknown};
use crate::gate::gates;

/// Faults for every name that is unknown.
#[must_use]
pub fn bind(contract: &Contract) -> Vec<Fault> {
    let explained = contract.challenge.iter().flat_map(|c| &c.explained);
    let mut faults = Vec::new();
    for one in explained {
        if let Some(operator) = &one.operator {
            faults.extend(unknown(operator, "operator", operators().iter().map(|o| o.id)));
        }
        if let Some(gate) = &one.gate {
            faults.extend(unknown(gate, "gate", gates().iter().map(|g| g.id)));
        }
    }
    faults
}
