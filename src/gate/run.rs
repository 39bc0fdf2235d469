//! Runs the gates of a profile.
//!
//! In: a release and its profile. Out: one outcome a gate, in the order of the profile. The worst test counts. A test that does not
//! exercise what a gate asks says so with [`Judgement::not_exercised`] and is left out; a gate that no test exercises is inconclusive.

use super::{Gate, Judge, Profile, ReleaseCx, TestCx, gates, wanted};
use crate::judge::traffic::idle_fault;
use crate::verdict::{Gap, Judgement, Verdict, telling};
use std::collections::BTreeMap;

/// What one gate says about one test.
#[derive(Debug, Clone)]
pub struct TestOutcome {
    /// The test; empty when the release as a whole was judged.
    pub test: String,
    /// What it says.
    pub judgement: Judgement,
}

/// What one gate says in all.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The gate.
    pub gate: &'static Gate,
    /// The verdict: the worst of its tests.
    pub verdict: Verdict,
    /// The reason, from the worst test (or the exclusion).
    pub why: String,
    /// What it says about each test.
    pub tests: Vec<TestOutcome>,
}

impl Outcome {
    /// The judgement that speaks for the gate, see [`telling`].
    #[must_use]
    pub fn deciding(&self) -> Option<&TestOutcome> {
        spokesman(self.verdict, &self.tests)
    }

    /// How many records were judged.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.tests.iter().map(|t| t.judgement.judged).sum()
    }
}

/// By test: the first fault without traffic, if any, or why that cannot be told.
type Traffic<'t> = BTreeMap<&'t str, Result<Option<String>, Gap>>;

/// Judges all gates: those of the profile, and the others as not applicable.
#[must_use]
pub fn judge(cx: &ReleaseCx<'_>, profile: &Profile) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    let tests = cx.matrix.tests.iter().map(|t| t.id.value.as_str());
    let traffic: Traffic<'_> = tests.map(|test| (test, idle_fault(cx.evidence, test))).collect();
    let order = |g: &&Gate| matches!(g.judge, Judge::Outcomes(_));
    let mut all = gates();
    all.sort_by_key(order);
    for gate in all {
        let outcome = match left_out(cx, gate, profile) {
            Some(why) => skipped(gate, why),
            None => run(cx, gate, &outcomes, &traffic),
        };
        outcomes.push(outcome);
    }
    let position = |o: &Outcome| gates().iter().position(|g| g.id == o.gate.id);
    outcomes.sort_by_key(position);
    outcomes
}

/// Why a gate is not asked, if it is not.
pub(super) fn left_out(cx: &ReleaseCx<'_>, gate: &Gate, profile: &Profile) -> Option<String> {
    if !wanted(cx, profile, gate) {
        return Some(format!("profile {} does not ask for it", profile.name));
    }
    let exclusion = cx.contract.exclusions.iter().find(|e| e.gate.value == gate.id)?;
    Some(format!("excluded: {}", exclusion.reason))
}

fn skipped(gate: &'static Gate, why: String) -> Outcome {
    Outcome { gate, verdict: Verdict::NotApplicable, why, tests: Vec::new() }
}

fn run(cx: &ReleaseCx<'_>, gate: &'static Gate, others: &[Outcome], traffic: &Traffic<'_>) -> Outcome {
    let whole = |judgement: Judgement| vec![TestOutcome { test: String::new(), judgement }];
    let tests = match gate.judge {
        Judge::Release(judge) => whole(judge(cx).unwrap_or_else(Judgement::from)),
        Judge::Outcomes(judge) => whole(judge(cx, others).unwrap_or_else(Judgement::from)),
        Judge::Test(judge) => cx
            .matrix
            .of_system()
            .filter(|test| gate.needs.iter().all(|kind| test.requires(kind)))
            .map(|test| TestOutcome {
                test: test.id.value.clone(),
                judgement: on_test(judge, &TestCx { release: *cx, test }, traffic),
            })
            .collect(),
    };
    outcome(cx, gate, tests)
}

