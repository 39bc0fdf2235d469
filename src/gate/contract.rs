//! The contract family: what must be declared before any test runs, and whether the evidence that was declared is there.
//!
//! In: contract, matrix and the state of the evidence. Out: judgements on the release as a whole. What a contract or matrix should
//! declare and does not is a fail; what is declared but has no whole evidence behind it is inconclusive. Refuses to know what the
//! evidence says.

mod lock;

use super::{Gate, Judge, ReleaseCx};
use crate::contract::{Consistency, Endpoint, FaultModel, LAYERS, MODELS, PLAN_ITEMS, Test};
use crate::evidence::State;
use crate::evidence::kinds::{Injection, Operation};
use crate::evidence::record::Record;
use crate::verdict::{Finding, Gap, Judged, Judgement};
use crate::words::plural;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "contract.expected-stated",
        title: "every test states what must be seen, and by which evidence",
        proves: "Every test declares fault, method, expected result and required evidence, and binds a file for each required kind.",
        blind: "It reads the declaration only: not whether it was written before the run, nor whether the files hold what they should.",
        needs: &[],
        safety: false,
        judge: Judge::Release(expected_stated),
    },
    Gate {
        id: "contract.plan-covered",
        title: "each of the ten plan items has a test with evidence",
        proves: "Each plan item is named by a test whose required evidence is bound and whole; items about failures, by one with a fault.",
        blind: "It takes the word of the matrix for what a test is about: whether the run did what the item says is for other gates.",
        needs: &[],
        safety: false,
        judge: Judge::Release(plan_covered),
    },
    Gate {
        id: "contract.fault-models-covered",
        title: "each declared fault assumption has a test",
        proves: "Each fault assumption is covered by a test that injects a fault and whose required evidence is bound and whole.",
        blind: "It takes the word of the matrix for failure model and layer; it does not look for faults that nobody thought of.",
        needs: &[],
        safety: false,
        judge: Judge::Release(fault_models_covered),
    },
    Gate {
        id: "contract.endpoints-complete",
        title: "every endpoint states what its consistency claim needs",
        proves: "A linearizable endpoint states retry and idempotency, an eventual one its staleness bound, repair, visible behaviour and \
                 conflict policy; where tests require histories, each endpoint was called and none was called that is not declared.",
        blind: "It does not judge whether what is stated is good or kept.",
        needs: &[],
        safety: false,
        judge: Judge::Release(endpoints_complete),
    },
    Gate {
        id: "contract.rollback-declared",
        title: "when to go back and who decides is declared, and was rehearsed",
        proves: "The contract names metric, trigger, owner and a rehearsal test whose required evidence is bound and whole.",
        blind: "Whether the trigger fired in the rehearsal is judged by budget.rollback-trigger.",
        needs: &[],
        safety: false,
        judge: Judge::Release(rollback_declared),
    },
    Gate {
        id: "contract.declared-before-run",
        title: "contract and matrix were locked before the evidence was recorded",
        proves: "Each evidence file holds the digest of a lock of this contract and matrix, so it was written after the lock; the chain of \
                 locks is unbroken, all evidence is of the newest of them, and each lock is listed as an attempt, with the reason for locking \
                 again. Asked of every release that has a lock, or evidence that names one.",
        blind: "A chain that was hidden whole, or its newest part, with all that was recorded under it, leaves no trace unless its head \
                was witnessed elsewhere. Runs under one lock are one attempt. Where a file holds the digest in its header only, that the records came \
                after it is the recorder's word.",
        needs: &[],
        safety: false,
        judge: Judge::Release(lock::declared_before_run),
    },
];

/// What says nothing when it stands as an expected result.
const EMPTY_WORDS: [&str; 9] = ["tbd", "todo", "?", "-", "n/a", "none", "unknown", "anything", "..."];

/// Plan items that are about failures, so that a run without a fault does not cover them.
const FAULT_ITEMS: [&str; 6] =
    ["leader-crash", "follower-lag", "minority-rejection", "stale-leader-fencing", "heal-reconciliation", "read-freshness"];

