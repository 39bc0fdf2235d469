//! quorate turns the evidence of failover and partition tests into a release package that anyone can check again.
pub mod contract;
pub mod dossier;
pub mod error;
pub mod evidence;
pub mod exact;
pub mod figure;
pub mod gate;
pub mod judge;
pub mod package;
pub mod source;
pub mod store;
pub mod verdict;
mod words;
