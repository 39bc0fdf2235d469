//! Checkers: pure functions from typed evidence to findings. They know no files, no clock and no gates.
pub mod linearizability;
pub mod log;
pub mod quorum;
