//! Files compared with each other: do their times reach the end of the run, and are they of the same run?
//!
//! In: all evidence as read. Out: states made worse where a file does not fit. Refuses to know bytes.

use super::plan::{FilePlan, Output};
use crate::contract::Whole;
use crate::evidence::kinds::{Operation, Run};
use crate::evidence::record::Record;
use crate::evidence::table::{ABSENT, Column, FieldType};
use crate::evidence::{Evidence, Part, State, kinds};
use crate::exact::seconds;
use std::collections::BTreeMap;

/// Times on one clock that lie further apart than a run is long, and than this, are of different runs.
const MARGIN: i64 = 60_000_000_000;

/// Fields of type time that are lengths, or lie ahead.
const NO_INSTANTS: &[&str] = &["lease-until", "value", "recovery", "scheduled"];

/// The earliest and latest instant of a part.
fn range(part: &Part) -> Option<(i64, i64)> {
    let fields = kinds::kind(part.kind)?.fields;
    let instants = |f: &crate::evidence::record::Field| f.ty == FieldType::Time && !NO_INSTANTS.contains(&f.name);
    let columns = part.table.columns.iter().zip(fields).filter(|(_, f)| instants(f)).map(|(c, _)| c);
    columns
        .filter_map(|column| match column {
            Column::Wide(cells) => {
                let max = cells.iter().copied().max().filter(|c| *c != ABSENT)?;
                let min = cells.iter().copied().map(|c| if c == ABSENT { i64::MAX } else { c }).min()?;
                Some((min, max))
            }
            _ => None,
        })
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn same_clock(a: &Part, b: &Part) -> bool {
    a.clock.kind == b.clock.kind && a.clock.id == b.clock.id
}

/// What is looked up for each file: found once for all, because a matrix may name ten thousands of them.
struct Index<'e> {
    /// By artifact: its parts.
    parts: Vec<Vec<usize>>,
    /// By test: the parts that are histories.
    histories: BTreeMap<&'e str, Vec<usize>>,
    /// By digest: the first two artifacts that have it.
    twins: BTreeMap<&'e str, (usize, Option<usize>)>,
}

impl<'e> Index<'e> {
    fn of(evidence: &'e Evidence) -> Self {
        let mut index =
            Self { parts: vec![Vec::new(); evidence.artifacts.len()], histories: BTreeMap::new(), twins: BTreeMap::new() };
        for (i, part) in evidence.parts.iter().enumerate() {
            index.parts[part.artifact].push(i);
            if part.kind == Operation::KIND.name {
                index.histories.entry(&part.test).or_default().push(i);
            }
        }
        for (i, artifact) in evidence.artifacts.iter().enumerate() {
            index.twins.entry(&artifact.sha256).and_modify(|(_, other)| _ = other.get_or_insert(i)).or_insert((i, None));
        }
        index
    }
}

