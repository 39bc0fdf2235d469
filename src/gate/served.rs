//! Phases against what clients saw: a failover is not over before writes are acknowledged again.
//!
//! In: the phases and operations of a test on clocks that are bounded. Out: a doubt for each failover that clients felt for longer than its phases say.

use super::TestCx;
use crate::evidence::RowId;
use crate::evidence::kinds::{OpKind, Operation, Outcome, Phase};
use crate::evidence::symbol::Sym;
use crate::exact::seconds;
use crate::judge::tally::Flaw;
use crate::verdict::{Finding, Gap};
use std::collections::BTreeMap;

/// Failovers after whose last phase clients still waited: the phases are what someone recorded, acknowledgements are what clients saw. The
/// longest time without an acknowledged write that begins before the phases end must end with them, to within the declared tolerance and a
/// tenth of the objective.
pub(super) fn unserved(cx: &TestCx<'_>, objective: i64) -> Result<Vec<Flaw>, Gap> {
    let (phases, history) = (cx.rows::<Phase>()?, cx.rows_if_bound::<Operation>()?);
    let Some(history) = history else { return Ok(Vec::new()) };
    let widening = phases.beside(&history)?;
    let written = |op: &Operation| op.op != OpKind::Read && op.result == Outcome::Ok;
    let mut acks: Vec<i64> =
        history.iter().filter(|(_, op)| written(op)).filter_map(|(_, op)| op.returned.map(|r| r.0)).collect();
    acks.sort_unstable();
    let tolerance = cx.contract().failover.as_ref().map_or(0, |f| f.tolerance);
    let slack = tolerance.saturating_add(objective / 10).saturating_sub(widening).max(0);
    let mut spans: BTreeMap<Sym, (i64, i64, RowId)> = BTreeMap::new();
    for (id, p) in phases.iter() {
        let span = spans.entry(p.failover).or_insert((p.start_hi.0, p.stop_hi.0, id));
        *span = (span.0.min(p.start_hi.0), span.1.max(p.stop_hi.0), span.2);
    }
    let mut flaws = Vec::new();
    for (failover, (start, end, id)) in spans {
        let from = acks.partition_point(|a| *a <= start).saturating_sub(1);
        let gaps = acks[from..].windows(2).take_while(|gap| gap[0] <= end);
        let Some(resumed) = gaps.max_by_key(|gap| gap[1].saturating_sub(gap[0].max(start))).map(|gap| gap[1]) else { continue };
        if resumed > end.saturating_add(slack) {
            let name = cx.evidence().text(failover);
            let (saw, said) = (seconds(resumed.saturating_sub(start)), seconds(end.saturating_sub(start)));
            let why = format!(
                "failover {name} ends {said} s after the fault by its phases, but no write was acknowledged until {saw} s"
            );
            flaws.push(Flaw::new(
                resumed - end,
                why,
                Finding::new("phases-shorter-than-outage").with("failover", name).source(phases.source(id)),
            ));
        }
    }
    Ok(flaws)
}
