//! One operation: what it asked, what it was told, and what it may have changed.
//!
//! In: a row of history and its request and answer. Out: a [`Call`], or why this judge does not know such an operation. Refuses to know the
//! store, and other operations.

use super::wire::{Answer, Both, Input, Output, Step};
use crate::evidence::kinds::{Operation, Outcome as Told};
use crate::judge::linearizability as lin;

/// One operation.
#[derive(Debug)]
pub struct Call {
    pub(super) input: Input,
    pub(super) output: Output,
    pub(super) process: u32,
    pub(super) invoke: i64,
    pub(super) ret: i64,
    pub(super) unknown: bool,
}

/// An operation of request and answer.
///
/// # Errors
/// What this judge does not know.
pub fn call(text: &str, row: &Operation) -> Result<Call, String> {
    let Both { input, output } = serde_json::from_str(text).map_err(|e| format!("the operation cannot be read: {e}"))?;
    let unknown = row.result != Told::Ok;
    let steps = input.txn.iter().flat_map(|t| t.operations_on_success.iter().chain(&t.operations_on_failure).flatten());
    for step in steps {
        if !matches!(step.r#type.as_str(), "put-operation" | "delete-operation" | "range-operation") {
            return Err(format!("this judge does not know the operation {}", step.r#type));
        }
        if step.put.lease_id != 0 {
            return Err("this judge does not know leases".into());
        }
    }
    let mixed = |steps: &[Step]| {
        let ranges = steps.iter().filter(|s| s.r#type == "range-operation").count();
        ranges > 0 && ranges < steps.len()
    };
    let branches = input.txn.iter().flat_map(|t| t.operations_on_success.iter().chain(&t.operations_on_failure));
    if branches.clone().any(|steps| mixed(steps)) {
        return Err("this judge knows no transactions that change and read at once".into());
    }
    if input.txn.iter().any(|t| t.operations_on_failure.iter().flatten().any(|s| s.r#type != "range-operation")) {
        return Err("this judge knows no transactions that change something when their conditions fail".into());
    }
    let conditions = input.txn.iter().flat_map(|t| t.conditions.iter().flatten());
    for condition in conditions {
        if condition.expected_version.is_some_and(|v| v != 0) || condition.expected_revision.is_none() {
            return Err("this judge knows conditions on revisions only".into());
        }
    }
    let fits = match input.r#type.as_str() {
        "txn" => input.txn.is_some() && (unknown || output.txn.is_some()),
        "range" => input.range.is_some() && (unknown || output.range.is_some()),
        // They change no key.
        "defragment" => true,
        other => return Err(format!("this judge does not know the request {other}")),
    };
    if !fits || (!unknown && output.revision < 1) {
        return Err("the answer does not fit the request".into());
    }
    let process = row.process.unwrap_or(row.client).0;
    Ok(Call { input, output, process, invoke: row.invoke.0, ret: row.returned.map_or(lin::NEVER, |r| r.0), unknown })
}

impl Call {
    /// What it did when it succeeded, with the answers.
    pub(super) fn branch(&self) -> Option<(&[Step], &[Answer])> {
        let (txn, answer) = (self.input.txn.as_ref()?, self.output.txn.as_ref()?);
        let steps = if answer.failure { &txn.operations_on_failure } else { &txn.operations_on_success };
        Some((steps.as_deref().unwrap_or_default(), answer.results.as_deref().unwrap_or_default()))
    }

    /// Whether it made a revision.
    pub(super) fn mutates(&self) -> bool {
        let Some((steps, answers)) = self.branch().filter(|_| !self.unknown) else { return false };
        steps.iter().enumerate().any(|(i, step)| match step.r#type.as_str() {
            "put-operation" => true,
            "delete-operation" => answers.get(i).is_some_and(|a| a.deleted > 0),
            _ => false,
        })
    }

    /// What it may have changed, when its outcome is unknown.
    pub(super) fn changes(&self) -> Vec<&Step> {
        let txn = self.input.txn.as_ref().filter(|_| self.unknown);
        let steps = txn.iter().flat_map(|t| t.operations_on_success.iter().flatten());
        steps.filter(|s| s.r#type != "range-operation").collect()
    }
}