fn expected_stated(cx: &ReleaseCx<'_>) -> Judged {
    let mut findings = Vec::new();
    let mut missing = |test: &Test, what: String| {
        let source = cx.declared(test.id.span);
        findings.push(Finding::new("not-stated").with("test", &test.id.value).with("missing", what).source(source));
    };
    for test in &cx.matrix.tests {
        if EMPTY_WORDS.contains(&test.expected.trim().to_lowercase().as_str()) {
            missing(test, format!("an expected result: {:?} states nothing", test.expected));
        }
        if test.requires.is_empty() {
            missing(test, "required evidence".into());
        }
        for kind in test.requires.iter().filter(|k| !bound(test, &k.value)) {
            missing(test, format!("a file of {} evidence, which it requires", kind.value));
        }
    }
    let tests = cx.matrix.tests.len();
    Ok(match findings.first() {
        Some(first) => {
            let why = format!("test {} does not state {}", first.data["test"], first.data["missing"]);
            Judgement::fail(why, tests).findings(findings)
        }
        None if tests == 0 => Judgement::inconclusive("the matrix declares no test", 0),
        None => Judgement::pass(
            format!("{} fault, method, expected result and evidence", plural(tests, "test states", "tests state")),
            tests,
        ),
    })
}

fn bound(test: &Test, kind: &str) -> bool {
    test.evidence.iter().any(|b| b.kind.value == kind)
}

/// The evidence kinds without which a test shows nothing of a plan item.
const PLAN_KINDS: [(&str, &[&str]); 10] = [
    ("baseline", &["history"]),
    ("leader-crash", &["history", "faults", "phases"]),
    ("follower-lag", &["history", "faults", "members"]),
    ("minority-rejection", &["history", "faults", "members"]),
    ("stale-leader-fencing", &["fencing", "epochs"]),
    ("heal-reconciliation", &["history", "faults", "log"]),
    ("duplicate-retry", &["history", "attempts", "applied"]),
    ("read-freshness", &["history", "faults"]),
    ("snapshot-replay", &["replay"]),
    ("telemetry-review", &["telemetry"]),
];

/// Why a test shows nothing of a plan item, or nothing at all.
fn item_unproven(cx: &ReleaseCx<'_>, test: &Test, item: &str) -> Option<String> {
    let kinds = PLAN_KINDS.iter().find(|k| k.0 == item).map_or(&[][..], |k| k.1);
    let lacking = kinds.iter().find(|kind| !test.requires(kind));
    lacking.map(|kind| format!("test {} requires no {kind}", test.id.value)).or_else(|| unproven(cx, test))
}

/// Why a test proves nothing yet: no evidence required, a required kind that is not there or not whole, or a fault without a record of it.
fn unproven(cx: &ReleaseCx<'_>, test: &Test) -> Option<String> {
    if test.requires.is_empty() {
        return Some(format!("test {} requires no evidence", test.id.value));
    }
    if test.model != "none" && !test.requires(Injection::KIND.name) {
        return Some(format!("test {} injects a fault but requires no record of it (kind faults)", test.id.value));
    }
    test.requires.iter().find_map(|kind| {
        let mut parts = cx.evidence.parts.iter().filter(|p| p.test == test.id.value && p.kind == kind.value).peekable();
        if parts.peek().is_none() {
            return Some(format!("test {} has no {} evidence", test.id.value, kind.value));
        }
        parts.find_map(|part| {
            let artifact = &cx.evidence.artifacts[part.artifact];
            match &artifact.state {
                State::Whole if part.table.rows() > 0 => None,
                State::Whole | State::Empty => {
                    Some(format!("{} of test {} holds no {}", artifact.path, test.id.value, kind.value))
                }
                State::Absent => Some(format!("{} of test {} is missing", artifact.path, test.id.value)),
                State::Unproven(why) | State::Foreign(why) => Some(format!("{} of test {}: {why}", artifact.path, test.id.value)),
            }
        })
    })
}

