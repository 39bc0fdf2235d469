//! From contradicting blocks to the few operations that show the contradiction, with the clock error they survive.

use super::blocks::Clash;
use super::history::{History, Kind, NIL, OpOutcome, Operation};
use super::outcome::{Counterexample, NilRead, Reason, Rest, Settings};
use super::versions;
use std::collections::{BTreeMap, BTreeSet};

/// The most operations that are shown for the sake of completeness.
const HANDFUL: usize = 8;

/// The operations of one key behind a clash.
pub(super) fn show(history: &History, positions: &[u32], clash: &Clash, settings: &Settings) -> Counterexample {
    let all = Witnesses::new(history, positions, settings);
    match clash {
        Clash::Phantom(value) => all.phantom(*value),
        Clash::ReadBeforeWrite(value) => all.early_read(*value),
        Clash::DoubleReplace(value) => all.double_replace(*value),
        Clash::ReplaceCycle(values) => all.cycle(values),
        Clash::Blocks(first, second) => all.blocks(first, second),
        Clash::FailedCas(at, value) => all.failed_cas(history.operation(*at as usize), *value),
    }
}

/// The operations of one key behind a clash of versions.
pub(super) fn show_versions(
    history: &History,
    positions: &[u32],
    clash: &versions::Clash,
    settings: &Settings,
) -> Counterexample {
    use versions::Clash as V;
    let (all, initial) = (Witnesses::new(history, positions, settings), settings.initial);
    let ok = || all.all().filter(|op| op.outcome == OpOutcome::Ok);
    let told = || ok().filter(|op| op.kind != Kind::Read || op.value != initial);
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
            let failed = all.all().find(|op| op.outcome == OpOutcome::Fail && op.kind != Kind::Read && op.value == value);
            let reason = if failed.is_some() { Reason::FailedWriteRead } else { Reason::PhantomValue };
            let elsewhere = ok().find(|op| op.kind != Kind::Read && op.value == value);
            let earlier = told().filter(|op| op.version < Some(version as u64)).min_by_key(|op| (op.version, op.row));
            let elsewhere = elsewhere.or(earlier.filter(|_| value == initial));
            example(reason, read.into_iter().chain(failed).chain(elsewhere).collect(), None)
        }
        V::ReadBeforeWrite(version) => {
            let read = first_of(version);
            let value = read.map_or(initial, |op| op.value);
            let brings = |op: &Operation| op.kind != Kind::Read && op.value == value && op.outcome == OpOutcome::Unknown;
            let acknowledged = ok().find(|op| op.version == Some(version as u64) && op.kind != Kind::Read);
            let unknown = || all.all().find(brings);
            let write = acknowledged.or_else(unknown);
            pair(Reason::ReadBeforeWriteInvoked, read, write)
        }
        V::WentBack(newer, older) => {
            let s = last_of(older).or_else(|| {
                all.all().find(|op| op.outcome == OpOutcome::Unknown && Some(op.value) == first_of(older).map(|op| op.value))
            });
            let reason = Reason::VersionWentBack { newer: newer as u64, older: older as u64 };
            pair(reason, first_of(newer), s)
        }
        V::InitialAfter(version) => {
            let reads = ok().filter(|op| op.kind == Kind::Read && op.value == initial);
            pair(Reason::StaleRead, first_of(version), reads.max_by_key(|op| op.invoke))
        }
        V::Expected(version) => {
            let told_by = first_of(version);
            let given = under(version).find(|op| op.kind == Kind::Cas);
            let unsure = |op: &Operation| {
                op.kind == Kind::Cas && op.outcome == OpOutcome::Unknown && Some(op.value) == told_by.map(|op| op.value)
            };
            let cas = given.or_else(|| all.all().find(unsure));
            let told_by = told_by.filter(|_| given.is_none());
            let last = told().filter_map(|op| op.version.filter(|&v| v < version as u64)).max();
            let before =
                told().filter(|op| op.version == last && last.is_some()).min_by_key(|op| (op.kind == Kind::Read, op.row));
            // What is expected may have been brought by a write of unknown outcome: a read tells its version.
            let expected = cas.map_or(initial, |cas| cas.expected);
            let seen = told().find(|op| op.kind == Kind::Read && op.value == expected);
            let brings = |op: &Operation| op.kind != Kind::Read && op.outcome == OpOutcome::Unknown && op.value == expected;
            let unknown = all.all().find(brings).filter(|_| seen.is_some());
            let reason = Reason::VersionValueMismatch { version: version as u64 };
            let beside = unknown.and(seen).into_iter().chain(unknown).chain(told_by);
            example(reason, before.into_iter().chain(cas).chain(beside).collect(), None)
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
    /// A read of nil says nothing.
    any_nil: bool,
}

