//! Percentiles of latency against their objectives, test by test.

use super::p99;
use crate::contract::{Generator, LatencyScope};
use crate::evidence::Rows;
use crate::evidence::kinds::{Injection, Operation};
use crate::exact::{Ratio, millis};
use crate::figure::percentile::{DEFINITION, name, nearest_rank};
use crate::gate::TestCx;
use crate::judge::latency::{
    Class, Latencies, Order, Standing, Strike, Timed, Windows, gather, ranks_for, recovery_windows, stand,
};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement, Verdict};

pub(super) fn write_p99(cx: &TestCx<'_>) -> Judged {
    percentile(cx, Class::Write, cx.contract().objectives.write_p99.map(|o| o.value))
}

pub(super) fn read_p99(cx: &TestCx<'_>) -> Judged {
    percentile(cx, Class::Read, cx.contract().objectives.read_p99.map(|o| o.value))
}

/// What the percentile shows; where an open load is declared, only an open-loop generator can show that answers were fast under it.
fn percentile(cx: &TestCx<'_>, class: Class, objective: Option<i64>) -> Judged {
    let judged = measured(cx, class, objective)?;
    let open = cx.test.generator == Some(Generator::Open) || cx.contract().load.is_none();
    if open || judged.verdict != Verdict::Pass {
        return Ok(judged);
    }
    let states = if cx.test.generator.is_none() { "states no generator" } else { "had a closed-loop generator" };
    let why = format!("coordinated omission: the test {states}, and one that waits for slow answers hides them ({})", judged.why);
    Ok(Judgement { verdict: Verdict::NotApplicable, why, ..judged })
}

fn measured(cx: &TestCx<'_>, class: Class, objective: Option<i64>) -> Judged {
    let word = class.word();
    let objective = objective.ok_or_else(|| Gap::new(format!("the contract declares no p99 of {word}s")))?;
    let rows = cx.rows::<Operation>()?;
    let (narrow, wide) = windows(cx, &rows)?;
    // Where clocks may differ, an operation at the edge of a window counts as it hurts most, and then as it helps most.
    let worst = |start, stop, ns| if ns > objective { narrow.touch(start, stop) } else { wide.touch(start, stop) };
    let judged = judge(cx, class, objective, (&rows, &wide), worst);
    if narrow == wide || judged.verdict == Verdict::Pass {
        return Ok(judged);
    }
    let best = |start, stop, ns| if ns > objective { wide.touch(start, stop) } else { narrow.touch(start, stop) };
    let best = judge(cx, class, objective, (&rows, &wide), best);
    if best.verdict == judged.verdict {
        return Ok(judged);
    }
    let why = format!(
        "which {word}s were in flight during a recovery depends on how the clocks of faults and history stand: {}",
        judged.why
    );
    Ok(Judgement { verdict: Verdict::Inconclusive, why, ..judged })
}

/// The percentile with the operations inside of recoveries told apart by `inside`.
fn judge(
    cx: &TestCx<'_>,
    class: Class,
    objective: i64,
    (rows, windows): (&Rows<'_, Operation>, &Windows),
    inside: impl Fn(i64, i64, i64) -> bool,
) -> Judgement {
    let word = class.word();
    let found = gather(rows, class, inside);
    let total = found.inside.len() + found.outside.len();
    if total == 0 {
        return Judgement::not_exercised(format!("no {word} was answered or left open ({} refused)", found.failed), 0);
    }
    let all_in_scope = cx.contract().objectives.latency_scope == LatencyScope::WholeRun;
    let scope = if all_in_scope { "whole run" } else { "outside recovery" };
    let judged = if all_in_scope { total } else { found.outside.len() };
    let mut figures = spreads(rows, class, &found, windows);
    if judged == 0 {
        let why = format!("every {word} was in flight during a recovery");
        return Judgement { figures, ..Judgement::not_exercised(why, total) };
    }
    let mut sample = found.outside;
    if all_in_scope {
        sample.extend(found.inside);
    }
    let (ranks, least) = ranks_for(p99(), judged as u64, cx.contract().objectives.confidence);
    let order = Order::new(sample, least);
    let standing = stand(&order, &ranks, p99(), cx.contract().objectives.confidence, objective);
    figures.extend(bound_figure(cx, class, &order, ranks.upper));
    let estimate = order.at_least(ranks.nearest).map_or(0, |t| t.ns);
    let verdict =
        Stood { cx, class, scope, objective, estimate, judged, standing, left_out: (found.failed, found.unknown, order.open()) };
    Judgement { figures, ..verdict.judgement() }
}

/// A standing and all that its sentence needs.
struct Stood<'a> {
    cx: &'a TestCx<'a>,
    class: Class,
    scope: &'static str,
    objective: i64,
    estimate: i64,
    judged: usize,
    standing: Standing,
    left_out: (u64, u64, u64),
}

