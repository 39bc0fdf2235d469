//! The baseline: the same faults against an unprotected subject, rate by rate.

use super::{all, by_fault, doubts, finding};
use crate::contract::Subject;
use crate::exact::Ratio;
use crate::figure::binomial::{bounds, interval_figure};
use crate::gate::ReleaseCx;
use crate::judge::scenarios::{Run, rate};
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Figure, Finding, Judged, Judgement};
use std::collections::{BTreeMap, BTreeSet};

/// Scenarios at a rate, and how many of them applied a command twice.
type Rates = BTreeMap<Option<i64>, (u64, u64)>;

fn rates(runs: &[Run<'_>]) -> Rates {
    let mut rates = Rates::new();
    for run in runs {
        let entry = rates.entry(run.rate).or_default();
        *entry = (entry.0 + 1, entry.1 + u64::from(!run.duplicates.is_empty()));
    }
    rates
}

/// The confidence of each bound, so that both together hold at the confidence of the objectives.
fn each_side(confidence: Ratio) -> Ratio {
    Ratio::ONE.add(confidence).and_then(|sum| sum.div(Ratio::int(2))).unwrap_or(confidence)
}

pub(super) fn judge(cx: &ReleaseCx<'_>) -> Judged {
    let (system, baseline) = (all(cx, Subject::System)?, all(cx, Subject::Baseline)?);
    let mut tally = Tally { judged: system.len() + baseline.len(), ..Tally::default() };
    let (of_system, of_baseline) = (rates(&system), rates(&baseline));
    let kinds: BTreeSet<&str> = by_fault(&baseline).into_keys().collect();
    let unseen: Vec<&str> = by_fault(&system).into_keys().filter(|f| !kinds.contains(f)).collect();
    if !unseen.is_empty() {
        let why = format!("the baseline was not put through {}", unseen.join(", "));
        tally.doubts.push(Flaw::new(2, why, Finding::new("faults-differ").with("faults", unseen.join(", "))));
    }
    let all_rates: BTreeSet<Option<i64>> = of_system.keys().chain(of_baseline.keys()).copied().collect();
    for at in &all_rates {
        compare(*at, of_system.get(at), of_baseline.get(at), &mut tally);
    }
    for run in system.iter().filter(|r| !r.duplicates.is_empty()) {
        let why = format!("the system applies commands twice too: {}", run.name());
        tally.faults.push(Flaw::new(0, why, finding("system-applied-twice", run)));
    }
    system.iter().chain(&baseline).for_each(|run| doubts(run, &mut tally));
    let side = each_side(cx.contract.objectives.confidence);
    let told: Vec<String> = of_baseline
        .iter()
        .map(|(at, b)| {
            let s = of_system.get(at).copied().unwrap_or_default();
            format!("at {}: baseline {}, system {}", rate(*at), share(*b, side), share(s, side))
        })
        .collect();
    let pass = format!("scenarios that applied a command twice, {}", told.join("; "));
    let judgement = tally.conclude(pass, "no scenario was judged");
    Ok(figures(cx, &of_system, &of_baseline).into_iter().fold(judgement, Judgement::figure))
}

/// A share with its exact interval: `8 of 250 (1.39 to 6.21 %)`.
fn share((n, k): (u64, u64), side: Ratio) -> String {
    let percent = |r: Ratio| r.mul(Ratio::int(100)).map_or(String::new(), |p| p.decimal(2));
    let interval = bounds(k, n, side).map_or(String::new(), |b| format!(" ({} to {} %)", percent(b.lower), percent(b.upper)));
    format!("{k} of {n}{interval}")
}

/// Whether both were put to a rate, and the baseline shows the bug at it.
fn compare(at: Option<i64>, system: Option<&(u64, u64)>, baseline: Option<&(u64, u64)>, tally: &mut Tally) {
    let finding = |claim: &str| Finding::new(claim).with("rate", rate(at));
    let only = |who: &str, lacks: &str| format!("at {} only the {who} was tried, so the {lacks} cannot be compared", rate(at));
    match (system, baseline) {
        (Some(_), Some((n, 0))) => {
            let why = format!(
                "at {} the baseline applies no command twice in {n} scenarios: the experiment cannot see the bug",
                rate(at)
            );
            tally.doubts.push(Flaw::new(1, why, finding("bug-not-seen").with("scenarios", n)));
        }
        (Some(_), None) => tally.doubts.push(Flaw::new(1, only("system", "baseline"), finding("rate-differs"))),
        (None, Some(_)) => tally.doubts.push(Flaw::new(1, only("baseline", "system"), finding("rate-differs"))),
        _ => {}
    }
}

fn figures(cx: &ReleaseCx<'_>, system: &Rates, baseline: &Rates) -> Vec<Figure> {
    let confidence = each_side(cx.contract.objectives.confidence);
    let named = [("system", system), ("baseline", baseline)];
    let each = named.iter().flat_map(|(who, rates)| {
        rates
            .iter()
            .filter_map(move |(at, (n, k))| interval_figure(&format!("{who} at {}", rate(*at)), (*k, *n), confidence, Vec::new()))
    });
    each.map(|figure| Figure { id: figure.id.replace([' ', '%'], "-").trim_end_matches('-').to_string(), ..figure }).collect()
}
