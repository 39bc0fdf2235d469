//! From the shapes that people wrote to the contract and matrix, with every fault gathered.
//!
//! In: TOML texts. Out: domain types, or all faults. Checks here need no other room: names that repeat, paths that leave the
//! evidence folder, keys that exclude one another, and names of the contract that a matrix uses.

use super::decode::{Decoder, Pairs};
use super::leaf::{Id, Scalar, Text};
use super::matrix::{Binding, Clock, Matrix, Model, Pair, Test, Whole};
use super::wire::{
    ContractWire, EndpointWire, EvidenceWire, LatencyScope, MatrixWire, NilRead, ObjectivesWire, TestWire, TimeUnit, WholeWire,
};
use super::{
    Cluster, Contract, DeclaredPhases, Endpoint, ErrorBudget, Exclusion, Load, Objectives, Probe, Quorum, Release, Resource,
    Risk, Rollback, Trigger, Waiver,
};
use crate::error::{Fault, nearest};
use crate::exact::Ratio;
use crate::source::{At, SourceId};

/// The ten plan items, by the ids that a matrix uses, with their meaning.
pub const PLAN_ITEMS: [(&str, &str); 10] = [
    ("baseline", "baseline majority commit under steady load"),
    ("leader-crash", "leader crash during write traffic"),
    ("follower-lag", "follower lag and catch-up before leader election"),
    ("minority-rejection", "minority partition write rejection"),
    ("stale-leader-fencing", "stale leader fencing at the protected resource"),
    ("heal-reconciliation", "partition heal with uncommitted log reconciliation"),
    ("duplicate-retry", "client retry with duplicate command id"),
    ("read-freshness", "read freshness during and after failover"),
    ("snapshot-replay", "snapshot recovery and replay timing"),
    ("telemetry-review", "telemetry review after canary rollout"),
];

const MODELS: [&str; 8] =
    ["none", "crash", "send-omission", "receive-omission", "timing", "value", "state-transition", "arbitrary"];
const LAYERS: [&str; 8] = ["none", "process", "network", "dns", "balancer", "mesh", "disk", "clock"];

/// Reads a contract.
///
/// # Errors
/// All faults of the text, each with its span.
pub fn parse_contract(source: SourceId, text: &str) -> Result<Contract, Vec<Fault>> {
    let mut cx = Decoder::new(source);
    let wire = cx.document::<ContractWire>(text);
    let contract = wire.map(|wire| contract(source, wire, &mut cx));
    finish(contract, cx)
}

/// Reads a matrix and checks the names it takes from its contract.
///
/// # Errors
/// All faults of the text; those that concern the contract point at both files.
pub fn parse_matrix(source: SourceId, text: &str, contract: Option<&Contract>) -> Result<Matrix, Vec<Fault>> {
    let mut cx = Decoder::new(source);
    let wire = cx.document::<MatrixWire>(text);
    let matrix = wire.map(|wire| matrix(source, wire, contract, &mut cx));
    finish(matrix, cx)
}

fn finish<T>(value: Option<T>, cx: Decoder) -> Result<T, Vec<Fault>> {
    match value {
        Some(value) if cx.faults.is_empty() => Ok(value),
        _ => Err(cx.faults),
    }
}

fn owned(text: Option<At<Text>>) -> Option<String> {
    text.map(|t| t.value.0)
}

fn ident(id: At<Id>) -> At<String> {
    id.map(|i| i.0)
}

/// Reports every name after the first of its kind that is the same.
fn unique<'a>(names: impl IntoIterator<Item = &'a At<String>>, what: &str, cx: &mut Decoder) {
    let mut seen: Vec<&At<String>> = Vec::new();
    for name in names {
        match seen.iter().find(|s| s.value == name.value) {
            Some(first) => cx.fault(
                Fault::at(name.span, format!("{what} `{}` is declared twice", name.value), "again here")
                    .and(first.span, "first here"),
            ),
            None => seen.push(name),
        }
    }
}

fn version(schema: &At<Text>, wanted: &str, cx: &mut Decoder) {
    if schema.value.0 != wanted {
        let fault = Fault::at(schema.span, format!("unknown schema {:?}", schema.value.0), "this version is not known");
        cx.fault(fault.help(format!("write schema = {wanted:?}")));
    }
}

