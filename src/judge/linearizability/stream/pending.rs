//! Operations in flight, ordered by return.

use crate::judge::linearizability::history::Operation;
use std::cmp::Ordering;

/// An operation in flight, by return.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    /// Widened by the declared skew, of this operation and of those it is compared with.
    pub(super) ret: i64,
    pub(super) version: u64,
    pub(super) op: Operation,
}

impl PartialEq for Pending {
    fn eq(&self, other: &Pending) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Pending {}

impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Pending) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pending {
    fn cmp(&self, other: &Pending) -> Ordering {
        (self.ret, self.version, self.op.row).cmp(&(other.ret, other.version, other.op.row))
    }
}
