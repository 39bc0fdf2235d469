//! The tests of the worked contract, in the order of its matrix.

use crate::plan::{BASE, Deed, Phases, Plan, QUICK};
use crate::world::{MS, S};

/// The load of the contract: 120 writes and 180 reads a second.
const DECLARED: (i64, i64) = (120 * 60, 180 * 60);
/// A tenth of it, so that the evidence of tests that are not about load stays small.
const QUIET: (i64, i64) = (DECLARED.0 / 10, DECLARED.1 / 10);

/// The failover of the worked numbers: 1.2 + 0.45 + 0.35 + 0.6 = 2.6 s.
const WORST: Phases = Phases { detect: 1200 * MS, elect: 450 * MS, fence: 350 * MS, catch_up: 600 * MS };

/// All tests, in the order of the matrix.
pub const PLANS: &[Plan] = &[
    Plan {
        test: "baseline",
        sample: S,
        load: 2_550 * MS,
        writes: DECLARED.0,
        reads: DECLARED.1,
        kinds: &["history", "run", "members", "progress", "telemetry"],
        ..BASE
    },
    Plan {
        test: "leader-crash",
        telemetry: S,
        writes: DECLARED.0,
        reads: DECLARED.1,
        load: 5_550 * MS,
        replay_commit: Some(12_480),
        behind: [0, 0, 0, 8, 30],
        deeds: &[(900 * MS, Deed::Kill(0))],
        phases: Some(WORST),
        time_out: 400 * MS,
        probes: true,
        kinds: &[
            "history",
            "run",
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
        test: "P1",
        minority: &[3, 4],
        deeds: &[(S, Deed::Cut(S))],
        kinds: &["history", "faults", "members", "progress", "log", "applied"],
        ..BASE
    },
    Plan {
        test: "P2",
        minority: &[0, 4],
        deeds: &[(S, Deed::Cut(1_500 * MS))],
        phases: Some(QUICK),
        load: 3_200 * MS,
        kinds: &["history", "faults", "members", "progress", "log", "applied", "fencing", "epochs", "phases"],
        ..BASE
    },
    Plan {
        test: "P3",
        minority: &[0, 1],
        deeds: &[(S, Deed::Cut(1_500 * MS))],
        phases: Some(Phases { detect: 610 * MS, elect: 240 * MS, fence: 70 * MS, catch_up: 130 * MS }),
        load: 3_200 * MS,
        kinds: &["history", "faults", "members", "progress", "log", "applied", "fencing", "epochs", "phases"],
        ..BASE
    },
    Plan {
        test: "P4",
        minority: &[0, 4],
        deeds: &[(S, Deed::Cut(1_500 * MS))],
        phases: Some(QUICK),
        lease: 700 * MS,
        load: 3_200 * MS,
        kinds: &["history", "faults", "members", "progress", "log", "applied", "fencing", "epochs"],
        ..BASE
    },
    Plan {
        test: "P5",
        minority: &[0, 1],
        deeds: &[(S, Deed::Cut(1_500 * MS))],
        phases: Some(Phases { detect: 480 * MS, elect: 210 * MS, fence: 80 * MS, catch_up: 90 * MS }),
        writes: QUIET.0 / 2,
        reads: 2 * QUIET.1,
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
        writes: QUIET.0 / 2,
        reads: QUIET.1 / 2,
        load: 5 * S,
        replay_commit: Some(12_480),
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
