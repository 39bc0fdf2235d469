//! Figures: the formulas of the field, computed exactly, each with the numbers put in.
//!
//! In: numbers and where they came from. Out: values and [`Figure`](crate::verdict::Figure)s. Refuses to know gates and files.

pub mod binomial;
pub mod confidence;
pub mod dependability;
pub mod error_budget;
pub mod failover;
pub mod percentile;
pub mod quorum;
pub mod replay;
mod series;