/// The outcome of a gate from what it says about each test.
pub(super) fn outcome(cx: &ReleaseCx<'_>, gate: &'static Gate, tests: Vec<TestOutcome>) -> Outcome {
    let worst = tests.iter().map(|t| t.judgement.verdict).max();
    let Some((worst, said)) = worst.and_then(|worst| Some((worst, spokesman(worst, &tests)?))) else {
        return Outcome { gate, verdict: Verdict::Inconclusive, why: unrequired(cx, gate), tests };
    };
    let verdict = if worst == Verdict::NotApplicable { Verdict::Inconclusive } else { worst };
    let why = headline(worst, said, &tests);
    Outcome { gate, verdict, why, tests }
}

fn spokesman(verdict: Verdict, tests: &[TestOutcome]) -> Option<&TestOutcome> {
    let judgements: Vec<&Judgement> = tests.iter().map(|t| &t.judgement).collect();
    tests.get(telling(verdict, &judgements)?)
}

/// Why no test can be judged: which evidence would have to be required.
fn unrequired(cx: &ReleaseCx<'_>, gate: &Gate) -> String {
    let never: Vec<&str> = gate.needs.iter().copied().filter(|k| !cx.matrix.of_system().any(|t| t.requires(k))).collect();
    let needs = gate.needs.join(" and ");
    if gate.needs.len() > 1 && never.is_empty() {
        format!("no single test requires {needs}: different tests do, and the gate needs them of one run")
    } else {
        format!("no test requires {}", if never.is_empty() { needs } else { never.join(" and ") })
    }
}

/// The sentence for all tests: of a pass, how many of them exercise the gate, and the tightest; of a gate that no test exercises, what each of them lacks.
fn headline(worst: Verdict, said: &TestOutcome, tests: &[TestOutcome]) -> String {
    let why = &said.judgement.why;
    let alike = tests.iter().filter(|t| t.judgement.verdict == worst).count();
    match worst {
        Verdict::Pass if alike < tests.len() => {
            let tightest = if alike == 1 { "" } else { "tightest: " };
            format!("{alike} of {} tests, the others do not exercise it; {tightest}{}: {why}", tests.len(), said.test)
        }
        Verdict::Pass if alike > 1 => format!("{alike} tests; tightest: {}: {why}", said.test),
        Verdict::NotApplicable => {
            let names: Vec<&str> = tests.iter().map(|t| t.test.as_str()).collect();
            let whose = if names.len() == 1 { "test" } else { "tests" };
            let same = tests.iter().all(|t| t.judgement.why == *why);
            let lead = if same { String::new() } else { format!("{}: ", said.test) };
            format!("no test exercises it: {lead}{why} (judged: {whose} {})", names.join(", "))
        }
        _ => why.clone(),
    }
}

/// Judges one test and holds back a pass where no operation was in flight in some fault window.
fn on_test(judge: fn(&TestCx<'_>) -> crate::verdict::Judged, cx: &TestCx<'_>, traffic: &Traffic<'_>) -> Judgement {
    let judgement = judge(cx).unwrap_or_else(Judgement::from);
    held_back(judgement, traffic.get(cx.test.id.value.as_str()).unwrap_or(&Ok(None)))
}

/// Takes back a pass over a fault without traffic.
pub(super) fn held_back(judgement: Judgement, traffic: &Result<Option<String>, Gap>) -> Judgement {
    if judgement.verdict != Verdict::Pass {
        return judgement;
    }
    match traffic {
        Ok(Some(fault)) => {
            let why = format!("no traffic: no operation was in flight during fault {fault}");
            Judgement { verdict: Verdict::Inconclusive, why, ..judgement }
        }
        Ok(None) => judgement,
        Err(gap) => Judgement {
            verdict: Verdict::Inconclusive,
            why: format!("traffic during faults is not shown: {}", gap.why),
            ..judgement
        },
    }
}
