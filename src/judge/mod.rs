//! Checkers: pure functions from typed evidence to findings. They know no files, no clock and no gates.

pub mod freshness;
pub mod latency;
pub mod linearizability;
pub mod quorum;
pub mod telemetry;
