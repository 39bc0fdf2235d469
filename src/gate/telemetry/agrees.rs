//! Counters against recounts: each of the five series must equal what histories and logs say.
//!
//! In: all tests that record telemetry. Out: one judgement: a difference anywhere fails, and a series that no test can recount leaves the question open.
//! Refuses to count what it cannot bound: a counter whose first or last sample cannot be ordered against the operations is a doubt.

use super::{Recount, exact, recounts, total};
use crate::evidence::Rows;
use crate::evidence::kinds::{Decision, OpKind, Operation, Outcome, Point, Recovery, Ruling};
use crate::evidence::record::Record;
use crate::exact::Ratio;
use crate::gate::{ReleaseCx, TestCx};
use crate::judge::tally::{Flaw, Tally};
use crate::judge::telemetry::{SERIES, lines};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement, SourceRef};
use std::collections::BTreeMap;

/// What one test gave: series, counted and recounted, and from what.
#[derive(Default)]
struct Compared {
    agreed: BTreeMap<&'static str, (u64, Vec<String>)>,
    tally: Tally,
}

pub(super) fn agrees(cx: &ReleaseCx<'_>) -> Judged {
    let mut all = Compared::default();
    let tests = cx.matrix.of_system().filter(|t| cx.evidence.binds(&t.id.value, Point::KIND.name));
    let mut any = false;
    for test in tests {
        any = true;
        if let Err(gap) = compare(&TestCx { release: *cx, test }, &mut all) {
            let finding = Finding { sources: gap.sources, ..Finding::new("gap") }.with("test", &test.id.value);
            all.tally.doubts.push(Flaw::new(2, format!("test {}: {}", test.id.value, gap.why), finding));
        }
    }
    if !any {
        return Err(Gap::new("no test binds telemetry evidence"));
    }
    for (name, what) in SERIES {
        if !all.agreed.contains_key(name)
            && !all.tally.faults.iter().any(|f| f.finding.data.get("series").is_some_and(|s| s == name))
        {
            let why = format!("no test recounts {name} ({what})");
            all.tally.doubts.push(Flaw::new(1, why, Finding::new("not-recounted").with("series", name)));
        }
    }
    let figures: Vec<Figure> = all.agreed.iter().map(|(name, (count, tests))| figure(name, *count, tests)).collect();
    let pass = format!(
        "all five counters equal their recounts, in {} comparisons",
        all.agreed.values().map(|a| a.1.len()).sum::<usize>()
    );
    Ok(figures.into_iter().fold(all.tally.conclude(pass, "no counter was compared"), Judgement::figure))
}

fn figure(name: &str, count: u64, tests: &[String]) -> Figure {
    Figure {
        id: name.replace('_', "-"),
        symbol: name.into(),
        formula: "rise of the counter = count of records, test by test".into(),
        substitution: tests.join("; "),
        value: count.to_string(),
        unit: String::new(),
        sources: Vec::new(),
    }
}

/// Compares every series of a test that its other evidence recounts.
fn compare(cx: &TestCx<'_>, all: &mut Compared) -> Result<(), Gap> {
    let rows = cx.rows::<Point>()?;
    let history = cx.rows_if_bound::<Operation>()?;
    let mut recounts = recounts(cx, history.as_ref())?;
    recounts.extend(replayed(cx)?);
    let refusals = refused(cx, history.as_ref())?;
    for (name, _) in SERIES {
        let found = cx.evidence().symbols.find(name).map(|series| lines(&rows, |s| s == series)).unwrap_or_default();
        if found.is_empty() {
            continue;
        }
        let counted = total(cx, &rows, name, &found, history.as_ref())?.counted;
        let test = &cx.test.id.value;
        let (low, high, from) = match recounts.iter().find(|r| r.name == name) {
            Some(recount) => (recount.count, Some(recount.count), recount.from),
            None if name == "commands_rejected_total" => match refusals {
                Some((low, high)) => (low, high, "history and fencing"),
                None => continue,
            },
            None => continue,
        };
        let equal = counted == exact(low);
        if equal {
            all.tally.judged += found.iter().map(|l| l.samples.len()).sum::<usize>();
            let entry = all.agreed.entry(name).or_default();
            entry.0 += low;
            entry.1.push(format!("{test}: {counted} = {low} from {from}"));
        } else if high.is_some() || counted < exact(low) {
            all.tally.judged += 1;
            let sample: Option<SourceRef> = found.last().and_then(|l| l.samples.last()).map(|s| rows.source(s.id));
            let why = format!("test {test}: {name} counted {counted}, the {from} {low}");
            let finding = Finding::new("counter-disagrees")
                .with("series", name)
                .with("test", test)
                .with("counted", counted)
                .with("recounted", low);
            all.tally.faults.push(Flaw::new(gap(counted, low), why, sample.into_iter().fold(finding, Finding::source)));
        }
    }
    Ok(())
}

fn gap(counted: Ratio, recounted: u64) -> i64 {
    let far = counted.sub(exact(recounted)).map_or(i128::MAX, |d| d.floor().abs());
    i64::try_from(far).unwrap_or(i64::MAX)
}

/// Entries replayed, where every recovery is shown to its end.
fn replayed(cx: &TestCx<'_>) -> Result<Option<Recount>, Gap> {
    let Some(rows) = cx.rows_if_bound::<Recovery>()? else { return Ok(None) };
    let entries = |r: Recovery| r.finished.and(r.entries.or_else(|| r.commit_index.checked_sub(r.snapshot_index)));
    let all: Option<Vec<u64>> = rows.iter().map(|(_, r)| entries(r).and_then(|n| u64::try_from(n).ok())).collect();
    let count = all.map(|all| all.into_iter().fold(0u64, u64::saturating_add));
    Ok(count.map(|count| Recount { name: "replay_entries_total", count, from: "replay" }))
}

/// Commands refused: those that clients were told had failed, and those that the resource refused. Without the resource's log there is only a least number.
fn refused(cx: &TestCx<'_>, history: Option<&Rows<'_, Operation>>) -> Result<Option<(u64, Option<u64>)>, Gap> {
    let Some(history) = history else { return Ok(None) };
    let told = history.iter().filter(|(_, op)| op.op != OpKind::Read && op.result == Outcome::Fail).count() as u64;
    let Some(decisions) = cx.rows_if_bound::<Decision>()? else { return Ok(Some((told, None))) };
    let all = told + decisions.iter().filter(|(_, d)| d.outcome == Ruling::Rejected).count() as u64;
    Ok(Some((all, Some(all))))
}
