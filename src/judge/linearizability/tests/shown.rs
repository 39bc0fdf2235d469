//! Counterexamples: small, wrong by themselves, and as certain as their margin says.

use super::*;

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
        let still = check(history, data, &skewed).verdict();
        assert!(matches!(still, Verdict::Violation(_)), "margin {margin} of {example:?}\n{}", dump(history));
    }
}

/// The operations that a method shows have no order by themselves, not even with clocks wrong by almost the margin.
pub(super) fn shown_alone(history: &History, data: DataType, settings: &Settings, key: &KeyVerdict) {
    let Verdict::Violation(example) = &key.verdict else {
        return;
    };
    let alone = [Method::StackConditions, Method::QueueConditions, Method::SetElements, Method::Blocks, Method::LogPrefixes];
    // Of chains of compare-and-sets only the ends are shown.
    let chained = key.method == Method::Blocks && history.operations().any(|op| op.kind == Kind::Cas);
    if chained || !alone.contains(&key.method) {
        return;
    }
    let mut shown = history.clone_empty();
    example.operations.iter().for_each(|&op| shown.push(op).unwrap());
    for skew in [settings.skew_ns, example.margin_ns.map_or(0, |margin| ((margin - 1) / 2).min(1 << 40))] {
        let verdict = check(&shown, data, &Settings { skew_ns: skew, ..*settings }).verdict();
        assert!(matches!(verdict, Verdict::Violation(_)), "skew {skew}: {verdict:?} of {key:?}\n{}", dump(history));
    }
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
