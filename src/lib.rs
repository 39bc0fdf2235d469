//! quorate turns the evidence of failover and partition tests into a release package that anyone can check again.
//!
//! The pipeline, lowest room first: [`contract`] reads what was promised and how it was tested; [`evidence`] reads the records;
//! [`figure`], [`judge`] and [`gate`] decide; [`dossier`] holds every fact; [`report`] and [`package`] make bytes of it; [`mod@release`] tells the
//! sequence; [`cli`] is the command. Each room imports only rooms below it.

pub mod challenge;
pub mod check;
pub mod cli;
pub mod contract;
pub mod dossier;
pub mod error;
pub mod evidence;
pub mod exact;
pub mod figure;
pub mod gate;
pub mod judge;
pub mod package;
pub mod release;
pub mod report;
pub mod source;
pub mod store;
pub mod verdict;
mod words;
