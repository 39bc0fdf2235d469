//! From the shape of a contract to the contract, with every fault gathered.
//!
//! In: TOML text. Out: [`Contract`], or all faults: names that repeat, values that no contract may have.

use super::decode::Decoder;
use super::leaf::{Id, Text};
use super::wire::{
    ChallengeWire, ClusterWire, ContractWire, EndpointWire, LatencyScope, ObjectivesWire, ReleaseWire, RollbackWire,
    TelemetryWire,
};
use super::{
    Challenge, Cluster, Contract, DeclaredPhases, Endpoint, ErrorBudget, Exclusion, Explained, Interleavings, Load, Objectives,
    Probe, Quorum, Release, Resource, Risk, Rollback, Scenarios, TelemetryLimits, Trigger, Waiver,
};
use crate::error::Fault;
use crate::exact::Ratio;
use crate::source::{At, SourceId, Span};
use std::collections::BTreeMap;

/// Reads a contract.
///
/// # Errors
/// All faults of the text, each with its span.
pub fn parse_contract(source: SourceId, text: &str) -> Result<Contract, Vec<Fault>> {
    let mut cx = Decoder::new(source);
    if cx.swapped(text, "quorate-matrix/1", "name the contract here; its matrix is found beside it, or named by `--matrix`") {
        return Err(cx.faults);
    }
    let wire = cx.document::<ContractWire>(text);
    let contract = wire.map(|wire| contract(source, wire, &mut cx));
    finish(contract, cx)
}

pub(super) fn finish<T>(value: Option<T>, cx: Decoder) -> Result<T, Vec<Fault>> {
    match value {
        Some(value) if cx.faults.is_empty() => Ok(value),
        _ => Err(cx.faults),
    }
}

pub(super) fn owned(text: Option<At<Text>>) -> Option<String> {
    text.map(|t| t.value.0)
}

pub(super) fn ident(id: At<Id>) -> At<String> {
    id.map(|i| i.0)
}

/// Reports every name after the first of its kind that is the same.
pub(super) fn unique<'a>(names: impl IntoIterator<Item = &'a At<String>>, what: &str, cx: &mut Decoder) {
    let mut seen: BTreeMap<&str, &At<String>> = BTreeMap::new();
    for name in names {
        match seen.get(name.value.as_str()) {
            Some(first) => cx.fault(
                Fault::at(name.span, format!("{what} `{}` is declared twice", name.value), "again here")
                    .and(first.span, "first here"),
            ),
            None => _ = seen.insert(&name.value, name),
        }
    }
}

pub(super) fn version(schema: &At<Text>, wanted: &str, cx: &mut Decoder) {
    if schema.value.0 != wanted {
        let fault = Fault::at(schema.span, format!("unknown schema {:?}", schema.value.0), "this version is not known");
        cx.fault(fault.help(format!("write schema = {wanted:?}")));
    }
}

fn contract(source: SourceId, wire: ContractWire, cx: &mut Decoder) -> Contract {
    version(&wire.schema, "quorate-contract/1", cx);
    bounds(&wire, cx);
    let members: Vec<At<String>> = wire.cluster.members.clone().into_iter().map(ident).collect();
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
    let families: Vec<At<String>> = wire.release.families.clone().into_iter().map(ident).collect();
    unique(&families, "family", cx);
    Contract {
        source,
        release: release(wire.release, families),
        cluster: cluster(wire.cluster, members),
        endpoints,
        resources,
        load: wire.load.map(|l| Load {
            writes_per_second: l.writes_per_second.value.0,
            reads_per_second: l.reads_per_second.value.0,
            held: l.held.map(|h| h.value.0).or_else(|| Ratio::new(95, 100)).unwrap_or(Ratio::ONE),
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
        interleavings: wire.interleavings.map(|i| Interleavings {
            write_in_flight: i.write_in_flight.value.0,
            stale_retry: i.stale_retry.value.0,
            divergent_heal: i.divergent_heal.value.0,
            snapshot_replay: i.snapshot_replay.value.0,
            span: i.span,
        }),
        telemetry: telemetry(wire.telemetry),
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
            mtbf: b.mtbf.map(|m| m.value.0),
            span: b.span,
        }),
        scenarios: wire.scenarios.map(|s| Scenarios {
            bound: s.bound.value.0,
            crash_recovery: s.crash_recovery.map(|d| d.value.0),
            takeover_recovery: s.takeover_recovery.map(|d| d.value.0),
            span: s.span,
        }),
        rollback: wire.rollback.and_then(|r| rollback(r, cx)),
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
        challenge: wire.challenge.map(|c| challenge(c, cx)),
    }
}