fn contract(source: SourceId, wire: ContractWire, cx: &mut Decoder) -> Contract {
    version(&wire.schema, "quorate-contract/1", cx);
    let members: Vec<At<String>> = wire.cluster.members.into_iter().map(ident).collect();
    unique(&members, "member", cx);
    if members.is_empty() || members.len() > 1000 {
        cx.fault(
            Fault::at(wire.cluster.span, "a cluster has 1 to 1000 members", "in this table")
                .help("members = [\"n1\", \"n2\", \"n3\"]"),
        );
    }
    let endpoints: Vec<Endpoint> = wire.endpoint.into_iter().map(endpoint).collect();
    unique(endpoints.iter().map(|e| &e.name), "endpoint", cx);
    let resources: Vec<Resource> =
        wire.resource.into_iter().map(|r| Resource { name: ident(r.name), fence: r.fence.value }).collect();
    unique(resources.iter().map(|r| &r.name), "resource", cx);
    let exclusions: Vec<Exclusion> =
        wire.exclusion.into_iter().map(|e| Exclusion { gate: ident(e.gate), reason: e.reason.value.0 }).collect();
    unique(exclusions.iter().map(|e| &e.gate), "exclusion of", cx);
    Contract {
        source,
        release: Release {
            service: wire.release.service.value.0,
            version: wire.release.version.value.0,
            uri: owned(wire.release.uri),
            digest: owned(wire.release.digest),
            owner: wire.release.owner.value.0,
            question: wire.release.question.value.0,
            profile: ident(wire.release.profile),
        },
        cluster: Cluster {
            members: members.into_iter().map(|m| m.value).collect(),
            consensus: wire.cluster.consensus.value.0,
            fault_model: wire.cluster.fault_model.value,
            membership_rule: wire.cluster.membership_rule.value.0,
            quorum: wire.cluster.quorum.map(|q| Quorum { write: q.write.map(|c| c.0), read: q.read.map(|c| c.0) }),
            tolerates: wire.cluster.tolerates.map(|t| t.map(|c| c.0)),
            fault_assumptions: wire.cluster.fault_assumptions.into_iter().map(|t| t.map(|t| t.0)).collect(),
            span: wire.cluster.span,
        },
        endpoints,
        resources,
        load: wire.load.map(|l| Load {
            writes_per_second: l.writes_per_second.value.0,
            reads_per_second: l.reads_per_second.value.0,
            held: l.held.and_then(|h| Some(h.value.0)).or_else(|| Ratio::new(95, 100)).unwrap_or(Ratio::ONE),
            span: l.span,
        }),
        objectives: objectives(wire.objectives, cx),
        failover: wire.failover.map(|f| DeclaredPhases {
            detect: f.detect.value.0,
            elect: f.elect.value.0,
            fence: f.fence.value.0,
            catch_up: f.catch_up.value.0,
            tolerance: f.tolerance.map_or(0, |t| t.value.0),
            span: f.span,
        }),
        probe: wire.probe.map(|p| Probe {
            initial_delay: p.initial_delay.value.0,
            period: p.period.value.0,
            threshold: p.threshold.value.0,
            grace: p.grace.map_or(0, |g| g.value.0),
            span: p.span,
        }),
        budget: wire.error_budget.map(|b| ErrorBudget {
            slo: b.slo.value.0,
            window: b.window.value.0,
            share: b.share.value.0,
            span: b.span,
        }),
        rollback: wire.rollback.and_then(|r| {
            let trigger = Trigger::parse(&r.trigger.value.0);
            if trigger.is_none() {
                let fault = Fault::at(r.trigger.span, "the trigger cannot be read", "not a comparison held for a time");
                cx.fault(fault.help("write it as \"> 2 for 5m\""));
            }
            Some(Rollback {
                metric: r.metric.value.0,
                trigger: trigger?,
                owner: r.owner.value.0,
                rehearsal: r.rehearsal.map(ident),
                span: r.span,
            })
        }),
        risks: wire.risk.into_iter().map(|r| Risk { id: r.id.value.0, text: r.text.value.0, gate: r.gate.map(ident) }).collect(),
        exclusions,
        waivers: wire
            .waiver
            .into_iter()
            .map(|w| Waiver {
                gate: ident(w.gate),
                reason: w.reason.value.0,
                approver: w.approver.value.0,
                expires: w.expires.value.0,
                ticket: w.ticket.value.0,
            })
            .collect(),
    }
}

