//! quorate turns the evidence of failover and partition tests into a release package that anyone can check again.
pub mod judge;
