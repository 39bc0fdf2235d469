//! The adapter to the linearizability judge: evidence rows in, a verdict with its smallest counterexample out.

use super::{Claim, Endpoints, degraded_read};
use crate::contract::{Model, NilRead};
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::symbol::{Sym, Val};
use crate::evidence::{RowId, Rows};
use crate::gate::TestCx;
use crate::judge::histories::{self, Translator};
use crate::judge::linearizability as lin;
use crate::judge::revisions;
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement, SourceRef, Verdict};
use crate::words::{a, plural};
use std::collections::BTreeMap;

/// A history as the checker wants it, and what was left out.
struct Prepared {
    history: lin::History,
    rows: Vec<RowId>,
    degraded: u64,
    claimed: u64,
    versions: bool,
}

pub(super) fn linearizable(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Operation>()?;
    let skew = rows.among()?;
    if rows.cells::<OpKind>("op").any(|op| op == Some(OpKind::Txn)) {
        if skew > 0 {
            return Err(Gap { why: "transactions on several clocks cannot be put in order".into(), sources: rows.files() });
        }
        return transactions(cx, &rows);
    }
    let model = model(&rows)?;
    let prepared = prepare(cx, &rows)?;
    if prepared.claimed == 0 {
        return Ok(Judgement::not_exercised("no operation of a linearizable endpoint was recorded", 0));
    }
    let settings = lin::Settings {
        initial: histories::initial(model.initial.as_deref(), &cx.evidence().symbols, rows.iter().map(|(_, op)| op)),
        nil_read: if model.nil_read == NilRead::Any { lin::NilRead::Any } else { lin::NilRead::Absent },
        failed_cas: lin::FailedCas::NoEffect,
        use_versions: prepared.versions,
        // Two operations are put in order only when they are apart by more than twice this.
        skew_ns: skew / 2 + skew % 2,
        ..lin::Settings::default()
    };
    let outcome = lin::check(&prepared.history, lin::DataType::Register, &settings);
    let judgement = weigh(cx, &rows, &assumptions(model, &prepared), &prepared, &outcome);
    if skew == 0 || judgement.verdict != Verdict::Pass {
        return Ok(judgement);
    }
    Ok(for_every_skew(&prepared.history, &settings, judgement))
}

/// Holds a pass to every skew within the bound: there must be an order with each operation at an instant that lies within it however its clock stands. The
/// widened check has shown that no skew is needed to contradict; this one shows that none could.
fn for_every_skew(history: &lin::History, settings: &lin::Settings<'_>, judgement: Judgement) -> Judgement {
    let inwards = settings.skew_ns;
    let mut narrow = lin::History::with_capacity(history.operations().count());
    let mut short = 0usize;
    for op in history.operations() {
        let (invoke, ret) =
            (op.invoke.saturating_add(inwards), if op.ret == lin::NEVER { op.ret } else { op.ret.saturating_sub(inwards) });
        short += usize::from(ret < invoke);
        if narrow.push(lin::Operation { invoke, ret: ret.max(invoke), ..op }).is_err() {
            short += 1;
        }
    }
    let exact = lin::Settings { skew_ns: 0, ..*settings };
    let holds =
        short == 0 && matches!(lin::check(&narrow, lin::DataType::Register, &exact).verdict(), lin::Verdict::Linearizable);
    if holds {
        return judgement;
    }
    let why = if short > 0 {
        format!("{short} operations are shorter than their clocks may differ ({} ns), so their order is not known", 2 * inwards)
    } else {
        format!("whether it is linearizable depends on how the clocks stand within {} ns", 2 * inwards)
    };
    Judgement { verdict: Verdict::Inconclusive, why, ..judgement }
}

