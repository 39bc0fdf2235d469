//! Counterexamples: small, wrong by themselves, and as certain as their margin says.

use super::*;
use std::collections::BTreeSet;

/// A violation found by search in a long history comes down to a handful of operations, with a margin.
#[test]
fn counterexamples_of_searches_are_small() {
    let mut sizes = Vec::new();
    for seed in 0..60 {
        let shape = Shape { operations: 1000, clients: 3, values: 5, unknown: 5, seed, ..Shape::default() };
        let mut ops: Vec<Operation> = simulate(&shape).operations().collect();
        let read = (500..1000).find(|&i| ops[i].kind == Kind::Read).unwrap();
        ops[read].value = 1 + ops[read].value % 5;
        let mut history = History::new();
        ops.into_iter().for_each(|op| history.push(op).unwrap());
        let settings = Settings::default();
        let verdict = check(&history, DataType::Register, &settings).verdict();
        if let Verdict::Violation(example) = &verdict {
            sizes.push(if example.margin_ns.is_some() { example.operations.len() } else { 99 });
            margin_holds(&history, DataType::Register, &settings, &verdict);
        }
    }
    let small = sizes.iter().filter(|&&size| size <= 12).count();
    assert!(small > 10 && small * 10 > sizes.len() * 7, "{sizes:?}");
}

/// The contradiction that a search shows survives a clock error just below its margin.
pub(super) fn margin_holds(history: &History, data: DataType, settings: &Settings, verdict: &Verdict) {
    if let Verdict::Violation(example) = verdict
        && let Some(margin) = example.margin_ns
    {
        let skewed = Settings { skew_ns: ((margin - 1) / 2).min(1 << 40), ..*settings };
        let outcome = check(history, data, &skewed);
        let still = outcome.verdict();
        // With so wide intervals a process may overlap itself, and tokens are not used: the oracle knows them still.
        let without_tokens = data == DataType::Mutex && outcome.keys.iter().all(|key| key.method != Method::VersionSweep);
        if without_tokens && history.has_versions() {
            assert!(!truth(history, data, &skewed, true), "margin {margin} of {example:?}\n{}", dump(history));
            return;
        }
        assert!(matches!(still, Verdict::Violation(_)), "margin {margin} of {example:?}\n{}", dump(history));
    }
}

/// The operations that a method shows have no order by themselves, not even with clocks wrong by almost the margin; nor
/// beside all others, as loose as `Rest` says.
pub(super) fn shown_alone(history: &History, data: DataType, settings: &Settings, key: &KeyVerdict) {
    let by_version = key.method == Method::VersionSweep;
    for (verdict, versions) in [(Some(&key.verdict), by_version), (key.values_alone.as_ref(), false)] {
        let Some(Verdict::Violation(example)) = verdict else {
            continue;
        };
        let mut shown = history.clone_empty();
        example.operations.iter().for_each(|&op| shown.push(op).unwrap());
        for skew_ns in [settings.skew_ns, example.margin_ns.map_or(0, |margin| ((margin - 1) / 2).min(1 << 40))] {
            let settings = Settings { skew_ns, ..*settings };
            let told = || format!("skew {skew_ns}: {example:?}\n{key:?}\n{}", dump(history));
            if example.rest != Rest::All {
                assert!(!truth(&shown, data, &settings, versions), "alone: {}", told());
            }
            assert!(!beside_the_rest(history, (key, example), data, &settings, versions), "beside the rest: {}", told());
        }
    }
}