fn challenge(wire: ChallengeWire, cx: &mut Decoder) -> Challenge {
    /// The greatest integer that every JSON reader keeps exact.
    const MOST: u64 = 1 << 53;
    let default = Challenge::default();
    if let Some(at) = wire.mutants.as_ref().filter(|m| m.value.0 == 0 || m.value.0 > 1000) {
        let fault = Fault::at(at.span, "`mutants` must lie from 1 to 1000", "this proves nothing or takes too long");
        cx.fault(fault.help("write mutants = 4"));
    }
    if let Some(at) = wire.seed.as_ref().filter(|s| s.value.0 > MOST) {
        cx.fault(Fault::at(at.span, "`seed` must be at most 2^53", "not every reader keeps this number").help("write seed = 1"));
    }
    let mut explained = Vec::new();
    for one in wire.explained {
        if let (None, None) = (&one.operator, &one.gate) {
            let fault = Fault::at(one.why.span, "an explanation names neither operator nor gate", "of what?");
            cx.fault(fault.help("write operator = \"…\", gate = \"…\" or both"));
        }
        explained.push(Explained { operator: one.operator.map(ident), gate: one.gate.map(ident), why: one.why.value.0 });
    }
    Challenge {
        seed: wire.seed.map_or(default.seed, |s| s.value.0),
        mutants: wire.mutants.map_or(default.mutants, |m| m.value.0),
        explained,
    }
}

fn release(wire: ReleaseWire, families: Vec<At<String>>) -> Release {
    Release {
        service: wire.service.value.0,
        version: wire.version.value.0,
        uri: owned(wire.uri),
        digest: owned(wire.digest),
        owner: wire.owner.value.0,
        question: wire.question.value.0,
        profile: ident(wire.profile),
        families,
    }
}

fn cluster(wire: ClusterWire, members: Vec<At<String>>) -> Cluster {
    Cluster {
        members: members.into_iter().map(|m| m.value).collect(),
        consensus: wire.consensus.value.0,
        fault_model: wire.fault_model.value,
        membership_rule: wire.membership_rule.value.0,
        quorum: wire.quorum.map(|q| Quorum { write: q.write.map(|c| c.0), read: q.read.map(|c| c.0) }),
        tolerates: wire.tolerates.map(|t| t.map(|c| c.0)),
        fault_assumptions: wire.fault_assumptions.into_iter().map(|t| t.map(|t| t.0)).collect(),
        span: wire.span,
    }
}

fn rollback(r: RollbackWire, cx: &mut Decoder) -> Option<Rollback> {
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
}

/// Values with which a promise would mean nothing: no load, no budget, a tolerance that swallows what it bounds.
fn bounds(wire: &ContractWire, cx: &mut Decoder) {
    let mut refuse = |bad: bool, span: Span, what: &str, help: &str| {
        if bad {
            cx.fault(Fault::at(span, what.to_string(), "this bounds nothing").help(help));
        }
    };
    if let Some(load) = &wire.load {
        for rate in [&load.writes_per_second, &load.reads_per_second] {
            refuse(rate.value.0 <= Ratio::ZERO, rate.span, "a rate must be above 0", "leave [load] out when no load is promised");
        }
        if let Some(held) = &load.held {
            refuse(held.value.0 == Ratio::ZERO, held.span, "`held` must be above 0", "write held = 0.95");
        }
    }
    if let Some(budget) = &wire.error_budget {
        let (slo, share) = (&budget.slo, &budget.share);
        refuse(
            slo.value.0 == Ratio::ZERO || slo.value.0 == Ratio::ONE,
            slo.span,
            "`slo` must lie between 0 and 1",
            "write slo = 0.999",
        );
        refuse(share.value.0 == Ratio::ZERO, share.span, "`share` must be above 0", "write share = 0.05");
        if let Some(mtbf) = &budget.mtbf {
            refuse(mtbf.value.0 == 0, mtbf.span, "`mtbf` must be above 0", "write mtbf = \"30d\"");
        }
        refuse(budget.window.value.0 == 0, budget.window.span, "`window` must be above 0", "write window = \"30d\"");
    }
    times(wire, &mut refuse);
    if let Some(phases) = &wire.failover {
        let sum = [&phases.detect, &phases.elect, &phases.fence, &phases.catch_up]
            .iter()
            .fold(0i64, |s, p| s.saturating_add(p.value.0));
        if let Some(tolerance) = &phases.tolerance {
            refuse(
                tolerance.value.0 > sum,
                tolerance.span,
                "`tolerance` is more than all phases together",
                "write tolerance = \"100ms\"",
            );
        }
    }
    if let Some(probe) = &wire.probe {
        refuse(probe.threshold.value.0 == 0, probe.threshold.span, "`threshold` must be above 0", "write threshold = 3");
        refuse(probe.period.value.0 == 0, probe.period.span, "`period` must be above 0", "write period = \"1s\"");
    }
    if let Some(pause) = wire.telemetry.as_ref().and_then(|t| t.sample_pause.as_ref()) {
        refuse(pause.value.0 == 0, pause.span, "`sample-pause` must be above 0", "write sample-pause = \"5s\"");
    }
    if let Some(i) = &wire.interleavings {
        let all = [&i.write_in_flight, &i.stale_retry, &i.divergent_heal, &i.snapshot_replay];
        let none = all.iter().all(|n| n.value.0 == 0);
        refuse(none, i.span, "[interleavings] asks for none of them", "leave the table out, or ask for at least one");
    }
    for retry in wire.endpoint.iter().filter_map(|e| e.retry.as_ref()) {
        refuse(retry.limit.value.0 > 1000, retry.limit.span, "`limit` must be at most 1000", "write limit = 2");
    }
}