/// Operations of a store whose answers carry a global revision: the revisions force the order, and the whole store is replayed at each of them.
fn transactions(cx: &TestCx<'_>, rows: &Rows<'_, Operation>) -> Judged {
    let mut endpoints = Endpoints::new(cx);
    let (mut calls, mut ids) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for (id, op) in rows.iter() {
        let gap = |why: String| Gap { why, sources: vec![rows.source(id)] };
        if op.op != OpKind::Txn {
            return Err(gap(format!("{} beside transactions: they cannot be judged as one object", a(op.op.word()))));
        }
        if endpoints.claim(rows, id, &op)? != Claim::Linearizable {
            return Err(gap("revisions force the order of a whole store, so every endpoint of it must be linearizable".into()));
        }
        let text = op.value.map(|v| cx.evidence().symbols.value(v)).unwrap_or_default();
        calls.push(revisions::call(&text, &op).map_err(gap)?);
        ids.push(id);
    }
    let claimed = calls.len() as u64;
    let (said, history) = revisions::check(&calls, &lin::Settings::default())
        .map_err(|(i, why)| Gap { why, sources: ids.get(i).map(|id| rows.source(*id)).into_iter().collect() })?;
    let prepared = Prepared { history, rows: ids, degraded: 0, claimed, versions: true };
    let judgement = weigh(cx, rows, &said.said.join("; "), &prepared, &said.verdicts);
    Ok(match said.unclear {
        Some(why) if judgement.verdict != Verdict::Fail => {
            let judged = usize::try_from(judgement.judged).unwrap_or(usize::MAX);
            Judgement { figures: judgement.figures, ..Judgement::inconclusive(format!("not decided: {why}"), judged) }
        }
        _ => judgement,
    })
}

fn model<'e>(rows: &Rows<'e, Operation>) -> Result<&'e Model, Gap> {
    let (first, rest) = rows.parts().split_first().ok_or_else(|| Gap::new("no history"))?;
    match rest.iter().find(|p| p.model != first.model) {
        None => Ok(&first.model),
        Some(_) => Err(Gap { why: "the files of the history declare different data models".into(), sources: rows.files() }),
    }
}

fn prepare(cx: &TestCx<'_>, rows: &Rows<'_, Operation>) -> Result<Prepared, Gap> {
    let mut endpoints = Endpoints::new(cx);
    let mut translator = Translator::new(&cx.evidence().symbols, lin::DataType::Register);
    let mut prepared =
        Prepared { history: lin::History::with_capacity(rows.len()), rows: Vec::new(), degraded: 0, claimed: 0, versions: true };
    for (id, op) in rows.iter() {
        let claim = endpoints.claim(rows, id, &op)?;
        prepared.claimed += u64::from(claim == Claim::Linearizable);
        if degraded_read(&op) && claim == Claim::Linearizable {
            prepared.degraded += 1;
            continue;
        }
        if op.op == OpKind::Read && (claim == Claim::Eventual || op.result != Outcome::Ok) {
            continue;
        }
        let gap = |why: String| Gap { why, sources: vec![rows.source(id)] };
        let row = u32::try_from(prepared.rows.len()).map_err(|_| gap("the history is too long".into()))?;
        let operation = translator.operation(&op, outcome(&op, claim), row, &mut prepared.history).map_err(gap)?;
        prepared.versions &= op.result != Outcome::Ok || op.version.is_some_and(|v| v >= 0);
        prepared.history.push(operation).map_err(|bad| gap(bad.to_string()))?;
        prepared.rows.push(id);
    }
    Ok(prepared)
}

/// What an operation says. A write of an eventual endpoint may show at any time after it was sent, as one of unknown outcome may.
fn outcome(op: &Operation, claim: Claim) -> lin::OpOutcome {
    match histories::outcome(op.result) {
        lin::OpOutcome::Ok if claim == Claim::Eventual => lin::OpOutcome::Unknown,
        outcome => outcome,
    }
}

fn weigh(cx: &TestCx<'_>, rows: &Rows<'_, Operation>, assumed: &str, prepared: &Prepared, outcome: &lin::Outcome) -> Judgement {
    let ok = usize::try_from(outcome.ok_operations()).unwrap_or(usize::MAX);
    let judgement = match outcome.verdict() {
        lin::Verdict::Linearizable => {
            let why = format!("linearizable: {ok} successful operations on {} keys; {assumed}", outcome.keys.len());
            Judgement::pass(why, ok)
        }
        lin::Verdict::Violation(_) => violation(cx, rows, prepared, outcome, ok, assumed),
        lin::Verdict::Undecided(undecided) => {
            let why = lin::explain_gap(&lin::Undecided { stuck_at: None, ..*undecided });
            let judgement = Judgement::inconclusive(format!("not decided: {why}; {assumed}"), ok);
            let at = undecided.stuck_at.and_then(|op| source(rows, prepared, &op));
            judgement.findings(at.map(|at| Finding::new("not-decided").with("why", why).source(at)))
        }
        lin::Verdict::Vacuous => {
            Judgement::inconclusive("vacuous: no operation of a linearizable endpoint succeeded, so there is nothing to order", 0)
        }
    };
    Judgement { figures: methods(outcome), ..judgement }
}