/// Sorted by invoke, each once.
pub(super) fn example(reason: Reason, mut operations: Vec<Operation>, margin_ns: Option<i64>) -> Counterexample {
    operations.sort_by_key(|op| (op.invoke, op.ret, op.row));
    operations.dedup();
    Counterexample { reason, operations, margin_ns, rest: Rest::Free }
}

impl<'a> Witnesses<'a> {
    fn new(history: &'a History, positions: &'a [u32], settings: &Settings) -> Witnesses<'a> {
        let any_nil = settings.nil_read == NilRead::Any;
        Witnesses { history, positions, initial: settings.initial, any_nil }
    }

    fn all(&self) -> impl Iterator<Item = Operation> + use<'a> {
        let (history, any_nil) = (self.history, self.any_nil);
        let all = self.positions.iter().map(move |&at| history.operation(at as usize));
        all.filter(move |op| !(any_nil && op.kind == Kind::Read && op.value == NIL))
    }

    /// Operations that write or read one of the values; unknown reads say nothing.
    fn touching(&self, values: &[i64]) -> impl Iterator<Item = Operation> + use<'a, '_> {
        let mut values = values.to_vec();
        values.sort_unstable();
        self.all().filter(move |op| {
            let says = op.outcome == OpOutcome::Ok || (op.outcome == OpOutcome::Unknown && op.kind != Kind::Read);
            says && values.binary_search(&op.value).is_ok() && !self.cannot_have_happened(op)
        })
    }

    /// A compare-and-set of unknown outcome that expects what nothing wrote.
    fn cannot_have_happened(&self, op: &Operation) -> bool {
        let brings =
            |other: Operation| other.outcome != OpOutcome::Fail && other.kind != Kind::Read && other.value == op.expected;
        let unsure = op.kind == Kind::Cas && op.outcome == OpOutcome::Unknown && op.expected != self.initial;
        unsure && !self.all().any(brings)
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

    fn replaces(&self, wanted: impl Fn(&Operation) -> bool) -> Vec<Operation> {
        let cas = self.all().filter(|op| op.kind == Kind::Cas && op.outcome != OpOutcome::Fail && wanted(op));
        let mut operations: Vec<Operation> = cas.collect();
        operations.sort_by_key(|op| (op.outcome, op.invoke));
        operations
    }

    /// Two compare-and-sets that replaced one value, and what brought it.
    fn double_replace(&self, value: i64) -> Counterexample {
        let mut operations = self.replaces(|op| op.expected == value);
        operations.retain(|op| self.counts(op));
        operations.truncate(2);
        self.add_observers(&mut operations);
        operations.extend(self.bringer(value));
        example(Reason::DoubleReplace, operations, None)
    }

    /// One cycle among compare-and-sets to these values.
    fn cycle(&self, values: &[i64]) -> Counterexample {
        let all = self.replaces(|op| values.contains(&op.value));
        let to: BTreeMap<i64, Operation> = all.iter().map(|op| (op.value, *op)).collect();
        let mut operations: Vec<Operation> = Vec::new();
        let mut next = all.first().copied();
        while let Some(cas) = next.filter(|cas| !operations.contains(cas)) {
            operations.push(cas);
            next = to.get(&cas.expected).copied();
        }
        let links = operations.len().saturating_sub(HANDFUL);
        operations.truncate(HANDFUL);
        self.add_observers(&mut operations);
        let rest = if links > 0 { Rest::Links(links as u64) } else { Rest::Free };
        Counterexample { rest, ..example(Reason::CycleOfReplaces, operations, None) }
    }

    /// The operation that brought a value, if it did not depend on another.
    fn bringer(&self, value: i64) -> Option<Operation> {
        self.touching(&[value]).find(|op| op.kind != Kind::Read && value != self.initial)
    }

    /// Adds the compare-and-sets that join the values of these operations along a chain, where they are few.
    fn join(&self, chain: &[i64], mut shown: Vec<Operation>) -> (Vec<Operation>, u64) {
        let of_shown = shown.iter().filter_map(|op| chain.iter().position(|&value| value == op.value));
        let start = (chain.first() == Some(&self.initial) && !shown.is_empty()).then_some(0);
        let places = of_shown.chain(start);
        let (first, last) = (places.clone().min().unwrap_or(0), places.max().unwrap_or(0));
        let between = chain.get(first + 1..=last).unwrap_or(&[]);
        if between.is_empty() {
            return (shown, 0);
        }
        let links = self.touching(between).filter(|op| op.kind == Kind::Cas && !shown.contains(op));
        let links: Vec<Operation> = links.collect();
        let few = links.len() <= HANDFUL / 2;
        let hidden = if few { 0 } else { links.len() as u64 };
        shown.extend(links.into_iter().filter(|_| few));
        (shown, hidden)
    }

    /// What is of unknown outcome counts because its value was observed: shows by whom.
    fn add_observers(&self, operations: &mut Vec<Operation>) {
        let mut at = 0;
        while let Some(op) = operations.get(at).copied().filter(|_| operations.len() < 2 * HANDFUL) {
            let known = |seen: &&Operation| seen.outcome == OpOutcome::Ok && self.observes(seen, op.value);
            if op.kind != Kind::Read && op.outcome == OpOutcome::Unknown && !operations.iter().any(|seen| known(&seen)) {
                let seen = self.observer(op.value);
                operations.extend(seen.filter(|seen| !operations.contains(seen)));
            }
            at += 1;
        }
    }

    fn observes(&self, op: &Operation, value: i64) -> bool {
        match op.kind {
            Kind::Read => op.outcome == OpOutcome::Ok && op.value == value,
            Kind::Cas => op.outcome != OpOutcome::Fail && op.expected == value,
            _ => false,
        }
    }

    /// The first operation that observed a value; one of unknown outcome only if there is no other.
    fn observer(&self, value: i64) -> Option<Operation> {
        self.all().filter(|op| self.observes(op, value) && self.counts(op)).min_by_key(|op| (op.outcome, op.ret, op.row))
    }

    /// Did it happen for certain: is it acknowledged, or was its value seen, directly or by another that did happen?
    fn counts(&self, op: &Operation) -> bool {
        if op.outcome == OpOutcome::Ok {
            return true;
        }
        let (mut seen, mut replaced) = (BTreeSet::new(), BTreeMap::new());
        for other in self.all().filter(|op| op.kind != Kind::Write) {
            let value = if other.kind == Kind::Cas { other.expected } else { other.value };
            match other.outcome {
                OpOutcome::Ok => drop(seen.insert(value)),
                OpOutcome::Unknown if other.kind == Kind::Cas => replaced.entry(value).or_insert(Vec::new()).push(other.value),
                _ => {}
            }
        }
        let (mut open, mut known) = (vec![op.value], BTreeSet::new());
        while let Some(value) = open.pop() {
            if seen.contains(&value) {
                return true;
            }
            if known.insert(value) {
                open.extend(replaced.get(&value).into_iter().flatten());
            }
        }
        false
    }

    fn blocks(&self, first: &[i64], second: &[i64]) -> Counterexample {
        let (f1, s1) = (self.earliest_return(first), self.latest_invoke(first));
        let (f2, s2) = (self.earliest_return(second), self.latest_invoke(second));
        let gap = |f: &Option<Operation>, s: &Option<Operation>| {
            f.as_ref().zip(s.as_ref()).map(|(f, s)| s.invoke - f.ret).filter(|&gap| gap > 0)
        };
        // A part of a chain that ended before an earlier part began: the chain says the one, times say the other.
        let head = second.first().and_then(|&value| self.bringer(value)).filter(|op| op.kind == Kind::Cas);
        let one_chain = head.is_some_and(|cas| first.last() == Some(&cas.expected));
        let (forth, back) = (gap(&f1, &s2).filter(|_| !one_chain), gap(&f2, &s1));
        let pair = |gap: Option<i64>, pair: [Option<Operation>; 2]| pair.into_iter().flatten().filter(move |_| gap.is_some());
        let (forward, backward) = (pair(forth, [f1, s2]), pair(back, [f2, s1]));
        let shown: Vec<Operation> = forward.chain(backward).collect();
        let stale = shown.iter().any(|op| op.kind == Kind::Read);
        let (mut operations, hidden): (Vec<Operation>, u64) = if one_chain {
            self.join(&[first, second].concat(), shown)
        } else {
            let of = |values: &[i64]| shown.iter().copied().filter(|op| values.contains(&op.value)).collect::<Vec<_>>();
            let (one, other) = (self.join(first, of(first)), self.join(second, of(second)));
            (one.0.into_iter().chain(other.0).collect(), one.1 + other.1)
        };
        self.add_observers(&mut operations);
        let reason = if stale { Reason::StaleRead } else { Reason::CycleOfBlocks };
        let rest = if hidden > 0 { Rest::Links(hidden) } else { Rest::Free };
        Counterexample { rest, ..example(reason, operations, forth.into_iter().chain(back).min()) }
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
        let bringer = self.bringer(value).filter(|op| op.kind == Kind::Write);
        let shown = before.into_iter().chain([failed]).chain(after).chain(bringer).collect();
        example(Reason::FailedCasMatched, shown, margin)
    }
}
