//! Registers that tell versions, judged while their operations come: memory for what is in flight, and a little a key.
//!
//! Comes in: operations of any keys in order of invoke. Goes out: one verdict a key, by the rules of the sweep with
//! tables (`versions.rs`). Refuses to know: anything that returned before it can still matter.
//!
//! Of a key, what counts is V, the highest version that an operation saw or gave which returned before now. Whatever begins
//! now must see at least V, or give more. A version below V can come no more: it is judged and forgotten. So what is held is
//! V itself, the versions of operations in flight, and writes of unknown outcome that nobody has seen (they are in flight
//! for ever). Several such writes of one value leave the key undecided; so does whatever the sweep does not judge.

mod pending;

use super::history::{History, Kind, NEVER, NIL, OpOutcome, Operation};
use super::outcome::{
    Counterexample, FailedCas, Gap, KeyVerdict, Method, NilRead, Outcome, Reason, Settings, Undecided, Verdict,
};
use super::witness::example;
use hashbrown::HashMap;
use pending::Pending;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Why an operation was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfOrder {
    /// The invoke of an operation taken before, which is later.
    pub latest: i64,
}

impl std::fmt::Display for OutOfOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "operations must come in order of invoke; one invoked at {} came before", self.latest)
    }
}

impl std::error::Error for OutOfOrder {}

/// A judge of registers with versions that remembers little.
#[derive(Debug)]
pub struct VersionStream<'a> {
    settings: Settings<'a>,
    lines: HashMap<u32, Line>,
    latest: i64,
}

/// Marks kept of each key at most.
const MARKS: usize = 32;

