//! Plots: SVG drawn with plotters, and the tables that stand beside them.
//!
//! In: the chart data of a dossier. Out: [`Chart`]s. All places are whole pixels computed from integers, so that every machine draws the
//! same. Refuses to know where a plot is shown.

mod budget;
mod canvas;
mod commits;
mod coverage;
mod duplicates;
mod example;
mod failover;
mod fencing;
mod frame;
mod latency;
mod percentiles;
mod scale;
mod takeover;

use crate::dossier::Dossier;
use crate::report::text::slug;

/// All plots that the evidence carries, in the order in which they stand on the page.
#[must_use]
pub fn all(dossier: &Dossier) -> Vec<Chart> {
    let data = &dossier.charts;
    let mut charts: Vec<Chart> = Vec::new();
    charts.extend(data.coverage.as_ref().and_then(coverage::coverage));
    charts.extend(each(&data.examples, example::example));
    charts.extend(each(&data.takeovers, takeover::takeover));
    charts.extend(each(&data.fencing, fencing::fencing));
    charts.extend(each(&data.commits, commits::commits));
    charts.extend(data.duplicates.as_ref().and_then(duplicates::duplicates));
    charts.extend(each(&data.latency, latency::latency));
    charts.extend(each(&data.percentiles, percentiles::percentiles));
    charts.extend(failover::failovers(&data.failovers));
    charts.extend(data.budget.as_ref().and_then(budget::budget));
    charts.sort_by_key(|c| c.section);
    charts
}

/// The plots of a list, numbered from 1.
fn each<'d, T>(list: &'d [T], plot: fn(usize, &'d T) -> Option<Chart>) -> impl Iterator<Item = Chart> {
    list.iter().enumerate().filter_map(move |(i, data)| plot(i + 1, data))
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
