//! Session guarantees (Terry et al., "Session guarantees for weakly consistent replicated data", 1994), by versions.
//!
//! One comparison an operation against what the same client last wrote and read under the same key. The order of a
//! client's operations is that of the history (its program order), not of clocks. Operations without a version say
//! nothing, except a read of the initial value, which is older than every version. Writes of unknown outcome are left out.

use super::history::{History, Kind, OpOutcome, Operation};
use super::outcome::Settings;
use hashbrown::HashMap;

/// What a client may expect from its own session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Guarantee {
    /// A read sees what the client wrote before, or something newer.
    ReadYourWrites,
    /// A read sees what the client read before, or something newer.
    MonotonicReads,
    /// A write is ordered after what the client wrote before.
    MonotonicWrites,
    /// A write is ordered after what the client read before.
    WritesFollowReads,
}

impl Guarantee {
    /// All four.
    pub const ALL: [Guarantee; 4] =
        [Guarantee::ReadYourWrites, Guarantee::MonotonicReads, Guarantee::MonotonicWrites, Guarantee::WritesFollowReads];
}

/// A guarantee broken by two operations of one client on one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionFault {
    /// Which.
    pub guarantee: Guarantee,
    /// The client.
    pub client: u32,
    /// What the client did first.
    pub earlier: Operation,
    /// What should have been as new or newer.
    pub later: Operation,
}

/// What was compared and what was broken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sessions {
    /// Comparisons made, in the order of [`Guarantee::ALL`]; none means that nothing was shown.
    pub compared: [u64; 4],
    /// Faults, in the order of the history.
    pub faults: Vec<SessionFault>,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    /// The newest own write and the newest own read so far, with their versions (`None`: the initial value).
    wrote: Option<(Option<u64>, Operation)>,
    read: Option<(Option<u64>, Operation)>,
}

/// Checks the session guarantees. `client` tells the client behind a process: after a time-out a client goes on as a new
/// process.
pub fn sessions(history: &History, settings: &Settings, client: impl Fn(u32) -> u32) -> Sessions {
    sessions_where(history, settings, client, |_, _| true)
}

/// [`sessions`], of the comparisons that `wanted` wants: by the later operation and the guarantee.
pub fn sessions_where(
    history: &History,
    settings: &Settings,
    client: impl Fn(u32) -> u32,
    wanted: impl Fn(&Operation, Guarantee) -> bool,
) -> Sessions {
    let mut seen: HashMap<(u32, u32), Seen> = HashMap::new();
    let mut result = Sessions::default();
    for op in history.operations().filter(|op| op.outcome == OpOutcome::Ok) {
        let reads = op.kind == Kind::Read;
        let tells = op.version.is_some() || (reads && op.value == settings.initial);
        if !tells || !matches!(op.kind, Kind::Read | Kind::Write | Kind::Cas) {
            continue;
        }
        let client = client(op.process);
        let seen = seen.entry((client, op.key)).or_default();
        let after = if reads { 0 } else { 2 };
        for (i, earlier) in [(after, seen.wrote), (after + 1, seen.read)] {
            let Some((version, earlier)) = earlier.filter(|_| wanted(&op, Guarantee::ALL[i])) else { continue };
            result.compared[i] += 1;
            let fine = if reads { op.version >= version } else { op.version > version };
            if !fine {
                result.faults.push(SessionFault { guarantee: Guarantee::ALL[i], client, earlier, later: op });
            }
        }
        let place = if reads { &mut seen.read } else { &mut seen.wrote };
        if place.is_none_or(|(version, _)| op.version >= version) {
            *place = Some((op.version, op));
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::super::generate::{Random, Shape, simulate};
    use super::*;

    #[test]
    fn faults_agree_with_all_pairs() {
        for seed in 0..20_000 {
            let mut random = Random(seed);
            let shape = Shape { operations: 12, versions: true, seed, keys: 2, clients: 2, cas: 300, ..Shape::default() };
            let mut history = History::new();
            for mut op in simulate(&shape).operations() {
                if random.chance(200) {
                    op.version = op.version.map(|_| 1 + random.below(6));
                }
                history.push(op).unwrap();
            }
            let found = sessions(&history, &Settings::default(), |process| process);
            let all: Vec<Operation> = history.operations().filter(|op| op.outcome == OpOutcome::Ok).collect();
            for (i, later) in all.iter().enumerate() {
                let reads = later.kind == Kind::Read;
                for (writes, guarantee) in [(true, if reads { 0 } else { 2 }), (false, if reads { 1 } else { 3 })] {
                    let mine = |e: &&Operation| e.process == later.process && e.key == later.key;
                    let kind = |e: &&Operation| (e.kind != Kind::Read) == writes;
                    let broken = |e: &Operation| {
                        if reads { e.version > later.version } else { e.version >= later.version }
                    };
                    let expected = all[..i].iter().filter(mine).filter(kind).any(broken);
                    let got = found.faults.iter().any(|f| f.later == *later && f.guarantee == Guarantee::ALL[guarantee]);
                    assert_eq!(got, expected, "seed {seed}, {later:?}");
                }
            }
        }
    }
}
