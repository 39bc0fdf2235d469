//! From contradicting blocks to the few operations that show the contradiction, with the clock error they survive.

use super::blocks::Clash;
use super::history::{History, Kind, OpOutcome, Operation};
use super::outcome::{Counterexample, Reason};
use super::versions;

/// The operations of one key behind a clash.
pub(super) fn show(history: &History, positions: &[u32], clash: &Clash, initial: i64) -> Counterexample {
    let all = Witnesses { history, positions, initial };
    match clash {
        Clash::Phantom(value) => all.phantom(*value),
        Clash::ReadBeforeWrite(value) => all.early_read(*value),
        Clash::DoubleReplace(value) => all.replaces(Reason::DoubleReplace, |op| op.expected == *value),
        Clash::ReplaceCycle(values) => all.replaces(Reason::CycleOfReplaces, |op| values.contains(&op.value)),
        Clash::Blocks(first, second) => all.blocks(first, second),
        Clash::FailedCas(at, value) => all.failed_cas(history.operation(*at as usize), *value),
    }
}

/// The operations of one key behind a clash of versions.
pub(super) fn show_versions(history: &History, positions: &[u32], clash: &versions::Clash, initial: i64) -> Counterexample {
    use versions::Clash as V;
    let ok = || positions.iter().map(|&at| history.operation(at as usize)).filter(|op| op.outcome == OpOutcome::Ok);
    let under = |version: i64| ok().filter(move |op| op.version == Some(version as u64));
    let first_of = |version: i64| under(version).min_by_key(|op| (op.ret, op.row));
    let last_of = |version: i64| under(version).max_by_key(|op| (op.invoke, std::cmp::Reverse(op.row)));
    let pair = |reason: Reason, f: Option<Operation>, s: Option<Operation>| {
        let margin = f.zip(s).map(|(f, s)| s.invoke - f.ret);
        example(reason, f.into_iter().chain(s).collect(), margin)
    };
    match *clash {
        V::SplitBrain(version) => {
            let writes = under(version).filter(|op| op.kind != Kind::Read).take(2);
            example(Reason::SplitBrain { version: version as u64 }, writes.collect(), None)
        }
        V::Values(version) => two_values(version as u64, under(version).collect()),
        V::Phantom(version) => {
            let read = under(version).take(1).collect::<Vec<_>>();
            let value = read.first().map_or(initial, |op| op.value);
            let all = Witnesses { history, positions, initial };
            let failed = all.all().find(|op| op.outcome == OpOutcome::Fail && op.kind != Kind::Read && op.value == value);
            let reason = if failed.is_some() { Reason::FailedWriteRead } else { Reason::PhantomValue };
            example(reason, read.into_iter().chain(failed).collect(), None)
        }
        V::ReadBeforeWrite(version) => {
            let read = first_of(version);
            let value = read.map_or(initial, |op| op.value);
            let brings = |op: &Operation| op.kind != Kind::Read && op.value == value && op.outcome == OpOutcome::Unknown;
            let acknowledged = ok().find(|op| op.version == Some(version as u64) && op.kind != Kind::Read);
            let unknown = || positions.iter().map(|&at| history.operation(at as usize)).find(brings);
            let write = acknowledged.or_else(unknown);
            pair(Reason::ReadBeforeWriteInvoked, read, write)
        }
        V::WentBack(newer, older) => {
            let s = last_of(older).or_else(|| {
                positions
                    .iter()
                    .map(|&at| history.operation(at as usize))
                    .find(|op| op.outcome == OpOutcome::Unknown && Some(op.value) == first_of(older).map(|op| op.value))
            });
            let reason = Reason::VersionWentBack { newer: newer as u64, older: older as u64 };
            pair(reason, first_of(newer), s)
        }
        V::InitialAfter(version) => {
            let reads = ok().filter(|op| op.kind == Kind::Read && op.value == initial);
            pair(Reason::StaleRead, first_of(version), reads.max_by_key(|op| op.invoke))
        }
        V::Expected(version) => {
            let cas = under(version).find(|op| op.kind == Kind::Cas);
            let earlier = ok().filter(|op| op.kind != Kind::Read && op.version < Some(version as u64));
            let before = earlier.max_by_key(|op| op.version);
            let reason = Reason::VersionValueMismatch { version: version as u64 };
            example(reason, before.into_iter().chain(cas).collect(), None)
        }
    }
}

/// Two operations that tell one version and two values; two writes if there are two.
fn two_values(version: u64, mut operations: Vec<Operation>) -> Counterexample {
    operations.sort_by_key(|op| (op.kind == Kind::Read, op.row));
    let split = operations.get(1).is_some_and(|op| op.kind != Kind::Read);
    let reason = if split { Reason::SplitBrain { version } } else { Reason::VersionValueMismatch { version } };
    let first = operations.first().copied();
    let other = operations
        .iter()
        .copied()
        .find(|op| split && Some(*op) != first)
        .or_else(|| operations.iter().copied().find(|op| Some(op.value) != first.map(|op| op.value)));
    example(reason, first.into_iter().chain(other).collect(), None)
}

struct Witnesses<'a> {
    history: &'a History,
    positions: &'a [u32],
    initial: i64,
}

/// Sorted by invoke, each once.
pub(super) fn example(reason: Reason, mut operations: Vec<Operation>, margin_ns: Option<i64>) -> Counterexample {
    operations.sort_by_key(|op| (op.invoke, op.ret, op.row));
    operations.dedup();
    Counterexample { reason, operations, margin_ns }
}

