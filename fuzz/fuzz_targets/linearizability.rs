//! Small histories from arbitrary bytes: `check` against an order tried out by hand.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate::judge::linearizability::{DataType, History, Kind, NEVER, NIL, OpOutcome, Operation, Settings, Verdict, check};

const TYPES: [(DataType, [Kind; 3]); 5] = [
    (DataType::Register, [Kind::Read, Kind::Write, Kind::Cas]),
    (DataType::Queue, [Kind::Enqueue, Kind::Dequeue, Kind::Dequeue]),
    (DataType::Stack, [Kind::Push, Kind::Pop, Kind::Pop]),
    (DataType::Mutex, [Kind::Acquire, Kind::Release, Kind::Acquire]),
    (DataType::Set, [Kind::Add, Kind::Remove, Kind::Contains]),
];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let (data, kinds) = TYPES[*first as usize % TYPES.len()];
    let mut history = History::new();
    for (row, part) in rest.chunks_exact(4).take(7).enumerate() {
        let kind = kinds[part[0] as usize % 3];
        let outcome = [OpOutcome::Ok, OpOutcome::Ok, OpOutcome::Unknown, OpOutcome::Fail][part[0] as usize / 3 % 4];
        let value = |code: u8| if code % 5 == 0 { NIL } else { i64::from(code % 5) };
        let invoke = i64::from(part[2] % 16);
        let op = Operation {
            process: if data == DataType::Mutex { u32::from(part[1] % 3) } else { row as u32 },
            row: row as u32,
            expected: if kind == Kind::Contains { i64::from(part[1] / 5 % 2) } else { value(part[1] / 5) },
            outcome,
            ..Operation::ok(kind, value(part[1]), invoke, invoke + i64::from(part[3] % 8))
        };
        history.push(op).expect("well-formed");
    }
    let judged: Vec<Operation> = history.operations().filter(|op| op.outcome != OpOutcome::Fail).collect();
    let start = if data == DataType::Register || data == DataType::Mutex { vec![NIL] } else { Vec::new() };
    match check(&history, data, &Settings::default()).verdict() {
        Verdict::Linearizable => assert!(order_exists(&judged, &start)),
        Verdict::Violation(_) => assert!(!order_exists(&judged, &start)),
        Verdict::Vacuous => assert!(judged.iter().all(|op| op.outcome != OpOutcome::Ok)),
        Verdict::Undecided(_) => panic!("a small history is always decided"),
    }
});

/// Tries every order, and every choice of the operations of unknown outcome.
fn order_exists(left: &[Operation], state: &[i64]) -> bool {
    if !left.iter().any(|op| op.outcome == OpOutcome::Ok) {
        return true;
    }
    (0..left.len()).any(|i| {
        let must_wait = left.iter().any(|other| other.ret != NEVER && other.ret < left[i].invoke);
        let rest: Vec<Operation> = left.iter().copied().filter(|other| other.row != left[i].row).collect();
        !must_wait && after(&left[i], state).is_some_and(|next| order_exists(&rest, &next))
    })
}

/// The state after an operation, or `None` if its answer is impossible here.
fn after(op: &Operation, state: &[i64]) -> Option<Vec<i64>> {
    let known = op.outcome == OpOutcome::Ok;
    let mut next = state.to_vec();
    let holder = i64::from(op.process);
    let fits = match op.kind {
        Kind::Read => !known || state == [op.value],
        Kind::Write => {
            next = vec![op.value];
            true
        }
        Kind::Cas => {
            next = vec![op.value];
            state == [op.expected]
        }
        Kind::Acquire => {
            next = vec![holder];
            state == [NIL]
        }
        Kind::Release => {
            next = vec![NIL];
            state == [holder]
        }
        Kind::Enqueue | Kind::Push => {
            next.push(op.value);
            true
        }
        Kind::Dequeue | Kind::Pop if state.is_empty() => known && op.value == NIL,
        Kind::Dequeue => next.remove(0) == op.value || !known,
        Kind::Pop => next.pop() == Some(op.value) || !known,
        Kind::Add => {
            next.retain(|&element| element != op.value);
            next.push(op.value);
            true
        }
        Kind::Remove => {
            next.retain(|&element| element != op.value);
            state.contains(&op.value)
        }
        _ => !known || state.contains(&op.value) == (op.expected == 1),
    };
    fits.then_some(next)
}
