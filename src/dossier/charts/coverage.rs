//! Which failure models were tried at which layer, and which tests cover each declared assumption.

use crate::contract::{Contract, LAYERS, MODELS, Matrix};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The coverage matrix.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CoverageChart {
    /// All failure models, from mild to grave.
    pub models: Vec<&'static str>,
    /// All layers.
    pub layers: Vec<&'static str>,
    /// Where there is a test.
    pub cells: Vec<CoverageCell>,
    /// The declared fault assumptions.
    pub assumptions: Vec<AssumptionRow>,
    /// Tests of the system that inject no fault.
    pub without_fault: Vec<String>,
}

/// The tests of one failure model at one layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CoverageCell {
    /// The model.
    pub model: &'static str,
    /// The layer.
    pub layer: &'static str,
    /// The tests.
    pub tests: Vec<String>,
}

/// One declared fault assumption.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AssumptionRow {
    /// Its words.
    pub assumption: String,
    /// The tests with a fault that cover it.
    pub tests: Vec<String>,
}

/// The matrix; none when no test injects a fault and no assumption is declared.
pub(super) fn of(contract: &Contract, matrix: &Matrix) -> Option<CoverageChart> {
    let mut cells = Vec::new();
    for model in MODELS {
        for layer in LAYERS {
            let here = matrix.of_system().filter(|t| t.model == model && t.layer == layer);
            let tests: Vec<String> = here.map(|t| t.id.value.clone()).collect();
            if !tests.is_empty() {
                cells.push(CoverageCell { model, layer, tests });
            }
        }
    }
    let mut covers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for test in matrix.of_system().filter(|t| t.model != "none") {
        let named: BTreeSet<&str> = test.covers.iter().map(|c| c.value.as_str()).collect();
        named.into_iter().for_each(|c| covers.entry(c).or_default().push(test.id.value.clone()));
    }
    let covering = |assumption: &str| covers.get(assumption).cloned().unwrap_or_default();
    let declared = contract.cluster.fault_assumptions.iter();
    let assumptions: Vec<AssumptionRow> =
        declared.map(|a| AssumptionRow { assumption: a.value.clone(), tests: covering(&a.value) }).collect();
    let without_fault = matrix.of_system().filter(|t| t.model == "none").map(|t| t.id.value.clone()).collect();
    let some = !cells.is_empty() || !assumptions.is_empty();
    some.then(|| CoverageChart { models: MODELS.to_vec(), layers: LAYERS.to_vec(), cells, assumptions, without_fault })
}
