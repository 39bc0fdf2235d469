//! From the shape of a matrix to the matrix, with every fault gathered.
//!
//! In: TOML text and the contract it belongs to. Out: [`Matrix`], or all faults: unknown names, paths that leave the evidence folder,
//! keys that exclude one another. A fault that concerns the contract points at both files.

use super::Contract;
use super::choices::{NilRead, Subject, TimeUnit};
use super::decode::{Decoder, Pairs};
use super::leaf::{Id, Scalar};
use super::matrix::{Binding, Clock, Matrix, Model, Pair, Skew, Test, Whole};
use super::validate::{finish, ident, owned, unique, version};
use super::wire_matrix::{EvidenceWire, MatrixWire, SkewWire, TestWire, WholeWire};
use crate::error::{Fault, unknown};
use crate::source::{At, SourceId};
use std::collections::BTreeSet;

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

/// The rows of the partition matrix, with the fault of each.
pub const PARTITIONS: [(&str, &str); 5] = [
    ("P1", "isolate two followers"),
    ("P2", "isolate the old leader with one follower"),
    ("P3", "isolate the three-node side from the two-node side"),
    ("P4", "heal a partition after divergent uncommitted entries"),
    ("P5", "a partition during read load"),
];

/// The failure models that a test may have; one that injects nothing says `none`.
pub const MODELS: [&str; 7] = ["crash", "send-omission", "receive-omission", "timing", "value", "state-transition", "arbitrary"];

/// The layers at which a test may strike; one that injects nothing says `none`.
pub const LAYERS: [&str; 7] = ["process", "network", "dns", "balancer", "mesh", "disk", "clock"];

/// Reads a matrix and checks the names it takes from its contract.
///
/// # Errors
/// All faults of the text; those that concern the contract point at both files.
pub fn parse_matrix(source: SourceId, text: &str, contract: Option<&Contract>) -> Result<Matrix, Vec<Fault>> {
    let mut cx = Decoder::new(source);
    if cx.swapped(text, "quorate-contract/1", "name the matrix here; the contract is named before it") {
        return Err(cx.faults);
    }
    let wire = cx.document::<MatrixWire>(text);
    let matrix = wire.map(|wire| matrix(source, wire, contract, &mut cx));
    finish(matrix, cx)
}

fn matrix(source: SourceId, wire: MatrixWire, contract: Option<&Contract>, cx: &mut Decoder) -> Matrix {
    version(&wire.schema, "quorate-matrix/1", cx);
    let shared: Vec<Binding> = wire.evidence.into_iter().map(|e| binding(e, contract, cx)).collect();
    let mut tests: Vec<Test> = wire.test.into_iter().map(|t| test(t, contract, cx)).collect();
    for test in &mut tests {
        share(test, &shared);
        require_bound(test);
    }
    unique(tests.iter().map(|t| &t.id), "test", cx);
    if let Some(rehearsal) = contract.and_then(|c| c.rollback.as_ref()).and_then(|r| r.rehearsal.as_ref())
        && let Some(fault) = unknown(rehearsal, "test", tests.iter().map(|t| t.id.value.as_str()))
    {
        cx.fault(fault);
    }
    let skews = wire.skew.into_iter().filter_map(|s| skew(s, cx)).collect();
    let asked = |kind: &At<String>| tests.iter().flat_map(|t| &t.requires).any(|r| r.value == kind.value);
    let idle = shared.into_iter().map(|b| b.kind).filter(|kind| !asked(kind)).collect();
    Matrix { source, contract: wire.contract.map(|c| c.0), evidence_root: wire.evidence_root.map(|r| r.0), skews, tests, idle }
}

