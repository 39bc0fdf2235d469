//! Masking: restarts by probes, and what clients were told meanwhile.
//!
//! In: outages, probes and operations. Out: flaws. Refuses to know contracts: bounds are handed in.

use super::recovery::{Outage, apart};
use super::tally::{Flaw, Tally};
use crate::evidence::Rows;
use crate::evidence::kinds::{Operation, Outcome, Probe};
use crate::exact::seconds;
use crate::verdict::Finding;

/// Whether an outage ended in a restart, after enough failures and in time.
pub fn restarted(target: &str, outage: &Outage, threshold: u64, (took, bound): (i64, i64), tally: &mut Tally) {
    let finding = |claim: &str| {
        let mut finding =
            Finding::new(claim).with("target", target).with("failures", outage.failures).with("took-s", seconds(took));
        finding.sources = outage.sources.clone();
        finding
    };
    let (shown, allowed) = apart(took, bound);
    if outage.holes {
        let why = format!("failed probes of {target} are missing, so that its first failure and its masking time are not shown");
        tally.doubts.push(Flaw::new(1, why, finding("probes-missing")));
    }
    if outage.restart.is_some() && outage.failures < threshold {
        let why = format!("{target} was restarted after {} failed probes in a row, {threshold} are declared", outage.failures);
        tally.faults.push(Flaw::new(0, why, finding("restarted-early")));
    } else if took > bound {
        let what = if outage.restart.is_some() { "was restarted" } else { "was still not restarted" };
        let why = format!("{target} {what} {shown} s after its first failed probe, the masking time is {allowed} s");
        tally.faults.push(Flaw::new(took, why, finding("restarted-late")));
    } else if outage.restart.is_none() && !outage.answered {
        let why = format!("the probes of {target} end after {} failures, before its masking time is over", outage.failures);
        tally.doubts.push(Flaw::new(0, why, finding("outage-open")));
    }
}

/// Whether clients were told ok by a member between its first failed probe and its restart.
pub fn false_success(
    target: &str,
    outage: &Outage,
    restart: i64,
    (probes, history): (&Rows<'_, Probe>, &Rows<'_, Operation>),
    tally: &mut Tally,
) {
    let doubt = |why: String, claim: &str| Flaw::new(0, why, Finding::new(claim).with("target", target));
    let widening = match probes.beside(history) {
        Ok(widening) => widening,
        Err(gap) => {
            let why = format!("nothing shows what clients were told during an outage: {}", gap.why);
            return tally.doubts.push(doubt(why, "clocks-differ"));
        }
    };
    // Only what was surely sent after the first failed probe and answered before the restart is held against the member.
    let (from, to) = (outage.first.saturating_add(widening), restart.saturating_sub(widening));
    let (mut in_flight, mut known, mut nameless) = (false, false, 0u64);
    for (id, op) in history.iter() {
        let end = op.returned.map_or(i64::MAX, |r| r.0);
        // One that was never answered counts at the instant at which it was sent.
        in_flight |= op.invoke.0 <= to && op.returned.map_or(op.invoke.0, |r| r.0) >= from;
        known |= op.member == Some(outage.target);
        let within = op.result == Outcome::Ok && op.invoke.0 >= from && end <= to;
        nameless += u64::from(within && op.member.is_none());
        if within && op.member == Some(outage.target) {
            let why = format!("{target} answered ok between its first failed probe and its restart");
            let mut finding = Finding::new("false-success").with("target", target).source(history.source(id));
            finding.sources.extend(outage.sources.iter().cloned());
            tally.faults.push(Flaw::new(1, why, finding));
        }
    }
    if !in_flight {
        tally.doubts.push(doubt(format!("no traffic: no operation was in flight while {target} was down"), "no-traffic"));
    } else if nameless > 0 {
        tally
            .doubts
            .push(doubt(format!("{nameless} answers while {target} was down do not say which member gave them"), "nameless"));
    } else if !known {
        tally
            .doubts
            .push(doubt(format!("no operation of the test names {target}, so nothing shows its answers"), "target-unknown"));
    }
}
