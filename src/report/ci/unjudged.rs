//! What outputs say of a run that came to no decision: one test that is in error, so that nothing of an earlier run is taken for this one.
//!
//! In: the faults. Out: the same formats as of a judged release, which no reader can take for a pass. Refuses to know what went wrong.

use super::{ctrf, junit, metrics, sarif};
use crate::error::{Error, ErrorKind};
use crate::report::text::{count, line};
use serde_json::{Value, json};

/// The one test of a run without a decision.
const NAME: &str = "quorate.release";
/// The most faults that are told.
const MOST: usize = 20;

/// A run that came to no decision.
#[derive(Debug, Clone)]
pub struct Unjudged<'a> {
    /// The contract's path as the user gave it, with `/`; its file name alone when that path was absolute.
    pub contract: &'a str,
    /// What kind of thing went wrong, in a few words.
    pub what: &'a str,
    /// What went wrong, and where that is in the contract, in lines from 1.
    pub faults: Vec<(Option<u64>, String)>,
}

impl Unjudged<'_> {
    /// The faults, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.faults.iter().take(MOST).map(|(_, text)| line(text)).collect();
        if let Some(rest) = self.faults.len().checked_sub(MOST).filter(|n| *n > 0) {
            lines.push(format!("and {}", count(rest as u64, "more fault", "more faults")));
        }
        lines
    }

    /// One sentence: the kind and the first fault.
    pub(super) fn message(&self) -> String {
        let first = self.faults.first().map(|(_, text)| format!(": {}", line(text))).unwrap_or_default();
        format!("not judged: {}{first}", line(self.what))
    }
}

pub(super) fn as_junit(run: &Unjudged<'_>) -> Result<Vec<u8>, Error> {
    junit::error(NAME, &run.message(), &run.lines().join("\n"))
}

pub(super) fn as_metrics(_: &Unjudged<'_>) -> Result<Vec<u8>, Error> {
    Ok(metrics::error())
}

fn text(value: &Value) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|e| Error::plain(ErrorKind::Internal, e.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

pub(super) fn as_ctrf(run: &Unjudged<'_>) -> Result<Vec<u8>, Error> {
    let test = json!({
        "name": NAME,
        "status": "failed",
        "rawStatus": "error",
        "duration": 0,
        "suite": ["quorate"],
        "message": run.message(),
        "trace": run.lines().join("\n"),
    });
    let summary = json!({ "tests": 1, "passed": 0, "failed": 1, "skipped": 0, "pending": 0, "other": 0, "start": 0, "stop": 0 });
    text(&json!({
        "reportFormat": ctrf::FORMAT,
        "specVersion": ctrf::VERSION,
        "generatedBy": env!("CARGO_PKG_NAME"),
        "results": {
            "tool": { "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") },
            "summary": summary,
            "tests": [test],
            "extra": { "decision": "error" },
        },
    }))
}

pub(super) fn as_sarif(run: &Unjudged<'_>) -> Result<Vec<u8>, Error> {
    let about = "No decision was taken: contract, matrix or evidence could not be read, or the command could not end.";
    let at = run.faults.iter().find_map(|(line, _)| *line).unwrap_or(1);
    let result = json!({
        "ruleId": NAME,
        "ruleIndex": 0,
        "level": "error",
        "message": { "text": run.message() },
        "locations": [sarif::location(run.contract, Some(at), None)],
        "partialFingerprints": { "gate/v1": NAME },
        "properties": { "verdict": "error", "details": run.lines() },
    });
    let rule = json!({ "id": NAME, "shortDescription": { "text": about }, "fullDescription": { "text": about }, "help": { "text": about } });
    text(&json!({
        "$schema": sarif::SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION"), "rules": [rule] } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": false }],
            "results": [result],
            "properties": { "decision": "error" },
        }],
    }))
}

#[cfg(test)]
mod tests {
    use super::super::OUTPUTS;
    use super::*;

    #[test]
    fn no_output_of_a_run_without_a_decision_can_be_taken_for_a_pass() {
        let faults = vec![(None, "no `::error` <x>\nhere\u{1b}".into()), (Some(7), "and ]]> there".into())];
        let run = Unjudged { contract: "a/contract.toml", what: "evidence unreadable", faults };
        for output in OUTPUTS {
            let text = String::from_utf8((output.unjudged)(&run).expect("made")).expect("text");
            assert!(text.starts_with(output.begins), "{}: an earlier one must be known again: {text}", output.name);
            assert!(!text.contains('\u{1b}') && !text.contains("<x>") | (output.name != "junit"), "{text}");
            let says = [r#"<error type="error""#, r#""level": "error""#, r#""status": "failed""#, r#"="error"} 1"#];
            assert!(says.iter().filter(|word| text.contains(**word)).count() == 1, "{}: {text}", output.name);
            assert!(!text.contains("accept\"} 1") && !text.contains("passed\": 1"), "{text}");
        }
    }
}
