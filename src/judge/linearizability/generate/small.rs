//! Small unruly histories, for comparing methods with an oracle.

use super::{Random, kinds};
use crate::judge::linearizability::history::{History, Kind, NIL, OpOutcome, Operation};
use crate::judge::linearizability::outcome::DataType;

/// A small history drawn without any object behind it: `n` operations, ties, all outcomes, few or unique values.
pub fn random(data: DataType, n: usize, unique: bool, random: &mut Random) -> History {
    let mut history = History::new();
    let span = 2 + random.below(12);
    let values = 1 + random.below(3);
    let mut next = 0;
    let mut written: Vec<i64> = Vec::new();
    for row in 0..n {
        let kinds = kinds(data);
        let kind = kinds[random.below(kinds.len() as u64) as usize];
        let invoke = random.below(span) as i64;
        let ret = invoke + random.below(1 + span / 2) as i64;
        let outcome = match random.below(10) {
            0 => OpOutcome::Fail,
            1 | 2 => OpOutcome::Unknown,
            _ => OpOutcome::Ok,
        };
        let mut op =
            Operation { process: random.below(3) as u32, row: row as u32, outcome, ..Operation::ok(kind, 0, invoke, ret) };
        let brings = !kind.observes_only() && !matches!(kind, Kind::Dequeue | Kind::Pop | Kind::Remove);
        op.value = if brings && unique {
            next += 1;
            next
        } else {
            1 + random.below(if unique { n as u64 / 2 + 1 } else { values }) as i64
        };
        if !brings && random.chance(150) && matches!(kind, Kind::Read | Kind::Dequeue | Kind::Pop) {
            op.value = NIL;
        }
        dress(&mut op, &mut history, &mut written, values, unique, random);
        // Times are drawn in order, so the operation is well-formed.
        let _ = history.push(op);
    }
    history
}

/// Fills in what only some kinds have.
fn dress(op: &mut Operation, history: &mut History, written: &mut Vec<i64>, values: u64, unique: bool, random: &mut Random) {
    match op.kind {
        Kind::Cas => {
            op.expected = if random.chance(200) { NIL } else { 1 + random.below(if unique { 5 } else { values }) as i64 };
        }
        Kind::Contains => op.expected = random.below(2) as i64,
        Kind::Increment => op.value = if unique { 1 } else { random.below(4) as i64 - 1 },
        Kind::ReadCounter => op.value = random.below(4) as i64,
        Kind::Append => written.push(op.value),
        Kind::ReadLog => {
            let mut list = written.clone();
            for i in (1..list.len()).rev() {
                if random.chance(300) {
                    list.swap(i, random.below(i as u64 + 1) as usize);
                }
            }
            list.truncate(random.below(list.len() as u64 + 1) as usize);
            op.value = history.list(&list);
        }
        Kind::Get | Kind::Put | Kind::AppendText => {
            let n = if op.kind == Kind::Get { random.below(3) } else { 1 };
            let text: String = (0..n).map(|_| char::from(b'a' + random.below(values) as u8)).collect();
            op.value = history.text(&text);
        }
        _ => {}
    }
}
