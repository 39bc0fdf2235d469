//! The linearizability judge: does an order of the recorded operations exist that one correct object could have answered?
//!
//! Comes in: a [`History`] (packed operations), a [`DataType`], [`Settings`] (declared assumptions and budgets). Goes
//! out: an [`Outcome`] with one verdict a key, each with its method, and a small [`Counterexample`] where there is none.
//! Refuses to know: files, formats, the clock, the environment. Results depend on the input alone, not on threads.
//!
//! Real-time order: `a` precedes `b` iff `a` returned strictly before `b` was invoked; equal times are concurrent. An
//! operation of unknown outcome may take effect at any time after its invoke, or never; a failed one never does.
//!
//! ```
//! use quorate::judge::linearizability::{DataType, History, Kind, Operation, Settings, Verdict, check};
//!
//! let mut history = History::new();
//! history.push(Operation::ok(Kind::Write, 1, 0, 10))?;
//! history.push(Operation { row: 1, ..Operation::ok(Kind::Read, 1, 20, 30) })?;
//! let outcome = check(&history, DataType::Register, &Settings::default());
//! assert_eq!(outcome.verdict(), Verdict::Linearizable);
//! # Ok::<(), quorate::judge::linearizability::BadOperation>(())
//! ```

mod blocks;
mod builtin;
mod chains;
mod counter;
mod cover;
mod elements;
mod explain;
#[doc(hidden)]
pub mod generate;
mod groups;
mod history;
mod log;
mod model;
mod mutex;
mod outcome;
mod plan;
mod profile;
mod queue;
mod register_case;
mod register_search;
mod sessions;
mod set;
mod shrink;
mod shrink_model;
mod slots;
mod stack;
mod staleness;
mod stream;
#[cfg(test)]
mod tests;
mod timeline;
mod unknowns;
mod versions;
mod whole_set;
mod witness;

pub use explain::{explain, explain_gap, whatever, why};
pub use history::{BadOperation, History, Kind, NEVER, NIL, OpOutcome, Operation, TIME_LIMIT};
pub use model::{Call, Model, check_model};
pub use outcome::{
    Budget, Counterexample, DataType, FailedCas, Gap, KeyVerdict, Method, NilRead, Outcome, Reason, Rest, Settings, Undecided,
    Verdict,
};
pub use plan::check;
pub use sessions::{Guarantee, SessionFault, Sessions, sessions, sessions_where};
pub use staleness::{StaleRead, Staleness, delta_atomicity, staleness};
pub use stream::{OutOfOrder, VersionStream};
