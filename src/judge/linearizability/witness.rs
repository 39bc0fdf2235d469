//! From contradicting blocks to the few operations that show the contradiction, with the clock error they survive.

use super::blocks::Clash;
use super::history::{History, Kind, OpOutcome, Operation};
use super::outcome::{Counterexample, Reason};

/// The operations of one key behind a clash.
pub(super) fn show(
    history: &History,
    positions: &[u32],
    clash: &Clash,
    initial: i64,
) -> Counterexample {
    let all = Witnesses {
        history,
        positions,
        initial,
    };
    match clash {
        Clash::Phantom(value) => all.phantom(*value),
        Clash::ReadBeforeWrite(value) => all.early_read(*value),
        Clash::DoubleReplace(value) => {
            all.replaces(Reason::DoubleReplace, |op| op.expected == *value)
        }
        Clash::ReplaceCycle(values) => {
            all.replaces(Reason::CycleOfReplaces, |op| values.contains(&op.value))
        }
        Clash::Blocks(first, second) => all.blocks(first, second),
        Clash::FailedCas(at, value) => all.failed_cas(history.operation(*at as usize), *value),
    }
}

struct Witnesses<'a> {
    history: &'a History,
    positions: &'a [u32],
    initial: i64,
}

/// Sorted by invoke, each once.
pub(super) fn example(
    reason: Reason,
    mut operations: Vec<Operation>,
    margin_ns: Option<i64>,
) -> Counterexample {
    operations.sort_by_key(|op| (op.invoke, op.ret, op.row));
    operations.dedup();
    Counterexample {
        reason,
        operations,
        margin_ns,
    }
}

impl<'a> Witnesses<'a> {
    fn all(&self) -> impl Iterator<Item = Operation> + use<'a> {
        let history = self.history;
        self.positions
            .iter()
            .map(move |&at| history.operation(at as usize))
    }

    /// Operations that write or read one of the values; unknown reads say nothing.
    fn touching<'v>(&self, values: &'v [i64]) -> impl Iterator<Item = Operation> + use<'a, 'v> {
        self.all().filter(move |op| {
            let says = op.outcome == OpOutcome::Ok
                || (op.outcome == OpOutcome::Unknown && op.kind != Kind::Read);
            says && values.contains(&op.value)
        })
    }

    fn earliest_return(&self, values: &[i64]) -> Option<Operation> {
        if values.contains(&self.initial) {
            return None;
        }
        self.touching(values)
            .filter(|op| op.outcome == OpOutcome::Ok)
            .min_by_key(|op| (op.ret, op.row))
    }

    fn latest_invoke(&self, values: &[i64]) -> Option<Operation> {
        self.touching(values)
            .max_by_key(|op| (op.invoke, std::cmp::Reverse(op.row)))
    }

    fn phantom(&self, value: i64) -> Counterexample {
        let observes = |op: &Operation| {
            op.outcome == OpOutcome::Ok
                && ((op.kind == Kind::Read && op.value == value)
                    || (op.kind == Kind::Cas && op.expected == value))
        };
        let mut operations: Vec<Operation> = self.all().filter(observes).take(1).collect();
        let failed = self
            .all()
            .find(|op| op.outcome == OpOutcome::Fail && op.kind != Kind::Read && op.value == value);
        let reason = if failed.is_some() {
            Reason::FailedWriteRead
        } else {
            Reason::PhantomValue
        };
        operations.extend(failed);
        example(reason, operations, None)
    }

    fn early_read(&self, value: i64) -> Counterexample {
        let read = self.earliest_return(&[value]);
        let write = self.touching(&[value]).find(|op| op.kind != Kind::Read);
        let margin = read.zip(write).map(|(read, write)| write.invoke - read.ret);
        example(
            Reason::ReadBeforeWriteInvoked,
            read.into_iter().chain(write).collect(),
            margin,
        )
    }

    fn replaces(&self, reason: Reason, wanted: impl Fn(&Operation) -> bool) -> Counterexample {
        let cas = self
            .all()
            .filter(|op| op.kind == Kind::Cas && op.outcome != OpOutcome::Fail && wanted(op));
        let mut operations: Vec<Operation> = cas.collect();
        operations.sort_by_key(|op| (op.outcome, op.invoke));
        operations.truncate(4);
        example(reason, operations, None)
    }

    fn blocks(&self, first: &[i64], second: &[i64]) -> Counterexample {
        let (f1, s1) = (self.earliest_return(first), self.latest_invoke(first));
        let (f2, s2) = (self.earliest_return(second), self.latest_invoke(second));
        let gap = |f: &Option<Operation>, s: &Option<Operation>| {
            f.as_ref()
                .zip(s.as_ref())
                .map(|(f, s)| s.invoke - f.ret)
                .filter(|&gap| gap > 0)
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
        example(
            if stale {
                Reason::StaleRead
            } else {
                Reason::CycleOfBlocks
            },
            operations,
            margin,
        )
    }

    fn failed_cas(&self, failed: Operation, value: i64) -> Counterexample {
        let before = self.earliest_return(&[value]);
        let observes = |op: &Operation| {
            (op.outcome == OpOutcome::Ok && op.kind == Kind::Read && op.value == value)
                || (op.outcome != OpOutcome::Fail && op.kind == Kind::Cas && op.expected == value)
        };
        let after = self.all().filter(observes).max_by_key(|op| op.invoke);
        let margins = before.iter().map(|op| failed.invoke - op.ret);
        let margin = margins
            .chain(after.iter().map(|op| op.invoke - failed.ret))
            .min();
        example(
            Reason::FailedCasMatched,
            before.into_iter().chain([failed]).chain(after).collect(),
            margin,
        )
    }
}
