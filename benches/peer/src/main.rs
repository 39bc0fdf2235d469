//! The same histories through this judge and through the checker of `todc-utils` (Wing & Gong with Lowe's memory).
//!
//! One key, 5 in flight, no unknown outcomes, which the peer does not have. Verdicts must agree; the last column is how many
//! times faster this judge is. Making the input of either is not counted.

use quorate::judge::linearizability::generate::{Shape, simulate};
use quorate::judge::linearizability::{DataType, History, Kind, NIL, Settings, Verdict, check};
use std::time::Instant;
use todc_utils::{Action, Specification, WGLChecker};

#[derive(Clone, Copy, Debug)]
struct Op(bool, i64);

struct Register;

impl Specification for Register {
    type State = i64;
    type Operation = Op;

    fn init() -> i64 {
        NIL
    }

    fn apply(op: &Op, state: &i64) -> (bool, i64) {
        if op.0 { (true, op.1) } else { (op.1 == *state, *state) }
    }
}

fn main() {
    println!("operations  values    quorate s   todc-utils s   ratio");
    for values in [0, 5] {
        for operations in [100, 1000, 4000] {
            let history = simulate(&Shape { operations, values, seed: 7, ..Shape::default() });
            let start = Instant::now();
            let mine = check(&history, DataType::Register, &Settings::default()).verdict() == Verdict::Linearizable;
            let quorate = start.elapsed().as_secs_f64();
            let actions = actions(&history);
            let start = Instant::now();
            let theirs = WGLChecker::<Register>::is_linearizable(todc_utils::History::from_actions(actions));
            let peer = start.elapsed().as_secs_f64();
            assert_eq!(mine, theirs);
            let values = if values == 0 { "unique".to_string() } else { values.to_string() };
            println!("{operations:>10}  {values:6}  {quorate:>11.6}  {peer:>13.6}  {:>6.0}", peer / quorate);
        }
    }
}

/// Calls and responses in time order; at equal times calls come first.
fn actions(history: &History) -> Vec<(usize, Action<Op>)> {
    let mut events = Vec::new();
    for op in history.operations() {
        let said = Op(op.kind == Kind::Write, op.value);
        events.push((op.invoke, false, op.process as usize, said));
        events.push((op.ret, true, op.process as usize, said));
    }
    events.sort_by_key(|&(time, returns, ..)| (time, returns));
    let action = |(_, returns, process, said)| (process, if returns { Action::Response(said) } else { Action::Call(said) });
    events.into_iter().map(action).collect()
}