/// Worsens the states of files that do not fit the others. `plans` and artifacts are in the same order.
pub fn settle(evidence: &mut Evidence, plans: &[FilePlan<'_>]) {
    let ranges: Vec<Option<(i64, i64)>> = evidence.parts.iter().map(range).collect();
    let index = Index::of(evidence);
    let mut found: Vec<(usize, State)> = Vec::new();
    for (artifact, plan) in plans.iter().enumerate().filter(|(i, _)| evidence.artifacts[*i].state == State::Whole) {
        let own = &index.parts[artifact];
        if let Some(why) = own.iter().find_map(|&i| inverted(&evidence.parts[i])) {
            found.push((artifact, State::Unproven(why)));
            continue;
        }
        let foreign = || own.iter().find_map(|&i| other_run(evidence, &ranges, &index, i));
        let why = lent(evidence, plans, &index, artifact).or_else(foreign);
        if let Some(why) = why {
            found.push((artifact, State::Foreign(why)));
            continue;
        }
        if let Some(why) = plan.outputs.iter().filter_map(|o| short(evidence, &ranges, artifact, o)).next() {
            found.push((artifact, State::Unproven(why)));
        }
    }
    for (artifact, state) in found {
        evidence.artifacts[artifact].state = state;
    }
}

/// Where the bounds of an instant stand the wrong way round: such a record could be said to lie anywhere.
fn inverted(part: &Part) -> Option<String> {
    let kind = kinds::kind(part.kind)?;
    for (at, field) in kind.fields.iter().enumerate() {
        let Some(hi) = field.name.strip_suffix("-lo").and_then(|name| kind.field(&format!("{name}-hi"))) else { continue };
        let (lows, highs) = (part.table.columns.get(at)?, part.table.columns.get(hi)?);
        let wrong = |row: &usize| {
            let (lo, hi) = (lows.get(*row), highs.get(*row));
            lo != ABSENT && hi != ABSENT && lo > hi
        };
        if let Some(row) = (0..part.table.rows()).find(wrong) {
            let (line, lo, hi) = (part.table.lines.get(row).copied().unwrap_or(0), field.name, kind.fields[hi].name);
            return Some(format!("contradicts itself: at line {line} {lo} is later than {hi}"));
        }
    }
    None
}

/// Why a file does not belong to one test alone: two tests read the same rows of it, or another test has a file of the same bytes.
fn lent(evidence: &Evidence, plans: &[FilePlan<'_>], index: &Index<'_>, artifact: usize) -> Option<String> {
    let outputs = &plans[artifact].outputs;
    for (i, a) in outputs.iter().enumerate() {
        let same_rows = |b: &&Output<'_>| {
            let (x, y) = (&a.binding, &b.binding);
            b.test != a.test && x.kind.value == y.kind.value && x.when == y.when && x.unless == y.unless && x.each == y.each
        };
        if let Some(b) = outputs[i + 1..].iter().find(same_rows) {
            return Some(format!("is read by test {} and by test {} as evidence of each", a.test, b.test));
        }
    }
    let (first, second) = *index.twins.get(&*evidence.artifacts[artifact].sha256)?;
    let twin = if first == artifact { second? } else { first };
    Some(format!("has the same bytes as {}", evidence.artifacts[twin].path))
}

/// Why a part is not of the run that its test's history is of.
fn other_run(evidence: &Evidence, ranges: &[Option<(i64, i64)>], index: &Index<'_>, i: usize) -> Option<String> {
    let part = &evidence.parts[i];
    let (lo, hi) = ranges[i].filter(|_| part.kind != Operation::KIND.name)?;
    let histories = index.histories.get(part.test.as_str())?.iter().map(|&h| (&evidence.parts[h], ranges[h]));
    let histories = histories.filter(|(p, _)| same_clock(p, part) && p.artifact != part.artifact);
    let run = histories.filter_map(|(_, r)| r).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    let margin = run.1.saturating_sub(run.0).max(MARGIN);
    let far = hi < run.0.saturating_sub(margin) || lo > run.1.saturating_add(margin);
    far.then(|| format!("has times that do not overlap the history of test {}: it seems to be from another run", part.test))
}

/// Why a file is not shown to reach the end of the run, where that is to show that it is whole.
fn short(evidence: &Evidence, ranges: &[Option<(i64, i64)>], artifact: usize, output: &Output<'_>) -> Option<String> {
    let Some(Whole::CoversRun(within)) = output.binding.whole else { return None };
    let ours = || evidence.parts.iter().zip(ranges).filter(|(p, _)| p.artifact == artifact && p.test == output.test);
    let clock = ours().next()?.0;
    let runs = evidence.parts.iter().zip(ranges).filter(|(p, _)| {
        let state = &evidence.artifacts[p.artifact].state;
        p.kind == Run::KIND.name && p.test == output.test && same_clock(p, clock) && *state == State::Whole
    });
    let runs: Vec<(i64, i64)> = runs.filter_map(|(_, r)| *r).collect();
    let (Some(start), Some(stop)) = (runs.iter().map(|r| r.0).min(), runs.iter().map(|r| r.1).max()) else {
        return Some("is not shown to be whole: the test has no run record on its clock to compare with".into());
    };
    if within > stop.saturating_sub(start) / 4 {
        return Some(format!(
            "is not shown to be whole: covers-run-within {} s is more than a quarter of the run",
            seconds(within)
        ));
    }
    let Some(last) = ours().filter(|(p, _)| same_clock(p, clock)).filter_map(|(_, r)| *r).map(|r| r.1).max() else {
        return Some("is not shown to be whole: it holds no times".into());
    };
    let lacks = stop.saturating_sub(last);
    (lacks > within)
        .then(|| format!("ends {} s before the run does, more than the {} s that are declared", seconds(lacks), seconds(within)))
}
