//! The tests: what load runs, what is done to the cluster and when, and which evidence is kept.

use crate::world::{MS, N, S};

/// Lengths of the four phases of a failover.
#[derive(Clone, Copy)]
pub struct Phases {
    pub detect: i64,
    pub elect: i64,
    pub fence: i64,
    pub catch_up: i64,
}

/// What is done to the cluster.
#[derive(Clone, Copy)]
pub enum Deed {
    /// Kill a process; its supervisor starts it again.
    Kill(usize),
    /// Cut the plan's minority off from the other members for a time.
    Cut(i64),
    /// Take three members off the network for a time.
    Silence(i64),
    /// Let a follower run behind by so many entries for a time.
    Lag(usize, i64, i64),
    /// Lose half of the replies to clients for a time.
    LoseReplies(i64),
    /// Hand leadership over in good order.
    HandOver(usize),
    /// Hand leadership round again and again, until the release manager rolls back.
    Flap(i64),
}

/// One test.
#[derive(Clone, Copy)]
pub struct Plan {
    pub test: &'static str,
    /// Writes and reads a minute.
    pub writes: i64,
    pub reads: i64,
    /// Load lasts so long, in ns.
    pub load: i64,
    /// The log index that the image reaches.
    pub base: i64,
    /// The commit index at which the first replay starts, which fixes `base`.
    pub replay_commit: Option<i64>,
    /// How many entries each member runs behind the first leader.
    pub behind: [i64; N],
    pub minority: &'static [usize],
    pub deeds: &'static [(i64, Deed)],
    pub phases: Option<Phases>,
    /// A leader stops taking writes after so long without a majority.
    pub lease: i64,
    pub time_out: i64,
    pub sample: i64,
    pub telemetry: i64,
    pub probes: bool,
    /// Whether replayed entries of the image are kept as evidence.
    pub replay_kept: bool,
    pub kinds: &'static [&'static str],
}

/// The load of the contract: 120 writes and 180 reads a second.
const DECLARED: (i64, i64) = (120 * 60, 180 * 60);
/// A tenth of it, so that the evidence of tests that are not about load stays small.
const QUIET: (i64, i64) = (DECLARED.0 / 10, DECLARED.1 / 10);

const BASE: Plan = Plan {
    test: "",
    writes: QUIET.0,
    reads: QUIET.1,
    load: 2_800 * MS,
    base: 12_000,
    replay_commit: None,
    behind: [0; N],
    minority: &[],
    deeds: &[],
    phases: None,
    lease: 300 * MS,
    time_out: 800 * MS,
    sample: 500 * MS,
    telemetry: 500 * MS,
    probes: false,
    replay_kept: false,
    kinds: &[],
};

/// The failover of the worked numbers: 1.2 + 0.45 + 0.35 + 0.6 = 2.6 s.
const WORST: Phases = Phases { detect: 1200 * MS, elect: 450 * MS, fence: 350 * MS, catch_up: 600 * MS };
const QUICK: Phases = Phases { detect: 520 * MS, elect: 180 * MS, fence: 90 * MS, catch_up: 110 * MS };

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