impl<'a> Witnesses<'a> {
    fn all(&self) -> impl Iterator<Item = Operation> + use<'a> {
        let history = self.history;
        self.positions.iter().map(move |&at| history.operation(at as usize))
    }

    /// Operations that write or read one of the values; unknown reads say nothing.
    fn touching<'v>(&self, values: &'v [i64]) -> impl Iterator<Item = Operation> + use<'a, 'v> {
        self.all().filter(move |op| {
            let says = op.outcome == OpOutcome::Ok || (op.outcome == OpOutcome::Unknown && op.kind != Kind::Read);
            says && values.contains(&op.value)
        })
    }

    fn earliest_return(&self, values: &[i64]) -> Option<Operation> {
        if values.contains(&self.initial) {
            return None;
        }
        self.touching(values).filter(|op| op.outcome == OpOutcome::Ok).min_by_key(|op| (op.ret, op.row))
    }

    fn latest_invoke(&self, values: &[i64]) -> Option<Operation> {
        self.touching(values).max_by_key(|op| (op.invoke, std::cmp::Reverse(op.row)))
    }

    fn phantom(&self, value: i64) -> Counterexample {
        let mut operations: Vec<Operation> = self.observer(value).into_iter().collect();
        self.add_observers(&mut operations);
        let failed = self.all().find(|op| op.outcome == OpOutcome::Fail && op.kind != Kind::Read && op.value == value);
        let reason = if failed.is_some() { Reason::FailedWriteRead } else { Reason::PhantomValue };
        operations.extend(failed);
        example(reason, operations, None)
    }

    fn early_read(&self, value: i64) -> Counterexample {
        let read = self.earliest_return(&[value]);
        let write = self.touching(&[value]).find(|op| op.kind != Kind::Read);
        let margin = read.zip(write).map(|(read, write)| write.invoke - read.ret);
        example(Reason::ReadBeforeWriteInvoked, read.into_iter().chain(write).collect(), margin)
    }

    fn replaces(&self, reason: Reason, wanted: impl Fn(&Operation) -> bool) -> Counterexample {
        let cas = self.all().filter(|op| op.kind == Kind::Cas && op.outcome != OpOutcome::Fail && wanted(op));
        let mut operations: Vec<Operation> = cas.collect();
        operations.sort_by_key(|op| (op.outcome, op.invoke));
        operations.truncate(if reason == Reason::DoubleReplace { 2 } else { 4 });
        self.add_observers(&mut operations);
        example(reason, operations, None)
    }

    /// A compare-and-set of unknown outcome counts because its value was observed: shows by whom.
    fn add_observers(&self, operations: &mut Vec<Operation>) {
        let mut at = 0;
        while let Some(cas) = operations.get(at).copied().filter(|_| operations.len() < 8) {
            if cas.kind == Kind::Cas && cas.outcome == OpOutcome::Unknown {
                let seen = self.observer(cas.value);
                operations.extend(seen.filter(|seen| !operations.contains(seen)));
            }
            at += 1;
        }
    }

    /// The first operation that observed a value; one of unknown outcome only if there is no other.
    fn observer(&self, value: i64) -> Option<Operation> {
        let observes = |op: &Operation| match op.kind {
            Kind::Read => op.outcome == OpOutcome::Ok && op.value == value,
            Kind::Cas => op.outcome != OpOutcome::Fail && op.expected == value,
            _ => false,
        };
        self.all().filter(observes).min_by_key(|op| (op.outcome, op.ret, op.row))
    }

    fn blocks(&self, first: &[i64], second: &[i64]) -> Counterexample {
        let (f1, s1) = (self.earliest_return(first), self.latest_invoke(first));
        let (f2, s2) = (self.earliest_return(second), self.latest_invoke(second));
        let gap = |f: &Option<Operation>, s: &Option<Operation>| {
            f.as_ref().zip(s.as_ref()).map(|(f, s)| s.invoke - f.ret).filter(|&gap| gap > 0)
        };
        let margin = gap(&f1, &s2).into_iter().chain(gap(&f2, &s1)).min();
        let mut shown = Vec::new();
        if gap(&f1, &s2).is_some() {
            shown.extend([f1, s2]);
        }
        if gap(&f2, &s1).is_some() {
            shown.extend([f2, s1]);
        }
        let operations: Vec<Operation> = shown.into_iter().flatten().collect();
        let stale = operations.iter().any(|op| op.kind == Kind::Read);
        example(if stale { Reason::StaleRead } else { Reason::CycleOfBlocks }, operations, margin)
    }

    fn failed_cas(&self, failed: Operation, value: i64) -> Counterexample {
        let before = self.earliest_return(&[value]);
        let observes = |op: &Operation| {
            (op.outcome == OpOutcome::Ok && op.kind == Kind::Read && op.value == value)
                || (op.outcome != OpOutcome::Fail && op.kind == Kind::Cas && op.expected == value)
        };
        let after = self.all().filter(observes).max_by_key(|op| op.invoke);
        let margins = before.iter().map(|op| failed.invoke - op.ret);
        let margin = margins.chain(after.iter().map(|op| op.invoke - failed.ret)).min();
        example(Reason::FailedCasMatched, before.into_iter().chain([failed]).chain(after).collect(), margin)
    }
}
