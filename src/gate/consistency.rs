//! Consistency: what endpoints claim to be linearizable is held to it.

mod linearizable;
mod sessions;
mod staleness;
mod success;

use super::{Gate, Judge, TestCx};
use crate::contract::{Consistency, Endpoint};
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::symbol::Sym;
use crate::evidence::{Part, RowId, Rows};
use crate::judge::freshness::{Freshness, Measure, Seen, Stale, sweep};
use crate::verdict::{Figure, Finding, Gap, Judged, Judgement, Verdict};
use crate::words::a;
use linearizable::linearizable;
use sessions::sessions;
use staleness::staleness;
use std::collections::{BTreeMap, BTreeSet};
use success::no_false_success;

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "consistency.linearizable",
        title: "linearizable endpoints are linearizable",
        proves: "For every key, the operations of the linearizable endpoints have an order that one correct register could have answered and that \
                 respects real time. Where answers carry a global revision (etcd's robustness histories), the store is one object: the revisions force \
                 the order, and its contents are replayed at each of them. An operation of unknown outcome may have taken effect at any time after it was sent, or never.",
        blind: "It speaks of the recorded history only: another run may differ. A command that took effect twice can still be linearizable. A \
                compare-and-set that failed says nothing here, as it may have been refused. Reads that said they were degraded are left out and counted. \
                Clients on several clocks need a declared bound on their skew; what that bound \
                could turn is inconclusive.",
        needs: &["history"],
        safety: true,
        judge: Judge::Test(linearizable),
    },
    Gate {
        id: "consistency.read-freshness",
        title: "reads observe all writes that were complete before them",
        proves: "C_observed(r) ≥ C_commit(w) for each successful read r of a linearizable endpoint and each write w of its key with response(w) < \
                 invoke(r), by version, and by commit index where answers carry one.",
        blind: "It trusts the versions that the answers carry, and does not look at values. Reads that were refused or said they were degraded are \
                left out and counted. Clients on several clocks need a declared bound on their skew; what that bound \
                could turn is inconclusive.",
        needs: &["history"],
        safety: false,
        judge: Judge::Test(read_freshness),
    },
    Gate {
        id: "consistency.staleness",
        title: "eventual endpoints are no staler than they say",
        proves: "Each answered read of an eventual endpoint saw a version that no newer one had overtaken, by an acknowledgement, for longer than the declared \
                 bound before the read was sent, and, where declared, was no more versions behind.",
        blind: "It trusts the versions that answers carry. What was acknowledged is all that counts as newer: a write that took effect without an \
                acknowledgement makes no read stale.",
        needs: &["history"],
        safety: false,
        judge: Judge::Test(staleness),
    },
    Gate {
        id: "consistency.sessions",
        title: "clients see what their own sessions promise",
        proves: "Read-your-writes, monotonic reads, monotonic writes and writes-follow-reads hold for each client and key, where the endpoint declares them or is \
                 linearizable.",
        blind: "Sessions are compared key by key and by version; operations of unknown outcome are left out. A client whose successful operations overlap has no \
                order of its own. One client is taken to be one session.",
        needs: &["history"],
        safety: false,
        judge: Judge::Test(sessions),
    },
    Gate {
        id: "consistency.no-false-success",
        title: "no client was told ok for what was rejected or lost",
        proves: "No operation that its client was told took effect had only attempts that failed or were never answered, was only refused at the resource, stands in the logs only as \
                 discarded, or was applied by no member, as far as the test binds these.",
        blind: "A success that no other evidence of the test speaks of is a doubt only where logs or applications are bound. Whether every member has it is for \
                log.no-loss.",
        needs: &["history"],
        safety: false,
        judge: Judge::Test(no_false_success),
    },
];

/// What an operation's endpoint claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    Linearizable,
    Eventual,
}

