//! Samples of series.

use crate::evidence::record::{record, word_cell};
use crate::evidence::symbol::Sym;
use crate::evidence::table::{Micro, Ns};
use crate::words::words;

words! {
    /// The kind of a series.
    enum SeriesType {
        /// Only rises.
        Counter = "counter",
        /// Rises and falls.
        Gauge = "gauge",
        /// A bucket count.
        Histogram = "histogram",
    }
}
word_cell!(SeriesType);

record! {
    /// One sample of a named series.
    "telemetry" as Point {
        /// When, in ns.
        "t" t: Ns,
        /// The series.
        "series" series: Sym,
        /// Its labels.
        "labels" labels: Option<Sym>,
        /// The value.
        "value" value: Micro,
        /// The kind of series.
        "type" series_type: Option<SeriesType>,
    }
}
