//! The linearizability judge.
