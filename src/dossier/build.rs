//! Puts the dossier together.

use super::charts::charts;
use super::{
    ArtifactFacts, CriterionFacts, Decision, Dossier, ExclusionFacts, FileFacts, GateFacts, LockFacts, ReleaseFacts, RiskFacts,
    SCHEMA, Section, TestFacts, TestJudgement, Tool, WaiverFacts,
};
use crate::challenge::Report;
use crate::contract::{Binding, Contract, FieldRule, Lock, Matrix, Subject, Test, Waiver};
use crate::evidence::{Artifact, Evidence, State};
use crate::exact::{Ratio, millis, seconds};
use crate::gate::{CRITERIA, Outcome, Profile};
use crate::verdict::Verdict;
use std::collections::BTreeMap;

/// What a dossier is made from.
#[derive(Debug, Clone)]
pub struct Inputs<'a> {
    /// The promises.
    pub contract: &'a Contract,
    /// The tests.
    pub matrix: &'a Matrix,
    /// The records.
    pub evidence: &'a Evidence,
    /// The profile of the contract.
    pub profile: &'a Profile,
    /// What the gates say.
    pub outcomes: &'a [Outcome],
    /// What became of small violations of this evidence, when the contract asks for it.
    pub challenge: Option<Report>,
    /// SHA-256 of the contract and of the matrix, in hex.
    pub digests: (&'a str, &'a str),
    /// What was declared before the run.
    pub locks: &'a [Lock],
    /// The day on which waivers are weighed, `YYYY-MM-DD`.
    pub date: Option<&'a str>,
}

/// Builds the dossier.
#[must_use]
pub fn build(inputs: &Inputs<'_>) -> Dossier {
    let contract = inputs.contract;
    let waivers: Vec<WaiverFacts> = contract.waivers.iter().map(|w| waiver(w, inputs)).collect();
    let gates: Vec<GateFacts> = inputs.outcomes.iter().map(|o| gate_facts(o, &waivers)).collect();
    Dossier {
        schema: SCHEMA,
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        date: inputs.date.map(str::to_string),
        decision: decide(&gates),
        release: ReleaseFacts {
            service: contract.release.service.clone(),
            version: contract.release.version.clone(),
            uri: contract.release.uri.clone(),
            digest: contract.release.digest.clone(),
            owner: contract.release.owner.clone(),
            question: contract.release.question.clone(),
            profile: inputs.profile.name.to_string(),
        },
        contract: FileFacts { path: "contract/contract.toml".into(), sha256: inputs.digests.0.to_string() },
        matrix: FileFacts { path: "contract/matrix.toml".into(), sha256: inputs.digests.1.to_string() },
        declared: declared(contract).into_iter().chain(skews(inputs.matrix)).chain(attempts(inputs)).collect(),
        tests: inputs.matrix.tests.iter().map(|t| test_facts(t, inputs.evidence)).collect(),
        criteria: criteria(&gates),
        charts: charts(inputs, &gates),
        gates,
        exclusions: contract
            .exclusions
            .iter()
            .map(|e| ExclusionFacts { gate: e.gate.value.clone(), reason: e.reason.clone() })
            .collect(),
        waivers,
        risks: contract
            .risks
            .iter()
            .map(|r| RiskFacts { id: r.id.clone(), text: r.text.clone(), gate: r.gate.as_ref().map(|g| g.value.clone()) })
            .collect(),
        locks: inputs.locks.iter().map(|l| lock(l, inputs)).collect(),
        artifacts: artifacts(inputs),
        challenge: inputs.challenge.clone(),
    }
}

/// Accept when every required gate passed or is waived; reject when one failed; else inconclusive.
fn decide(gates: &[GateFacts]) -> Decision {
    open_verdicts(gates.iter().map(|g| (g.required && !g.waived, g.verdict)))
}

/// The decision on verdicts, each with whether it counts.
#[must_use]
pub fn open_verdicts(verdicts: impl Iterator<Item = (bool, Verdict)> + Clone) -> Decision {
    let counts = |verdict| verdicts.clone().any(|v| v == (true, verdict));
    if counts(Verdict::Fail) {
        Decision::Reject
    } else if counts(Verdict::Inconclusive) || !verdicts.clone().any(|v| v.1 == Verdict::Pass) {
        Decision::Inconclusive
    } else {
        Decision::Accept
    }
}