fn assumptions(model: &Model, prepared: &Prepared) -> String {
    let initial = model.initial.as_deref().unwrap_or("nil");
    let nil = if model.nil_read == NilRead::Any { "a nil read fits any value" } else { "a nil read means absent" };
    let degraded = match prepared.degraded {
        0 => String::new(),
        n => format!(", {n} degraded reads left out"),
    };
    format!("model {}, initial value {initial}, {nil}{degraded}", model.name)
}

/// How many keys each method decided, and why no faster one.
fn methods(outcome: &lin::Outcome) -> Vec<Figure> {
    let mut groups: BTreeMap<(lin::Method, &'static str), (u64, u64)> = BTreeMap::new();
    for key in &outcome.keys {
        let group = groups.entry((key.method, key.why)).or_default();
        *group = (group.0 + 1, group.1 + u64::from(key.operations));
    }
    let mut figures = Vec::new();
    for ((method, why), (keys, operations)) in groups {
        figures.push(Figure {
            id: format!("keys-by-method-{}", figures.len() + 1),
            symbol: "keys".into(),
            formula: format!("keys decided by {method:?}: {why}"),
            substitution: format!("{operations} operations"),
            value: keys.to_string(),
            unit: String::new(),
            sources: Vec::new(),
        });
    }
    figures
}

fn source(rows: &Rows<'_, Operation>, prepared: &Prepared, op: &lin::Operation) -> Option<SourceRef> {
    prepared.rows.get(op.row as usize).map(|id| rows.source(*id))
}

fn violation(
    cx: &TestCx<'_>,
    rows: &Rows<'_, Operation>,
    prepared: &Prepared,
    outcome: &lin::Outcome,
    ok: usize,
    assumed: &str,
) -> Judgement {
    let mut examples: Vec<_> = outcome.violations().collect();
    examples.sort_by_key(|(key, example)| (example.operations.len(), key.key));
    let findings: Vec<Finding> = examples.iter().map(|(key, e)| counterexample(cx, rows, prepared, key, e)).collect();
    let first = findings.first();
    let particular = |name: &str| first.and_then(|f| f.data.get(name)).map_or("", String::as_str);
    let why = format!(
        "not linearizable: key {}: {} ({}); {} of {} keys violated; {assumed}",
        particular("key"),
        particular("why"),
        particular("operations"),
        examples.len(),
        outcome.keys.len()
    );
    let margin = particular("margin-ns").to_string();
    let margin = if margin.is_empty() { margin } else { format!("stands while clocks err by less than {margin} ns") };
    Judgement::fail(why, ok.max(1)).against("≤ 0", plural(examples.len(), "violation", "violations"), margin).findings(findings)
}

fn counterexample(
    cx: &TestCx<'_>,
    rows: &Rows<'_, Operation>,
    prepared: &Prepared,
    key: &lin::KeyVerdict,
    example: &lin::Counterexample,
) -> Finding {
    let why = lin::why(example);
    let name = key.key.checked_sub(1).map_or("", |k| cx.evidence().text(Sym(k)));
    let told: Vec<String> = example.operations.iter().map(|op| tell(cx, rows, prepared, op)).collect();
    let mut finding = Finding::new("not-linearizable").with("key", name).with("why", why).with("operations", told.join("; "));
    if let Some(margin) = example.margin_ns {
        finding = finding.with("margin-ns", margin);
    }
    if let Some(values) = &key.values_alone {
        let word = if matches!(values, lin::Verdict::Linearizable) { "linearizable" } else { "not shown to be linearizable" };
        finding = finding.with("values-alone", word);
    }
    example.operations.iter().filter_map(|op| source(rows, prepared, op)).fold(finding, Finding::source)
}

/// One operation in words: its line, what it asked, and when.
fn tell(cx: &TestCx<'_>, rows: &Rows<'_, Operation>, prepared: &Prepared, op: &lin::Operation) -> String {
    let line = source(rows, prepared, op).and_then(|s| s.line).unwrap_or(0);
    let value = |code: i64| if code == lin::NIL { "nil".to_string() } else { cx.evidence().symbols.value(Val(code)) };
    let asked = match op.kind {
        lin::Kind::Write => format!("write {}", value(op.value)),
        lin::Kind::Cas => format!("cas {} to {}", value(op.expected), value(op.value)),
        _ => format!("read {}", value(op.value)),
    };
    let end = if op.ret == lin::NEVER { "open".to_string() } else { op.ret.to_string() };
    let version = op.version.map_or(String::new(), |v| format!(" version {v}"));
    format!("line {line}: {asked}{version}, {} to {end}", op.invoke)
}
