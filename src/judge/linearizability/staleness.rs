//! How stale reads were, as figures.
//!
//! With versions, exactly: a read is stale by the time between the first acknowledgement of a newer version and the
//! invoke of the read, and behind by the number of versions acknowledged by then that are newer. Without versions:
//! Δ-atomicity (Golab, Li & Shah, "Analyzing consistency properties for fun and profit", 2011), the smallest Δ such that
//! the history is linearizable once every read may have been invoked Δ earlier.
//!
//! Assumes one clock, or times that agree to within the declared skew, which is taken off each staleness.

use super::history::{History, Kind, OpOutcome, Operation};
use super::outcome::{DataType, Settings, Verdict};
use super::plan::check;
use hashbrown::HashMap;

/// One read that was stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleRead {
    /// The read.
    pub read: Operation,
    /// Time from the first acknowledgement of a newer version to the invoke of the read.
    pub stale_ns: i64,
    /// Versions of the key that were acknowledged before the read began and newer than what it saw.
    pub versions_behind: u32,
}

/// Staleness of all reads that tell a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staleness {
    /// Reads measured.
    pub reads: u64,
    /// Successful reads that tell no version and did not return the initial value.
    pub unmeasured: u64,
    /// The stale ones, in the order of the history.
    pub stale: Vec<StaleRead>,
}

/// Acknowledged versions of one key.
#[derive(Default)]
struct Acknowledged {
    /// Version and first acknowledgement, by version; then the earliest acknowledgement of this or any newer version.
    versions: Vec<(u64, i64)>,
    earliest: Vec<i64>,
    /// Acknowledgement times and the highest version acknowledged by then.
    by_time: Vec<(i64, u64)>,
}

impl Acknowledged {
    fn finish(&mut self) {
        self.versions.sort_unstable();
        self.versions.dedup_by_key(|&mut (version, _)| version);
        self.earliest = self.versions.iter().map(|&(_, time)| time).collect();
        for i in (1..self.earliest.len()).rev() {
            self.earliest[i - 1] = self.earliest[i - 1].min(self.earliest[i]);
        }
        self.by_time = self.versions.iter().map(|&(version, time)| (time, version)).collect();
        self.by_time.sort_unstable();
        for i in 1..self.by_time.len() {
            self.by_time[i].1 = self.by_time[i].1.max(self.by_time[i - 1].1);
        }
    }

    /// Staleness and versions behind of a read that saw `seen` (`None`: the initial value).
    fn measure(&self, seen: Option<u64>, invoke: i64) -> Option<(i64, u32)> {
        let after = |version: Option<u64>| self.versions.partition_point(|&(other, _)| Some(other) <= version);
        let newer = after(seen);
        let stale = invoke - *self.earliest.get(newer)?;
        let known = self.by_time.partition_point(|&(time, _)| time < invoke);
        let highest = self.by_time[known.checked_sub(1)?].1;
        (stale > 0).then(|| (stale, (after(Some(highest)) - newer) as u32))
    }
}

/// Measures the staleness of register reads by versions.
pub fn staleness(history: &History, settings: &Settings) -> Staleness {
    let mut keys: HashMap<u32, Acknowledged> = HashMap::new();
    for op in history.operations().filter(|op| op.outcome == OpOutcome::Ok && op.kind != Kind::Read) {
        if let Some(version) = op.version {
            keys.entry(op.key).or_default().versions.push((version, op.ret));
        }
    }
    keys.values_mut().for_each(Acknowledged::finish);
    let mut result = Staleness::default();
    for read in history.operations().filter(|op| op.outcome == OpOutcome::Ok && op.kind == Kind::Read) {
        if read.version.is_none() && read.value != settings.initial {
            result.unmeasured += 1;
            continue;
        }
        result.reads += 1;
        let known = keys.get(&read.key);
        let invoke = read.invoke - settings.skew_ns.saturating_mul(2);
        if let Some((stale_ns, versions_behind)) = known.and_then(|known| known.measure(read.version, invoke)) {
            result.stale.push(StaleRead { read, stale_ns, versions_behind });
        }
    }
    result
}