/// The day on which the oldest compiler that builds this program came out: a release dated before it has no date, whatever set it. Build systems
/// set `SOURCE_DATE_EPOCH` to 1, and a waiver must not come back to life by it.
const EARLIEST: &str = "2025-09-18";

fn waiver(waiver: &Waiver, inputs: &Inputs<'_>) -> WaiverFacts {
    let verdict = inputs.outcomes.iter().find(|o| o.gate.id == waiver.gate.value).map(|o| o.verdict);
    let state = match inputs.date {
        None => "not in force: no date is known; set SOURCE_DATE_EPOCH".to_string(),
        Some(date) if date < EARLIEST => {
            format!("not in force: {date} is before this program could be built; set SOURCE_DATE_EPOCH to the day of the release")
        }
        Some(date) if date > waiver.expires.as_str() => {
            format!("not in force: expired before {date}")
        }
        Some(_) => match verdict {
            Some(Verdict::Fail | Verdict::Inconclusive) => "in force".to_string(),
            _ => "not needed".to_string(),
        },
    };
    WaiverFacts {
        gate: waiver.gate.value.clone(),
        reason: waiver.reason.clone(),
        approver: waiver.approver.clone(),
        expires: waiver.expires.clone(),
        ticket: waiver.ticket.clone(),
        state,
    }
}

fn gate_facts(outcome: &Outcome, waivers: &[WaiverFacts]) -> GateFacts {
    let gate = outcome.gate;
    GateFacts {
        id: gate.id.into(),
        title: gate.title.into(),
        proves: gate.proves.into(),
        blind: gate.blind.into(),
        required: outcome.verdict != Verdict::NotApplicable,
        verdict: outcome.verdict,
        why: outcome.why.clone(),
        waived: waivers.iter().any(|w| w.gate == gate.id && w.state == "in force"),
        judged: outcome.judged(),
        tests: outcome.tests.iter().map(|t| TestJudgement { test: t.test.clone(), judgement: t.judgement.clone() }).collect(),
    }
}

/// The acceptance criteria. The worst of its gates decides; but what some of them prove is not the criterion: one that is asked for in part is not judged
/// unless a gate of it did not pass.
fn criteria(gates: &[GateFacts]) -> Vec<CriterionFacts> {
    CRITERIA
        .iter()
        .map(|criterion| {
            let carrying: Vec<(String, Verdict)> =
                gates.iter().filter(|g| criterion.gates.contains(&g.id.as_str())).map(|g| (g.id.clone(), g.verdict)).collect();
            let worst = carrying.iter().map(|g| g.1).max().unwrap_or(Verdict::NotApplicable);
            let all = carrying.len() == criterion.gates.len() && carrying.iter().all(|g| g.1 == Verdict::Pass);
            let verdict = if worst == Verdict::Pass && !all { Verdict::NotApplicable } else { worst };
            CriterionFacts { number: criterion.number, text: criterion.text.into(), gates: carrying, verdict }
        })
        .collect()
}

fn test_facts(test: &crate::contract::Test, evidence: &Evidence) -> TestFacts {
    let mut records: BTreeMap<String, u64> = BTreeMap::new();
    for part in evidence.parts.iter().filter(|p| p.test == test.id.value) {
        *records.entry(part.kind.to_string()).or_default() += part.table.rows() as u64;
    }
    TestFacts {
        id: test.id.value.clone(),
        plan: test.plan.clone(),
        baseline: test.subject == Subject::Baseline,
        fault: test.fault.clone(),
        method: test.method.clone(),
        model: test.model.clone(),
        layer: test.layer.clone(),
        covers: test.covers.iter().map(|c| c.value.clone()).collect(),
        expected: test.expected.clone(),
        requires: test.requires.iter().map(|r| r.value.clone()).collect(),
        partition: test.partition.clone(),
        records: records.into_iter().collect(),
    }
}

