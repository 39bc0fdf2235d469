//! What goes into a check besides the history, and what comes out: data only, no prose (see `explain.rs`).

use super::history::{NIL, Operation};
use std::sync::atomic::{AtomicBool, Ordering};

/// What kind of object the keys of a history are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// Read, write, compare-and-set.
    Register,
    /// Append, whole reads.
    Log,
    /// Add, remove, contains.
    Set,
    /// Enqueue, dequeue.
    Queue,
    /// Push, pop.
    Stack,
    /// Increment, read.
    Counter,
    /// Acquire, release; only the holder can release.
    Mutex,
    /// Get, put and append of texts; the initial text is empty.
    Text,
}

/// What a read that returns [`NIL`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NilRead {
    /// The register was absent (or held the initial value, if that is [`NIL`]).
    Absent,
    /// Nothing: it fits every state (the habit of Knossos).
    Any,
}

/// What a failed compare-and-set says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailedCas {
    /// The register did not hold the expected value at some moment of the operation. Only for clients that report a
    /// failure for no other reason: real recordings hold failures that say nothing of the kind.
    Mismatch,
    /// Nothing but that it had no effect. The default.
    NoEffect,
}

/// How much work one key may cost before it is left undecided. Steps and bytes, not time: the same on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Search steps for one key.
    pub steps: u64,
    /// Bytes of search memory for one key.
    pub bytes: u64,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { steps: 20_000_000, bytes: 1 << 30 }
    }
}

/// The declared assumptions of a check.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Value of each register before the first write; [`NIL`] for absent. Registers only.
    pub initial: i64,
    /// What a nil read says. Registers only.
    pub nil_read: NilRead,
    /// What a failed compare-and-set says.
    pub failed_cas: FailedCas,
    /// Each recorded time may be wrong by this much: intervals are widened on both ends.
    pub skew_ns: i64,
    /// Work allowed for each key.
    pub budget: Budget,
    /// Threads to use; results do not depend on it.
    pub threads: usize,
    /// Set by the caller to give up: keys not yet judged become undecided.
    pub stop: Option<&'a AtomicBool>,
    /// Use the versions in the history, if they are complete enough.
    pub use_versions: bool,
}

impl Settings<'_> {
    /// Has the caller asked to stop?
    pub(super) fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Settings {
            initial: NIL,
            nil_read: NilRead::Absent,
            failed_cas: FailedCas::NoEffect,
            skew_ns: 0,
            budget: Budget::default(),
            threads: 1,
            stop: None,
            use_versions: true,
        }
    }
}

/// How a verdict was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// The order is forced by versions: one pass.
    VersionSweep,
    /// Unique values: operations form blocks, ordered by the block lemma.
    Blocks,
    /// Conditions on pairs of queue elements.
    QueueConditions,
    /// Conditions on each element of a set.
    SetElements,
    /// Conditions on stack elements.
    StackConditions,
    /// Slots of a counter filled by earliest deadline.
    CounterSlots,
    /// The longest read of a log orders it.
    LogPrefixes,
    /// Acquire and release form blocks.
    MutexBlocks,
    /// Search over register states.
    RegisterSearch,
    /// Search over the states of any model.
    ModelSearch,
}

/// Why an operation order cannot exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A value was observed before the operation that brought it was invoked.
    ReadBeforeWriteInvoked,
    /// A value was observed after it had been replaced, for certain.
    StaleRead,
    /// A value was observed that nothing wrote.
    PhantomValue,
    /// A value was observed that only failed operations tried to write.
    FailedWriteRead,
    /// An operation began after a newer version was complete, but got or saw an older one.
    VersionWentBack {
        /// The version completed before.
        newer: u64,
        /// The version seen or given afterwards.
        older: u64,
    },
    /// Two acknowledged writes got the same version.
    SplitBrain {
        /// That version.
        version: u64,
    },
    /// A read saw a version with another value than the one written under it.
    VersionValueMismatch {
        /// That version.
        version: u64,
    },
    /// Two compare-and-sets both replaced the same value.
    DoubleReplace,
    /// Compare-and-sets that each need another one first.
    CycleOfReplaces,
    /// A failed compare-and-set ran entirely while the register held the expected value.
    FailedCasMatched,
    /// Two groups of operations each have to come before the other.
    CycleOfBlocks,
    /// An element that must still be there was skipped or not found.
    LostElement,
    /// An element came out twice, or was there after it was taken.
    DuplicateElement,
    /// Elements came out in an impossible order.
    OrderBroken,
    /// "Empty" was answered while elements were there for certain.
    NotEmpty,
    /// A counter was read higher than what was sent before the answer came can have brought.
    CountTooHigh {
        /// The most that it can have brought.
        most: i64,
    },
    /// A counter was read lower than what was acknowledged before the read was sent must have left.
    CountTooLow {
        /// The least that it can have left.
        least: i64,
    },
    /// A counter of increments went down between two reads.
    CountWentBack,
    /// Two reads of a log disagree on their common part.
    ReadsDisagree,
    /// Two processes held a mutex at once, or one gave back what it did not hold.
    MutexOverlap,
    /// A search over all orders found none. The last operation cannot be explained by any state reached before it.
    SearchStuck {
        /// Operations that could be explained before it.
        explained: u64,
    },
}

