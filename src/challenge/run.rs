//! Makes mutants, has them judged and says what became of each.
//!
//! In: a release, its gates, operators and a seed. Out: [`Challenge`], the same on any number of threads. Only gates that asked for
//! what a mutant touches are judged again. Refuses to know what an operator does.

use super::pick::places;
use super::places::Places;
use super::scene::{Change, Operator, Scene, Wants};
use super::{Answer, Challenge, Fate, Mutant};
use crate::contract::{Subject, Test};
use crate::evidence::Reads;
use crate::evidence::edit::Edit;
use crate::gate::{Base, Gate, Judge, Outcome, Profile, ReleaseCx, TestCx};
use crate::verdict::Verdict;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The gate that compares with a baseline: only what is meant to turn it changes what a baseline did, for no other gate looks at one.
const BASELINE: &str = "scenarios.baseline";

/// How a release is challenged.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The seed of the places.
    pub seed: u64,
    /// The most mutants of one operator.
    pub each: usize,
    /// How many threads judge.
    pub threads: usize,
}

/// A release with what its gates say of it unchanged.
struct Ground<'a> {
    cx: ReleaseCx<'a>,
    base: Base,
    settings: Settings,
}

/// Challenges a release: each operator makes its mutants one at a time, and the gates judge each.
#[must_use]
pub fn challenge(
    cx: &ReleaseCx<'_>,
    gates: &[&'static Gate],
    profile: &Profile,
    operators: &[&'static Operator],
    settings: Settings,
) -> Challenge {
    let ground = Ground { cx: *cx, base: Base::new(cx, gates, profile), settings };
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<Mutant>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..settings.threads.clamp(1, operators.len().max(1)) {
            scope.spawn(|| {
                while let Some((at, operator)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, *operators.get(at)?)))
                {
                    let mutants = ground.mutants(at, operator);
                    found.lock().unwrap_or_else(PoisonError::into_inner).extend(mutants);
                }
            });
        }
    });
    let mut mutants = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    mutants.sort_by_key(|m| m.operator);
    let passes = |gate: &str| ground.base.judgements().any(|(g, said, _)| g.id == gate && pass(said.judgement.verdict));
    let (passing, open): (Vec<_>, Vec<_>) = ground.base.gates().map(|g| g.id).partition(|id| passes(id));
    let fails = |gate: &str| ground.base.judgements().any(|(g, said, _)| g.id == gate && said.judgement.verdict == Verdict::Fail);
    let failing = open.iter().copied().filter(|id| fails(id)).collect();
    Challenge { seed: settings.seed, each: settings.each, operators: operators.to_vec(), mutants, passing, open, failing }
}

fn pass(verdict: Verdict) -> bool {
    verdict == Verdict::Pass
}

