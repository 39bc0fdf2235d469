//! The `operations.json` of etcd's robustness tests: a JSON object a line, one whole operation each. Several files, one a client, are one history.
//!
//! In: lines. Out: one row of op `txn` an operation: its request and answer as JSON text in `value`, the revision of the answer in
//! `commit-index`. What they mean is judged by the revisions judge. Refuses to know that.

use super::events::Pairs;
use super::fault::Problem;
use super::stream::Stream;
use crate::evidence::kinds::{OpKind, Outcome};
use crate::evidence::symbol::Val;
use crate::evidence::table::{ABSENT, Raw};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The furthest from zero that a time may lie, in nanoseconds, so that times can be widened and compared without overflow.
const LATEST: u64 = 1 << 61;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line<'a> {
    client_id: i64,
    #[serde(borrow)]
    input: &'a RawValue,
    call: i64,
    #[serde(borrow)]
    output: &'a RawValue,
    r#return: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    revision: i64,
    #[serde(default)]
    error: String,
    #[serde(default)]
    partial_response: bool,
}

/// Whether a text begins as such a file does.
pub fn sign(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.starts_with("{\"ClientId\":") && first.contains("\"Input\":{")
}

fn word(words: &[&str], text: &str) -> Raw {
    words.iter().position(|w| *w == text).and_then(|i| Raw::try_from(i).ok()).unwrap_or(ABSENT)
}

/// Reads lines.
pub fn read(stream: &mut Stream<'_>, pairs: &mut Pairs<'_>) -> Result<(), Problem> {
    let mut text = String::new();
    loop {
        let number = stream.number();
        let Some(ended) = stream.line(&mut text)? else { return Ok(()) };
        let at = u64::from(number) - 1;
        let bad = |message: String| {
            let cut = if ended { "" } else { "the last line is cut short: " };
            Problem::new(format!("{cut}{message}"), text.as_bytes(), None).on(at)
        };
        let line: Line<'_> =
            serde_json::from_str(&text).map_err(|e| bad(format!("no operation of etcd's robustness tests: {e}")))?;
        let answer: Answer =
            serde_json::from_str(line.output.get()).map_err(|e| bad(format!("the answer cannot be read: {e}")))?;
        let unknown = !answer.error.is_empty() || answer.partial_response;
        // What is of unknown outcome may name any time to come back at: it is not looked at.
        for (name, time) in [("Call", line.call), ("Return", line.r#return)] {
            if (name == "Call" || !unknown) && time.unsigned_abs() > LATEST {
                let problem = bad(format!("the {name} {time} lies more than 2^61 ns, 73 years, from zero"));
                return Err(problem.help("times are nanoseconds since 1970 or since the start of the run"));
            }
        }
        if line.r#return < line.call {
            return Err(bad("the operation came back before it was called".into()));
        }
        let client = pairs.symbols.intern(&line.client_id.to_string());
        let value = format!("{{\"Input\":{},\"Output\":{}}}", line.input.get(), line.output.get());
        let value = Val::text(pairs.symbols.intern(&value));
        let result = if unknown { Outcome::Unknown } else { Outcome::Ok };
        let error = if answer.error.is_empty() { ABSENT } else { Raw::from(pairs.symbols.intern(&answer.error).0) };
        pairs.row(
            number,
            &[
                ("client", Raw::from(client.0)),
                ("op", word(OpKind::WORDS, OpKind::Txn.word())),
                ("value", value.0),
                ("invoke", line.call),
                ("return", if unknown { ABSENT } else { line.r#return }),
                ("result", word(Outcome::WORDS, result.word())),
                ("error", error),
                ("commit-index", if unknown { ABSENT } else { answer.revision }),
            ],
        );
    }
}
