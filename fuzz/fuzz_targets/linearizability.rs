//! Small register histories from arbitrary bytes: `check` against an order tried out by hand.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate::judge::linearizability::{DataType, History, Kind, NEVER, NIL, OpOutcome, Operation, Settings, Verdict, check};

fuzz_target!(|bytes: &[u8]| {
    let mut history = History::new();
    for (row, part) in bytes.chunks_exact(4).take(7).enumerate() {
        let kind = [Kind::Read, Kind::Write, Kind::Cas][part[0] as usize % 3];
        let outcome = [OpOutcome::Ok, OpOutcome::Ok, OpOutcome::Unknown, OpOutcome::Fail][part[0] as usize / 3 % 4];
        let value = |code: u8| if code % 5 == 0 { NIL } else { i64::from(code % 5) };
        let invoke = i64::from(part[2] % 16);
        let op = Operation {
            process: row as u32,
            row: row as u32,
            expected: value(part[1] / 5),
            outcome,
            ..Operation::ok(kind, value(part[1]), invoke, invoke + i64::from(part[3] % 8))
        };
        history.push(op).expect("well-formed");
    }
    let judged: Vec<Operation> = history.operations().filter(|op| op.outcome != OpOutcome::Fail).collect();
    match check(&history, DataType::Register, &Settings::default()).verdict() {
        Verdict::Linearizable => assert!(order_exists(&judged, NIL)),
        Verdict::Violation(_) => assert!(!order_exists(&judged, NIL)),
        Verdict::Vacuous => assert!(judged.iter().all(|op| op.outcome != OpOutcome::Ok)),
        Verdict::Undecided(_) => panic!("a small history is always decided"),
    }
});

/// Tries every order, and every choice of the operations of unknown outcome.
fn order_exists(left: &[Operation], state: i64) -> bool {
    let known = |op: &Operation| op.outcome == OpOutcome::Ok;
    if !left.iter().any(known) {
        return true;
    }
    (0..left.len()).any(|i| {
        let op = left[i];
        let must_wait = left.iter().any(|other| other.ret != NEVER && other.ret < op.invoke);
        let fits = match op.kind {
            Kind::Read => !known(&op) || op.value == state,
            Kind::Cas => op.expected == state,
            _ => true,
        };
        let next = if op.kind == Kind::Read { state } else { op.value };
        let rest: Vec<Operation> = left.iter().copied().filter(|other| other.row != op.row).collect();
        fits && !must_wait && order_exists(&rest, next)
    })
}
