//! Counterexamples of failed gates of consistency: the operations that their findings point at, and what was in flight nearby.

use crate::dossier::GateFacts;
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::symbol::Val;
use crate::evidence::{Evidence, RowId, Rows};
use crate::verdict::{Finding, Verdict};
use serde::Serialize;
use std::collections::BTreeSet;

/// One counterexample.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExampleChart {
    /// The gate that failed.
    pub gate: String,
    /// The test.
    pub test: String,
    /// The key, where the history has keys.
    pub key: Option<String>,
    /// What is wrong, in one sentence.
    pub why: String,
    /// The operations, by the time they were sent; zero is the first of those involved.
    pub operations: Vec<ExampleOp>,
    /// Operations in flight nearby that are not shown.
    pub left_out: u64,
    /// Operations of the history.
    pub of: u64,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExampleOp {
    /// The logical process.
    pub process: String,
    /// What was asked, and answered.
    pub what: String,
    /// The version of the answer.
    pub version: Option<i64>,
    /// When it was sent, in ns.
    pub invoke: i64,
    /// When it was answered, in ns; absent when it never was, or its outcome is not known.
    pub returned: Option<i64>,
    /// `ok`, `fail` or `unknown`.
    pub result: &'static str,
    /// `impossible`, `involved` or `nearby`.
    pub mark: &'static str,
    /// The file.
    pub path: String,
    /// Its line.
    pub line: u64,
}

/// The most operations that are kept.
const MOST: usize = 50;
/// The most of those that were in flight nearby.
const NEARBY: usize = 12;
/// The most counterexamples.
const MOST_EXAMPLES: usize = 8;

/// The first counterexample of each test of each failed gate of consistency.
pub(super) fn of(evidence: &Evidence, gates: &[GateFacts]) -> Vec<ExampleChart> {
    let mut out = Vec::new();
    for gate in gates.iter().filter(|g| g.id.starts_with("consistency.") && g.verdict == Verdict::Fail) {
        for test in gate.tests.iter().filter(|t| t.judgement.verdict == Verdict::Fail) {
            let finding = test.judgement.findings.iter().find(|f| !f.sources.is_empty());
            out.extend(finding.and_then(|finding| example(evidence, gate, &test.test, finding, &test.judgement.why)));
        }
    }
    out.truncate(MOST_EXAMPLES);
    out
}

