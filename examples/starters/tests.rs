//! The tests of the replicated log's starter, in the order of its matrix: those of the worked contract with as little load as their gates bear.

use crate::plan::{BASE, Deed, Phases, Plan, QUICK};
use crate::world::{MS, S};

/// The load of the starter's contract, a minute: 100 writes and 100 reads a second.
const DECLARED: i64 = 100 * 60;

/// All tests.
pub const PLANS: &[Plan] = &[
    Plan {
        test: "baseline",
        sample: S,
        telemetry: S,
        load: 3_100 * MS,
        writes: DECLARED,
        reads: DECLARED,
        kinds: &["history", "run", "members", "progress", "telemetry"],
        ..BASE
    },
    Plan {
        test: "leader-crash",
        telemetry: S,
        load: 4 * S,
        replay_commit: Some(10_450),
        behind: [0, 0, 0, 2, 4],
        deeds: &[(900 * MS, Deed::Kill(0))],
        phases: Some(QUICK),
        time_out: 400 * MS,
        probes: true,
        kinds: &[
            "history",
            "faults",
            "members",
            "progress",
            "log",
            "applied",
            "fencing",
            "epochs",
            "phases",
            "replay",
            "probes",
            "telemetry",
        ],
        ..BASE
    },
    Plan {
        test: "follower-lag",
        deeds: &[(600 * MS, Deed::Lag(4, 60, 1_200 * MS)), (2_200 * MS, Deed::HandOver(4))],
        kinds: &["history", "faults", "members", "progress", "log", "applied", "epochs"],
        ..BASE
    },
    Plan {
        test: "cut-followers",
        minority: &[3, 4],
        deeds: &[(S, Deed::Cut(S))],
        kinds: &["history", "faults", "members", "progress", "log", "applied"],
        ..BASE
    },
    Plan {
        test: "cut-leader",
        minority: &[0, 4],
        deeds: &[(S, Deed::Cut(1_500 * MS))],
        phases: Some(QUICK),
        lease: 500 * MS,
        writes: 24 * 60,
        load: 3_200 * MS,
        kinds: &["history", "faults", "members", "progress", "log", "applied", "fencing", "epochs", "phases"],
        ..BASE
    },
    Plan {
        test: "cut-leader-with-follower",
        minority: &[0, 1],
        deeds: &[(S, Deed::Cut(1_500 * MS))],
        phases: Some(Phases { detect: 610 * MS, elect: 240 * MS, fence: 70 * MS, catch_up: 130 * MS }),
        load: 3_200 * MS,
        kinds: &["history", "faults", "members", "progress", "log", "applied", "fencing", "epochs", "phases"],
        ..BASE
    },
    Plan {
        test: "reads-while-cut",
        minority: &[0, 1],
        deeds: &[(S, Deed::Cut(1_500 * MS))],
        phases: Some(Phases { detect: 480 * MS, elect: 210 * MS, fence: 80 * MS, catch_up: 90 * MS }),
        writes: 6 * 60,
        reads: 36 * 60,
        load: 3_200 * MS,
        kinds: &["history", "faults", "members", "progress"],
        ..BASE
    },
    Plan {
        test: "duplicate-retry",
        deeds: &[(800 * MS, Deed::LoseReplies(1_200 * MS))],
        time_out: 250 * MS,
        kinds: &["history", "attempts", "faults", "log", "applied", "telemetry"],
        ..BASE
    },
    Plan {
        test: "quorum-loss",
        minority: &[2, 3, 4],
        deeds: &[(S, Deed::Silence(1_200 * MS))],
        kinds: &["history", "faults", "members"],
        ..BASE
    },
    Plan {
        test: "snapshot-replay",
        sample: S,
        telemetry: S,
        writes: 6 * 60,
        reads: 9 * 60,
        load: 4 * S,
        replay_commit: Some(10_450),
        deeds: &[(S, Deed::Kill(3))],
        probes: true,
        replay_kept: true,
        kinds: &["history", "faults", "members", "replay", "applied", "telemetry"],
        ..BASE
    },
    Plan {
        test: "telemetry-review",
        writes: 5,
        reads: 6,
        load: 420 * S,
        deeds: &[(30 * S, Deed::Flap(15 * S))],
        telemetry: 20 * S,
        kinds: &["history", "faults", "telemetry"],
        ..BASE
    },
];