/// Is there an order of the operations shown beside all others, where these are let loose as the counterexample says?
fn beside_the_rest(
    history: &History,
    (key, example): (&KeyVerdict, &Counterexample),
    data: DataType,
    settings: &Settings,
    versions: bool,
) -> bool {
    let shown = |op: &Operation| example.operations.iter().any(|shown| shown.row == op.row);
    let of_shown = |op: &Operation| example.operations.iter().any(|shown| shown.process == op.process);
    let first = example.operations.iter().map(|op| op.invoke).min().unwrap().saturating_sub(settings.skew_ns);
    let after_any_state = example.rest == Rest::FreeAfterAnyState;
    let loose = |op: Operation| match shown(&op) {
        _ if op.outcome == OpOutcome::Fail && !(op.kind == Kind::Cas && shown(&op)) => None,
        true => Some(op),
        false if example.rest == Rest::OwnProcesses && of_shown(&op) => Some(op),
        false if op.outcome == OpOutcome::Fail || op.kind.observes_only() => None,
        false if after_any_state && op.ret.saturating_add(settings.skew_ns) < first => None,
        false => Some(Operation { ret: NEVER, ..op }),
    };
    let ops: Vec<Operation> = history.operations().filter_map(loose).collect();
    let spec = Spec::new(data, settings);
    let mut starts = vec![spec.clone()];
    match example.rest {
        Rest::Free | Rest::Links(_) | Rest::OwnProcesses => {}
        Rest::FreeAfterAnyState if data == DataType::Set => {
            let all: Vec<i64> = ops.iter().filter(|op| op.kind != Kind::ReadLog).map(|op| op.value).collect();
            let some = |bits: u32| all.iter().enumerate().filter(move |(i, _)| bits >> i & 1 == 1).map(|(_, &item)| item);
            let states = (1..1 << all.len()).map(|bits| some(bits).collect::<BTreeSet<i64>>());
            starts.extend(states.map(|items| Spec { items: items.into_iter().collect(), ..spec.clone() }));
        }
        Rest::FreeAfterAnyState => {
            let values = history.operations().flat_map(|op| [op.value, op.expected, i64::from(op.process), NIL, 77]);
            starts.extend(values.map(|value| Spec { value, ..spec.clone() }));
        }
        Rest::Increments { .. } => return false,
        // A search within its budget did not find fewer: nothing is claimed.
        Rest::All if key.method == Method::ModelSearch => return false,
        Rest::All => panic!("a small history needs no search of everything: {key:?}\n{}", dump(history)),
    }
    starts.into_iter().any(|start| orders(ops.clone(), start, history, settings, versions))
}

/// A write of unknown outcome is seen, and long after it was overwritten it is seen again.
#[test]
fn causes_long_before_are_found() {
    let mut history = History::new();
    let unknown = Operation { outcome: OpOutcome::Unknown, ret: NEVER, ..Operation::ok(Kind::Write, 9, 1, 2) };
    let mut push = |op: Operation| {
        let row = history.len() as u32;
        history.push(Operation { row, ..op }).unwrap();
    };
    push(unknown);
    push(Operation::ok(Kind::Read, 9, 10, 12));
    for i in 0..600 {
        let kind = if i % 3 == 0 { Kind::Write } else { Kind::Read };
        push(Operation::ok(kind, 1 + i / 3 % 2, 20 + 10 * i, 25 + 10 * i));
    }
    push(Operation::ok(Kind::Read, 9, 9000, 9001));
    let settings = Settings::default();
    let outcome = check(&history, DataType::Register, &settings);
    let (_, example) = outcome.violations().next().unwrap();
    assert_eq!(outcome.keys[0].method, Method::RegisterSearch);
    let rows: Vec<u32> = example.operations.iter().map(|op| op.row).collect();
    assert!(rows.len() <= 5 && rows.contains(&1) && rows.contains(&602), "{example:?}");
    assert!(example.margin_ns.is_some(), "{example:?}");
    margin_holds(&history, DataType::Register, &settings, &outcome.verdict());
}

