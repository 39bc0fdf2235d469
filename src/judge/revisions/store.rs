//! The contents of a correct store at one revision.
//!
//! In: steps, conditions, ranges and their answers. Out: the contents after the steps, and whether conditions and answers fit them. Refuses to know
//! operations, and which of them made a revision.

use super::wire::{Answer, Condition, Kv, Range, Step, Value};
use std::collections::BTreeMap;

/// Keys, each with its value and the revision that wrote it.
pub(super) type Store = BTreeMap<String, (Value, i64)>;

/// Whether a transaction's conditions hold.
pub(super) fn holds(store: &Store, conditions: Option<&[Condition]>) -> bool {
    let revision = |key: &str| store.get(key).map_or(0, |(_, r)| *r);
    conditions.unwrap_or_default().iter().all(|c| revision(&c.key) == c.expected_revision.unwrap_or(0))
}

/// A name for a message, cut when it is long.
pub(super) fn name(text: &str) -> String {
    let cut: String = text.chars().take(40).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

/// A key and its value for a message.
pub(super) fn text(key: &str, value: &Value) -> String {
    let value =
        if value.value.is_empty() && value.hash != 0 { format!("a value of hash {}", value.hash) } else { name(&value.value) };
    format!("{} = {value}", name(key))
}

/// Whether an answer to a range is what the store holds.
///
/// # Errors
/// What it answered, and what the store held.
pub(super) fn ranged(store: &Store, range: &Range, answer: &Answer) -> Result<(), String> {
    let found: Vec<(&String, &(Value, i64))> = if range.end.is_empty() {
        store.get_key_value(&range.start).into_iter().collect()
    } else {
        store.range(range.start.clone()..).take_while(|(k, _)| range.end == "\0" || **k < range.end).collect()
    };
    let limit = usize::try_from(range.limit).ok().filter(|l| *l > 0).unwrap_or(usize::MAX);
    let got = answer.kvs.as_deref().unwrap_or_default();
    if !i64::try_from(found.len()).is_ok_and(|n| n == answer.count) {
        return Err(format!("it counts {} keys in its range, the store held {}", answer.count, found.len()));
    }
    let wanted = found.len().min(limit);
    if got.len() != wanted {
        return Err(format!("it answers with {} keys of its range, a correct store with {wanted}", got.len()));
    }
    let same = |(key, (value, revision)): &(&String, &(Value, i64)), kv: &Kv| {
        **key == kv.key && *value == kv.value && *revision == kv.mod_revision
    };
    match found.iter().zip(got).find(|(held, kv)| !same(held, kv)) {
        None => Ok(()),
        Some(((key, (value, revision)), kv)) => {
            let (said, held) = (text(&kv.key, &kv.value), text(key, value));
            Err(format!("it answers {said} of revision {}, the store held {held} of revision {revision}", kv.mod_revision))
        }
    }
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
