//! Checkers: pure functions from typed evidence to findings. They know no files, no clock and no gates.

pub mod atomic_commit;
pub mod commands;
pub mod continuity;
pub mod fencing;
pub mod freshness;
pub mod histories;
pub mod latency;
pub mod linearizability;
pub mod log;
pub mod masking;
pub mod partition;
pub mod quorum;
pub mod recovery;
pub mod retries;
pub mod revisions;
pub mod scenarios;
pub mod success;
pub mod tally;
pub mod telemetry;
pub mod traffic;
pub mod votes;
