//! Failovers against faults: each is timed from a fault of its own, and no leader fault is left without one.
//!
//! In: the phases and faults of a test. Out: a doubt for each failover that starts at no fault or shares one, and for each leader fault that no failover
//! starts at. Refuses to know objectives.

use super::TestCx;
use crate::evidence::kinds::{Injection, Phase, PhaseName};
use crate::evidence::{RowId, Rows};
use crate::judge::tally::Flaw;
use crate::verdict::{Finding, Gap};
use crate::words::plural;

/// Doubts about how `failovers` failovers of a test go with its faults.
pub(super) fn unprovoked(cx: &TestCx<'_>, failovers: usize) -> Result<Vec<Flaw>, Gap> {
    let of_leaders = cx.test.plan.iter().any(|p| p == "leader-crash");
    let crashes = cx.test.injections.as_ref().filter(|_| of_leaders).map_or(0, |i| i.value);
    let mut flaws = Vec::new();
    if (failovers as u64) < crashes {
        let timed = plural(failovers, "failover is", "failovers are");
        let faults = plural(crashes, "leader fault is", "leader faults are");
        let finding = Finding::new("failovers-missing").with("declared", crashes).with("timed", failovers);
        flaws.push(Flaw::new(2, format!("{faults} declared and {timed} timed: the worst may be missing"), finding));
    }
    let (phases, faults) = (cx.rows::<Phase>()?, cx.rows_if_bound::<Injection>()?);
    if let Some(faults) = faults {
        flaws.extend(one_to_one(cx, &phases, &faults, of_leaders)?);
    }
    Ok(flaws)
}

/// Gives each detection, in the order of time, the first fault that it may have started at and that no other has.
fn one_to_one(
    cx: &TestCx<'_>,
    phases: &Rows<'_, Phase>,
    faults: &Rows<'_, Injection>,
    of_leaders: bool,
) -> Result<Vec<Flaw>, Gap> {
    let widening = phases.beside(faults)?;
    let near = |a: i64, b: i64| a.saturating_sub(widening) <= b;
    let starts = |p: &Phase, f: &Injection| near(p.start_lo.0, f.start_hi.0) && near(f.start_lo.0, p.start_hi.0);
    let mut detections: Vec<(RowId, Phase)> = phases.iter().filter(|(_, p)| p.phase == PhaseName::Detect).collect();
    detections.sort_by_key(|(id, p)| (p.start_hi, p.start_lo, *id));
    let mut free: Vec<(RowId, Injection)> = faults.iter().collect();
    free.sort_by_key(|(id, f)| (f.start_hi, f.start_lo, *id));
    let mut flaws = Vec::new();
    for (id, p) in detections {
        if let Some(at) = free.iter().position(|(_, f)| starts(&p, f)) {
            free.remove(at);
            continue;
        }
        let name = cx.evidence().text(p.failover);
        let (why, claim) = if faults.iter().any(|(_, f)| starts(&p, &f)) {
            (format!("failover {name} starts at a fault that another failover starts at"), "two-failovers-of-one-fault")
        } else {
            let why = format!("failover {name} starts at no recorded fault, so nothing shows that it is timed from its cause");
            (why, "failover-without-fault")
        };
        flaws.push(Flaw::new(1, why, Finding::new(claim).with("failover", name).source(phases.source(id))));
    }
    for (id, f) in free.into_iter().filter(|_| of_leaders) {
        let name = cx.evidence().text(f.id);
        let why = format!("no failover starts at leader fault {name}: the worst may be missing");
        flaws.push(Flaw::new(1, why, Finding::new("fault-without-failover").with("fault", name).source(faults.source(id))));
    }
    Ok(flaws)
}
