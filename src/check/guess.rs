//! The model that a history is of, when it is clear from its operations.

use super::{Ask, unreadable};
use crate::error::{Error, ErrorKind, Fault};
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::record::Slot;
use crate::evidence::symbol::Val;
use crate::evidence::{Evidence, Rows};
use std::collections::BTreeSet;

/// What reads answer with.
#[derive(Debug, Default)]
struct Reads {
    lists: bool,
    texts: bool,
    numbers: bool,
}

impl Reads {
    fn add(&mut self, value: Option<Val>, evidence: &Evidence) {
        match value.map(|v| (v, v.as_text())) {
            None => {}
            Some((Val::NIL, _)) => {}
            Some((_, None)) => self.numbers = true,
            Some((_, Some(text))) if evidence.text(text).starts_with('[') => self.lists = true,
            Some(_) => self.texts = true,
        }
    }
}

/// The model, and whether it was guessed.
pub(super) fn model(ask: &Ask, evidence: &Evidence, rows: &Rows<'_, Operation>) -> Result<(String, bool), Error> {
    if let Some(model) = &ask.model {
        return Ok((model.clone(), false));
    }
    let mut ops: BTreeSet<OpKind> = BTreeSet::new();
    let (mut reads, mut written) = (Reads::default(), Reads::default());
    for ([asked, results, values], count) in rows.columns(["op", "result", "value"]) {
        let mut last = None;
        for row in 0..count {
            let Some(op) = OpKind::slot(asked.get(row)) else { continue };
            if last.replace(op) != Some(op) {
                ops.insert(op);
            }
            if op != OpKind::Read {
                written.add(Val::slot(values.get(row)), evidence);
            } else if Outcome::slot(results.get(row)) == Some(Outcome::Ok) {
                reads.add(Val::slot(values.get(row)), evidence);
            }
        }
    }
    let only = |allowed: &[OpKind]| ops.iter().all(|op| allowed.contains(op));
    let has = |op: OpKind| ops.contains(&op);
    let name = if only(&[OpKind::Acquire, OpKind::Release]) {
        "mutex"
    } else if only(&[OpKind::Enqueue, OpKind::Dequeue]) {
        "queue"
    } else if only(&[OpKind::Push, OpKind::Pop]) {
        "stack"
    } else if only(&[OpKind::Increment, OpKind::Read]) && has(OpKind::Increment) {
        "counter"
    } else if only(&[OpKind::Add, OpKind::Remove, OpKind::Read]) && reads.lists && !reads.numbers && !reads.texts {
        "set"
    } else if only(&[OpKind::Add, OpKind::Read]) && written.numbers && !reads.lists && !reads.texts && !written.texts {
        // Without a read, a counter and a set are the same: nothing can contradict either.
        "counter"
    } else if only(&[OpKind::Append, OpKind::Read]) && has(OpKind::Append) && reads.lists && !reads.texts && !reads.numbers {
        "log"
    } else if only(&[OpKind::Append, OpKind::Write, OpKind::Read]) && has(OpKind::Append) && !reads.lists && written.texts {
        "kv"
    } else if only(&[OpKind::Read, OpKind::Write, OpKind::Cas]) {
        if reads.lists && !written.lists {
            let why = "transactional history, not supported yet: reads answer with collections though single values are written";
            return Err(unreadable(why));
        }
        if has(OpKind::Cas) { "cas-register" } else { "register" }
    } else {
        let ops = ops.iter().map(|op| op.word()).collect::<Vec<_>>().join(", ");
        let fault = Fault::new(format!("it is not clear which model the operations are of: {ops}"));
        return Err(Error::one(ErrorKind::Evidence, fault.help("say it with `--model`")));
    };
    Ok((name.into(), true))
}