fn endpoint(wire: EndpointWire) -> Endpoint {
    Endpoint {
        name: ident(wire.name),
        operations: wire.operations.into_iter().map(|o| o.value.0).collect(),
        consistency: wire.consistency.value,
        retry: wire.retry.map(|r| (r.limit.value.0, r.backoff.value)),
        idempotency: owned(wire.idempotency),
        semantics: wire.semantics.map(|s| s.value),
        staleness_bound: wire.staleness_bound.map(|b| b.value.0),
        repair: owned(wire.repair),
        user_visible: owned(wire.user_visible),
        conflict_policy: owned(wire.conflict_policy),
    }
}

fn objectives(wire: Option<ObjectivesWire>, cx: &mut Decoder) -> Objectives {
    let default_confidence = Ratio::new(95, 100).unwrap_or(Ratio::ONE);
    let Some(wire) = wire else {
        return Objectives {
            recovery: None,
            catch_up: None,
            write_p99: None,
            read_p99: None,
            latency_scope: LatencyScope::WholeRun,
            confidence: default_confidence,
            lost_commits: 0,
            split_brain_writes: 0,
            duplicate_executions: 0,
            faults_with_write_in_flight: 1,
            retry_amplification: None,
        };
    };
    for (name, value) in [
        ("lost-commits", &wire.lost_commits),
        ("split-brain-writes", &wire.split_brain_writes),
        ("duplicate-executions", &wire.duplicate_executions),
    ] {
        if let Some(at) = value.as_ref().filter(|v| v.value.0 != 0) {
            let fault = Fault::at(at.span, format!("`{name}` must be 0"), "a safety objective has no allowance");
            cx.fault(
                fault.help("if the service may lose or repeat commands, declare the endpoint at-most-once or at-least-once"),
            );
        }
    }
    if let Some(at) =
        wire.confidence.as_ref().filter(|c| c.value.0 >= Ratio::ONE || c.value.0 < Ratio::new(1, 2).unwrap_or(Ratio::ZERO))
    {
        cx.fault(
            Fault::at(at.span, "confidence must lie from 0.5 to below 1", "no sample gives this").help("write confidence = 0.95"),
        );
    }
    let dur = |d: Option<At<super::leaf::Span>>| d.map(|d| d.map(|s| s.0));
    Objectives {
        recovery: Some(wire.recovery.map(|s| s.0)),
        catch_up: dur(wire.catch_up),
        write_p99: dur(wire.write_p99),
        read_p99: dur(wire.read_p99),
        latency_scope: wire.latency_scope.map_or(LatencyScope::WholeRun, |s| s.value),
        confidence: wire.confidence.map_or(default_confidence, |c| c.value.0),
        lost_commits: 0,
        split_brain_writes: 0,
        duplicate_executions: 0,
        faults_with_write_in_flight: wire.faults_with_write_in_flight.map_or(1, |c| c.value.0),
        retry_amplification: wire.retry_amplification.map(|r| r.value.0),
    }
}

fn matrix(source: SourceId, wire: MatrixWire, contract: Option<&Contract>, cx: &mut Decoder) -> Matrix {
    version(&wire.schema, "quorate-matrix/1", cx);
    let tests: Vec<Test> = wire.test.into_iter().map(|t| test(t, contract, cx)).collect();
    unique(tests.iter().map(|t| &t.id), "test", cx);
    if let Some(rehearsal) = contract.and_then(|c| c.rollback.as_ref()).and_then(|r| r.rehearsal.as_ref()) {
        if let Some(fault) = unknown(rehearsal, "test", tests.iter().map(|t| t.id.value.as_str())) {
            cx.fault(fault);
        }
    }
    Matrix { source, contract: wire.contract.map(|c| c.0), evidence_root: wire.evidence_root.map(|r| r.0), tests }
}

/// A fault when a name is not among the known ones.
fn unknown<'a>(name: &At<String>, what: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<Fault> {
    if known.clone().any(|k| k == name.value) {
        return None;
    }
    let help = match nearest(&name.value, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
    };
    Some(Fault::at(name.span, format!("unknown {what} `{}`", name.value), format!("no such {what}")).help(help))
}

