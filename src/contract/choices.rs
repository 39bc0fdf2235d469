//! The closed lists of words of a matrix.

use super::decode::choice;

choice! {
    /// A kind of clock.
    enum ClockKind {
        /// Counts on from an unknown start.
        Monotonic = "monotonic",
        /// The time of day.
        Wall = "wall",
    }
}

choice! {
    /// A unit of time.
    enum TimeUnit {
        /// Nanoseconds.
        Ns = "ns",
        /// Microseconds.
        Us = "us",
        /// Milliseconds.
        Ms = "ms",
        /// Seconds.
        S = "s",
    }
}

choice! {
    /// What a test or a scenario was run against.
    enum Subject {
        /// The system to be released.
        System = "system",
        /// The unprotected baseline.
        Baseline = "baseline",
    }
}

choice! {
    /// Who wrote a record.
    enum Origin {
        /// The protected resource itself.
        Resource = "resource",
        /// A client or worker.
        Client = "client",
        /// A member of the cluster.
        Replica = "replica",
        /// What injected the faults.
        Orchestrator = "orchestrator",
        /// A generator of synthetic evidence.
        Generator = "generator",
    }
}

choice! {
    /// How a load generator behaves when answers are slow.
    enum Generator {
        /// Sends on schedule whatever the answers do.
        Open = "open",
        /// Waits for an answer before it sends again.
        Closed = "closed",
    }
}

choice! {
    /// What a read that found nothing says.
    enum NilRead {
        /// The key is absent.
        Absent = "absent",
        /// Nothing: it may be ordered anywhere.
        Any = "any",
    }
}