/// What a counterexample does not show, and why the contradiction stands all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// The operations shown contradict each other: each other one may have taken effect at any time after its invoke, with
    /// the answer it got, or never.
    Free,
    /// The same; and those that were complete before the first one shown may have left any state.
    FreeAfterAnyState,
    /// The operations shown contradict each other beside all that the same processes did; the others are free.
    OwnProcesses,
    /// As `Free`; and so many compare-and-sets join the values of the operations shown, each the next to replace the one before.
    Links(u64),
    /// The last read shown contradicts the sum of increments that are too many to show: those completed before it was sent
    /// that add (or, where it is too high, that take away).
    Increments {
        /// How many.
        count: u64,
        /// What they add up to.
        sum: i64,
        /// Only those sent after the first read shown had come back.
        since_read: bool,
    },
    /// All operations up to the last one shown, which was the one that a search could not place.
    All,
}

/// A few operations that cannot all be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// Why not.
    pub reason: Reason,
    /// The operations, by invoke time; for `SearchStuck` the last is the one that could not follow.
    pub operations: Vec<Operation>,
    /// The relative error of the recorded clocks that the contradiction survives (in addition to nothing: the declared
    /// skew is part of it). `None`: it does not depend on times.
    pub margin_ns: Option<i64>,
    /// What is not shown.
    pub rest: Rest,
}

/// Why no verdict was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gap {
    /// The step budget was used up.
    Steps,
    /// The byte budget was used up.
    Bytes,
    /// The caller asked to stop.
    Stopped,
    /// More operations in flight at once than the search can hold.
    TooWide,
    /// The history holds an operation that its data type does not have.
    ForeignOperation,
    /// Versions alone do not decide, and a stream remembers nothing else.
    Unversioned,
}

/// An honest "don't know".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// Why.
    pub gap: Gap,
    /// Operations in the longest legal prefix found.
    pub explained: u64,
    /// The operation whose return could not follow that prefix within the budget.
    pub stuck_at: Option<Operation>,
}

/// The verdict on one key, or on all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An order exists.
    Linearizable,
    /// No order exists.
    Violation(Box<Counterexample>),
    /// Not known.
    Undecided(Box<Undecided>),
    /// There was not one successful operation to judge.
    Vacuous,
}

/// The verdict on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVerdict {
    /// The key.
    pub key: u32,
    /// Operations recorded.
    pub operations: u32,
    /// Successful ones among them.
    pub ok_operations: u32,
    /// The verdict.
    pub verdict: Verdict,
    /// How it was reached.
    pub method: Method,
    /// Why this method and no faster one; a fixed sentence.
    pub why: &'static str,
    /// Where the versions are contradicted: the verdict on the values alone.
    pub values_alone: Option<Verdict>,
}

/// The verdict on a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// All keys, in order.
    pub keys: Vec<KeyVerdict>,
}

impl Outcome {
    /// The worst verdict: a violation, else an undecided key, else linearizable; vacuous if nothing was judged.
    pub fn verdict(&self) -> Verdict {
        let rank = |v: &Verdict| match v {
            Verdict::Violation(_) => 3,
            Verdict::Undecided(_) => 2,
            Verdict::Linearizable => 1,
            Verdict::Vacuous => 0,
        };
        let mut worst = &Verdict::Vacuous;
        for key in &self.keys {
            if rank(&key.verdict) > rank(worst) {
                worst = &key.verdict;
            }
        }
        worst.clone()
    }

    /// Keys with a violation.
    pub fn violations(&self) -> impl Iterator<Item = (&KeyVerdict, &Counterexample)> {
        self.keys.iter().filter_map(|key| match &key.verdict {
            Verdict::Violation(example) => Some((key, &**example)),
            _ => None,
        })
    }

    /// Successful operations of all keys.
    pub fn ok_operations(&self) -> u64 {
        self.keys.iter().map(|key| u64::from(key.ok_operations)).sum()
    }
}
