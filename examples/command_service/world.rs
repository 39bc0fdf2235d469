//! The state of the simulated service: members with their logs, the network, the protected resource, the client operations.

use std::collections::BTreeMap;

/// One millisecond in nanoseconds.
pub const MS: i64 = 1_000_000;
/// One second in nanoseconds.
pub const S: i64 = 1_000_000_000;
/// Members of the cluster.
pub const N: usize = 5;
/// Majority of them.
pub const Q: usize = N / 2 + 1;
/// The last snapshot of a member that a test will restart; the others took theirs at the image that the test begins with.
pub const SNAPSHOT: i64 = 10_000;
/// The term of the leader that a test begins with.
pub const FIRST_TERM: i64 = 41;
/// Entries replayed in a second.
pub const REPLAY_RATE: i64 = 900;

/// The name of a member.
pub fn name(member: usize) -> &'static str {
    ["n1", "n2", "n3", "n4", "n5"][member]
}

/// A command in the log; the protocol's own entries carry none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub term: i64,
    pub command: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Leader,
    Follower,
    Candidate,
}

/// A write whose entry the leader has not yet seen committed.
pub struct Waiter {
    pub operation: usize,
    pub attempt: usize,
    pub index: i64,
}

/// A read that waits until a majority has confirmed the leader.
pub struct Confirming {
    pub operation: usize,
    pub attempt: usize,
    pub round: u64,
    pub index: i64,
    pub votes: usize,
}

/// One member. `entries[i]` has the index `base + 1 + i`; what lies below is the image that all members start from.
pub struct Member {
    pub up: bool,
    pub role: Role,
    pub term: i64,
    pub leader: Option<usize>,
    pub serving: bool,
    pub entries: Vec<Entry>,
    pub commit: i64,
    pub applied: i64,
    pub replay: Option<(i64, i64)>,
    pub state: BTreeMap<usize, (usize, i64)>,
    pub done: BTreeMap<usize, i64>,
    pub matched: [i64; N],
    pub heard: [i64; N],
    pub waiters: Vec<Waiter>,
    pub reads: Vec<Confirming>,
}

impl Member {
    /// A member that holds the image up to `base`.
    pub fn new(base: i64, term: i64) -> Self {
        Self {
            up: true,
            role: Role::Follower,
            term,
            leader: Some(0),
            serving: true,
            entries: Vec::new(),
            commit: base,
            applied: base,
            replay: None,
            state: BTreeMap::new(),
            done: BTreeMap::new(),
            matched: [base; N],
            heard: [0; N],
            waiters: Vec::new(),
            reads: Vec::new(),
        }
    }
}

/// The protected resource: one epoch, and the commands it has taken.
pub struct Resource {
    pub epoch: i64,
    pub holder: usize,
    pub taken: Vec<usize>,
    pub decisions: i64,
}

/// What a member answers.
#[derive(Clone)]
pub enum Answer {
    Written { index: i64, commit: i64, term: i64, leader: usize, acks: Vec<usize> },
    Seen { value: Option<usize>, version: i64, commit: i64, term: i64, leader: usize },
    Refused { error: &'static str, leader: Option<usize>, term: i64, commit: i64 },
    Unreachable,
}

/// One attempt of an operation.
pub struct Attempt {
    pub member: usize,
    pub invoke: i64,
    pub returned: Option<i64>,
    pub result: &'static str,
    pub error: Option<&'static str>,
}

/// One client operation.
pub struct Operation {
    pub write: bool,
    pub key: usize,
    pub client: usize,
    pub minority: bool,
    pub invoke: i64,
    pub attempts: Vec<Attempt>,
    pub returned: Option<i64>,
    pub result: Option<&'static str>,
    pub answer: Option<Answer>,
    pub arrived: bool,
}

/// Commands on this key are handed to the protected resource once they are committed.
pub const ACTUATOR: usize = 0;
/// Keys in use.
pub const KEYS: i64 = 8;

/// The name of a key.
pub fn key(key: usize) -> String {
    if key == ACTUATOR { "valve".into() } else { format!("k{key}") }
}

/// The id of a command.
pub fn command(operation: usize) -> String {
    format!("w{operation}")
}

/// What happens, and when it is due.
pub enum Event {
    Send(usize),
    Arrive { operation: usize, attempt: usize, to: usize },
    Reply { operation: usize, attempt: usize, answer: Answer },
    TimeOut { operation: usize, attempt: usize },
    Append { from: usize, to: usize, term: i64, first: i64, entries: Vec<Entry>, commit: i64 },
    Ack { from: usize, to: usize, term: i64, matched: i64 },
    Confirm { from: usize, to: usize, term: i64, round: u64 },
    Confirmed { from: usize, to: usize, term: i64, round: u64 },
    Synced { member: usize, term: i64, index: i64 },
    Deliver { command: usize, holder: usize, epoch: i64 },
    Heartbeat,
    Sample,
    Progress,
    Telemetry,
    Probe,
    Boot(usize),
    Replayed(usize),
    Step(usize),
    Fault(usize),
    Detected,
    Elected(usize),
    Fenced(usize),
    Serving(usize),
    Heal(usize),
    Flap(i64),
    TakeOver { to: usize, fault: Option<usize> },
}
