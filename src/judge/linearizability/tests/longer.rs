//! Longer histories, which no oracle can judge: methods against each other.

use super::*;

/// The depth-first and the breadth-first search say the same as the chosen method.
pub(super) fn searches_agree(history: &History, data: DataType, settings: &Settings, verdict: &Verdict) {
    let positions: Vec<u32> = (0..history.len() as u32).collect();
    let (case, _) = register_case::case(history, &positions, data, settings);
    let deep = register_search::search(&case, settings) == register_search::Found::Order;
    let broad = register_search::search_broad(&case, settings) == register_search::Found::Order;
    let chosen = *verdict == Verdict::Linearizable;
    assert_eq!((deep, broad), (chosen, chosen), "{}", dump(history));
}

/// Longer histories, which no oracle can judge: all methods agree with each other.
#[test]
fn methods_agree_on_longer_histories() {
    let settings = strict();
    let mut good = 0;
    for round in 0..rounds() / 20 {
        let mut rng = Random(77 << 40 | round);
        let shape = Shape {
            operations: 20 + rng.below(60) as usize,
            clients: 2 + rng.below(8) as u32,
            values: [0, 2, 3, 5][rng.below(4) as usize],
            cas: rng.below(2) * 400,
            unknown: rng.below(2) * 150,
            tick_ns: [1, 100][rng.below(2) as usize],
            seed: rng.bits(),
            ..Shape::default()
        };
        let mut ops: Vec<Operation> = simulate(&shape).operations().collect();
        let spoil = rng.chance(600);
        if spoil {
            let (a, b) = (rng.below(ops.len() as u64) as usize, rng.below(ops.len() as u64) as usize);
            ops[a].value = ops[b].value;
        }
        let mut history = History::new();
        ops.into_iter().for_each(|op| history.push(op).unwrap());
        let outcome = check(&history, DataType::Register, &settings);
        let verdict = &outcome.keys[0].verdict;
        assert!(spoil || *verdict == Verdict::Linearizable, "{round}: {verdict:?}\n{}", dump(&history));
        good += u64::from(*verdict == Verdict::Linearizable);
        searches_agree(&history, DataType::Register, &settings, verdict);
    }
    assert!(good > 0);
}

/// Compare-and-sets among few values with fifty in flight are decided in a fraction of the budget.
#[test]
fn dense_compare_and_sets_are_decided() {
    for seed in 1..6 {
        let shape = Shape { operations: 1000, clients: 50, values: 5, cas: 500, seed, ..Shape::default() };
        let budget = Budget { steps: 1_000_000, ..Budget::default() };
        let outcome = check(&simulate(&shape), DataType::Register, &Settings { budget, ..Settings::default() });
        assert_eq!(outcome.verdict(), Verdict::Linearizable, "{seed}");
    }
}

/// Deeper stacks than an oracle can judge: the method agrees with the search, and what it shows is wrong by itself.
#[test]
fn deeper_stacks_agree_with_the_search() {
    let (mut yes, mut no) = (0, 0);
    for round in 0..rounds() / 8 {
        let mut rng = Random(79 << 40 | round);
        let shape = Shape {
            data: DataType::Stack,
            operations: 8 + rng.below(16) as usize,
            clients: 2 + rng.below(4) as u32,
            unknown: rng.below(2) * 100,
            reads: 300 + rng.below(200),
            tick_ns: [1, 300][rng.below(2) as usize],
            seed: rng.bits(),
            ..Shape::default()
        };
        let mut ops: Vec<Operation> = simulate(&shape).operations().collect();
        let pops: Vec<usize> = (0..ops.len()).filter(|&i| ops[i].kind == Kind::Pop && ops[i].value != NIL).collect();
        for pair in pops.windows(2) {
            if !rng.chance(200) {
                continue;
            }
            (ops[pair[0]].value, ops[pair[1]].value) = (ops[pair[1]].value, ops[pair[0]].value);
            ops[pair[0]].invoke -= 600 * rng.below(2) as i64;
        }
        let mut history = History::new();
        ops.into_iter().for_each(|op| history.push(op).unwrap());
        let settings = Settings::default();
        let outcome = check(&history, DataType::Stack, &settings);
        let key = &outcome.keys[0];
        let all: Vec<u32> = (0..history.len() as u32).collect();
        let good = builtin::search(&history, &all, DataType::Stack, &settings) == Verdict::Linearizable;
        assert_eq!(key.verdict == Verdict::Linearizable, good, "{round}: {key:?}\n{}", dump(&history));
        shown_alone(&history, DataType::Stack, &settings, key);
        if key.method == Method::StackConditions {
            (yes, no) = (yes + u64::from(good), no + u64::from(!good));
        }
    }
    assert!(yes * 40 > rounds() && no * 80 > rounds(), "{yes} yes, {no} no");
}
