//! Plots as a page needs them.
//!
//! In: plots. Out: the words and data of those of one section. Refuses to know how they are drawn.

use super::Grid;
use crate::report::chart::Chart;
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