/// Whether something declared has a test, and whether one of its tests has whole evidence.
enum Cover {
    Missing,
    Unproven(String),
    Proven,
}

fn cover<'t>(tests: impl Iterator<Item = &'t Test>, unproven: impl Fn(&Test) -> Option<String>) -> Cover {
    let mut state = Cover::Missing;
    for test in tests {
        match (unproven(test), &state) {
            (None, _) => return Cover::Proven,
            (Some(why), Cover::Missing) => state = Cover::Unproven(why),
            (Some(_), _) => {}
        }
    }
    state
}

fn plan_covered(cx: &ReleaseCx<'_>) -> Judged {
    let (mut missing, mut open) = (Vec::new(), Vec::new());
    for (item, meaning) in PLAN_ITEMS {
        let fit = |t: &&Test| t.plan.iter().any(|p| p == item) && (t.model != "none" || !FAULT_ITEMS.contains(&item));
        let finding = |claim: &str| Finding::new(claim).with("item", item).with("meaning", meaning);
        match cover(cx.matrix.tests.iter().filter(fit), |test| item_unproven(cx, test, item)) {
            Cover::Proven => {}
            Cover::Unproven(why) => open.push(finding("plan-item-unproven").with("why", why)),
            Cover::Missing => missing.push(finding("plan-item-missing")),
        }
    }
    let items = PLAN_ITEMS.len();
    let measured = format!("{} of {items}", items - missing.len() - open.len());
    let judgement = if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|f| f.data["item"].as_str()).collect();
        Judgement::fail(format!("no test covers {} of {items} plan items: {}", names.len(), names.join(", ")), items)
    } else if let Some(first) = open.first() {
        let why = format!("plan item {} is declared, but its evidence is not there: {}", first.data["item"], first.data["why"]);
        Judgement::inconclusive(why, items)
    } else {
        Judgement::pass(format!("each of {items} plan items has a test whose evidence is whole"), items)
    };
    Ok(judgement.findings(missing).findings(open).against(format!("= {items}"), measured, ""))
}

fn fault_models_covered(cx: &ReleaseCx<'_>) -> Judged {
    let assumptions = &cx.contract.cluster.fault_assumptions;
    if assumptions.is_empty() {
        let finding = Finding::new("no-fault-assumption").source(cx.declared(cx.contract.cluster.span));
        return Ok(Judgement::fail("the contract declares no fault assumption", 0).findings([finding]));
    }
    let mut fit: BTreeMap<&str, Vec<&Test>> = BTreeMap::new();
    for test in cx.matrix.tests.iter().filter(|t| t.model != "none") {
        test.covers.iter().for_each(|c| fit.entry(&c.value).or_default().push(test));
    }
    let tests: BTreeMap<&str, &Test> = fit.values().flatten().map(|t| (t.id.value.as_str(), *t)).collect();
    let said: BTreeMap<&str, Option<String>> = tests.into_iter().map(|(id, test)| (id, unproven(cx, test))).collect();
    let (mut missing, mut open) = (Vec::new(), Vec::new());
    for assumption in assumptions {
        let finding =
            |claim: &str| Finding::new(claim).with("assumption", &assumption.value).source(cx.declared(assumption.span));
        let tests = fit.get(assumption.value.as_str()).into_iter().flatten().copied();
        match cover(tests, |test| said.get(test.id.value.as_str()).cloned().flatten()) {
            Cover::Proven => {}
            Cover::Unproven(why) => open.push(finding("fault-assumption-unproven").with("why", why)),
            Cover::Missing => missing.push(finding("fault-assumption-missing")),
        }
    }
    if let Some(why) = model_untested(cx) {
        let model = cx.contract.cluster.fault_model.word();
        open.push(Finding::new("fault-model-untested").with("assumption", format!("{model} faults")).with("why", why));
    }
    let count = assumptions.len();
    let judgement = if let Some(first) = missing.first() {
        let why = format!(
            "no test that injects a fault covers {:?}; {} of {count} assumptions are not covered",
            first.data["assumption"],
            missing.len()
        );
        Judgement::fail(why, count)
    } else if let Some(first) = open.first() {
        let why = format!("{:?} is declared, but its evidence is not there: {}", first.data["assumption"], first.data["why"]);
        Judgement::inconclusive(why, count)
    } else {
        Judgement::pass(format!("each of {count} fault assumptions has a test whose evidence is whole"), count)
    };
    Ok(judgement.findings(missing).findings(open).findings(coverage(cx)))
}

