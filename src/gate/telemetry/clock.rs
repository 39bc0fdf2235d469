//! The clocks of the evidence: none jumps, and those that are compared differ by less than what they could turn.
//!
//! In: all evidence of all tests, and what the other gates say. Out: one judgement. Refuses to know how the other gates came to their margins.

use crate::contract::Clock;
use crate::evidence::Part;
use crate::evidence::clocks::same;
use crate::evidence::kinds::{Application, Decision, Operation, Point, Sample};
use crate::evidence::record::Record;
use crate::exact::{Ratio, seconds};
use crate::gate::{Outcome, ReleaseCx, TestCx};
use crate::judge::continuity;
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement, Verdict};

pub(super) fn clock(cx: &ReleaseCx<'_>, others: &[Outcome]) -> Judged {
    let mut tally = Tally::default();
    let (mut tests, mut told) = (0, false);
    let mut widest: Option<(i64, String)> = None;
    for test in cx.matrix.of_system() {
        let id = test.id.value.as_str();
        let before = tally.judged;
        let sampled = cx.evidence.binds(id, Point::KIND.name);
        if let Err(gap) = steady(&TestCx { release: *cx, test }, sampled, &mut tally) {
            let finding = Finding { sources: gap.sources, ..Finding::new("gap") }.with("test", id);
            tally.doubts.push(Flaw::new(i64::MAX, format!("test {id}: {}", gap.why), finding));
        }
        told |= sampled;
        tests += usize::from(sampled || tally.judged > before);
        if !sampled {
            continue;
        }
        let clocks = clocks(cx, id);
        for (i, a) in clocks.iter().enumerate() {
            for b in &clocks[i + 1..] {
                pair(cx, id, (a, b), others, &mut widest, &mut tally);
            }
        }
    }
    if !told {
        return Err(Gap::new("no test binds telemetry evidence"));
    }
    let skew = widest.map_or("all on one clock".to_string(), |(bound, between)| {
        format!("clocks {between} differ by at most {} s, less than any margin they could turn", seconds(bound))
    });
    let judged = tally.judged;
    let figure = Figure {
        id: "clock-comparisons".into(),
        symbol: "n".into(),
        formula: "samples in order, and effects after their causes".into(),
        substitution: format!("{judged} over {tests} tests"),
        value: judged.to_string(),
        unit: String::new(),
        sources: Vec::new(),
    };
    Ok(tally
        .conclude(format!("no clock jumps over {tests} tests; {skew}"), "no instant could be compared with another")
        .figure(figure))
}

/// The clocks of a test's evidence, each once.
fn clocks<'a>(cx: &ReleaseCx<'a>, test: &str) -> Vec<&'a Clock> {
    let mut list: Vec<&Clock> = Vec::new();
    for part in cx.evidence.parts.iter().filter(|p| p.test == test) {
        if !list.iter().any(|c| same(c, &part.clock)) {
            list.push(&part.clock);
        }
    }
    list
}

/// Discontinuities of one test, with or without telemetry. Without it, clocks that nothing bounds are for the gates that would compare them.
fn steady(cx: &TestCx<'_>, sampled: bool, tally: &mut Tally) -> Result<(), Gap> {
    cx.evidence().whole(&cx.test.id.value)?;
    let evidence = cx.evidence();
    if sampled {
        continuity::samples(evidence, &cx.rows::<Point>()?, cx.contract().telemetry.sample_pause, tally);
    }
    if let Some(rows) = cx.rows_if_bound::<Sample>()? {
        continuity::members(evidence, &rows, tally);
    }
    let Some(history) = cx.rows_if_bound::<Operation>()? else { return Ok(()) };
    if let Some(rows) = cx.rows_if_bound::<Application>()?.filter(|rows| sampled || history.beside(rows).is_ok()) {
        continuity::causes(evidence, &history, &rows, continuity::applied, tally)?;
    }
    if let Some(rows) = cx.rows_if_bound::<Decision>()?.filter(|rows| sampled || history.beside(rows).is_ok()) {
        continuity::causes(evidence, &history, &rows, continuity::decided, tally)?;
    }
    Ok(())
}

/// Two clocks of one test: bounded, and by less than the margin of any gate that reads both.
fn pair(
    cx: &ReleaseCx<'_>,
    test: &str,
    (a, b): (&Clock, &Clock),
    others: &[Outcome],
    widest: &mut Option<(i64, String)>,
    tally: &mut Tally,
) {
    let finding = |claim: &str| Finding::new(claim).with("test", test).with("clocks", format!("{}, {}", a.id, b.id));
    let bound = match cx.evidence.apart(a, b) {
        Ok(bound) => bound,
        Err(gap) => return tally.doubts.push(Flaw::new(1, format!("test {test}: {}", gap.why), finding("skew-not-bounded"))),
    };
    if widest.as_ref().is_none_or(|(most, _)| bound > *most) {
        *widest = Some((bound, format!("{} and {}", a.id, b.id)));
    }
    let reads = |clock: &Clock, needs: &[&str]| {
        let mine = |p: &&Part| p.test == test && needs.contains(&p.kind) && same(&p.clock, clock);
        cx.evidence.parts.iter().any(|p| mine(&p))
    };
    for outcome in others.iter().filter(|o| reads(a, o.gate.needs) && reads(b, o.gate.needs)) {
        let said = outcome.tests.iter().find(|t| t.test == test).map(|t| &t.judgement);
        let Some(said) = said.filter(|j| matches!(j.verdict, Verdict::Pass | Verdict::Fail)) else { continue };
        let Some(margin) = time_margin(said).filter(|m| *m <= Ratio::int(bound)) else { continue };
        let why = format!(
            "test {test}: clocks {} and {} may differ by {} s, and {} holds by {} s only",
            a.id,
            b.id,
            seconds(bound),
            outcome.gate.id,
            seconds(i64::try_from(margin.floor()).unwrap_or(i64::MAX))
        );
        tally.doubts.push(Flaw::new(bound, why, finding("skew-could-flip").with("gate", outcome.gate.id)));
    }
}

/// The size of a margin that is a time, in ns.
fn time_margin(judgement: &Judgement) -> Option<Ratio> {
    let (number, unit) = judgement.margin.split_once(' ')?;
    let scale = match unit {
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "µs" | "us" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    Ratio::parse(number.trim_start_matches(['-', '−']))?.mul(Ratio::int(scale))
}
