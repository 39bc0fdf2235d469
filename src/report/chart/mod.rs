//! Plots: SVG drawn with plotters, and the tables that stand beside them.
//!
//! In: the chart data of a dossier. Out: [`Chart`]s. All places are whole pixels computed from integers, so that every machine draws the
//! same. Refuses to know where a plot is shown.

pub(super) mod canvas;
mod failover;
mod latency;
mod scale;

use crate::dossier::Dossier;
use crate::report::text::slug;

/// All plots that the evidence carries, in the order in which they stand on the page.
#[must_use]
pub fn all(dossier: &Dossier) -> Vec<Chart> {
    let data = &dossier.charts;
    let mut charts: Vec<Chart> = Vec::new();
    charts.extend(data.latency.iter().enumerate().filter_map(|(i, c)| latency::latency(i + 1, c)));
    charts.extend(failover::failovers(&data.failovers));
    charts.sort_by_key(|c| c.section);
    charts
}

/// A plot with its words and its data.
#[derive(Debug, Clone)]
pub struct Chart {
    /// The section of the report in which it stands, 1 to 10; 0 for the first page.
    pub section: u8,
    /// Its name among the plots: of lower case letters, digits, dots and hyphens.
    pub anchor: String,
    /// What it shows.
    pub title: String,
    /// What is to be seen, for those who cannot see it.
    pub desc: String,
    /// What is measured along the axes, in which unit.
    pub unit: String,
    /// How much of the data is shown.
    pub note: String,
    /// The picture.
    pub svg: String,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// The data.
    pub tables: Vec<Table>,
}

/// A table of words.
#[derive(Debug, Clone)]
pub struct Table {
    /// What it holds.
    pub caption: String,
    /// The column heads.
    pub head: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

/// The name of a plot of one test, numbered.
fn anchor(what: &str, number: usize, test: &str) -> String {
    format!("{what}-{number:02}-{}", slug(test)).trim_end_matches('-').to_string()
}

/// A table from borrowed heads.
pub(super) fn table(caption: impl Into<String>, head: &[&str], rows: Vec<Vec<String>>) -> Table {
    Table { caption: caption.into(), head: head.iter().map(|h| (*h).to_string()).collect(), rows }
}

impl Chart {
    /// Its path below the report.
    #[must_use]
    pub fn file(&self) -> String {
        format!("charts/{}.svg", self.anchor)
    }
}