/// Why a key is not judged any further.
#[derive(Clone, Debug)]
enum End {
    Clash(Box<Counterexample>),
    Other(&'static str),
}

/// A version that can still be seen.
#[derive(Clone, Copy, Debug)]
struct Entry {
    version: u64,
    /// The first operation of this version, and the write.
    first: Operation,
    write: Option<Operation>,
}

/// A write of unknown outcome that nobody has seen.
#[derive(Clone, Copy, Debug)]
struct Maybe {
    op: Operation,
    /// V at its invoke, and the operation that made it so.
    complete: Option<Pending>,
    several: bool,
}

/// What is remembered of one key.
#[derive(Debug, Default)]
struct Line {
    operations: u32,
    ok: u32,
    /// V, and the operation that returned with it.
    complete: Option<Pending>,
    /// Some of the operations that made V what it was, ever fewer of the long past, so that margins are not too small.
    marks: Vec<Pending>,
    advances: u32,
    /// Versions that can still be seen, ascending.
    entries: Vec<Entry>,
    pending: BinaryHeap<Reverse<Pending>>,
    maybe: HashMap<i64, Maybe>,
    /// The last write that was judged and forgotten.
    last: Option<Operation>,
    /// Was the initial value read without a version? Was it after a version was complete? Under which version at the highest?
    initial_read: bool,
    initial_stale: Option<(Operation, Operation)>,
    initial_under: Option<u64>,
    initial_again: bool,
    end: Option<End>,
}

impl<'a> VersionStream<'a> {
    /// A judge that has seen nothing.
    pub fn new(settings: &Settings<'a>) -> VersionStream<'a> {
        VersionStream { settings: *settings, lines: HashMap::new(), latest: i64::MIN }
    }

    /// Takes the next operation.
    ///
    /// # Errors
    /// It was invoked before one that was taken already; it is not taken.
    pub fn push(&mut self, op: &Operation) -> Result<(), OutOfOrder> {
        if op.invoke < self.latest {
            return Err(OutOfOrder { latest: self.latest });
        }
        self.latest = op.invoke;
        let line = self.lines.entry(op.key).or_default();
        line.operations += 1;
        line.ok += u32::from(op.outcome == OpOutcome::Ok);
        if matches!(line.end, Some(End::Clash(_))) && untold(op, &self.settings) {
            // What seemed a contradiction rested on versions that are not complete.
            line.end = Some(End::Other("versions are incomplete"));
        } else if line.end.is_none()
            && let Err(end) = line.take(op, &self.settings)
        {
            // Nothing that comes can change it.
            *line = Line { operations: line.operations, ok: line.ok, end: Some(end), ..Line::default() };
        }
        Ok(())
    }

    /// Takes all operations of a history that is in order of invoke.
    ///
    /// # Errors
    /// As for [`VersionStream::push`]; the operations before are taken.
    pub fn extend(&mut self, history: &History) -> Result<(), OutOfOrder> {
        history.operations().try_for_each(|op| self.push(&op))
    }

    /// Operations and versions that are remembered now, over all keys.
    #[must_use]
    pub fn live(&self) -> usize {
        self.lines.values().map(|line| line.entries.len() + line.pending.len() + line.maybe.len()).sum()
    }

    /// The verdicts, by key.
    #[must_use]
    pub fn finish(self) -> Outcome {
        let mut lines: Vec<(u32, Line)> = self.lines.into_iter().collect();
        lines.sort_unstable_by_key(|&(key, _)| key);
        let keys = lines.into_iter().map(|(key, line)| line.finish(key, &self.settings));
        Outcome { keys: keys.collect() }
    }
}

/// Does an operation lack the version that it should tell?
fn untold(op: &Operation, settings: &Settings) -> bool {
    let any_nil = op.value == NIL && settings.nil_read == NilRead::Any;
    let may = op.kind == Kind::Read && (op.value == settings.initial || any_nil);
    op.outcome == OpOutcome::Ok && !may && op.version.is_none_or(|version| version >= 1 << 62)
}

fn clash(reason: Reason, operations: &[Operation], margin: Option<i64>) -> End {
    End::Clash(Box::new(example(reason, operations.to_vec(), margin)))
}

impl Line {
    fn take(&mut self, op: &Operation, settings: &Settings) -> Result<(), End> {
        self.pass(op.invoke, settings)?;
        let initial = op.value == settings.initial;
        match (op.kind, op.outcome) {
            (Kind::Read, OpOutcome::Fail | OpOutcome::Unknown) | (Kind::Write, OpOutcome::Fail) => Ok(()),
            (Kind::Cas, OpOutcome::Fail) if settings.failed_cas == FailedCas::NoEffect => Ok(()),
            (Kind::Cas, OpOutcome::Fail) => Err(End::Other("a failed compare-and-set needs a search for its place")),
            (Kind::Read, OpOutcome::Ok) if op.value == NIL && settings.nil_read == NilRead::Any => Ok(()),
            (Kind::Read, OpOutcome::Ok) if initial && self.before_all(op.version) => self.read_initial(op),
            (Kind::Read, OpOutcome::Ok) => self.see(op, settings),
            (Kind::Write | Kind::Cas, OpOutcome::Ok) => {
                self.initial_again |= initial;
                self.see(op, settings)
            }
            (Kind::Write | Kind::Cas, OpOutcome::Unknown) => {
                self.initial_again |= initial;
                let maybe = Maybe { op: *op, complete: self.complete, several: false };
                self.maybe.entry(op.value).and_modify(|other| other.several = true).or_insert(maybe);
                Ok(())
            }
            _ => Err(End::Other("an operation does not belong to the data type")),
        }
    }

    /// May a read of the initial value with this version have come before all writes?
    fn before_all(&self, version: Option<u64>) -> bool {
        let known = self.entries.iter().any(|entry| Some(entry.version) == version);
        version.is_none() || (self.complete.is_none() && !known)
    }

    fn read_initial(&mut self, op: &Operation) -> Result<(), End> {
        if let Some(version) = op.version {
            self.initial_under = self.initial_under.max(Some(version));
            return self.initial_placed();
        }
        self.initial_read = true;
        // Judged at the end: a write that began meanwhile may have brought the initial value again.
        self.initial_stale = self.initial_stale.or(self.complete.map(|complete| (complete.op, *op)));
        Ok(())
    }