/// Finds the endpoint of operations: the one that the record or its binding names, else the only one that serves the operation, else the only one.
pub(super) struct Endpoints<'c, 'a> {
    cx: &'c TestCx<'a>,
    named: BTreeMap<Sym, Option<&'a Endpoint>>,
    served: BTreeMap<OpKind, Option<&'a Endpoint>>,
}

fn claim(endpoint: &Endpoint) -> Claim {
    match endpoint.consistency {
        Consistency::Linearizable => Claim::Linearizable,
        Consistency::Eventual => Claim::Eventual,
    }
}

impl<'c, 'a> Endpoints<'c, 'a> {
    pub(super) fn new(cx: &'c TestCx<'a>) -> Self {
        Self { cx, named: BTreeMap::new(), served: BTreeMap::new() }
    }

    /// What the endpoint of an operation claims.
    pub(super) fn claim(&mut self, rows: &Rows<'_, Operation>, id: RowId, op: &Operation) -> Result<Claim, Gap> {
        self.endpoint(rows, id, op).map(claim)
    }

    /// The endpoint of an operation.
    fn endpoint(&mut self, rows: &Rows<'_, Operation>, id: RowId, op: &Operation) -> Result<&'a Endpoint, Gap> {
        let cx = self.cx;
        let found = match op.endpoint {
            Some(sym) => *self.named.entry(sym).or_insert_with(|| cx.contract().endpoint(cx.evidence().text(sym))),
            None => match bound_endpoint(cx, rows.part(id)) {
                Some(endpoint) => Some(endpoint),
                None => *self.served.entry(op.op).or_insert_with(|| served_by(&cx.contract().endpoints, op.op)),
            },
        };
        found.ok_or_else(|| Gap {
            why: format!("it is not known which endpoint served {}, so what it claims is not known", a(op.op.word())),
            sources: vec![rows.source(id)],
        })
    }
}

fn bound_endpoint<'a>(cx: &TestCx<'a>, part: &Part) -> Option<&'a Endpoint> {
    let path = &cx.evidence().artifacts[part.artifact].path;
    let bound = cx.test.evidence.iter().filter(|b| b.kind.value == part.kind && *b.path.value == **path);
    let name = bound.filter_map(|b| b.endpoint.as_ref()).next()?;
    cx.contract().endpoint(&name.value)
}

fn served_by(endpoints: &[Endpoint], op: OpKind) -> Option<&Endpoint> {
    let mut serving = endpoints.iter().filter(|e| e.operations.iter().any(|o| o == op.word()));
    match (serving.next(), serving.next(), endpoints) {
        (Some(one), None, _) | (None, None, [one]) => Some(one),
        _ => None,
    }
}

fn degraded_read(op: &Operation) -> bool {
    op.op == OpKind::Read && op.degraded == Some(true)
}

/// Reads that are not compared, and those that are.
#[derive(Default)]
struct Reads {
    refused: u64,
    degraded: u64,
    operations: Vec<Seen>,
}

fn read_freshness(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Operation>()?;
    let skew = rows.among()?;
    let mut endpoints = Endpoints::new(cx);
    let mut reads = Reads::default();
    for (id, op) in rows.iter() {
        let read = op.op == OpKind::Read;
        if endpoints.claim(&rows, id, &op)? != Claim::Linearizable {
            continue;
        }
        match op.result {
            Outcome::Fail if read => reads.refused += 1,
            Outcome::Ok if degraded_read(&op) => reads.degraded += 1,
            Outcome::Ok => {
                let returned = op
                    .returned
                    .map(|r| r.0)
                    .ok_or_else(|| Gap { why: "a successful operation has no answer".into(), sources: vec![rows.source(id)] })?;
                let (key, version, commit) = (op.key, op.version, op.commit_index);
                reads.operations.push(Seen { id, read, key, invoke: op.invoke.0, returned, version, commit });
            }
            Outcome::Fail | Outcome::Unknown => {}
        }
    }
    let (surely, maybe) = (sweep(&reads.operations, -skew), sweep(&reads.operations, skew));
    let judgement = weigh_freshness(&rows, cx, &reads, &surely);
    match maybe.stale.first().filter(|_| judgement.verdict == Verdict::Pass) {
        Some(stale) => {
            let (read, write) = (line(&rows, stale.read), line(&rows, stale.write));
            let why = format!(
                "the read at line {read} is stale by the write at line {write} if their clocks stand {skew} ns apart, as they may"
            );
            let finding = stale_finding(&rows, cx, stale);
            Ok(Judgement { verdict: Verdict::Inconclusive, why, ..judgement }.findings([finding]))
        }
        None => Ok(judgement),
    }
}