impl Stood<'_> {
    fn judgement(&self) -> Judgement {
        let (class, n, judged) = (self.class.word(), self.judged, self.judged);
        let confidence = self.cx.contract().objectives.confidence;
        let ms = |ns: i64| format!("{} ms", millis(ns));
        let (limit, estimate) = (ms(self.objective), ms(self.estimate));
        let judgement = match self.standing {
            Standing::Within { upper } => {
                let why =
                    format!("{class} p99 {estimate}, at most {} at confidence {confidence}, over {n} operations", ms(upper));
                let measured = format!("p99 {estimate}, upper bound {}", ms(upper));
                Judgement::pass(why, judged).against(format!("≤ {limit}"), measured, ms(self.objective - upper))
            }
            Standing::Over { ns, small } => {
                let which = if small { "even the lower bound of" } else { "the" };
                let why = format!("{which} {class} p99 is {}, above {limit}, over {n} operations", ms(ns));
                Judgement::fail(why, judged).against(format!("≤ {limit}"), format!("p99 {}", ms(ns)), ms(self.objective - ns))
            }
            Standing::Between { upper } => {
                let upper = upper.map_or("not bounded, as some never returned".to_string(), |u| format!("at most {}", ms(u)));
                let why =
                    format!("too few samples to tell: {class} p99 {estimate} is within {limit}, but {upper} over {n} operations");
                Judgement::inconclusive(why, judged).against(format!("≤ {limit}"), format!("p99 {estimate}, {upper}"), "")
            }
            Standing::TooFew { needed } => {
                let needed = needed.map_or("more than can be had".to_string(), |n| n.to_string());
                let why = format!("too few operations: {n} {class}s in scope ({}), a bound of p99 needs {needed}", self.scope);
                let above = (self.estimate > self.objective)
                    .then(|| Finding::new("above-objective-on-few-samples").with("p99", &estimate));
                Judgement::not_exercised(why, judged)
                    .against(format!("≤ {limit}"), format!("p99 {estimate}, not bounded"), "")
                    .findings(above)
            }
        };
        let (failed, unknown, open) = self.left_out;
        judgement.findings([Finding::new("latency-sample")
            .with("scope", self.scope)
            .with("refused-left-out", failed)
            .with("unknown-counted", unknown)
            .with("never-returned", open)])
    }
}

/// The recovery windows of a test, as narrow and as wide as the clocks of faults and history allow. Where scopes do not ask for them, faults on clocks that
/// nothing bounds give none.
fn windows(cx: &TestCx<'_>, rows: &Rows<'_, Operation>) -> Result<(Windows, Windows), Gap> {
    let asked = cx.contract().objectives.latency_scope == LatencyScope::OutsideRecovery;
    if cx.test.requires("faults") && asked {
        cx.rows::<Injection>()?;
    }
    let none = || (Windows::default(), Windows::default());
    let faults = match cx.rows_if_bound::<Injection>() {
        Ok(Some(faults)) => faults,
        Err(gap) if asked => return Err(gap),
        Ok(None) | Err(_) => return Ok(none()),
    };
    let recovery = cx.contract().objectives.recovery.as_ref().map(|r| r.value);
    let (recovery, widening) = match (recovery, faults.beside(rows)) {
        (Some(recovery), Ok(widening)) => (recovery, widening),
        _ if !asked => return Ok(none()),
        (_, Err(gap)) => return Err(Gap { why: format!("operations outside of recovery cannot be told: {}", gap.why), ..gap }),
        (None, _) => {
            return Err(Gap::new(
                "the contract declares no recovery objective, so operations outside of recovery cannot be told",
            ));
        }
    };
    let cluster = &cx.contract().cluster;
    let spare = usize::try_from(cluster.size().saturating_sub(cluster.write_quorum())).unwrap_or(usize::MAX);
    let stretches = recovery_windows(&strikes(cx, &faults), recovery, spare);
    Ok((stretches.grown(-widening), stretches.grown(widening)))
}