/// A gate that a mutant is meant to turn, and the test on which it is (empty: the release).
type Target = (&'static str, String);

impl Ground<'_> {
    fn mutants(&self, at: usize, operator: &'static Operator) -> Vec<Mutant> {
        match operator.change {
            Change::Rows(offer) => self.of_rows(at, operator, offer),
            Change::File(edit) => {
                let files = self.cx.evidence.artifacts.len();
                let chosen = places(self.settings.seed, operator.id, files, self.settings.each);
                chosen.into_iter().filter_map(|file| self.of_file(at, operator, file, edit(file))).collect()
            }
            Change::Declared(sites) => {
                let targets = self.targets(operator, None);
                if targets.is_empty() {
                    return Vec::new();
                }
                let sites = sites(self.cx.contract, self.cx.matrix);
                let chosen = places(self.settings.seed, operator.id, sites.len(), self.settings.each);
                let declared = chosen.into_iter().filter_map(|i| sites.get(i));
                let judged = declared.map(|(what, contract, matrix)| {
                    let outcomes = self.again(&ReleaseCx { contract, matrix, ..self.cx }, &Reads::new(), &targets);
                    let mutant = Mutant { what: what.clone(), ..blank(at) };
                    weigh(operator, mutant, &targets, &outcomes)
                });
                judged.collect()
            }
        }
    }

    /// Mutants of rows: places are counted over all tests on which a gate that is to be turned passed, and only the chosen ones are made.
    fn of_rows(&self, at: usize, operator: &'static Operator, offer: fn(&Scene<'_>, &mut Places)) -> Vec<Mutant> {
        let go = |test: &Test, mut places: Places| {
            offer(&Scene { cx: TestCx { release: self.cx, test } }, &mut places);
            places
        };
        let of_baseline = operator.gates.contains(&BASELINE);
        let offered = |test: &&Test| {
            (test.subject == Subject::System || of_baseline) && !self.targets(operator, Some(test.id.value.as_str())).is_empty()
        };
        let tests: Vec<&Test> = self.cx.matrix.tests.iter().filter(offered).collect();
        let orders: Vec<Vec<usize>> = tests.iter().map(|test| go(test, Places::count()).in_order()).collect();
        let all = orders.iter().map(Vec::len).sum();
        let mut mutants = Vec::new();
        let (mut chosen, mut before) =
            (places(self.settings.seed, operator.id, all, self.settings.each).into_iter().peekable(), 0);
        for (test, order) in tests.iter().zip(&orders) {
            let mut numbers = Vec::new();
            while let Some(place) = chosen.next_if(|place| *place < before + order.len()) {
                numbers.extend(order.get(place - before));
            }
            before += order.len();
            if numbers.is_empty() {
                continue;
            }
            let made = go(test, Places::take(numbers.clone()));
            mutants.extend(numbers.iter().filter_map(|n| made.edits(*n)).map(|edits| self.of_edits(at, operator, test, edits)));
        }
        mutants
    }

    /// A mutant of rows of one test.
    fn of_edits(&self, at: usize, operator: &Operator, test: &Test, edits: &[Edit]) -> Mutant {
        let test = test.id.value.as_str();
        let (evidence, touched) = self.cx.evidence.edited(test, edits);
        let targets = self.targets(operator, Some(test));
        let outcomes = self.again(&ReleaseCx { evidence: &evidence, ..self.cx }, &touched, &targets);
        let place = edits.iter().find_map(Edit::row).and_then(|(kind, row)| self.cx.evidence.source_of(test, kind, row));
        let mutant = Mutant { test: test.to_string(), at: place, ..blank(at) };
        weigh(operator, mutant, &targets, &outcomes)
    }

    /// What the gates say of a mutant that it is meant to turn. What else it turns is not asked: that would judge everything again each time.
    fn again(&self, cx: &ReleaseCx<'_>, touched: &Reads, targets: &[Target]) -> Vec<Outcome> {
        self.base.again(cx, touched, &|gate| targets.iter().any(|t| t.0 == gate))
    }

    /// A mutant of a file: every gate that asked for what was read from it is to be turned.
    fn of_file(&self, at: usize, operator: &'static Operator, file: usize, edit: Edit) -> Option<Mutant> {
        let (evidence, touched) = self.cx.evidence.edited("", &[edit]);
        let asked = |(gate, said, reads): (&'static Gate, &crate::gate::TestOutcome, &Reads)| {
            let leans = !reads.is_disjoint(&touched) || operator.gates.contains(&gate.id);
            (leans && pass(said.judgement.verdict)).then(|| (gate.id, said.test.clone()))
        };
        let targets: Vec<Target> = self.base.judgements().filter_map(asked).collect();
        let outcomes = self.again(&ReleaseCx { evidence: &evidence, ..self.cx }, &touched, &targets);
        let artifact = self.cx.evidence.artifacts.get(file)?;
        let mutant = Mutant { at: Some(artifact.source()), ..blank(at) };
        (!targets.is_empty()).then(|| weigh(operator, mutant, &targets, &outcomes))
    }

    /// The gates of an operator that passed: on a test, or on the release as a whole.
    fn targets(&self, operator: &Operator, test: Option<&str>) -> Vec<Target> {
        let wanted = |gate: &Gate, on: &str| {
            let here = !matches!(gate.judge, Judge::Test(_)) || test.is_none_or(|test| test == on);
            here && operator.gates.contains(&gate.id)
        };
        let judgements = self.base.judgements().filter(|(g, said, _)| wanted(g, &said.test) && pass(said.judgement.verdict));
        judgements.map(|(g, said, _)| (g.id, said.test.clone())).collect()
    }
}

fn weigh(operator: &Operator, mutant: Mutant, targets: &[Target], outcomes: &[Outcome]) -> Mutant {
    let answer = |(gate, test): &Target| {
        let said = outcomes.iter().filter(|o| o.gate.id == *gate).flat_map(|o| &o.tests).find(|t| t.test == *test)?;
        let fate = match (said.judgement.verdict, operator.wants) {
            (Verdict::Fail, _) | (Verdict::Inconclusive | Verdict::NotApplicable, Wants::NoPass) => Fate::Caught,
            (Verdict::Pass, _) => Fate::Survived,
            _ => Fate::Held,
        };
        Some(Answer { gate, fate, why: said.judgement.why.clone() })
    };
    let mut answers: Vec<Answer> = Vec::new();
    for found in targets.iter().filter_map(answer) {
        match answers.iter_mut().find(|a| a.gate == found.gate) {
            Some(known) if found.fate > known.fate => *known = found,
            Some(_) => {}
            None => answers.push(found),
        }
    }
    Mutant { answers, ..mutant }
}

fn blank(operator: usize) -> Mutant {
    Mutant { operator, test: String::new(), at: None, what: String::new(), answers: Vec::new() }
}
