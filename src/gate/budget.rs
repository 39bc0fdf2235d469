//! The error budget: what the worst failover takes of it, and whether the rollback trigger was tried.

use super::recovery::unprovoked;
use super::{Gate, Judge, ReleaseCx, TestCx};
use crate::contract::{ErrorBudget, Rollback};
use crate::evidence::kinds::{Phase, Point};
use crate::exact::{Ratio, seconds};
use crate::figure::dependability::{availability_figure, mttr_figure};
use crate::figure::error_budget::{affordable_figure, allowed, allowed_figure, burn_rate_figures, percent, used, used_figure};
use crate::figure::failover::Bounds;
use crate::judge::recovery;
use crate::judge::telemetry::{Line, lines};
use crate::verdict::{Finding, Gap, Judged, Judgement, SourceRef};

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "budget.consumed",
        title: "the worst failover fits its share of the error budget",
        proves: "The longest that any recorded failover can have lasted, measured as recovery.failover-time measures it, takes no more of the error \
                 budget than the contract allows.",
        blind: "The whole failover is taken as downtime for every customer, and nothing else is: slow answers and errors at other times are not counted. \
                How often failovers happen in operation cannot be told from injected faults.",
        needs: &["phases"],
        safety: false,
        judge: Judge::Release(consumed),
    },
    Gate {
        id: "budget.rollback-trigger",
        title: "the rollback trigger fires when it should, and only then",
        proves: "Evaluated on the recorded series, the trigger fired in the rehearsal, and in no other test that recorded its metric.",
        blind: "Nothing is known between samples. That someone would have acted on the trigger is not shown, nor that the rollback itself works.",
        needs: &["telemetry"],
        safety: false,
        judge: Judge::Release(rollback_trigger),
    },
];

/// One failover of one test.
struct Failover {
    test: String,
    name: String,
    /// The shortest and the longest that it can have lasted, in ns.
    shortest: i64,
    longest: i64,
    sources: Vec<SourceRef>,
}

fn consumed(cx: &ReleaseCx<'_>) -> Judged {
    let tests: Vec<TestCx<'_>> =
        cx.matrix.of_system().filter(|t| t.requires("phases")).map(|test| TestCx { release: *cx, test }).collect();
    if tests.is_empty() {
        return Err(Gap::new("no test requires phases"));
    }
    let budget = cx.contract.budget.as_ref().ok_or_else(|| Gap::new("the contract declares no error budget"))?;
    let allowed = allowed(budget.slo, budget.window).filter(|a| *a > Ratio::ZERO);
    let allowed = allowed.ok_or_else(|| Gap::new("the error budget allows nothing, so no share of it can be told"))?;
    let mut failovers = Vec::new();
    for test in &tests {
        failovers.extend(of_test(test)?);
    }
    failovers.sort_by(|a, b| b.longest.cmp(&a.longest).then(a.test.cmp(&b.test)).then(a.name.cmp(&b.name)));
    let Some(worst) = failovers.first() else { return Err(Gap::new("no failover was recorded")) };
    weigh(cx, budget, allowed, worst, &failovers)
}

fn weigh(cx: &ReleaseCx<'_>, budget: &ErrorBudget, allowed: Ratio, worst: &Failover, failovers: &[Failover]) -> Judged {
    let too_long = || Gap::new("the share of the budget is too long a number");
    let most = used(worst.longest, allowed).ok_or_else(too_long)?;
    let surely = failovers.iter().map(|f| f.shortest).max().unwrap_or(0);
    let surely = used(surely, allowed).ok_or_else(too_long)?;
    let (limit, taken) = (format!("≤ {} %", percent(budget.share)), format!("{} %", percent(most)));
    let which = format!("failover {} of test {}", worst.name, worst.test);
    let judged = failovers.len();
    let judgement = if most <= budget.share {
        let margin = format!("{} %", percent(budget.share.sub(most).unwrap_or(Ratio::ZERO)));
        Judgement::pass(format!("{which} takes {taken} of the budget at most"), judged).against(limit, taken, margin)
    } else if surely > budget.share {
        let why = format!(
            "{which} takes up to {taken} of the budget, and {} % surely is above {} %",
            percent(surely),
            percent(budget.share)
        );
        Judgement::fail(why, judged).against(limit, taken, "")
    } else {
        let why = format!("{which} takes between {} % and {taken} of the budget: sampled too coarsely to tell", percent(surely));
        Judgement::inconclusive(why, judged).against(limit, taken, "")
    };
    let lengths: Vec<i64> = failovers.iter().map(|f| f.longest).collect();
    let declared = vec![cx.declared(budget.span)];
    let availability = budget.mtbf.and_then(|mtbf| availability_figure(mtbf, &lengths, declared.clone()));
    let figures = [
        allowed_figure(budget.slo, budget.window, declared),
        used_figure(worst.longest, allowed, worst.sources.clone()),
        affordable_figure(allowed, worst.longest, worst.sources.clone()),
        mttr_figure(&lengths, failovers.iter().flat_map(|f| f.sources.first().cloned()).take(5).collect()),
    ];
    let figures =
        figures.into_iter().chain([availability]).flatten().chain(burn_rate_figures(budget.slo, budget.window)).collect();
    Ok(Judgement { figures, ..judgement })
}

