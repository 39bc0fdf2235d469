//! Judges changed evidence again, and only what can come out otherwise.
//!
//! In: a release, and later copies of it of which something was changed. Out: the outcomes of the changed one. Each judgement of a gate on
//! a test notes which kinds of which tests it asks for; what it says depends on nothing else of the evidence, so it is taken over when
//! none of them was touched. Gates on the release as a whole may look at files too and are judged again whenever they are asked for. Refuses to know what was changed.

use super::run::{held_back, left_out, outcome};
use super::{Gate, Judge, Outcome, Profile, ReleaseCx, TestCx, TestOutcome};
use crate::evidence::Reads;
use crate::judge::traffic::idle_fault;
use crate::verdict::{Gap, Judged, Judgement};
use std::collections::BTreeMap;

/// What a gate says of one test.
#[derive(Debug)]
struct Said {
    outcome: TestOutcome,
    /// The same before the rule of traffic.
    raw: Judgement,
    /// What it rests on.
    reads: Reads,
}

/// A gate that is asked, and what it says.
#[derive(Debug)]
struct Known {
    gate: &'static Gate,
    tests: Vec<Said>,
}

/// The first fault of a test without traffic, or why that cannot be told.
type Idle = Result<Option<String>, Gap>;

/// The judgements of a release, without their findings and figures, and what each rests on.
#[derive(Debug)]
pub struct Base {
    known: Vec<Known>,
    /// Traffic by test, and what that rests on.
    traffic: BTreeMap<String, (Idle, Reads)>,
}

impl Base {
    /// Judges a release with those of these gates that its profile asks for and the contract does not exclude.
    #[must_use]
    pub fn new(cx: &ReleaseCx<'_>, gates: &[&'static Gate], profile: &Profile) -> Self {
        let evidence = cx.evidence.watched();
        let cx = ReleaseCx { evidence: &evidence, ..*cx };
        let mut base = Self { known: Vec::new(), traffic: BTreeMap::new() };
        for test in cx.matrix.tests.iter().map(|t| &t.id.value) {
            let idle = idle_fault(&evidence, test);
            base.traffic.insert(test.clone(), (idle, evidence.take_reads()));
        }
        for gate in gates.iter().copied().filter(|g| left_out(&cx, g, profile).is_none()) {
            let mut tests = Vec::new();
            let mut note = |test: String, raw: Judgement, idle: Option<&Idle>| {
                let judgement = idle.map_or_else(|| raw.clone(), |idle| held_back(raw.clone(), idle));
                tests.push(Said { outcome: TestOutcome { test, judgement }, raw, reads: evidence.take_reads() });
            };
            match gate.judge {
                Judge::Release(judge) => note(String::new(), lean(judge(&cx)), None),
                Judge::Test(judge) => {
                    for test in cx.matrix.of_system().filter(|t| gate.needs.iter().all(|kind| t.requires(kind))) {
                        let name = test.id.value.clone();
                        let idle = base.traffic.get(&name).map(|t| &t.0);
                        note(name, lean(judge(&TestCx { release: cx, test })), idle);
                    }
                }
                Judge::Outcomes(_) => {}
            }
            base.known.push(Known { gate, tests });
        }
        base.last(&cx);
        base
    }

    /// Adds what the gates say that judge the outcomes of the others.
    fn last(&mut self, cx: &ReleaseCx<'_>) {
        let outcomes = self.first(cx, &Reads::new(), &|_| true);
        drop(cx.evidence.take_reads());
        for known in &mut self.known {
            if let Judge::Outcomes(judge) = known.gate.judge {
                let raw = lean(judge(cx, &outcomes));
                let outcome = TestOutcome { test: String::new(), judgement: raw.clone() };
                known.tests = vec![Said { outcome, raw, reads: cx.evidence.take_reads() }];
            }
        }
    }

    /// What gates said of tests (an empty name stands for the release as a whole), and what each asked for.
    pub fn judgements(&self) -> impl Iterator<Item = (&'static Gate, &TestOutcome, &Reads)> {
        self.known.iter().flat_map(|k| k.tests.iter().map(move |s| (k.gate, &s.outcome, &s.reads)))
    }

    /// The gates that were asked.
    pub fn gates(&self) -> impl Iterator<Item = &'static Gate> + '_ {
        self.known.iter().map(|k| k.gate)
    }

    /// What those gates say of a changed release that are asked for, of which these kinds were touched in these tests. A gate on the outcomes of others
    /// asks for all of them.
    #[must_use]
    pub fn again(&self, cx: &ReleaseCx<'_>, touched: &Reads, asked: &dyn Fn(&str) -> bool) -> Vec<Outcome> {
        let of_outcomes = |known: &&Known| matches!(known.gate.judge, Judge::Outcomes(_)) && asked(known.gate.id);
        let all = self.known.iter().any(|known| of_outcomes(&known));
        let mut outcomes = self.first(cx, touched, &|gate| all || asked(gate));
        for known in self.known.iter().filter(of_outcomes) {
            if let Judge::Outcomes(judge) = known.gate.judge {
                outcomes.push(outcome(cx, known.gate, whole(judge(cx, &outcomes))));
            }
        }
        outcomes
    }

    /// What the gates say that do not judge the outcomes of others.
    fn first(&self, cx: &ReleaseCx<'_>, touched: &Reads, asked: &dyn Fn(&str) -> bool) -> Vec<Outcome> {
        let hit = |reads: &Reads| !reads.is_disjoint(touched);
        let stirred = self.traffic.iter().filter(|(_, (_, reads))| hit(reads));
        let traffic: BTreeMap<&str, Idle> = stirred.map(|(test, _)| (test.as_str(), idle_fault(cx.evidence, test))).collect();
        let on_test = |judge: fn(&TestCx<'_>) -> Judged, said: &Said| {
            let name = said.outcome.test.as_str();
            let (changed, idle) = (hit(&said.reads), traffic.get(name));
            let test = cx.matrix.tests.iter().find(|t| t.id.value == name).filter(|_| changed || idle.is_some());
            let Some(test) = test else { return said.outcome.clone() };
            let raw = if changed { lean(judge(&TestCx { release: *cx, test })) } else { said.raw.clone() };
            let before = self.traffic.get(name).map(|t| &t.0);
            let judgement = match idle.or(before) {
                Some(idle) => held_back(raw, idle),
                None => raw,
            };
            TestOutcome { test: name.to_string(), judgement }
        };
        let mut outcomes: Vec<Outcome> = Vec::new();
        for known in self.known.iter().filter(|known| asked(known.gate.id)) {
            let tests = known.tests.iter();
            match known.gate.judge {
                Judge::Release(judge) => outcomes.push(outcome(cx, known.gate, whole(judge(cx)))),
                Judge::Test(judge) => outcomes.push(outcome(cx, known.gate, tests.map(|s| on_test(judge, s)).collect())),
                Judge::Outcomes(_) => {}
            }
        }
        outcomes
    }
}

fn whole(judged: Judged) -> Vec<TestOutcome> {
    vec![TestOutcome { test: String::new(), judgement: lean(judged) }]
}

/// A judgement without what only a reader needs.
fn lean(judged: Judged) -> Judgement {
    let judgement = judged.unwrap_or_else(Judgement::from);
    Judgement { figures: Vec::new(), findings: Vec::new(), ..judgement }
}
