//! Sets whose reads answer with all elements, against the oracle.

use super::*;

/// Sets that are read as a whole: the true contents at some instant, sometimes with an element too few or too many.
fn whole_set(rng: &mut Random) -> History {
    let (mut history, mut items) = (History::new(), Vec::new());
    let (removes, repeats, faults) = (rng.below(4) == 0, rng.below(4) == 0, rng.below(2) * 250);
    let n = 2 + rng.below(6);
    for row in 0..n {
        let point = 4 * row as i64;
        let (invoke, ret) = (point - rng.below(14) as i64, point + rng.below(14) as i64);
        let outcome = match rng.below(12) {
            0 => OpOutcome::Fail,
            1 | 2 => OpOutcome::Unknown,
            _ => OpOutcome::Ok,
        };
        let happens = outcome == OpOutcome::Ok || (outcome == OpOutcome::Unknown && rng.chance(500));
        let value = if repeats { 1 + rng.below(3) as i64 } else { 1 + row as i64 };
        let mut op = Operation { outcome, row: row as u32, ..Operation::ok(Kind::Add, value, invoke, ret) };
        match rng.below(10) {
            0..5 => {}
            5 if removes && !items.is_empty() => {
                (op.kind, op.value) = (Kind::Remove, items[rng.below(items.len() as u64) as usize]);
            }
            _ => {
                let mut list: Vec<i64> = items.clone();
                if rng.chance(faults) && !list.is_empty() {
                    list.remove(rng.below(list.len() as u64) as usize);
                } else if rng.chance(faults) {
                    list.push(1 + rng.below(n) as i64);
                }
                list.sort_unstable();
                list.dedup();
                (op.kind, op.value) = (Kind::ReadLog, history.list(&list));
            }
        }
        if happens && op.kind != Kind::ReadLog {
            items.retain(|&item| item != op.value);
            if op.kind == Kind::Add {
                items.push(op.value);
            }
        }
        history.push(op).unwrap();
    }
    history
}

#[test]
fn sets_read_as_a_whole_agree_with_the_oracle() {
    let mut counts = BTreeMap::new();
    for (salt, settings) in [(61u64, Settings::default()), (62, Settings { skew_ns: 1, ..Settings::default() })] {
        for round in 0..rounds() {
            let history = whole_set(&mut Random(salt << 40 | round));
            judge_like_the_oracle(&history, DataType::Set, &settings, (salt, round), &mut counts);
        }
    }
    exercised(&counts, Method::SetElements);
    // What contradicts no element by itself and still has no order is rare.
    let searched = counts.get(&(Method::ModelSearch, true)).copied().unwrap_or(0);
    assert!(searched * 20 > rounds(), "{counts:?}");
}
