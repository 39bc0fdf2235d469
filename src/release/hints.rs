//! What is probably a slip, for the person who runs a release. It is on no path to a verdict and in no package.
//!
//! In: evidence that was read. Out: sentences. Refuses to know where they are shown.

use crate::evidence::table::{ABSENT, FieldType};
use crate::evidence::{Evidence, Part};
use std::collections::BTreeMap;

/// The first and last instant of a part.
fn span(part: &Part, kind: &str) -> Option<(i64, i64)> {
    let kind = crate::evidence::kinds::KINDS.iter().find(|k| k.name == kind)?;
    let mut found: Option<(i64, i64)> = None;
    for (field, column) in kind.fields.iter().zip(&part.table.columns).filter(|(f, _)| f.ty == FieldType::Time) {
        // A lease reaches past what happened, and a length is no instant.
        if field.name == "lease-until" || field.name == "recovery" {
            continue;
        }
        for at in (0..part.table.rows()).map(|row| column.get(row)).filter(|at| *at != ABSENT) {
            found = Some(found.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        }
    }
    found
}

/// Nanoseconds as seconds, to the microsecond.
fn seconds(ns: i64) -> String {
    let micros = ns.unsigned_abs() / 1000;
    format!("{}{}.{:06} s", if ns < 0 { "-" } else { "" }, micros / 1_000_000, micros % 1_000_000)
}

/// Histories and faults of one test that lie apart on one clock: one of them is probably read in the wrong unit.
pub(super) fn apart(evidence: &Evidence) -> Vec<String> {
    let mut spans: BTreeMap<(&str, &str, &str), (i64, i64, usize)> = BTreeMap::new();
    for part in evidence.parts.iter().filter(|p| ["history", "faults"].contains(&p.kind)) {
        let Some((first, last)) = span(part, part.kind) else { continue };
        let held = spans.entry((&part.test, &part.clock.id, part.kind)).or_insert((first, last, part.artifact));
        *held = (held.0.min(first), held.1.max(last), held.2);
    }
    let mut hints = Vec::new();
    for ((test, clock, _), faults) in spans.iter().filter(|(key, _)| key.2 == "faults") {
        let Some(history) = spans.get(&(*test, *clock, "history")) else { continue };
        if history.1 >= faults.0 && faults.1 >= history.0 {
            continue;
        }
        let side = |of: &(i64, i64, usize)| {
            let path = evidence.artifacts.get(of.2).map_or("", |a| &a.path);
            format!("{path} from {} to {}", seconds(of.0), seconds(of.1))
        };
        hints.push(format!(
            "test {test}: on clock {clock}, {} and {} do not meet: is the `unit` of one of them wrong?",
            side(history),
            side(faults)
        ));
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact_to_the_microsecond() {
        assert_eq!(seconds(8_300_000_999), "8.300000 s");
        assert_eq!(seconds(-1_500), "-0.000001 s");
    }
}
