//! Staleness of eventual endpoints against the bounds they declare.
//!
//! In: the history of a test. Out: a judgement of the stalest read. Where files are on clocks that differ by a declared bound, the least staleness that the
//! records allow disproves and the greatest proves. Refuses to judge reads of linearizable endpoints: none of those may be stale at all.

use super::{Claim, Endpoints, claim};
use crate::contract::Endpoint;
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::{RowId, Rows};
use crate::exact::seconds;
use crate::gate::TestCx;
use crate::judge::histories::{self, Translator};
use crate::judge::linearizability::{self as lin, staleness as measure};
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement, SourceRef};
use std::collections::BTreeMap;

/// Acknowledged writes and answered eventual reads.
struct Prepared<'a> {
    operations: Vec<lin::Operation>,
    rows: Vec<RowId>,
    /// The endpoint of each read, by position.
    reads: BTreeMap<u32, &'a Endpoint>,
    initial: i64,
}

pub(super) fn staleness(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Operation>()?;
    let widening = rows.among()?;
    let prepared = prepare(cx, &rows)?;
    if prepared.reads.is_empty() {
        return Ok(Judgement::not_exercised("no read of an eventual endpoint was answered", 0));
    }
    let (least, most) = (measured(&prepared, -widening)?, measured(&prepared, widening)?);
    let mut tally = Tally { judged: followed(&prepared), ..Tally::default() };
    if tally.judged == 0 {
        let why = "no read of an eventual endpoint followed an acknowledged write of its key";
        tally.doubts.push(Flaw::new(1, why, Finding::new("nothing-to-be-stale-against")));
    }
    if most.unmeasured > 0 {
        let why = format!("{} of {} reads carry no version", most.unmeasured, most.unmeasured + most.reads);
        tally.doubts.push(Flaw::new(2, why, Finding::new("version-not-recorded").with("reads", most.unmeasured)));
    }
    let mut bare: Vec<&str> =
        prepared.reads.values().filter(|e| e.staleness_bound.is_none()).map(|e| e.name.value.as_str()).collect();
    bare.dedup();
    for name in bare {
        let why = format!("endpoint {name} declares no staleness bound");
        tally.doubts.push(Flaw::new(3, why, Finding::new("bound-not-declared").with("endpoint", name)));
    }
    for (found, surely) in [(&least, true), (&most, false)] {
        weigh(&rows, &prepared, found, surely, &mut tally);
    }
    let figures = figures(&rows, &prepared, &most);
    let pass = format!("{} reads of eventual endpoints, {} of them stale, none beyond its bound", tally.judged, most.stale.len());
    Ok(figures.into_iter().fold(tally.conclude(pass, "no read was judged"), Judgement::figure))
}

fn prepare<'a>(cx: &TestCx<'a>, rows: &Rows<'a, Operation>) -> Result<Prepared<'a>, Gap> {
    let mut endpoints = Endpoints::new(cx);
    let mut translator = Translator::new(&cx.evidence().symbols, lin::DataType::Register);
    let model = &rows.parts()[0].model;
    let initial = histories::initial(model.initial.as_deref(), &cx.evidence().symbols, rows.iter().map(|(_, op)| op));
    let mut prepared = Prepared { operations: Vec::new(), rows: Vec::new(), reads: BTreeMap::new(), initial };
    let mut scratch = lin::History::new();
    for (id, op) in rows.iter().filter(|(_, op)| op.result == Outcome::Ok) {
        let endpoint = endpoints.endpoint(rows, id, &op)?;
        let read = op.op == OpKind::Read;
        if read && claim(endpoint) != Claim::Eventual {
            continue;
        }
        let gap = |why: String| Gap { why, sources: vec![rows.source(id)] };
        let row = u32::try_from(prepared.rows.len()).map_err(|_| gap("the history is too long".into()))?;
        let operation = translator.operation(&op, lin::OpOutcome::Ok, row, &mut scratch).map_err(gap)?;
        if operation.ret == lin::NEVER {
            return Err(Gap { why: "a successful operation has no answer".into(), sources: vec![rows.source(id)] });
        }
        if read {
            prepared.reads.insert(row, endpoint);
        }
        prepared.operations.push(operation);
        prepared.rows.push(id);
    }
    Ok(prepared)
}

