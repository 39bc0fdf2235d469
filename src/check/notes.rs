//! What is odd about a history of lines, and is no error: fields that look misspelt, no key at all, and processes that do two things at once.
//!
//! In: what was read. Out: sentences for the person who asked. Refuses to know verdicts.

use super::read::{FIELDS, Taken};
use crate::error::nearest;
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::record::{Record, Slot};
use crate::evidence::symbol::Sym;
use crate::evidence::table::{Column, Ns, Table};
use crate::evidence::{Evidence, Rows};

/// The formats whose records name their fields themselves.
const NAMED: [&str; 2] = ["jsonl", "csv"];

/// All notes.
pub(super) fn notes(evidence: &Evidence, test: &str, files: &[Taken]) -> Vec<String> {
    let mut notes = Vec::new();
    let mut keyless = true;
    for (i, artifact) in evidence.artifacts.iter().enumerate() {
        let named = files.iter().any(|t| *t.path == *artifact.path && NAMED.contains(&t.format));
        let part = evidence.parts.iter().find(|p| p.artifact == i && p.kind == Operation::KIND.name);
        let Some(part) = part.filter(|_| named && artifact.records > 0) else {
            keyless = false;
            continue;
        };
        keyless &= absent(&part.table, "key");
        let missing = || FIELDS.iter().copied().filter(|field| absent(&part.table, field));
        for (name, count) in &artifact.unmapped {
            let plain = name.replace('_', "-");
            if Operation::KIND.field(&plain).is_none()
                && let Some(near) = nearest(&plain, missing())
            {
                notes.push(format!("{}: the field `{name}` of {count} records is not looked at: is it `{near}`?", artifact.path));
            }
        }
    }
    let Ok(rows) = evidence.rows::<Operation>(test) else { return notes };
    let register = |op: Option<OpKind>| matches!(op, Some(OpKind::Read | OpKind::Write | OpKind::Cas));
    if keyless && rows.cells::<OpKind>("op").any(register) {
        notes.push("no record names a key: all operations are of one object".into());
    }
    notes.extend(overlapping(&rows));
    notes
}

/// Whether no record fills a field.
fn absent(table: &Table, field: &str) -> bool {
    Operation::KIND.field(field).and_then(|i| table.columns.get(i)).is_some_and(|column| matches!(column, Column::Absent))
}

/// Processes that invoke an operation before their last one came back.
fn overlapping(rows: &Rows<'_, Operation>) -> Option<String> {
    let process = Operation::KIND.field("process")?;
    if rows.parts().iter().all(|part| matches!(part.table.columns.get(process), None | Some(Column::Absent))) {
        return None;
    }
    let mut spans = Vec::new();
    let columns = rows.columns(["process", "invoke", "return", "result"]);
    let cells = columns.flat_map(|(columns, count)| (0..count).map(move |row| columns.map(|column| column.get(row))));
    for (id, [process, invoke, ret, result]) in rows.ids().zip(cells) {
        let span = Sym::slot(process)
            .zip(Ns::slot(invoke))
            .zip(Ns::slot(ret))
            .filter(|_| Outcome::slot(result) != Some(Outcome::Unknown));
        spans.extend(span.map(|((process, invoke), ret)| ((process.0, invoke.0), ret.0, id)));
    }
    spans.sort_by_key(|span| span.0);
    let (mut busy, mut found) = (None, Vec::new());
    for ((process, invoke), ret, id) in spans {
        match &mut busy {
            Some((same, until)) if *same == process => {
                if invoke < *until {
                    found.push(id);
                }
                *until = ret.max(*until);
            }
            _ => busy = Some((process, ret)),
        }
    }
    let at = rows.source(*found.first()?);
    let (count, path, line) = (found.len(), at.path, at.line.unwrap_or(0));
    Some(format!(
        "{count} operations begin before the last one of their process came back, such as {path}:{line}: a process does one at a time"
    ))
}
