//! Session guarantees of endpoints that declare them, and of linearizable ones, which imply all four.
//!
//! In: the history of a test. Out: a judgement. A client's operations are put in the order in which they were sent, on its own clock. Refuses to order
//! operations of one client that overlap.

use super::{Claim, Endpoints, claim};
use crate::contract::SessionGuarantee;
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::symbol::Sym;
use crate::evidence::{RowId, Rows};
use crate::gate::TestCx;
use crate::judge::histories::{self, Translator};
use crate::judge::linearizability::{self as lin, Guarantee, sessions_where as compare};
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement};
use std::collections::{BTreeMap, BTreeSet};

fn guarantee(declared: SessionGuarantee) -> Guarantee {
    match declared {
        SessionGuarantee::ReadYourWrites => Guarantee::ReadYourWrites,
        SessionGuarantee::MonotonicReads => Guarantee::MonotonicReads,
        SessionGuarantee::MonotonicWrites => Guarantee::MonotonicWrites,
        SessionGuarantee::WritesFollowReads => Guarantee::WritesFollowReads,
    }
}

fn word(guarantee: Guarantee) -> &'static str {
    match guarantee {
        Guarantee::ReadYourWrites => SessionGuarantee::ReadYourWrites.word(),
        Guarantee::MonotonicReads => SessionGuarantee::MonotonicReads.word(),
        Guarantee::MonotonicWrites => SessionGuarantee::MonotonicWrites.word(),
        Guarantee::WritesFollowReads => SessionGuarantee::WritesFollowReads.word(),
    }
}

/// A successful operation with what its endpoint promises.
struct Called {
    id: RowId,
    op: Operation,
    promises: Vec<Guarantee>,
}

pub(super) fn sessions(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Operation>()?;
    let mut tally = Tally::default();
    let (called, declared) = called(cx, &rows)?;
    if called.iter().all(|c| c.promises.is_empty()) {
        return Ok(Judgement::not_exercised("no endpoint that was called declares a session guarantee or is linearizable", 0));
    }
    let ordered = order(cx, &rows, called, &mut tally)?;
    let compared = judge(cx, &rows, &ordered, &mut tally)?;
    for (guarantee, count) in Guarantee::ALL.iter().zip(compared) {
        if declared.contains(guarantee) && count == 0 {
            let name = word(*guarantee);
            let why = format!("no two operations of one client and key show {name}, which is declared");
            tally.doubts.push(Flaw::new(1, why, Finding::new("nothing-compared").with("guarantee", name)));
        }
    }
    tally.judged = usize::try_from(compared.iter().sum::<u64>()).unwrap_or(usize::MAX);
    let told: Vec<String> = Guarantee::ALL.iter().zip(compared).map(|(g, n)| format!("{} {n}", word(*g))).collect();
    let pass = format!("comparisons that held: {}", told.join(", "));
    let figures = Guarantee::ALL.iter().zip(compared).map(|(g, n)| Figure {
        id: word(*g).into(),
        symbol: "n".into(),
        formula: "pairs of operations of one client on one key that were compared".into(),
        substitution: n.to_string(),
        value: n.to_string(),
        unit: String::new(),
        sources: Vec::new(),
    });
    Ok(figures.fold(tally.conclude(pass, "no client had two successful operations on one key"), Judgement::figure))
}

/// The successful operations, and every guarantee that an endpoint among them declares in so many words. Reads of linearizable endpoints that said they
/// were degraded promise nothing and are left out.
fn called(cx: &TestCx<'_>, rows: &Rows<'_, Operation>) -> Result<(Vec<Called>, BTreeSet<Guarantee>), Gap> {
    let mut endpoints = Endpoints::new(cx);
    let (mut list, mut declared) = (Vec::new(), BTreeSet::new());
    for (id, op) in rows.iter().filter(|(_, op)| op.result == Outcome::Ok) {
        let endpoint = endpoints.endpoint(rows, id, &op)?;
        let implied = claim(endpoint) == Claim::Linearizable;
        if implied && op.op == OpKind::Read && op.degraded == Some(true) {
            continue;
        }
        let own: Vec<Guarantee> = endpoint.sessions.iter().map(|s| guarantee(*s)).collect();
        declared.extend(own.iter().copied());
        list.push(Called { id, op, promises: if implied { Guarantee::ALL.to_vec() } else { own } });
    }
    Ok((list, declared))
}

