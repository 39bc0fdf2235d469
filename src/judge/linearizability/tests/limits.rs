//! Budgets, threads, and what must never pass.

use super::*;

/// What only a search can judge ends as undecided when the budget does, and says why.
#[test]
fn queues_and_counters_beyond_their_methods_are_undecided_without_a_budget() {
    let unknown = OpOutcome::Unknown;
    let mut queue = History::new();
    for i in 0..12 {
        queue.push(Operation::ok(Kind::Enqueue, i, 2 * i, 2 * i)).unwrap();
    }
    queue.push(Operation { outcome: unknown, ..Operation::ok(Kind::Dequeue, NIL, 30, 31) }).unwrap();
    queue.push(Operation::ok(Kind::Dequeue, 1, 40, 41)).unwrap();
    let mut counter = History::new();
    for i in 0..12 {
        counter.push(Operation::ok(Kind::Increment, 3 + i, 0, 50)).unwrap();
    }
    counter.push(Operation::ok(Kind::ReadCounter, 1, 20, 30)).unwrap();
    let cases = [
        (queue, DataType::Queue, "a dequeue of unknown outcome may have taken any element", true),
        (counter, DataType::Counter, "amounts differ from 1", false),
    ];
    for (history, data, why, good) in cases {
        let full = check(&history, data, &Settings::default());
        assert_eq!((full.keys[0].why, full.keys[0].method), (why, Method::ModelSearch));
        assert_eq!(full.keys[0].verdict == Verdict::Linearizable, good, "{:?}", full.keys[0]);
        let budget = Budget { steps: 3, bytes: 1 << 20 };
        let short = check(&history, data, &Settings { budget, ..Settings::default() });
        let Verdict::Undecided(gap) = &short.keys[0].verdict else { panic!("{short:?}") };
        assert_eq!((gap.gap, short.keys[0].why), (Gap::Steps, why));
        assert!(explain_gap(gap).contains("step budget"));
    }
}

fn mixed(seed: u64) -> History {
    let versions = seed.is_multiple_of(3);
    let values = 6 * (seed & 1);
    let shape = Shape { operations: 3000, keys: 7, cas: 300, unknown: 50, values, versions, seed, ..Shape::default() };
    let mut history = History::new();
    let mut rng = Random(seed);
    for mut op in simulate(&shape).operations() {
        if op.key < 3 && rng.chance(5) {
            op.value = 1 + rng.below(50) as i64;
        }
        history.push(op).unwrap();
    }
    history
}

#[test]
fn threads_do_not_change_the_outcome() {
    for seed in 0..20 {
        let history = mixed(seed);
        let one = check(&history, DataType::Register, &Settings::default());
        for threads in [2, 3, 8] {
            let many = check(&history, DataType::Register, &Settings { threads, ..Settings::default() });
            assert_eq!(one, many);
            assert_eq!(format!("{one:?}"), format!("{many:?}"));
        }
    }
}

#[test]
fn a_budget_or_a_stop_flag_leaves_keys_undecided_but_never_decides() {
    let history = mixed(1);
    let full = check(&history, DataType::Register, &Settings::default());
    for steps in [0, 10, 300, 3000] {
        let budget = Budget { steps, bytes: 1 << 30 };
        let short = check(&history, DataType::Register, &Settings { budget, ..Settings::default() });
        for (short, full) in short.keys.iter().zip(&full.keys) {
            let gap = matches!(&short.verdict, Verdict::Undecided(u) if u.gap == Gap::Steps && u.stuck_at.is_some());
            assert!(gap || short.verdict == full.verdict);
        }
        assert!(steps > 10 || matches!(short.verdict(), Verdict::Undecided(_)));
    }
    let stop = std::sync::atomic::AtomicBool::new(true);
    let stopped = check(&history, DataType::Register, &Settings { stop: Some(&stop), ..Settings::default() });
    assert!(stopped.keys.iter().all(|key| matches!(&key.verdict, Verdict::Undecided(u) if u.gap == Gap::Stopped)));
}

#[test]
fn nothing_to_judge_is_not_a_pass() {
    let empty = check(&History::new(), DataType::Register, &Settings::default());
    assert_eq!((empty.verdict(), empty.ok_operations()), (Verdict::Vacuous, 0));
    let mut failed = History::new();
    failed.push(Operation { outcome: OpOutcome::Fail, ..Operation::ok(Kind::Write, 1, 0, 1) }).unwrap();
    failed.push(Operation { outcome: OpOutcome::Unknown, ..Operation::ok(Kind::Write, 2, 0, 1) }).unwrap();
    assert_eq!(check(&failed, DataType::Register, &Settings::default()).verdict(), Verdict::Vacuous);
    failed.push(Operation::ok(Kind::Enqueue, 2, 0, 1)).unwrap();
    let foreign = check(&failed, DataType::Register, &Settings::default()).verdict();
    assert!(matches!(foreign, Verdict::Undecided(gap) if gap.gap == Gap::ForeignOperation));
}
