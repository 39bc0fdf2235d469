//! Requests and answers of etcd, in the words of its robustness tests.
//!
//! In: JSON. Out: its fields, as they stand. Refuses to know what they mean, and which of them the judge knows.

use serde::Deserialize;

/// An operation as it is recorded.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Both {
    pub(super) input: Input,
    pub(super) output: Output,
}

/// A request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    pub(super) r#type: String,
    pub(super) range: Option<Range>,
    pub(super) txn: Option<Txn>,
}

/// A transaction: what it asks for, and what it does if that holds and if not.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Txn {
    pub(super) conditions: Option<Vec<Condition>>,
    pub(super) operations_on_success: Option<Vec<Step>>,
    pub(super) operations_on_failure: Option<Vec<Step>>,
}

/// What a transaction asks of a key before it does anything.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Condition {
    pub(super) key: String,
    pub(super) expected_revision: Option<i64>,
    pub(super) expected_version: Option<i64>,
}

/// One step of a transaction; its type says which of the three counts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Step {
    pub(super) r#type: String,
    pub(super) range: Range,
    pub(super) put: Put,
    pub(super) delete: Delete,
}

/// A key that gets a value.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Put {
    pub(super) key: String,
    pub(super) value: Value,
    #[serde(rename = "LeaseID", default)]
    pub(super) lease_id: i64,
}

/// A key that goes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    pub(super) key: String,
}

/// Keys from a start to before an end, or one key when there is no end; revision 0 is the newest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Range {
    pub(super) start: String,
    pub(super) end: String,
    #[serde(default)]
    pub(super) limit: i64,
    #[serde(default)]
    pub(super) revision: i64,
}

/// A value: its text, or its hash when it is long.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Value {
    pub(super) value: String,
    pub(super) hash: u64,
}

/// What came back.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    pub(super) txn: Option<TxnAnswer>,
    pub(super) range: Option<Answer>,
    pub(super) revision: i64,
}

/// What a transaction answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TxnAnswer {
    pub(super) failure: bool,
    pub(super) results: Option<Vec<Answer>>,
}

/// What a range or a step answers.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    #[serde(rename = "KVs")]
    pub(super) kvs: Option<Vec<Kv>>,
    #[serde(rename = "Count")]
    pub(super) count: i64,
    #[serde(rename = "Deleted", default)]
    pub(super) deleted: i64,
}

/// A key with its value and the revision that wrote it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Kv {
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) mod_revision: i64,
}