/// The failovers of a test, as long as recovery.failover-time takes them to be.
fn of_test(cx: &TestCx<'_>) -> Result<Vec<Failover>, Gap> {
    let rows = cx.rows::<Phase>()?;
    rows.among().map_err(|gap| Gap { why: format!("test {}: {}", cx.test.id.value, gap.why), ..gap })?;
    if let Some(flaw) = unprovoked(cx)?.into_iter().next() {
        return Err(Gap { why: format!("test {}: {}", cx.test.id.value, flaw.why), sources: flaw.finding.sources });
    }
    let timed = |failover: recovery::Failover| match failover.time {
        Ok(time) => {
            let Bounds { lo, hi } = time.judged();
            let test = cx.test.id.value.clone();
            Ok(Failover { test, name: failover.name, shortest: lo, longest: hi, sources: failover.sources })
        }
        Err(why) => {
            let why = format!("failover {} of test {}: {why}", failover.name, cx.test.id.value);
            Err(Gap { why, sources: failover.sources })
        }
    };
    recovery::failovers(&rows, &cx.evidence().symbols).into_iter().map(timed).collect()
}

/// What the trigger did in one test.
struct Watched {
    test: String,
    samples: usize,
    /// How long after the condition began, and the samples at which it began and fired.
    fired: Option<(i64, Vec<SourceRef>)>,
}

fn rollback_trigger(cx: &ReleaseCx<'_>) -> Judged {
    let rollback = cx.contract.rollback.as_ref().ok_or_else(|| Gap::new("the contract declares no rollback trigger"))?;
    let rehearsal =
        rollback.rehearsal.as_ref().ok_or_else(|| Gap::new("the contract names no test that rehearsed the rollback"))?;
    let rehearsal = rehearsal.value.as_str();
    let mut watched: Vec<Watched> = Vec::new();
    for test in cx.matrix.of_system() {
        let test = TestCx { release: *cx, test };
        watched.extend(watch(&test, rollback)?);
    }
    let judged = watched.iter().map(|w| w.samples).sum();
    let fired = |w: &&Watched| w.fired.is_some();
    let findings: Vec<Finding> = watched.iter().filter(fired).map(|w| fired_finding(w, rehearsal)).collect();
    let limit = format!("{} {}", rollback.metric, rollback.trigger.text);
    let others: Vec<&str> = watched.iter().filter(fired).map(|w| w.test.as_str()).filter(|t| *t != rehearsal).collect();
    if !others.is_empty() {
        let why = format!("the trigger fired outside of its rehearsal, in test {}", others.join(", "));
        return Ok(Judgement::fail(why, judged).findings(findings).against(limit, "fired", ""));
    }
    let Some(own) = watched.iter().find(|w| w.test == rehearsal) else {
        let why = format!("never rehearsed on evidence: test {rehearsal} records no series {}", rollback.metric);
        return Ok(Judgement::inconclusive(why, judged));
    };
    match &own.fired {
        Some((after, _)) => {
            let after = format!("{} s", seconds(*after));
            let why = format!("the trigger fired in test {rehearsal}, {after} after its condition began, and in no other test");
            Ok(Judgement::pass(why, judged).findings(findings).against(limit, format!("fired after {after}"), ""))
        }
        None => {
            let why = format!("never rehearsed on evidence: the trigger did not fire in test {rehearsal}");
            Ok(Judgement::inconclusive(why, judged).against(limit, "did not fire", ""))
        }
    }
}

fn fired_finding(watched: &Watched, rehearsal: &str) -> Finding {
    let (after, sources) = watched.fired.clone().unwrap_or_default();
    let finding = Finding::new("trigger-fired")
        .with("test", &watched.test)
        .with("rehearsal", watched.test == rehearsal)
        .with("seconds-after-condition-began", seconds(after));
    sources.into_iter().fold(finding, Finding::source)
}

/// Evaluates the trigger on one test; `None` when the test has not recorded the metric.
fn watch(cx: &TestCx<'_>, rollback: &Rollback) -> Result<Option<Watched>, Gap> {
    let Some(rows) = cx.rows_if_bound::<Point>()? else { return Ok(None) };
    let Some(metric) = cx.evidence().symbols.find(&rollback.metric) else { return Ok(None) };
    let lines = lines(&rows, |series| series == metric);
    if lines.is_empty() {
        return Ok(None);
    }
    let holds = |micro: i64| Ratio::new(i128::from(micro), 1_000_000).is_some_and(|value| rollback.trigger.holds(value));
    let fired = |line: &Line| line.fired(rollback.trigger.hold, holds);
    let first = lines.iter().filter_map(fired).min_by_key(|(began, at)| (at.t.saturating_sub(began.t), at.id));
    Ok(Some(Watched {
        test: cx.test.id.value.clone(),
        samples: lines.iter().map(|l| l.samples.len()).sum(),
        fired: first.map(|(began, at)| (at.t.saturating_sub(began.t), vec![rows.source(began.id), rows.source(at.id)])),
    }))
}
