//! What a test is: what load runs, what is done to the cluster and when, and which evidence is kept.

use crate::world::{MS, N};

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

/// A test of which nothing is said: quiet load, no fault.
pub const BASE: Plan = Plan {
    test: "",
    writes: 12 * 60,
    reads: 18 * 60,
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

/// A quick one.
pub const QUICK: Phases = Phases { detect: 520 * MS, elect: 180 * MS, fence: 90 * MS, catch_up: 110 * MS };