fn strikes(cx: &TestCx<'_>, faults: &Rows<'_, Injection>) -> Vec<Strike> {
    let evidence = cx.evidence();
    let members = &cx.contract().cluster.members;
    let struck = |fault: &Injection| {
        let targets = evidence.symbols.list(fault.targets).iter().copied();
        targets.filter(|t| members.iter().any(|m| m == evidence.text(*t))).collect()
    };
    faults
        .iter()
        .map(|(_, f)| Strike { from: f.start_lo.0, until: f.start_hi.0, stop: f.stop_hi.map(|s| s.0), members: struck(&f) })
        .collect()
}

/// p95, p99, p99.9, worst and count of the whole run, outside and inside of recoveries.
fn spreads(rows: &Rows<'_, Operation>, class: Class, found: &Latencies, windows: &Windows) -> Vec<Figure> {
    let whole: Vec<Timed> = found.inside.iter().chain(&found.outside).copied().collect();
    let mut figures = spread(rows, class, "whole", whole);
    if !windows.is_empty() {
        figures.extend(spread(rows, class, "outside", found.outside.clone()));
        figures.extend(spread(rows, class, "inside", found.inside.clone()));
    }
    figures
}

fn spread(rows: &Rows<'_, Operation>, class: Class, region: &str, sample: Vec<Timed>) -> Vec<Figure> {
    let n = sample.len() as u64;
    let id = |what: &str| format!("{}-{what}-{region}", class.word());
    let mut figures = vec![Figure {
        id: id("count"),
        symbol: "n".into(),
        formula: format!("{}s that were answered or left open", class.word()),
        substitution: n.to_string(),
        value: n.to_string(),
        unit: String::new(),
        sources: Vec::new(),
    }];
    let shares = [Ratio::new(95, 100), Ratio::new(99, 100), Ratio::new(999, 1000)];
    let order = Order::new(sample, shares[0].map_or(1, |q| nearest_rank(q, n)));
    for q in shares.into_iter().flatten() {
        let rank = nearest_rank(q, n);
        figures.extend(order.at_least(rank).map(|timed| Figure {
            id: id(&name(q)),
            symbol: name(q),
            formula: DEFINITION.into(),
            substitution: format!("x_(⌈{q} · {n}⌉) = x_({rank})"),
            ..shown(rows, timed)
        }));
    }
    figures.extend(order.at_least(n).map(|timed| Figure {
        id: id("worst"),
        symbol: "worst".into(),
        formula: "x_(n)".into(),
        substitution: format!("x_({n})"),
        ..shown(rows, timed)
    }));
    figures
}

/// The value, unit and source of one operation's latency.
pub(super) fn shown(rows: &Rows<'_, Operation>, timed: Timed) -> Figure {
    Figure {
        id: String::new(),
        symbol: String::new(),
        formula: String::new(),
        substitution: String::new(),
        value: millis(timed.ns),
        unit: if timed.open { "ms at least".into() } else { "ms".into() },
        sources: vec![rows.source(timed.id)],
    }
}

fn bound_figure(cx: &TestCx<'_>, class: Class, order: &Order, rank: Option<u64>) -> Option<Figure> {
    let (rank, n, confidence) = (rank?, order.n(), cx.contract().objectives.confidence);
    Some(Figure {
        id: format!("{}-p99-upper", class.word()),
        symbol: "p99 upper bound".into(),
        formula: "x_(r), r = min { r : P(Bin(n, q) ≤ r − 1) ≥ confidence }".into(),
        substitution: format!("n = {n}, q = 0.99, confidence {confidence}, one-sided: r = {rank}"),
        value: order.at_most(rank).map_or("endless".into(), millis),
        unit: "ms".into(),
        sources: Vec::new(),
    })
}
