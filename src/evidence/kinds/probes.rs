//! Health probes and session states.

use crate::evidence::record::{record, word_cell};
use crate::evidence::symbol::Sym;
use crate::evidence::table::Ns;
use crate::words::words;

words! {
    /// The kind of a probe.
    enum ProbeKind {
        /// Is it alive?
        Liveness = "liveness",
        /// Does it serve?
        Readiness = "readiness",
        /// A client's session.
        Session = "session",
    }
}
word_cell!(ProbeKind);

words! {
    /// What a probe found or did.
    enum ProbeState {
        /// It answered.
        Ok = "ok",
        /// It did not answer.
        Fail = "fail",
        /// It was restarted.
        Restart = "restart",
        /// The session is up.
        Connected = "connected",
        /// The session is in doubt.
        Suspended = "suspended",
        /// The session is gone.
        Lost = "lost",
    }
}
word_cell!(ProbeState);

record! {
    /// One health probe, restart or session-state change.
    "probes" as Probe {
        /// When, in ns.
        "t" t: Ns,
        /// What was probed.
        "target" target: Sym,
        /// What kind of probe.
        "probe" probe: ProbeKind,
        /// What it found.
        "state" state: ProbeState,
        /// Failures in a row so far.
        "attempt" attempt: Option<i64>,
    }
}