/// The cluster's fault model, when no test injects a fault that it allows but a milder one does not.
fn model_untested(cx: &ReleaseCx<'_>) -> Option<String> {
    let models: &[&str] = match cx.contract.cluster.fault_model {
        FaultModel::Crash => &MODELS,
        FaultModel::Omission => &["send-omission", "receive-omission"],
        FaultModel::Byzantine => &["value", "state-transition", "arbitrary"],
    };
    let tested = cx.matrix.of_system().any(|t| models.contains(&t.model.as_str()));
    (!tested).then(|| format!("no test has the failure model {}", models.join(" or ")))
}

/// The coverage matrix: one finding a failure model, with the tests at each layer.
fn coverage(cx: &ReleaseCx<'_>) -> Vec<Finding> {
    let row = |model: &&str| {
        LAYERS.iter().fold(Finding::new("coverage").with("model", model), |finding, layer| {
            let here = cx.matrix.of_system().filter(|t| t.model == *model && t.layer == *layer);
            let tests: Vec<&str> = here.map(|t| t.id.value.as_str()).collect();
            finding.with(layer, if tests.is_empty() { "–".to_string() } else { tests.join(", ") })
        })
    };
    MODELS.iter().map(row).collect()
}

/// What an endpoint leaves out that its claim needs.
fn unstated(endpoint: &Endpoint) -> Vec<&'static str> {
    let needs: Vec<(&str, bool)> = match endpoint.consistency {
        Consistency::Linearizable => {
            vec![("retry", endpoint.retry.is_some()), ("idempotency", endpoint.idempotency.is_some())]
        }
        Consistency::Eventual => vec![
            ("staleness-bound", endpoint.staleness_bound.is_some()),
            ("repair", endpoint.repair.is_some()),
            ("user-visible", endpoint.user_visible.is_some()),
            ("conflict-policy", endpoint.conflict_policy.is_some()),
        ],
    };
    needs.into_iter().filter(|(_, there)| !there).map(|(name, _)| name).collect()
}

fn endpoints_complete(cx: &ReleaseCx<'_>) -> Judged {
    let endpoints = &cx.contract.endpoints;
    if endpoints.is_empty() {
        return Ok(Judgement::fail("the contract declares no endpoint", 0));
    }
    let mut findings = Vec::new();
    for endpoint in endpoints {
        let mut left_out = unstated(endpoint);
        if endpoint.operations.is_empty() {
            left_out.push("operations");
        }
        if !left_out.is_empty() {
            let finding = Finding::new("endpoint-incomplete")
                .with("endpoint", &endpoint.name.value)
                .with("consistency", endpoint.consistency.word())
                .with("missing", left_out.join(", "));
            findings.push(finding.source(cx.declared(endpoint.name.span)));
        }
    }
    let count = endpoints.len();
    if let Some(first) = findings.first() {
        let d = &first.data;
        let why = format!("the {} endpoint {} does not state {}", d["consistency"], d["endpoint"], d["missing"]);
        return Ok(Judgement::fail(why, count).findings(findings));
    }
    let calls = calls(cx);
    if let Some(first) = calls.undeclared.first() {
        let why = format!("operations call {}, which the contract does not declare", first.data["endpoint"]);
        return Ok(Judgement::fail(why, count).findings(calls.undeclared));
    }
    if let Some(gap) = calls.gap {
        return Err(gap);
    }
    let idle = endpoints.iter().find(|e| calls.expected && !calls.called.contains(e.name.value.as_str()));
    Ok(match idle {
        Some(endpoint) => {
            let why = format!("endpoint {} is declared, but no operation of a whole history calls it", endpoint.name.value);
            let finding = Finding::new("endpoint-not-called").source(cx.declared(endpoint.name.span));
            Judgement::inconclusive(why, count).findings([finding.with("endpoint", &endpoint.name.value)])
        }
        None => Judgement::pass(
            format!("{} needed for what is claimed", plural(count, "endpoint states what is", "endpoints state what is")),
            count,
        ),
    })
}