/// What is known of bindings, looked up by file: a matrix may name ten thousands of files.
struct Bindings<'i> {
    /// By path: tests and bindings.
    of: BTreeMap<&'i str, Vec<(&'i Test, &'i Binding)>>,
    /// By file, test and kind: rows.
    rows: BTreeMap<(usize, &'i str, &'i str), usize>,
}

fn artifacts(inputs: &Inputs<'_>) -> Vec<ArtifactFacts> {
    let mut bindings = Bindings { of: BTreeMap::new(), rows: BTreeMap::new() };
    for test in &inputs.matrix.tests {
        for binding in &test.evidence {
            bindings.of.entry(&binding.path.value).or_default().push((test, binding));
        }
    }
    for part in &inputs.evidence.parts {
        *bindings.rows.entry((part.artifact, &part.test, part.kind)).or_default() += part.table.rows();
    }
    inputs.evidence.artifacts.iter().enumerate().map(|(at, a)| artifact(a, at, &bindings)).collect()
}

fn artifact(artifact: &Artifact, at: usize, bindings: &Bindings<'_>) -> ArtifactFacts {
    ArtifactFacts {
        path: artifact.path.to_string(),
        sha256: artifact.sha256.to_string(),
        bytes: artifact.bytes,
        records: artifact.records,
        untaken: artifact.untaken,
        readings: readings(artifact, at, bindings),
        synthetic: artifact.synthetic,
        lock: artifact.lock.as_deref().map(str::to_string),
        state: match &artifact.state {
            State::Whole => "whole".into(),
            State::Absent => "missing".into(),
            State::Empty => "empty".into(),
            State::Unproven(why) | State::Foreign(why) => why.clone(),
        },
        tests: artifact.tests.clone(),
        unmapped: artifact.unmapped.clone(),
    }
}

fn lock(lock: &Lock, inputs: &Inputs<'_>) -> LockFacts {
    let under = inputs.evidence.artifacts.iter().filter(|a| a.lock.as_deref() == Some(lock.sha256.as_str()));
    LockFacts {
        path: lock.path.clone(),
        sha256: lock.sha256.clone(),
        sequence: lock.sequence,
        previous: lock.previous.clone(),
        contract: lock.contract.clone(),
        matrix: lock.matrix.clone(),
        seeds: lock.seeds.clone(),
        reason: lock.reason.clone(),
        signed: lock.signed,
        files: under.count() as u64,
    }
}

/// How far the matrix says that clocks may be apart.
fn skews(matrix: &Matrix) -> Option<Section> {
    let bound = |ns: i64| humantime::format_duration(std::time::Duration::from_nanos(ns.unsigned_abs()));
    let row = |s: &crate::contract::Skew| {
        (format!("{} and {}", s.between[0], s.between[1]), format!("at most {} apart; {}", bound(s.bound), s.basis))
    };
    let rows: Vec<(String, String)> = matrix.skews.iter().map(row).collect();
    (!rows.is_empty()).then(|| Section { title: "Clock skews declared in the matrix".into(), rows })
}

/// The locks as a section of what was declared: each is an attempt.
fn attempts(inputs: &Inputs<'_>) -> Option<Section> {
    let rows = inputs.locks.iter().map(|l| {
        let facts = lock(l, inputs);
        let same = (facts.contract.as_str(), facts.matrix.as_str()) == inputs.digests;
        let what = if same { "this contract and matrix" } else { "another contract or matrix" };
        let seeds: Vec<String> = l.seeds.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        // How many files were recorded under it is counted from evidence, which may be withheld: the gate and `locks` tell it.
        let mut text = format!("sha256:{} of {what}", facts.sha256);
        if let Some(reason) = &l.reason {
            text.push_str(&format!("; locked again because: {reason}"));
        }
        if !seeds.is_empty() {
            text.push_str(&format!("; seeds: {}", seeds.join(", ")));
        }
        text.push_str(if l.signed { "; signed" } else { "; not signed" });
        (format!("lock {}", l.sequence), text)
    });
    let rows: Vec<(String, String)> = rows.collect();
    (!rows.is_empty()).then(|| Section { title: "Locks before the run, one an attempt".into(), rows })
}