/// The staleness of all reads, had each been sent `shift` ns later.
fn measured(prepared: &Prepared<'_>, shift: i64) -> Result<lin::Staleness, Gap> {
    let mut history = lin::History::with_capacity(prepared.operations.len());
    for op in &prepared.operations {
        let invoke = if op.kind == lin::Kind::Read { op.invoke.saturating_add(shift) } else { op.invoke };
        let moved = lin::Operation { invoke, ret: op.ret.max(invoke), ..*op };
        history.push(moved).map_err(|bad| Gap::new(bad.to_string()))?;
    }
    Ok(measure(&history, &lin::Settings { initial: prepared.initial, ..lin::Settings::default() }))
}

/// Reads that some acknowledged write of their key came before.
fn followed(prepared: &Prepared<'_>) -> usize {
    let mut first: BTreeMap<u32, i64> = BTreeMap::new();
    for op in prepared.operations.iter().filter(|op| op.kind != lin::Kind::Read) {
        let ret = first.entry(op.key).or_insert(op.ret);
        *ret = op.ret.min(*ret);
    }
    let after = |op: &&lin::Operation| op.kind == lin::Kind::Read && first.get(&op.key).is_some_and(|ret| *ret < op.invoke);
    prepared.operations.iter().filter(after).count()
}

fn at(rows: &Rows<'_, Operation>, prepared: &Prepared<'_>, read: &lin::StaleRead) -> SourceRef {
    rows.source(prepared.rows[read.read.row as usize])
}

/// Reads beyond their bounds: surely so, or only if the clocks stand so.
fn weigh(rows: &Rows<'_, Operation>, prepared: &Prepared<'_>, found: &lin::Staleness, surely: bool, tally: &mut Tally) {
    let known: Vec<u32> = tally.faults.iter().filter_map(|f| f.finding.data.get("row")?.parse().ok()).collect();
    for stale in &found.stale {
        let Some(endpoint) = prepared.reads.get(&stale.read.row).filter(|_| !known.contains(&stale.read.row)) else { continue };
        let source = at(rows, prepared, stale);
        let line = source.line.unwrap_or(0);
        let name = &endpoint.name.value;
        let why = match (endpoint.staleness_bound, endpoint.staleness_versions) {
            (Some(bound), _) if stale.stale_ns > bound => {
                format!(
                    "the read at line {line} was {} s stale, above the {} s that endpoint {name} declares",
                    seconds(stale.stale_ns),
                    seconds(bound)
                )
            }
            (_, Some(bound)) if u64::from(stale.versions_behind) > bound => format!(
                "the read at line {line} was {} versions behind, above the {bound} that endpoint {name} declares",
                stale.versions_behind
            ),
            _ => continue,
        };
        let finding = Finding::new(if surely { "too-stale" } else { "may-be-too-stale" })
            .with("row", stale.read.row)
            .with("stale-ns", stale.stale_ns)
            .with("versions-behind", stale.versions_behind)
            .source(source);
        if surely {
            tally.faults.push(Flaw::new(stale.stale_ns, why, finding));
        } else {
            let why = format!("{why}, if its clock stands as far from the others as it may");
            tally.doubts.push(Flaw::new(stale.stale_ns, why, finding));
        }
    }
}

fn figures(rows: &Rows<'_, Operation>, prepared: &Prepared<'_>, found: &lin::Staleness) -> Vec<Figure> {
    let oldest = found.stale.iter().max_by_key(|s| (s.stale_ns, std::cmp::Reverse(s.read.row)));
    let behind = found.stale.iter().max_by_key(|s| (s.versions_behind, std::cmp::Reverse(s.read.row)));
    let figure = |id: &str, symbol: &str, formula: &str, value: String, unit: &str, read: Option<&lin::StaleRead>| Figure {
        id: id.into(),
        symbol: symbol.into(),
        formula: formula.into(),
        substitution: format!("worst of {} reads", found.reads),
        value,
        unit: unit.into(),
        sources: read.map(|r| at(rows, prepared, r)).into_iter().collect(),
    };
    let time = seconds(oldest.map_or(0, |s| s.stale_ns));
    let versions = behind.map_or(0, |s| s.versions_behind).to_string();
    vec![
        figure("staleness", "T_stale", "invoke(read) − first acknowledgement of a newer version", time, "s", oldest),
        figure(
            "versions-behind",
            "N_behind",
            "versions acknowledged before the read and newer than what it saw",
            versions,
            "",
            behind,
        ),
    ]
}