/// What the histories say about endpoints.
struct Calls<'c> {
    /// Whether a test requires a history at all.
    expected: bool,
    /// Declared endpoints that were called.
    called: BTreeSet<&'c str>,
    /// One finding for each endpoint that is not declared.
    undeclared: Vec<Finding>,
    /// The first history that a test requires and that cannot be read, so that what it calls is not known.
    gap: Option<Gap>,
}

fn calls<'c>(cx: &ReleaseCx<'c>) -> Calls<'c> {
    let mut calls = Calls { expected: false, called: BTreeSet::new(), undeclared: Vec::new(), gap: None };
    let mut foreign = BTreeSet::new();
    for test in &cx.matrix.tests {
        calls.expected |= test.requires("history");
        let rows = match cx.evidence.rows::<Operation>(&test.id.value) {
            Ok(rows) => rows,
            Err(gap) => {
                calls.gap = calls.gap.or(test.requires("history").then_some(gap));
                continue;
            }
        };
        for (id, op) in rows.iter() {
            match op.endpoint {
                Some(name) => match cx.contract.endpoint(cx.evidence.text(name)) {
                    Some(endpoint) => drop(calls.called.insert(endpoint.name.value.as_str())),
                    None if foreign.insert(name) => {
                        let finding = Finding::new("endpoint-undeclared").with("endpoint", cx.evidence.text(name));
                        calls.undeclared.push(finding.with("test", &test.id.value).source(rows.source(id)));
                    }
                    None => {}
                },
                None => {
                    let serves = |e: &&Endpoint| e.operations.iter().any(|o| o == op.op.word());
                    calls.called.extend(cx.contract.endpoints.iter().filter(serves).map(|e| e.name.value.as_str()));
                }
            }
        }
    }
    calls
}

fn rollback_declared(cx: &ReleaseCx<'_>) -> Judged {
    let Some(rollback) = &cx.contract.rollback else {
        return Ok(Judgement::fail("the contract declares no rollback: metric, trigger and owner are missing", 0));
    };
    let declared = cx.declared(rollback.span);
    let Some(rehearsal) = &rollback.rehearsal else {
        let finding = Finding::new("no-rehearsal").with("metric", &rollback.metric).source(declared);
        return Ok(Judgement::fail("the rollback names no test that rehearsed it", 1).findings([finding]));
    };
    let finding = Finding::new("rollback")
        .with("metric", &rollback.metric)
        .with("trigger", &rollback.trigger.text)
        .with("owner", &rollback.owner)
        .with("rehearsal", &rehearsal.value)
        .source(declared);
    let test = cx.matrix.tests.iter().find(|t| t.id.value == rehearsal.value);
    let judgement = match test.map(|t| unproven(cx, t)) {
        None => Judgement::fail(format!("the rehearsal {} is no test of the matrix", rehearsal.value), 1),
        Some(Some(why)) => Judgement::inconclusive(format!("a rehearsal is declared, but its evidence is not there: {why}"), 1),
        Some(None) => {
            let why = format!(
                "{} goes back when {} {}, rehearsed in {}",
                rollback.owner, rollback.metric, rollback.trigger.text, rehearsal.value
            );
            Judgement::pass(why, 1)
        }
    };
    Ok(judgement.findings([finding]))
}
