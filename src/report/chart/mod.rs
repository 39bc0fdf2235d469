//! Plots: SVG drawn with plotters, and the tables that stand beside them.
//!
//! In: the chart data of a dossier. Out: [`Chart`]s. All places are whole pixels computed from integers, so that every machine draws the
//! same. Refuses to know where a plot is shown.

pub(super) mod canvas;
mod failover;
mod latency;
mod scale;

pub use failover::failovers;
pub use latency::latency;

/// A plot with its words and its data.
#[derive(Debug, Clone)]
pub struct Chart {
    /// File name below `charts/`.
    pub file: String,
    /// What it shows.
    pub title: String,
    /// What is to be seen, for those who cannot see it.
    pub desc: String,
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

/// A table from borrowed heads.
pub(super) fn table(caption: impl Into<String>, head: &[&str], rows: Vec<Vec<String>>) -> Table {
    Table { caption: caption.into(), head: head.iter().map(|h| (*h).to_string()).collect(), rows }
}