    /// Reads of the initial value under a version are understood only where all other versions are higher.
    fn initial_placed(&self) -> Result<(), End> {
        let lowest = self.entries.first().map(|entry| entry.version);
        match self.initial_under.zip(lowest) {
            Some((under, lowest)) if under >= lowest => {
                Err(End::Other("the initial value was read under the version of a write"))
            }
            _ => Ok(()),
        }
    }

    /// An operation that saw or gave a version.
    fn see(&mut self, op: &Operation, settings: &Settings) -> Result<(), End> {
        let Some(version) = op.version.filter(|&version| version < 1 << 62) else {
            return Err(End::Other("versions are incomplete"));
        };
        let writes = op.kind != Kind::Read;
        let early = |complete: &&Pending| complete.version > version || (writes && complete.version == version);
        if let Some(complete) = self.complete.as_ref().filter(early) {
            return Err(self.too_late(complete, op, version));
        }
        let at = self.entries.partition_point(|entry| entry.version < version);
        match self.entries.get_mut(at).filter(|entry| entry.version == version) {
            Some(entry) => {
                if let Some(other) = entry.write.filter(|_| writes) {
                    return Err(clash(Reason::SplitBrain { version }, &[other, *op], None));
                }
                if entry.first.value != op.value {
                    let other = entry.write.unwrap_or(entry.first);
                    return Err(clash(Reason::VersionValueMismatch { version }, &[other, *op], None));
                }
                entry.write = if writes { Some(*op) } else { entry.write };
            }
            None => {
                self.entries.insert(at, Entry { version, first: *op, write: writes.then_some(*op) });
                self.initial_placed()?;
            }
        }
        let ret = op.ret.saturating_add(settings.skew_ns.saturating_mul(2));
        self.pending.push(Reverse(Pending { ret, version, op: *op }));
        Ok(())
    }

    /// An operation of a version that was over when it began.
    fn too_late(&self, complete: &Pending, op: &Operation, version: u64) -> End {
        let margin = |complete: &Pending| Some(op.invoke - complete.op.ret);
        if complete.version == version {
            let before = self.entries.iter().find(|entry| entry.version == version).and_then(|entry| entry.write);
            return match before {
                Some(other) => clash(Reason::SplitBrain { version }, &[other, *op], None),
                None => clash(Reason::ReadBeforeWriteInvoked, &[complete.op, *op], margin(complete)),
            };
        }
        let above = self.first_above(version, complete);
        let reason = Reason::VersionWentBack { newer: above.version, older: version };
        clash(reason, &[above.op, *op], margin(&above))
    }

    /// Time goes on: operations that returned before now are complete, and lower versions are judged and forgotten.
    fn pass(&mut self, now: i64, settings: &Settings) -> Result<(), End> {
        let mut moved = false;
        while let Some(Reverse(done)) = self.pending.peek().copied().filter(|pending| pending.0.ret < now) {
            self.pending.pop();
            if self.complete.is_none_or(|complete| done.version > complete.version) {
                (self.complete, moved) = (Some(done), true);
                self.mark(done);
            }
        }
        match self.complete.filter(|_| moved) {
            Some(complete) => self.forget(complete.version, settings),
            None => Ok(()),
        }
    }

    /// Marks the first, and each 2^k-th of the later ones, with k as high as keeps them few.
    fn mark(&mut self, done: Pending) {
        let stride = 1 << (self.advances / MARKS as u32).checked_ilog2().map_or(0, |log| log + 1);
        if self.advances.is_multiple_of(stride) {
            self.marks.push(done);
        }
        if self.marks.len() == MARKS {
            let mut nth = 0;
            self.marks.retain(|_| {
                nth += 1;
                nth & 1 == 1
            });
        }
        self.advances += 1;
    }