/// Compares the operations; gives the number of comparisons a guarantee. What the later one's endpoint promises counts.
fn judge(cx: &TestCx<'_>, rows: &Rows<'_, Operation>, ordered: &[Called], tally: &mut Tally) -> Result<[u64; 4], Gap> {
    let mut translator = Translator::new(&cx.evidence().symbols, lin::DataType::Register);
    let mut history = lin::History::with_capacity(ordered.len());
    let mut blank = 0usize;
    let model = &rows.parts()[0].model;
    let initial = histories::initial(model.initial.as_deref(), &cx.evidence().symbols, ordered.iter().map(|c| c.op));
    for (position, Called { id, op, .. }) in ordered.iter().enumerate() {
        let gap = |why: String| Gap { why, sources: vec![rows.source(*id)] };
        let row = u32::try_from(position).map_err(|_| gap("the history is too long".into()))?;
        let operation = translator.operation(op, lin::OpOutcome::Ok, row, &mut history).map_err(gap)?;
        blank += usize::from(operation.version.is_none() && !(op.op == OpKind::Read && operation.value == initial));
        let operation = lin::Operation { process: op.client.0, ..operation };
        history.push(operation).map_err(|bad| gap(bad.to_string()))?;
    }
    if blank > 0 {
        let why = format!("{blank} of {} successful operations carry no version", ordered.len());
        tally.doubts.push(Flaw::new(2, why, Finding::new("version-not-recorded").with("operations", blank)));
    }
    let settings = lin::Settings { initial, ..lin::Settings::default() };
    let wanted = |op: &lin::Operation, guarantee| ordered[op.row as usize].promises.contains(&guarantee);
    let found = compare(&history, &settings, |process| process, wanted);
    for fault in &found.faults {
        let sources = [fault.earlier, fault.later].map(|op| rows.source(ordered[op.row as usize].id));
        let [earlier, later] = sources.each_ref().map(|s| s.line.unwrap_or(0));
        let (name, client) = (word(fault.guarantee), cx.evidence().text(Sym(fault.client)));
        let version = |op: &lin::Operation| op.version.map_or("the initial value".to_string(), |v| format!("version {v}"));
        let (then, now) = (version(&fault.earlier), version(&fault.later));
        let why = format!("{name} is broken for client {client}: {now} at line {later} after {then} at line {earlier}");
        let behind = fault.earlier.version.unwrap_or(0).saturating_sub(fault.later.version.unwrap_or(0));
        let finding = Finding { sources: sources.into(), ..Finding::new("session-broken") };
        let finding = finding.with("guarantee", name).with("client", client);
        tally.faults.push(Flaw::new(i64::try_from(behind).unwrap_or(i64::MAX), why, finding));
    }
    Ok(found.compared)
}

/// The operations client by client in the order in which they were sent. Clients whose operations overlap, or may on their clocks, are left out
/// with a doubt.
fn order(cx: &TestCx<'_>, rows: &Rows<'_, Operation>, called: Vec<Called>, tally: &mut Tally) -> Result<Vec<Called>, Gap> {
    let mut clients: BTreeMap<Sym, Vec<Called>> = BTreeMap::new();
    for call in called {
        clients.entry(call.op.client).or_default().push(call);
    }
    let mut ordered = Vec::new();
    let mut overlapping: BTreeSet<&str> = BTreeSet::new();
    for (client, mut list) in clients {
        let widening = cx.evidence().widening(list.iter().map(|c| rows.part(c.id)))?;
        list.sort_by_key(|c| (c.op.invoke, c.id));
        let after = |a: &Operation, b: &Operation| a.returned.is_some_and(|r| r.0.saturating_add(widening) <= b.invoke.0);
        if list.windows(2).all(|w| after(&w[0].op, &w[1].op)) {
            ordered.extend(list);
        } else {
            overlapping.insert(cx.evidence().text(client));
        }
    }
    if let Some(first) = overlapping.first() {
        let many = overlapping.len();
        let why = format!(
            "successful operations of {many} clients overlap, first those of {first}, so they have no order of their own"
        );
        tally.doubts.push(Flaw::new(3, why, Finding::new("client-overlaps").with("client", first)));
    }
    Ok(ordered)
}