fn weigh_freshness(rows: &Rows<'_, Operation>, cx: &TestCx<'_>, reads: &Reads, found: &Freshness) -> Judgement {
    let answered = reads.operations.iter().filter(|o| o.read).count();
    let apart = format!("{} refused and {} degraded reads apart", reads.refused, reads.degraded);
    let judged = usize::try_from(found.compared).unwrap_or(usize::MAX);
    let judgement = if let Some(worst) = found.stale.first() {
        let (read, write) = (line(rows, worst.read), line(rows, worst.write));
        let (what, seen, margin) = (measure(worst.measure), worst.observed, worst.margin);
        let why = format!(
            "stale read at line {read}: it observed {what} {seen}, the write at line {write} had made {} and was complete {margin} ns before",
            worst.committed
        );
        Judgement::fail(why, judged.max(1)).findings(found.stale.iter().map(|s| stale_finding(rows, cx, s)))
    } else if answered == 0 {
        Judgement::not_exercised(format!("no read of a linearizable endpoint was answered ({apart})"), 0)
    } else if let Some(id) = found.without_version.first() {
        let gap = format!(
            "{} of {} reads and writes carry no version, first at line {}",
            found.without_version.len(),
            reads.operations.len(),
            line(rows, *id)
        );
        Judgement::inconclusive(gap, judged)
    } else if judged == 0 {
        Judgement::inconclusive("no read followed a complete write of its key", 0)
    } else {
        Judgement::pass(format!("{judged} reads observed every write that was complete before them ({apart})"), judged)
    };
    let key = |s: &Stale| rows.get(s.read).and_then(|op| op.key);
    let stale_keys = found.stale.iter().map(key).collect::<BTreeSet<_>>().len() as u64;
    let figure = |id: &str, formula: &str, value: u64| Figure {
        id: id.into(),
        symbol: "n".into(),
        formula: formula.into(),
        substitution: value.to_string(),
        value: value.to_string(),
        unit: String::new(),
        sources: Vec::new(),
    };
    judgement
        .figure(figure("reads-compared", "reads r with some write w of the key, response(w) < invoke(r)", found.compared))
        .figure(figure("reads-stale", "reads r with C_observed(r) < C_commit(w)", found.stale.len() as u64))
        .figure(figure("keys-stale", "keys of stale reads", stale_keys))
        .figure(figure("reads-refused", "reads that surely failed", reads.refused))
        .figure(figure("reads-degraded", "answers that said they were degraded", reads.degraded))
}

fn measure(measure: Measure) -> &'static str {
    match measure {
        Measure::Version => "version",
        Measure::CommitIndex => "commit index",
    }
}

fn line(rows: &Rows<'_, Operation>, id: RowId) -> u64 {
    rows.source(id).line.unwrap_or(0)
}

fn stale_finding(rows: &Rows<'_, Operation>, cx: &TestCx<'_>, stale: &Stale) -> Finding {
    let key = rows.get(stale.read).and_then(|op| op.key);
    Finding::new("stale-read")
        .with("key", key.map_or("", |k| cx.evidence().text(k)))
        .with("measure", measure(stale.measure))
        .with("observed", stale.observed)
        .with("committed", stale.committed)
        .with("margin-ns", stale.margin)
        .source(rows.source(stale.read))
        .source(rows.source(stale.write))
}
