//! Plots as a page needs them.
//!
//! In: plots. Out: the words and data of those of one section. Refuses to know how they are drawn.

use super::Grid;
use crate::dossier::CoverageChart;
use crate::report::chart::Chart;
use crate::report::text::name;
use serde::Serialize;

/// A plot, with where its picture lies, its words, and its data as tables.
#[derive(Debug, Serialize)]
pub struct Plot {
    /// An id for the figure, unique on the page.
    anchor: String,
    src: String,
    title: String,
    desc: String,
    unit: String,
    note: String,
    width: u32,
    height: u32,
    tables: Vec<Grid>,
}

impl From<&Chart> for Plot {
    fn from(chart: &Chart) -> Self {
        Self {
            anchor: format!("plot-{}", chart.anchor),
            src: chart.file(),
            title: chart.title.clone(),
            desc: chart.desc.clone(),
            unit: chart.unit.clone(),
            note: chart.note.clone(),
            width: chart.size.0,
            height: chart.size.1,
            tables: chart.tables.iter().map(Grid::from).collect(),
        }
    }
}

/// The plots of a section; of the first page for 0.
pub(super) fn of(charts: &[Chart], section: usize) -> Vec<Plot> {
    charts.iter().filter(|c| usize::from(c.section) == section).map(Plot::from).collect()
}

/// The coverage matrix: failure models as rows, layers as columns.
#[derive(Debug, Serialize)]
pub struct Coverage {
    layers: Vec<&'static str>,
    rows: Vec<CoverageRow>,
    assumptions: Vec<Covered>,
    /// Tests that inject no fault.
    without_fault: Vec<String>,
}

/// One failure model.
#[derive(Debug, Serialize)]
pub struct CoverageRow {
    model: &'static str,
    /// One a layer, with the tests; an empty list is not covered.
    cells: Vec<Vec<String>>,
}

/// A declared fault assumption with the tests that cover it.
#[derive(Debug, Serialize)]
pub struct Covered {
    assumption: String,
    tests: Vec<String>,
}

pub(super) fn coverage(chart: &CoverageChart) -> Coverage {
    let names = |tests: &[String]| -> Vec<String> { tests.iter().map(|t| name(t)).collect() };
    let tests = |model: &str, layer: &str| {
        let cell = chart.cells.iter().find(|c| c.model == model && c.layer == layer);
        cell.map(|c| names(&c.tests)).unwrap_or_default()
    };
    let row = |model: &&'static str| CoverageRow { model, cells: chart.layers.iter().map(|l| tests(model, l)).collect() };
    Coverage {
        layers: chart.layers.clone(),
        rows: chart.models.iter().map(row).collect(),
        assumptions: chart
            .assumptions
            .iter()
            .map(|a| Covered { assumption: name(&a.assumption), tests: names(&a.tests) })
            .collect(),
        without_fault: names(&chart.without_fault),
    }
}
