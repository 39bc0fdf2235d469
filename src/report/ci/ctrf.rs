//! CTRF: the common test report format in JSON.
//!
//! In: a dossier. Out: a test a gate. An inconclusive gate is `other`, which no reader counts as passed; durations are 0 and start and stop
//! are the day of the dossier, because a package has no clock.

use super::{Ended, Place, asked, day_ms, details, ended};
use crate::dossier::{Dossier, GateFacts};
use crate::error::{Error, ErrorKind};
use crate::report::text::line;
use serde_json::{Value, json};

/// The name of the format.
pub(super) const FORMAT: &str = "CTRF";
/// The version of its schema.
pub(super) const VERSION: &str = "0.0.0";

pub(super) fn ctrf(dossier: &Dossier, _: &Place) -> Result<Vec<u8>, Error> {
    let count = |which: &[Ended]| asked(dossier).filter(|g| which.contains(&ended(g))).count();
    let day = day_ms(dossier);
    let report = json!({
        "reportFormat": FORMAT,
        "specVersion": VERSION,
        "generatedBy": dossier.tool.name,
        "results": {
            "tool": { "name": dossier.tool.name, "version": dossier.tool.version },
            "summary": {
                "tests": asked(dossier).count(),
                "passed": count(&[Ended::Passed]),
                "failed": count(&[Ended::Failed]),
                "skipped": count(&[Ended::Skipped]),
                "pending": 0,
                "other": count(&[Ended::Unproven, Ended::Waived]),
                "start": day,
                "stop": day,
            },
            "tests": asked(dossier).map(test).collect::<Vec<Value>>(),
            "extra": { "decision": dossier.decision.word(), "contract": format!("sha256:{}", dossier.contract.sha256) },
        },
    });
    let mut bytes = serde_json::to_vec_pretty(&report).map_err(|e| Error::plain(ErrorKind::Internal, e.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn test(gate: &GateFacts) -> Value {
    let status = match ended(gate) {
        Ended::Passed => "passed",
        Ended::Failed => "failed",
        Ended::Skipped => "skipped",
        Ended::Unproven | Ended::Waived => "other",
    };
    let family = gate.id.split('.').next().unwrap_or_default();
    json!({
        "name": gate.id,
        "status": status,
        "rawStatus": if gate.waived { "waived" } else { gate.verdict.word() },
        "duration": 0,
        "suite": [family],
        "message": line(&gate.why),
        "trace": details(gate).join("\n"),
    })
}