fn example(evidence: &Evidence, gate: &GateFacts, test: &str, finding: &Finding, sentence: &str) -> Option<ExampleChart> {
    let rows = evidence.rows::<Operation>(test).ok()?;
    let pointed = |path: &str, line: u64| finding.sources.iter().any(|s| &*s.path == path && s.line == Some(line));
    let lines: BTreeSet<u64> = finding.sources.iter().filter_map(|s| s.line).collect();
    let mut involved: Vec<(RowId, Operation)> = Vec::new();
    for (id, op) in rows.iter() {
        let source = rows.source_line(id);
        if lines.contains(&source.1) && pointed(source.0, source.1) && involved.len() < MOST {
            involved.push((id, op));
        }
    }
    involved.sort_by_key(|(id, op)| (op.invoke, *id));
    let impossible = impossible(&involved)?;
    let centre = involved[impossible].1.invoke.0;
    let (near, left_out) = nearby(&rows, &involved, centre);
    let zero = involved.first()?.1.invoke.0;
    let doubtful = involved[impossible].0;
    let mark = |id: RowId| if id == doubtful { "impossible" } else { "involved" };
    let mut shown: Vec<(RowId, Operation, &'static str)> = involved.iter().map(|(id, op)| (*id, *op, mark(*id))).collect();
    shown.extend(near.into_iter().map(|(id, op)| (id, op, "nearby")));
    shown.sort_by_key(|(id, op, _)| (op.invoke, *id));
    Some(ExampleChart {
        gate: gate.id.clone(),
        test: test.to_string(),
        key: involved.first()?.1.key.map(|k| evidence.text(k).to_string()),
        why: finding.data.get("why").map_or_else(|| sentence.to_string(), String::clone),
        operations: shown.iter().map(|(id, op, mark)| told(evidence, &rows, *id, op, mark, zero)).collect(),
        left_out,
        of: rows.len() as u64,
    })
}

/// The operation that cannot be: the last sent of the reads, else the last.
fn impossible(involved: &[(RowId, Operation)]) -> Option<usize> {
    let read = involved.iter().rposition(|(_, op)| op.op == OpKind::Read && op.result == Outcome::Ok);
    read.or(involved.len().checked_sub(1))
}

/// Operations on the same key that were in flight between the first sending and the last answer of those involved: those sent nearest to the impossible
/// one, and how many more there were.
fn nearby(rows: &Rows<'_, Operation>, involved: &[(RowId, Operation)], centre: i64) -> (Vec<(RowId, Operation)>, u64) {
    let key = involved.first().and_then(|(_, op)| op.key);
    let from = involved.iter().map(|(_, op)| op.invoke.0).min().unwrap_or(0);
    let to = involved.iter().map(|(_, op)| over(op).unwrap_or(op.invoke.0)).max().unwrap_or(from);
    let room = NEARBY.min(MOST.saturating_sub(involved.len()));
    let mut near: Vec<(i64, RowId, Operation)> = Vec::new();
    let mut count = 0u64;
    for (id, op) in rows.iter() {
        let during = op.invoke.0 <= to && over(&op).is_none_or(|end| end >= from);
        if !during || op.key != key || op.result == Outcome::Fail || involved.iter().any(|(i, _)| *i == id) {
            continue;
        }
        count += 1;
        near.push((op.invoke.0.saturating_sub(centre).saturating_abs(), id, op));
        if near.len() > 4 * MOST {
            near.sort_by_key(|n| (n.0, n.1));
            near.truncate(room);
        }
    }
    near.sort_by_key(|n| (n.0, n.1));
    near.truncate(room);
    let left_out = count - near.len() as u64;
    (near.into_iter().map(|(_, id, op)| (id, op)).collect(), left_out)
}

/// When an operation was over. One of unknown outcome may take effect at any time after it was sent, whatever its client heard.
fn over(op: &Operation) -> Option<i64> {
    op.returned.filter(|_| op.result != Outcome::Unknown).map(|r| r.0)
}

fn told(evidence: &Evidence, rows: &Rows<'_, Operation>, id: RowId, op: &Operation, mark: &'static str, zero: i64) -> ExampleOp {
    let text = |v: Option<Val>| v.map_or("nil".to_string(), |v| evidence.symbols.value(v));
    let what = match op.op {
        OpKind::Cas => format!("cas {} → {}", text(op.expected), text(op.value)),
        OpKind::Acquire | OpKind::Release => op.op.word().to_string(),
        OpKind::Txn => format!("txn revision {}", op.commit_index.map_or("unknown".into(), |r| r.to_string())),
        other => format!("{} {}", other.word(), text(op.value)),
    };
    let (path, line) = rows.source_line(id);
    ExampleOp {
        process: evidence.text(op.process.unwrap_or(op.client)).to_string(),
        what: what.chars().take(200).collect(),
        version: op.version,
        invoke: op.invoke.0.saturating_sub(zero),
        returned: over(op).map(|r| r.saturating_sub(zero)),
        result: op.result.word(),
        mark,
        path: path.to_string(),
        line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::symbol::Sym;
    use crate::evidence::table::Ns;

    fn op(kind: OpKind, invoke: i64, result: Outcome) -> (RowId, Operation) {
        let op = Operation {
            client: Sym(0),
            process: None,
            endpoint: None,
            op: kind,
            key: None,
            value: None,
            expected: None,
            command_id: None,
            attempt: None,
            scheduled: None,
            invoke: Ns(invoke),
            returned: None,
            result,
            error: None,
            leader: None,
            member: None,
            term: None,
            commit_index: None,
            version: None,
            acks: None,
            path: None,
            degraded: None,
        };
        (RowId::default(), op)
    }

    #[test]
    fn a_write_that_timed_out_may_still_take_effect() {
        let timed_out = |result| Operation { returned: Some(Ns(9)), ..op(OpKind::Write, 0, result).1 };
        assert_eq!((over(&timed_out(Outcome::Unknown)), over(&timed_out(Outcome::Ok))), (None, Some(9)));
    }

    #[test]
    fn the_last_successful_read_is_impossible_else_the_last_operation() {
        let (read, write) = (OpKind::Read, OpKind::Write);
        let ops = [op(write, 0, Outcome::Ok), op(read, 5, Outcome::Ok), op(read, 7, Outcome::Unknown), op(write, 9, Outcome::Ok)];
        assert_eq!(impossible(&ops), Some(1));
        assert_eq!(impossible(&[ops[0], ops[3]]), Some(1));
        assert_eq!(impossible(&[]), None);
    }
}
