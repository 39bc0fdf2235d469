//! The contents of a correct store at one revision.
//!
//! In: steps, conditions, ranges and their answers. Out: the contents after the steps, and whether conditions and answers fit them. Refuses to know
//! operations, and which of them made a revision.

use super::wire::{Answer, Condition, Range, Step, Value};
use std::collections::BTreeMap;

/// Keys, each with its value and the revision that wrote it.
pub(super) type Store = BTreeMap<String, (Value, i64)>;

/// Whether a transaction's conditions hold.
pub(super) fn holds(store: &Store, conditions: Option<&[Condition]>) -> bool {
    let revision = |key: &str| store.get(key).map_or(0, |(_, r)| *r);
    conditions.unwrap_or_default().iter().all(|c| revision(&c.key) == c.expected_revision.unwrap_or(0))
}

/// Whether an answer to a range is what the store holds.
pub(super) fn ranged(store: &Store, range: &Range, answer: &Answer) -> bool {
    let found: Vec<(&String, &(Value, i64))> = if range.end.is_empty() {
        store.get_key_value(&range.start).into_iter().collect()
    } else {
        store.range(range.start.clone()..).take_while(|(k, _)| range.end == "\0" || **k < range.end).collect()
    };
    let limit = usize::try_from(range.limit).ok().filter(|l| *l > 0).unwrap_or(usize::MAX);
    let got = answer.kvs.as_deref().unwrap_or_default();
    i64::try_from(found.len()).is_ok_and(|n| n == answer.count)
        && got.len() == found.len().min(limit)
        && found
            .iter()
            .zip(got)
            .all(|((key, (value, revision)), kv)| **key == kv.key && *value == kv.value && *revision == kv.mod_revision)
}

/// Does what steps say, at a revision.
pub(super) fn apply(store: &mut Store, steps: &[&Step], revision: i64) {
    for step in steps {
        if step.r#type == "put-operation" {
            store.insert(step.put.key.clone(), (step.put.value.clone(), revision));
        } else if step.r#type == "delete-operation" {
            store.remove(&step.delete.key);
        }
    }
}
