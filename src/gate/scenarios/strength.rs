//! Strength: what the number of runs proves.

use super::{all, doubts};
use crate::contract::Subject;
use crate::exact::Ratio;
use crate::figure::binomial::bounds;
use crate::figure::confidence::{percent, runs_for, zero_failure_figure};
use crate::gate::ReleaseCx;
use crate::judge::scenarios::Run;
use crate::judge::tally::Tally;
use crate::verdict::{Finding, Gap, Judged, Judgement, SourceRef};
use std::collections::BTreeMap;

fn shown(share: Ratio) -> String {
    percent(share).unwrap_or_default()
}

/// Runs of one fault.
#[derive(Default)]
struct Count {
    /// Independent ones.
    runs: u64,
    /// Of them, those that broke an invariant.
    broke: u64,
    /// Of them, those that nobody can judge. To leave them out would be to count only what survived.
    unclear: u64,
}

/// Independent runs by fault.
fn independent<'r>(runs: &'r [Run<'_>]) -> BTreeMap<&'r str, Count> {
    let mut seen: BTreeMap<_, (bool, bool)> = BTreeMap::new();
    for run in runs.iter().filter(|r| r.fault.is_some()) {
        let (broke, unclear) = seen.entry(run.identity()).or_default();
        *broke |= run.violations() > 0;
        *unclear |= !run.doubts.is_empty();
    }
    let mut by_fault: BTreeMap<&str, Count> = BTreeMap::new();
    for (identity, (broke, unclear)) in seen {
        let entry = by_fault.entry(identity.0.unwrap_or_default()).or_default();
        entry.runs += 1;
        entry.broke += u64::from(broke);
        entry.unclear += u64::from(unclear && !broke);
    }
    by_fault
}

pub(super) fn judge(cx: &ReleaseCx<'_>) -> Judged {
    let runs = all(cx, Subject::System)?;
    let declared =
        cx.contract.scenarios.as_ref().ok_or_else(|| Gap::new("the contract declares no bound of scenarios to be reached"))?;
    let confidence = cx.contract.objectives.confidence;
    let by_fault = independent(&runs);
    let sum = |of: fn(&Count) -> u64| by_fault.values().map(of).sum::<u64>();
    let (n, k, open) = (sum(|c| c.runs), sum(|c| c.broke), sum(|c| c.unclear));
    let mut tally = Tally::default();
    runs.iter().for_each(|run| doubts(run, &mut tally));
    let unclear = tally.doubts.into_iter().map(|d| d.finding);
    let judged = usize::try_from(n).unwrap_or(usize::MAX);
    let judgeable = bounds(k + open, n, confidence).zip(bounds(k, n, confidence)).filter(|_| n > open);
    let Some((all, sure)) = judgeable else {
        let why = "no run with an injected fault can be judged, so nothing bounds the probability of a violation";
        return Ok(Judgement::inconclusive(why, 0).findings(unclear));
    };
    let (limit, upper) = (declared.bound, all.upper);
    let strange = if open > 0 { format!("{open} cannot be judged and count as broken, ") } else { String::new() };
    let percent_of = |c: Ratio| c.mul(Ratio::int(100)).unwrap_or(Ratio::ZERO);
    let wanted = percent_of(limit);
    let at = format!("one-sided {} %", percent_of(confidence));
    let margin = limit.sub(upper).filter(|m| *m >= Ratio::ZERO).map(|m| format!("{} %", shown(m))).unwrap_or_default();
    let judgement = if upper <= limit {
        let why = format!("{k} of {n} independent runs with a fault broke an invariant: {strange}p_U = {} %, {at}", shown(upper));
        Judgement::pass(why, judged)
    } else if sure.lower > limit {
        let why = format!("{k} of {n} runs broke an invariant: p is at least {} %, {at}, above {wanted} %", shown(sure.lower));
        Judgement::fail(why, judged)
    } else {
        let need = runs_for(limit, confidence).filter(|_| k + open == 0).map(|m| format!("; it takes {m}")).unwrap_or_default();
        let why = format!(
            "{k} of {n} runs broke an invariant, {strange}which allows p up to {} %, {at}: too few for {wanted} %{need}",
            shown(upper)
        );
        Judgement::inconclusive(why, judged)
    };
    let source: Vec<SourceRef> = vec![cx.declared(declared.span)];
    let whole = zero_failure_figure(n, confidence, source).filter(|_| k + open == 0);
    let each = by_fault.iter().filter(|(_, x)| x.broke + x.unclear == 0).filter_map(|(fault, x)| {
        let mut figure = zero_failure_figure(x.runs, confidence, Vec::new())?;
        figure.id = format!("zero-failure-bound-{fault}");
        figure.symbol = format!("p_U({fault})");
        Some(figure)
    });
    let counts = by_fault
        .iter()
        .map(|(fault, x)| Finding::new("runs").with("fault", fault).with("runs", x.runs).with("violated", x.broke));
    let judgement = judgement.findings(counts.chain(unclear));
    let judgement = judgement.against(format!("≤ {wanted} %"), format!("{} %", shown(upper)), margin);
    Ok(whole.into_iter().chain(each).fold(judgement, Judgement::figure))
}