/// How each binding reads a file: whatever chooses records or changes their words is said, so that a mapping cannot hide it.
fn readings(artifact: &Artifact, at: usize, bindings: &Bindings<'_>) -> Vec<String> {
    let mut out = Vec::new();
    for (test, binding) in bindings.of.get(&*artifact.path).into_iter().flatten() {
        let rows = bindings.rows.get(&(at, test.id.value.as_str(), binding.kind.value.as_str())).copied().unwrap_or(0);
        let mut text = format!("{}, {}: {rows} rows", test.id.value, binding.kind.value);
        let pairs = |list: &[(String, String)]| list.iter().map(|(k, v)| format!("{k} = {v}")).collect::<Vec<_>>().join(", ");
        for (word, list) in [("when", &binding.when), ("unless", &binding.unless)] {
            if !list.is_empty() {
                text.push_str(&format!("; {word} {}", pairs(list)));
            }
        }
        for (field, value) in &binding.constants {
            text.push_str(&format!("; {} is always {value}", field.value));
        }
        for (field, rule) in &binding.fields {
            if let FieldRule::From { values, .. } = &rule.value {
                let changed = values.iter().filter(|(theirs, ours)| theirs != ours);
                let words: Vec<String> = changed.map(|(theirs, ours)| format!("{theirs} → {ours}")).collect();
                if !words.is_empty() {
                    text.push_str(&format!("; {}: {}", field.value, words.join(", ")));
                }
            }
        }
        out.push(text);
    }
    out.extend(artifact.notes.iter().map(|note| format!("assumed while reading: {note}")));
    out
}

/// What the contract declares, echoed with all defaults filled in.
fn declared(contract: &Contract) -> Vec<Section> {
    let mut sections = vec![cluster(contract)];
    sections.extend(contract.endpoints.iter().map(endpoint));
    for resource in &contract.resources {
        sections.push(section(
            &format!("Protected resource {}", resource.name.value),
            [("fence", resource.fence.word().to_string())],
        ));
    }
    if let Some(load) = &contract.load {
        sections.push(section(
            "Load",
            [
                ("writes per second λ_w", load.writes_per_second.to_string()),
                ("reads per second λ_r", load.reads_per_second.to_string()),
                ("share that counts as held", load.held.to_string()),
            ],
        ));
    }
    sections.push(objectives(contract));
    sections.extend(recovery(contract));
    if let Some(scenarios) = &contract.scenarios {
        let limit = |ns: Option<i64>| ns.map_or("none declared".to_string(), |ns| format!("{} s", seconds(ns)));
        sections.push(section(
            "Scenarios",
            [
                ("greatest probability of a violation p_U", scenarios.bound.to_string()),
                ("recovery after a crash", limit(scenarios.crash_recovery)),
                ("recovery after a lease takeover", limit(scenarios.takeover_recovery)),
            ],
        ));
    }
    if !contract.release.families.is_empty() {
        let names: Vec<&str> = contract.release.families.iter().map(|f| f.value.as_str()).collect();
        sections.push(section("Families of gates beyond the profile", [("asked for", names.join(", "))]));
    }
    if let Some(rollback) = &contract.rollback {
        let rehearsal = rollback.rehearsal.as_ref().map_or("none", |r| r.value.as_str());
        sections.push(section(
            "Rollback",
            [
                ("metric", rollback.metric.clone()),
                ("trigger", rollback.trigger.text.clone()),
                ("owner", rollback.owner.clone()),
                ("rehearsal", rehearsal.to_string()),
            ],
        ));
    }
    sections
}