fn skew(wire: SkewWire, cx: &mut Decoder) -> Option<Skew> {
    if wire.bound.value.0 == 0 {
        let fault = Fault::at(wire.bound.span, "a skew must be above 0", "this bounds nothing");
        cx.fault(fault.help("two files on one clock name the same clock id"));
    }
    let ids: Vec<String> = wire.between.into_iter().map(|id| id.value.0).collect();
    match <[String; 2]>::try_from(ids) {
        Ok(between) if between[0] != between[1] => Some(Skew { between, bound: wire.bound.value.0, basis: wire.basis.value.0 }),
        _ => {
            let fault = Fault::at(wire.span, "`between` needs the ids of two different clocks", "in this table");
            cx.fault(fault.help("between = [\"host-a\", \"host-b\"]"));
            None
        }
    }
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
    let partition: Vec<At<String>> = wire.partition.into_iter().map(ident).collect();
    for row in &partition {
        check(row, "row of the partition matrix", &PARTITIONS.map(|p| p.0));
    }
    let (model, layer) = (ident(wire.model), ident(wire.layer));
    let or_none = |words: &[&'static str]| [&["none"], words].concat();
    check(&model, "failure model", &or_none(&MODELS));
    check(&layer, "layer", &or_none(&LAYERS));
    let covers: Vec<At<String>> = wire.covers.into_iter().map(|t| t.map(|t| t.0)).collect();
    if let Some(contract) = contract {
        for fault in undeclared(&covers, contract) {
            cx.fault(fault);
        }
    }
    let subject = wire.subject.as_ref().map_or(Subject::System, |s| s.value);
    if let Some(at) = wire.subject.as_ref().filter(|_| subject == Subject::Baseline)
        && !(plan.is_empty() && covers.is_empty())
    {
        let fault = Fault::at(at.span, "a baseline covers nothing of the system", "this test has a `plan` or `covers`");
        cx.fault(fault.help("leave `plan` and `covers` of a baseline empty"));
    }
    Test {
        id: ident(wire.id),
        subject,
        plan: plan.into_iter().map(|p| p.value).collect(),
        fault: wire.fault.value.0,
        method: wire.method.value.0,
        model: model.value,
        layer: layer.value,
        covers,
        expected: wire.expected.value.0,
        requires: wire.requires.into_iter().map(ident).collect(),
        partition: partition.into_iter().map(|p| p.value).collect(),
        injections: wire.injections.map(|i| i.map(|c| c.0)),
        generator: wire.generator.map(|g| g.value),
        evidence: wire.evidence.into_iter().map(|e| binding(e, contract, cx)).collect(),
    }
}

/// Faults of assumptions that the contract does not declare. Of very many only the first are told: each looks for the nearest of all declared names.
fn undeclared(covers: &[At<String>], contract: &Contract) -> Vec<Fault> {
    const MOST: usize = 100;
    let names = contract.cluster.fault_assumptions.iter().map(|a| a.value.as_str());
    let known: BTreeSet<&str> = names.clone().collect();
    let strange = covers.iter().filter(|c| !known.contains(c.value.as_str()));
    let faults = strange.take(MOST).filter_map(|name| unknown(name, "fault assumption", names.clone()));
    faults.map(|fault| fault.and(contract.cluster.span, "the contract's cluster declares them")).collect()
}

/// Binds the shared files of every kind that the test requires and binds none of its own.
fn share(test: &mut Test, shared: &[Binding]) {
    let own: Vec<String> = test.evidence.iter().map(|b| b.kind.value.clone()).collect();
    let id = test.id.value.clone();
    let wanted = shared.iter().filter(|b| test.requires.iter().any(|r| r.value == b.kind.value) && !own.contains(&b.kind.value));
    let bound: Vec<Binding> = wanted.map(|b| instance(b, &id)).collect();
    test.evidence.extend(bound);
}

/// What a test binds, it requires: a file that was read cannot be left unjudged by not naming its kind.
fn require_bound(test: &mut Test) {
    for binding in &test.evidence {
        if !test.requires.iter().any(|r| r.value == binding.kind.value) {
            test.requires.push(binding.kind.clone());
        }
    }
}

/// A shared binding with `{test}` replaced.
fn instance(binding: &Binding, test: &str) -> Binding {
    let fill = |text: &str| text.replace("{test}", test);
    let fill_all = |pairs: &[(String, String)]| pairs.iter().map(|(k, v)| (k.clone(), fill(v))).collect();
    let mut out = binding.clone();
    out.path.value = fill(&binding.path.value);
    if let Some(Whole::Marks { first, last, count }) = &binding.whole {
        out.whole = Some(Whole::Marks { first: fill_all(first), last: fill_all(last), count: count.clone() });
    }
    out
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
    if let (Some(contract), Some(name)) = (contract, &endpoint)
        && let Some(fault) = unknown(name, "endpoint", contract.endpoints.iter().map(|e| e.name.value.as_str()))
    {
        let span = contract.endpoints.first().map_or(contract.cluster.span, |e| e.name.span);
        cx.fault(fault.and(span, "the contract's endpoints begin here"));
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
        unless: matches(wire.unless),
        each: owned(wire.each),
        pair: wire.pair.map(|p| Pair { by: p.by.value.0, start: matches(p.start), stop: matches(p.stop) }),
        whole: wire.whole.and_then(|w| whole(w, cx)),
        lock: wire.lock.map(|l| l.map(|l| l.0)),
        fields: wire.fields.0.into_iter().map(|(k, v)| (k, v.0)).collect(),
        keyed: wire.keyed.map(|k| k.value),
        bare: false,
        only: None,
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
#[must_use]
pub fn clean_path(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= 400
        && !path.contains('\\')
        && !path.contains(':')
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}
