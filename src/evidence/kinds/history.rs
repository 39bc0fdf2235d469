//! Client operations.

use crate::evidence::record::{record, word_cell};
use crate::evidence::symbol::{Sym, Syms, Val};
use crate::evidence::table::Ns;
use crate::words::words;

words! {
    /// What an operation asks.
    enum OpKind {
        /// Read a value.
        Read = "read",
        /// Set a value.
        Write = "write",
        /// Set a value if another is there.
        Cas = "cas",
        /// Append to a value.
        Append = "append",
        /// Add to a set.
        Add = "add",
        /// Remove from a set.
        Remove = "remove",
        /// Put into a queue.
        Enqueue = "enqueue",
        /// Take from a queue.
        Dequeue = "dequeue",
        /// Put onto a stack.
        Push = "push",
        /// Take from a stack.
        Pop = "pop",
        /// Take a lock.
        Acquire = "acquire",
        /// Give a lock back.
        Release = "release",
        /// Count up.
        Increment = "increment",
        /// Several at once.
        Txn = "txn",
    }
}
word_cell!(OpKind);

words! {
    /// What a client knows of its operation.
    enum Outcome {
        /// It took effect.
        Ok = "ok",
        /// It surely did not take effect.
        Fail = "fail",
        /// It may have taken effect, or may yet.
        Unknown = "unknown",
    }
}
word_cell!(Outcome);

words! {
    /// How a read was served.
    enum ReadPath {
        /// By the leader.
        Leader = "leader",
        /// After a quorum confirmed.
        Quorum = "quorum",
        /// By a follower alone.
        Follower = "follower",
        /// From a cache.
        Cache = "cache",
    }
}
word_cell!(ReadPath);

record! {
    /// One client operation, from its first attempt to its last response.
    "history" as Operation {
        /// Who called.
        "client" client: Sym,
        /// The logical process: one operation at a time; a new one after a time-out. The client when left out.
        "process" process: Option<Sym>,
        /// The endpoint called.
        "endpoint" endpoint: Option<Sym>,
        /// What was asked.
        "op" op: OpKind,
        /// The object.
        "key" key: Option<Sym>,
        /// The value written, or the value read.
        "value" value: Option<Val>,
        /// The value a compare-and-set expected.
        "expected" expected: Option<Val>,
        /// The id that stays the same over retries.
        "command-id" command_id: Option<Sym>,
        /// Which attempt this record is, from 1, when each attempt is a record.
        "attempt" attempt: Option<i64>,
        /// When the load generator meant to send it, in ns.
        "scheduled" scheduled: Option<Ns>,
        /// When it was sent, in ns.
        "invoke" invoke: Ns,
        /// When the last answer came, in ns; absent when none did.
        "return" returned: Option<Ns>,
        /// What the client was told.
        "result" result: Outcome,
        /// The error it was given.
        "error" error: Option<Sym>,
        /// The leader, as the answering member saw it.
        "leader" leader: Option<Sym>,
        /// The member that answered, or the last one asked when none did.
        "member" member: Option<Sym>,
        /// The term of the answer.
        "term" term: Option<i64>,
        /// The commit index (or revision) of the answer.
        "commit-index" commit_index: Option<i64>,
        /// The version (log index, revision) that the write made or the read observed; 0 for an absent key.
        "version" version: Option<i64>,
        /// The members that held the write durably before the answer.
        "acks" acks: Option<Syms>,
        /// How a read was served.
        "path" path: Option<ReadPath>,
        /// Whether the answer said that it was degraded.
        "degraded" degraded: Option<bool>,
    }
}