/// The smallest Δ in ns such that the operations on a register key are linearizable once each read may have been
/// invoked Δ earlier. `None` if no Δ helps or a search gave up.
pub fn delta_atomicity(history: &History, key: u32, settings: &Settings) -> Option<i64> {
    let operations: Vec<Operation> =
        history.operations().filter(|op| op.key == key).map(|op| Operation { version: None, ..op }).collect();
    let fits = |delta: i64| {
        let mut moved = History::with_capacity(operations.len());
        for &op in &operations {
            let invoke = if op.kind == Kind::Read { op.invoke - delta } else { op.invoke };
            // Well-formed before, and an earlier invoke keeps it so unless it leaves the range of times.
            moved.push(Operation { invoke, ..op }).ok()?;
        }
        match check(&moved, DataType::Register, settings).verdict() {
            Verdict::Linearizable | Verdict::Vacuous => Some(true),
            Verdict::Violation(_) => Some(false),
            Verdict::Undecided(_) => None,
        }
    };
    let first = operations.iter().map(|op| op.invoke).min()?;
    let last = operations.iter().map(|op| op.invoke).max()?;
    let (mut low, mut high) = (0, last - first + 1);
    if !fits(high)? {
        return None;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if fits(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::super::generate::{Random, Shape, simulate};
    use super::*;

    /// Simulated histories whose versions of reads are shuffled.
    fn shuffled(seed: u64) -> History {
        let mut random = Random(seed);
        let operations = 4 + random.below(12) as usize;
        let shape = Shape { operations, versions: true, seed, keys: 2, tick_ns: 100, ..Shape::default() };
        let good: Vec<Operation> = simulate(&shape).operations().collect();
        let mut history = History::new();
        for mut op in good.iter().copied() {
            let other = good[random.below(good.len() as u64) as usize];
            if op.kind == Kind::Read && other.version.is_some() && random.chance(400) {
                (op.version, op.value) = (other.version, other.value);
            }
            history.push(op).unwrap();
        }
        history
    }

    #[test]
    fn staleness_agrees_with_the_definition() {
        for seed in 0..20_000 {
            let history = shuffled(seed);
            let found = staleness(&history, &Settings::default());
            let writes: Vec<Operation> =
                history.operations().filter(|op| op.kind != Kind::Read && op.version.is_some()).collect();
            let mut expected = Vec::new();
            for read in history.operations().filter(|op| op.kind == Kind::Read) {
                let newer = || writes.iter().filter(|w| w.key == read.key && w.version > read.version);
                let stale = newer().map(|w| read.invoke - w.ret).max().unwrap_or(0);
                let highest = newer().filter(|w| w.ret < read.invoke).map(|w| w.version).max().flatten();
                let mut behind: Vec<_> = newer().map(|w| w.version).filter(|&v| v <= highest).collect();
                behind.sort_unstable();
                behind.dedup();
                if stale > 0 {
                    expected.push(StaleRead { read, stale_ns: stale, versions_behind: behind.len() as u32 });
                }
            }
            assert_eq!(found.stale, expected, "seed {seed}");
        }
    }

    #[test]
    fn delta_is_the_time_a_stale_read_came_too_late() {
        let mut history = History::new();
        for op in
            [Operation::ok(Kind::Write, 1, 0, 10), Operation::ok(Kind::Write, 2, 20, 30), Operation::ok(Kind::Read, 1, 75, 80)]
        {
            history.push(op).unwrap();
        }
        assert_eq!(delta_atomicity(&history, 0, &Settings::default()), Some(45));
        history.push(Operation::ok(Kind::Read, 7, 90, 95)).unwrap();
        assert_eq!(delta_atomicity(&history, 0, &Settings::default()), None);
    }
}