/// Objectives and limits that are no time at all, or more than a day.
fn times(wire: &ContractWire, refuse: &mut impl FnMut(bool, Span, &str, &str)) {
    const DAY: i64 = 86_400_000_000_000;
    if let Some(scenarios) = &wire.scenarios {
        let bound = &scenarios.bound;
        let bad = bound.value.0 == Ratio::ZERO || bound.value.0 == Ratio::ONE;
        refuse(bad, bound.span, "`bound` must lie between 0 and 1", "write bound = 0.01");
        for time in [&scenarios.crash_recovery, &scenarios.takeover_recovery].into_iter().flatten() {
            refuse(
                time.value.0 == 0 || time.value.0 > DAY,
                time.span,
                "a recovery must be above 0 and at most a day",
                "write it as \"400ms\"",
            );
        }
    }
    if let Some(objectives) = &wire.objectives {
        let times = [
            Some(&objectives.recovery),
            objectives.catch_up.as_ref(),
            objectives.write_p99.as_ref(),
            objectives.read_p99.as_ref(),
            objectives.in_doubt.as_ref(),
        ];
        for time in times.into_iter().flatten() {
            let bad = time.value.0 == 0 || time.value.0 > DAY;
            refuse(bad, time.span, "an objective must be above 0 and at most a day", "write it as \"3s\" or \"180ms\"");
        }
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
        staleness_versions: wire.staleness_versions.map(|v| v.value.0),
        sessions: wire.sessions.into_iter().map(|s| s.value).collect(),
        repair: owned(wire.repair),
        user_visible: owned(wire.user_visible),
        conflict_policy: owned(wire.conflict_policy),
    }
}

/// The most sets of labels of one series when the contract does not say.
const LABEL_SETS: u64 = 1000;

fn telemetry(wire: Option<TelemetryWire>) -> TelemetryLimits {
    let Some(wire) = wire else { return TelemetryLimits { label_sets: LABEL_SETS, ..TelemetryLimits::default() } };
    TelemetryLimits {
        leader_changes: wire.leader_changes_per_minute.map(|n| n.value.0),
        snapshot_failures: wire.snapshot_install_failures.map_or(0, |n| n.value.0),
        admission_rejections: wire.admission_rejections.map(|n| n.value.0),
        quorum_acks_p99: wire.quorum_acks_p99.map(|d| d.value.0),
        label_sets: wire.label_sets.map_or(LABEL_SETS, |n| n.value.0),
        sample_pause: wire.sample_pause.map(|d| d.value.0),
    }
}

fn objectives(wire: Option<ObjectivesWire>, cx: &mut Decoder) -> Objectives {
    let mut objectives = Objectives {
        recovery: None,
        catch_up: None,
        write_p99: None,
        read_p99: None,
        latency_scope: LatencyScope::WholeRun,
        confidence: Ratio::new(95, 100).unwrap_or(Ratio::ONE),
        lost_commits: 0,
        split_brain_writes: 0,
        duplicate_executions: 0,
        retry_amplification: None,
        in_doubt: None,
    };
    let Some(wire) = wire else {
        return objectives;
    };
    for (name, value) in [
        ("lost-commits", &wire.lost_commits),
        ("split-brain-writes", &wire.split_brain_writes),
        ("duplicate-executions", &wire.duplicate_executions),
    ] {
        if let Some(at) = value.as_ref().filter(|v| v.value.0 != 0) {
            let fault = Fault::at(at.span, format!("`{name}` must be 0"), "a safety objective has no allowance");
            cx.fault(fault.help("a service that may lose or repeat commands declares other semantics for its endpoint"));
        }
    }
    let half = Ratio::new(1, 2).unwrap_or(Ratio::ONE);
    if let Some(at) = wire.confidence.as_ref().filter(|c| c.value.0 >= Ratio::ONE || c.value.0 < half) {
        let fault = Fault::at(at.span, "confidence must lie from 0.5 to below 1", "no sample gives this");
        cx.fault(fault.help("write confidence = 0.95"));
    }
    let ns = |d: Option<At<super::leaf::Span>>| d.map(|d| d.map(|s| s.0));
    objectives.recovery = ns(Some(wire.recovery));
    objectives.catch_up = ns(wire.catch_up);
    objectives.write_p99 = ns(wire.write_p99);
    objectives.read_p99 = ns(wire.read_p99);
    objectives.in_doubt = ns(wire.in_doubt);
    objectives.latency_scope = wire.latency_scope.map_or(objectives.latency_scope, |s| s.value);
    objectives.confidence = wire.confidence.map_or(objectives.confidence, |c| c.value.0);
    objectives.retry_amplification = wire.retry_amplification.map(|r| r.value.0);
    objectives
}
