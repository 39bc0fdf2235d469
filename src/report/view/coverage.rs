//! Which faults were tried: assumptions, failure models by layer, rows of the partition matrix. Words and shapes, never colour.
//!
//! In: the tests of a dossier and whether their evidence is whole. Out: tables. Refuses to judge: the gates of the family `contract` do.

use super::Grid;
use crate::contract::{LAYERS, MODELS, PARTITIONS};
use crate::dossier::{Dossier, TestFacts};
use crate::report::text::{line, name};

/// All tables of coverage that this release has something to say in.
pub(super) fn tables(dossier: &Dossier) -> Vec<Grid> {
    [assumptions(dossier), models(dossier), partitions(dossier)].into_iter().flatten().collect()
}

/// The tests of the system. Those of an unprotected baseline cover nothing.
fn system(dossier: &Dossier) -> impl Iterator<Item = &TestFacts> + Clone {
    dossier.tests.iter().filter(|t| !t.baseline)
}

/// The tests that fit, each after a shape: a check where all of its files are whole, a question mark where one is not.
fn tried<'a>(dossier: &'a Dossier, fits: impl Fn(&TestFacts) -> bool, none: &str) -> String {
    let broken = |t: &TestFacts| dossier.artifacts.iter().any(|a| a.state != "whole" && a.tests.contains(&t.id));
    let word = |t: &'a TestFacts| {
        if broken(t) { format!("? {} (evidence not whole)", name(&t.id)) } else { format!("✔ {}", name(&t.id)) }
    };
    let tests: Vec<String> = system(dossier).filter(|t| fits(t)).map(word).collect();
    if tests.is_empty() {
        none.to_string()
    } else {
        line(&tests.join(", ")).replace("✔ ", "✔\u{a0}").replace("? ", "?\u{a0}")
    }
}

fn assumptions(dossier: &Dossier) -> Option<Grid> {
    let declared = dossier.charts.coverage.as_ref()?;
    let row = |assumption: &String| {
        let covers = |t: &TestFacts| t.model != "none" && t.covers.contains(assumption);
        vec![name(assumption), tried(dossier, covers, "✖ not covered by any test")]
    };
    let rows: Vec<Vec<String>> = declared.assumptions.iter().map(|a| row(&a.assumption)).collect();
    (!rows.is_empty())
        .then(|| Grid::new("Fault assumptions of the contract and the tests that try them", ["fault assumption", "tests"], rows))
}

fn models(dossier: &Dossier) -> Option<Grid> {
    let row = |model: &&str| {
        let cell = |layer: &&str| tried(dossier, |t| t.model == **model && t.layer == **layer, "– none");
        std::iter::once((*model).to_string()).chain(LAYERS.iter().map(cell)).collect()
    };
    let mut head = vec!["failure model".to_string()];
    head.extend(LAYERS.map(String::from));
    let any = system(dossier).next().is_some();
    let caption = "Fault-model coverage: failure model by the layer at which it was injected (✔ tested, ? evidence not whole, – not tested)";
    any.then(|| Grid::of(caption.into(), head, MODELS.iter().map(row).collect()))
}

fn partitions(dossier: &Dossier) -> Option<Grid> {
    let asked = dossier.gates.iter().any(|g| g.required && g.id.starts_with("partition.p"));
    let row = |(id, fault): &(&str, &str)| {
        let runs = |t: &TestFacts| t.partition.iter().any(|p| p == id);
        vec![(*id).to_string(), (*fault).to_string(), tried(dossier, runs, "✖ run by no test")]
    };
    let some = asked || system(dossier).any(|t| !t.partition.is_empty());
    some.then(|| {
        Grid::new(
            "Partition matrix: which test runs which row",
            ["row", "partition", "tests"],
            PARTITIONS.iter().map(row).collect(),
        )
    })
}