    /// The operation known to have returned first with a version above this one.
    fn first_above(&self, version: u64, complete: &Pending) -> Pending {
        let at = self.marks.partition_point(|mark| mark.version <= version);
        self.marks.get(at).copied().unwrap_or(*complete)
    }

    /// Judges the versions below one and forgets them.
    fn forget(&mut self, below: u64, settings: &Settings) -> Result<(), End> {
        let count = self.entries.partition_point(|entry| entry.version < below);
        for i in 0..count {
            let entry = self.entries[i];
            let write = match entry.write {
                Some(write) => write,
                None => self.unknown_write(&entry)?,
            };
            if write.kind == Kind::Cas {
                self.reach(&write, entry.version, settings)?;
            }
            self.last = Some(write);
        }
        self.entries.drain(..count);
        Ok(())
    }

    /// Does a compare-and-set find what it expects, if need be by writes of unknown outcome just before it?
    fn reach(&mut self, cas: &Operation, version: u64, settings: &Settings) -> Result<(), End> {
        let value = self.last.map_or(settings.initial, |last| last.value);
        let mut needs = *cas;
        while needs.kind == Kind::Cas && needs.expected != value {
            needs = match self.maybe.get(&needs.expected) {
                Some(found) if found.several => return Err(End::Other("several unknown writes may lie between two versions")),
                Some(found) => self.use_up(*found, version, cas)?,
                None => {
                    let shown: Vec<Operation> = self.last.into_iter().chain([*cas]).collect();
                    return Err(clash(Reason::VersionValueMismatch { version }, &shown, None));
                }
            };
        }
        Ok(())
    }

    /// The write of unknown outcome that must have given a version nobody acknowledged.
    fn unknown_write(&mut self, entry: &Entry) -> Result<Operation, End> {
        let value = entry.first.value;
        let Some(&found) = self.maybe.get(&value) else {
            return Err(clash(Reason::PhantomValue, &[entry.first], None));
        };
        if found.several {
            return Err(End::Other("several unknown writes may have given one version"));
        }
        self.use_up(found, entry.version, &entry.first)
    }

    /// A write of unknown outcome lies at or before a version, as an operation of that version tells.
    fn use_up(&mut self, found: Maybe, version: u64, told: &Operation) -> Result<Operation, End> {
        if let Some(complete) = found.complete.filter(|complete| complete.version >= version) {
            let margin = Some(found.op.invoke - complete.op.ret);
            let reason = match complete.version == version {
                true => Reason::ReadBeforeWriteInvoked,
                false => Reason::VersionWentBack { newer: complete.version, older: version },
            };
            return Err(clash(reason, &[complete.op, *told, found.op], margin));
        }
        self.maybe.remove(&found.op.value);
        Ok(found.op)
    }

    fn finish(mut self, key: u32, settings: &Settings) -> KeyVerdict {
        if self.end.is_none() {
            let rest = self.pass(NEVER, settings).and_then(|()| self.forget(u64::MAX, settings));
            self.end = rest.err();
        }
        if self.end.is_none() && self.initial_again && self.initial_read {
            self.end = Some(End::Other("the initial value is written again, so its reads need a version"));
        }
        if self.end.is_none()
            && let Some((complete, read)) = self.initial_stale
        {
            self.end = Some(clash(Reason::StaleRead, &[complete, read], Some(read.invoke - complete.ret)));
        }
        let undecided = Undecided { gap: Gap::Unversioned, explained: 0, stuck_at: None };
        let (verdict, why) = match self.end {
            _ if self.ok == 0 => (Verdict::Vacuous, "no successful operation"),
            None => (Verdict::Linearizable, "every operation tells its version"),
            Some(End::Clash(example)) => (Verdict::Violation(example), "every operation tells its version"),
            Some(End::Other(why)) => (Verdict::Undecided(Box::new(undecided)), why),
        };
        let (operations, ok_operations) = (self.operations, self.ok);
        KeyVerdict { key, operations, ok_operations, verdict, method: Method::VersionSweep, why, values_alone: None }
    }
}