fn test(wire: TestWire, contract: Option<&Contract>, cx: &mut Decoder) -> Test {
    let mut check = |name: &At<String>, what: &str, known: &[&str]| {
        if let Some(fault) = unknown(name, what, known.iter().copied()) {
            cx.fault(fault);
        }
    };
    let plan: Vec<At<String>> = wire.plan.into_iter().map(ident).collect();
    for item in &plan {
        check(item, "plan item", &PLAN_ITEMS.map(|p| p.0));
    }
    let (model, layer) = (ident(wire.model), ident(wire.layer));
    check(&model, "failure model", &MODELS);
    check(&layer, "layer", &LAYERS);
    let covers: Vec<At<String>> = wire.covers.into_iter().map(|t| t.map(|t| t.0)).collect();
    if let Some(contract) = contract {
        let names = contract.cluster.fault_assumptions.iter();
        for name in &covers {
            let fault = unknown(name, "fault assumption", names.clone().map(|a| a.value.as_str()));
            if let Some(fault) = fault {
                cx.fault(fault.and(contract.cluster.span, "the contract's cluster declares them"));
            }
        }
    }
    Test {
        id: ident(wire.id),
        plan: plan.into_iter().map(|p| p.value).collect(),
        fault: wire.fault.value.0,
        method: wire.method.value.0,
        model: model.value,
        layer: layer.value,
        covers,
        expected: wire.expected.value.0,
        requires: wire.requires.into_iter().map(ident).collect(),
        injections: wire.injections.map(|i| i.map(|c| c.0)),
        generator: wire.generator.map(|g| g.value),
        evidence: wire.evidence.into_iter().map(|e| binding(e, contract, cx)).collect(),
    }
}

fn matches(pairs: Pairs<At<Scalar>>) -> Vec<(String, String)> {
    pairs.0.into_iter().map(|(k, v)| (k.value, v.value.0)).collect()
}

fn binding(wire: EvidenceWire, contract: Option<&Contract>, cx: &mut Decoder) -> Binding {
    let path = wire.path.map(|p| p.0);
    if !clean_path(&path.value) {
        let fault = Fault::at(
            path.span,
            format!("path {:?} is not a plain path below the evidence root", path.value),
            "leaves the folder",
        );
        cx.fault(fault.help("write a relative path with `/`, without `.`, `..`, `\\` or control characters"));
    }
    let endpoint = wire.endpoint.map(ident);
    if let (Some(contract), Some(name)) = (contract, &endpoint) {
        if let Some(fault) = unknown(name, "endpoint", contract.endpoints.iter().map(|e| e.name.value.as_str())) {
            let span = contract.endpoints.first().map_or(contract.cluster.span, |e| e.name.span);
            cx.fault(fault.and(span, "the contract's endpoints begin here"));
        }
    }
    Binding {
        kind: ident(wire.kind),
        path,
        format: wire.format.map(ident),
        origin: wire.origin.map(|o| o.value),
        clock: wire.clock.map(|c| Clock { kind: c.kind.value, id: c.id.value.0, unit: c.unit.map_or(TimeUnit::Ns, |u| u.value) }),
        endpoint,
        constants: wire.constants.0.into_iter().map(|(k, v)| (k, v.value.0)).collect(),
        when: matches(wire.when),
        each: owned(wire.each),
        pair: wire.pair.map(|p| Pair { by: p.by.value.0, start: matches(p.start), stop: matches(p.stop) }),
        whole: wire.whole.and_then(|w| whole(w, cx)),
        fields: wire.fields.0.into_iter().map(|(k, v)| (k, v.0)).collect(),
        model: wire.model.map_or_else(default_model, |m| Model {
            name: model_name(&m.name, cx),
            initial: m.initial.map(|i| i.value.0).filter(|i| i != "nil"),
            nil_read: m.nil_read.map_or(NilRead::Absent, |n| n.value),
        }),
    }
}

fn model_name(name: &At<Id>, cx: &mut Decoder) -> String {
    let at = At { value: name.value.0.clone(), span: name.span };
    if let Some(fault) = unknown(&at, "model", ["register", "cas-register"].into_iter()) {
        cx.fault(fault);
    }
    at.value
}

fn default_model() -> Model {
    Model { name: "cas-register".into(), initial: None, nil_read: NilRead::Absent }
}

fn whole(wire: WholeWire, cx: &mut Decoder) -> Option<Whole> {
    let marks = !wire.last.0.is_empty();
    match (marks, wire.covers_run_within) {
        (true, None) => Some(Whole::Marks { first: matches(wire.first), last: matches(wire.last), count: owned(wire.count) }),
        (false, Some(within)) => Some(Whole::CoversRun(within.value.0)),
        _ => {
            let fault = Fault::at(wire.span, "`whole` needs either a `last` mark or `covers-run-within`", "in this table");
            cx.fault(fault.help("whole = { first = { begin = \"t1\" }, last = { end = \"t1\" }, count = \"records\" }"));
            None
        }
    }
}

/// A relative path of plain parts: nothing that leaves its folder or means another file on another system.
pub(crate) fn clean_path(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= 400
        && !path.contains('\\')
        && !path.contains(':')
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}