#[test]
fn a_stale_read_is_shown_with_its_margin() {
    let mut history = History::new();
    for (row, op) in
        [Operation::ok(Kind::Write, 1, 0, 10), Operation::ok(Kind::Write, 2, 20, 30), Operation::ok(Kind::Read, 1, 75, 80)]
            .into_iter()
            .enumerate()
    {
        history.push(Operation { row: row as u32, ..op }).unwrap();
    }
    let outcome = check(&history, DataType::Register, &Settings::default());
    let (_, example) = outcome.violations().next().unwrap();
    assert_eq!((&example.reason, example.margin_ns), (&Reason::StaleRead, Some(10)));
    assert_eq!(example.operations.iter().map(|op| op.row).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(explain(example).contains("after it had been replaced"), "{}", explain(example));
    // The margin is the smallest relative clock error that excuses it: half of it on each side.
    let excused = |skew_ns| check(&history, DataType::Register, &Settings { skew_ns, ..Settings::default() }).verdict();
    assert!(matches!(excused(4), Verdict::Violation(_)));
    assert_eq!(excused(5), Verdict::Linearizable);
}

fn example_of(ops: &[Operation], data: DataType) -> Counterexample {
    let mut history = History::new();
    for (row, op) in ops.iter().enumerate() {
        history.push(Operation { row: row as u32, ..*op }).unwrap();
    }
    let outcome = check(&history, data, &Settings::default());
    let (_, example) = outcome.violations().next().unwrap();
    margin_holds(&history, data, &Settings::default(), &outcome.verdict());
    example.clone()
}

/// Of a chain of compare-and-sets the links between its ends are shown, or counted where they are many.
#[test]
fn chains_are_shown_with_their_links() {
    let cas = |from, to, at| Operation { kind: Kind::Cas, expected: from, ..Operation::ok(Kind::Cas, to, at, at + 5) };
    for (links, shown, rest) in [(2, 5, Rest::Free), (40, 3, Rest::Links(40))] {
        // The last value of the chain is read before its first is written.
        let mut ops = vec![Operation::ok(Kind::Read, 1 + links, 0, 5)];
        ops.push(Operation::ok(Kind::Write, 1, 10, 1000));
        ops.extend((1..=links).map(|i| Operation { invoke: 0, ret: 990, ..cas(i, i + 1, 0) }));
        ops.push(Operation::ok(Kind::Write, 100, 2, 8));
        let example = example_of(&ops, DataType::Register);
        assert_eq!((example.rest, example.margin_ns), (rest, Some(5)), "{example:?}");
        assert!(example.operations.len() < shown && example.operations.len() > 1, "{example:?}");
        assert_eq!(why(&example).contains("40 compare-and-sets that join"), rest != Rest::Free, "{}", why(&example));
    }
}

/// A lost increment among many: the read, and in words what the others add up to.
#[test]
fn lost_increments_are_told_by_their_sum() {
    let increment = |i: i64, amount| Operation::ok(Kind::Increment, amount, 10 * i, 10 * i + 5);
    let read = |value, at| Operation::ok(Kind::ReadCounter, value, at, at + 5);
    for amount in [1, 3] {
        let mut ops: Vec<Operation> = (0..100).map(|i| increment(i, amount)).collect();
        ops.push(read(100 * amount - 1, 5000));
        let example = example_of(&ops, DataType::Counter);
        let rest = Rest::Increments { count: 100, sum: 100 * amount, since_read: false };
        assert_eq!((example.operations.len(), example.rest), (1, rest));
        assert_eq!(example.reason, Reason::CountTooLow { least: 100 * amount });
        assert!(why(&example).contains("the sum of the 100 increments completed before"), "{}", why(&example));
        assert_eq!(example.margin_ns, Some(5000 - 995));
    }
    // Between two reads there are too many for the places between them; few are shown, many are counted.
    for many in [3, 30] {
        let mut ops: Vec<Operation> = (0..100).map(|i| increment(i, 1)).collect();
        ops.push(read(100, 1000));
        ops.extend((0..many).map(|i| increment(200 + i, 1)));
        ops.push(read(100 + many - 1, 5000));
        ops.push(Operation { outcome: OpOutcome::Unknown, ret: NEVER, ..increment(0, 1) });
        let example = example_of(&ops, DataType::Counter);
        assert_eq!(example.reason, Reason::CountTooLow { least: 100 + many });
        assert_eq!(example.operations.len() as i64, if many < 6 { 2 + many } else { 1 }, "{example:?}");
    }
    // Read too high: only what was sent later could have brought it.
    let ops = [increment(0, 2), read(5, 20), increment(3, 2), increment(4, 2)];
    let example = example_of(&ops, DataType::Counter);
    assert_eq!((example.reason, example.operations.len(), example.margin_ns), (Reason::CountTooHigh { most: 2 }, 1, Some(15)));
}