/// Failover phases, probe and error budget.
fn recovery(contract: &Contract) -> Vec<Section> {
    let mut sections = Vec::new();
    if let Some(phases) = &contract.failover {
        sections.push(section(
            "Declared failover phases",
            [
                ("detect", format!("{} s", seconds(phases.detect))),
                ("elect", format!("{} s", seconds(phases.elect))),
                ("fence", format!("{} s", seconds(phases.fence))),
                ("catch-up", format!("{} s", seconds(phases.catch_up))),
                ("tolerance", format!("{} s", seconds(phases.tolerance))),
            ],
        ));
    }
    if let Some(probe) = &contract.probe {
        sections.push(section(
            "Health probe",
            [
                ("before the first probe", format!("{} s", seconds(probe.initial_delay))),
                ("period", format!("{} s", seconds(probe.period))),
                ("failures that restart a member", probe.threshold.to_string()),
                ("grace", format!("{} s", seconds(probe.grace))),
            ],
        ));
    }
    if let Some(budget) = &contract.budget {
        sections.push(section(
            "Error budget",
            [
                ("service level objective", budget.slo.to_string()),
                ("window", format!("{} d", Ratio::new(i128::from(budget.window), 86_400_000_000_000).unwrap_or(Ratio::ZERO))),
                ("share for one failover", budget.share.to_string()),
            ],
        ));
    }
    sections
}

fn section<const N: usize>(title: &str, rows: [(&str, String); N]) -> Section {
    Section { title: title.into(), rows: rows.into_iter().map(|(k, v)| (k.to_string(), v)).collect() }
}

fn cluster(contract: &Contract) -> Section {
    let cluster = &contract.cluster;
    let assumptions: Vec<&str> = cluster.fault_assumptions.iter().map(|a| a.value.as_str()).collect();
    section(
        "Cluster",
        [
            ("members", cluster.members.join(", ")),
            ("consensus", cluster.consensus.clone()),
            ("fault model", cluster.fault_model.word().to_string()),
            ("write quorum W", cluster.write_quorum().to_string()),
            ("read quorum R", cluster.read_quorum().to_string()),
            ("faulty members survived", cluster.tolerates.map_or("⌊(N−1)/2⌋".to_string(), |t| t.value.to_string())),
            ("membership rule", cluster.membership_rule.clone()),
            ("fault assumptions", assumptions.join(", ")),
        ],
    )
}

fn endpoint(endpoint: &crate::contract::Endpoint) -> Section {
    let mut rows = vec![
        ("operations".to_string(), endpoint.operations.join(", ")),
        ("consistency".to_string(), endpoint.consistency.word().to_string()),
    ];
    let mut add = |label: &str, value: Option<String>| rows.extend(value.map(|v| (label.to_string(), v)));
    add("retry", endpoint.retry.map(|(limit, backoff)| format!("{limit} further attempts, {} backoff", backoff.word())));
    add("idempotency", endpoint.idempotency.clone());
    add("semantics", endpoint.semantics.map(|s| s.word().to_string()));
    add("staleness bound", endpoint.staleness_bound.map(|ns| format!("{} s", seconds(ns))));
    add("repair", endpoint.repair.clone());
    add("user sees", endpoint.user_visible.clone());
    add("conflict policy", endpoint.conflict_policy.clone());
    Section { title: format!("Endpoint {}", endpoint.name.value), rows }
}

fn objectives(contract: &Contract) -> Section {
    let o = &contract.objectives;
    let mut rows = Vec::new();
    let mut add = |label: &str, value: Option<String>| rows.extend(value.map(|v| (label.to_string(), v)));
    add("recovery", o.recovery.map(|r| format!("{} s", seconds(r.value))));
    add("catch-up allowance", o.catch_up.map(|r| format!("{} s", seconds(r.value))));
    add("write p99", o.write_p99.map(|r| format!("{} ms", millis(r.value))));
    add("read p99", o.read_p99.map(|r| format!("{} ms", millis(r.value))));
    add("latency scope", Some(o.latency_scope.word().to_string()));
    add("confidence", Some(o.confidence.to_string()));
    add("lost commits", Some(o.lost_commits.to_string()));
    add("split-brain writes", Some(o.split_brain_writes.to_string()));
    add("duplicate executions", Some(o.duplicate_executions.to_string()));
    add("in doubt after a coordinator's crash", o.in_doubt.map(|r| format!("{} s", seconds(r.value))));
    add("attempts per operation during faults", o.retry_amplification.map(|r| format!("at most {r}")));
    Section { title: "Objectives".into(), rows }
}
