//! Violations in injected scenarios: invariants that break, runs that prove too little, a baseline that shows nothing, work that goes on too late.

use crate::challenge::Places;
use crate::challenge::scene::{Change, Operator, Scene, Wants, again, gone, set, word};
use crate::contract::Subject;
use crate::evidence::RowId;
use crate::evidence::edit::Edit;
use crate::evidence::kinds::{Application, ApplySource, Decision, Injection, Operation, Outcome, Ruling, Scenario};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::evidence::table::ABSENT;
use crate::figure::binomial::bounds;
use crate::judge::quorum::acknowledged_change;
use crate::judge::scenarios::recovery::Sort;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "scenario-applied-twice",
        does: "a command of a scenario takes effect twice",
        wants: Wants::Fail,
        gates: &["scenarios.invariants"],
        change: Change::Rows(applied_twice),
    },
    Operator {
        id: "system-as-bad-as-baseline",
        does: "a command of a scenario takes effect twice where a baseline is to show the difference",
        wants: Wants::Fail,
        gates: &["scenarios.baseline"],
        change: Change::Rows(applied_twice),
    },
    Operator {
        id: "scenario-command-lost",
        does: "an acknowledged command of a scenario takes no effect",
        wants: Wants::Fail,
        gates: &["scenarios.invariants"],
        change: Change::Rows(lost),
    },
    Operator {
        id: "scenario-stale-accepted",
        does: "a command of a scenario is accepted under a stale epoch",
        wants: Wants::Fail,
        gates: &["scenarios.invariants"],
        change: Change::Rows(stale),
    },
    Operator {
        id: "scenario-fault-only-claimed",
        does: "a scenario names no record of the fault that it claims",
        wants: Wants::NoPass,
        gates: &["scenarios.invariants"],
        change: Change::Rows(only_claimed),
    },
    Operator {
        id: "fault-kind-untried",
        does: "no scenario injects one of the six kinds of fault",
        wants: Wants::NoPass,
        gates: &["scenarios.invariants"],
        change: Change::Rows(untried),
    },
    Operator {
        id: "too-many-scenarios-break",
        does: "so many scenarios break an invariant that the declared bound is surely exceeded",
        wants: Wants::Fail,
        gates: &["scenarios.strength"],
        change: Change::Rows(too_many),
    },
    Operator {
        id: "one-scenario-again-and-again",
        does: "all scenarios of one fault and rate have one seed, so that they are one run",
        wants: Wants::NoPass,
        gates: &["scenarios.strength"],
        change: Change::Rows(same_seed),
    },
    Operator {
        id: "baseline-spotless",
        does: "at one fault rate the baseline applies no command twice",
        wants: Wants::NoPass,
        gates: &["scenarios.baseline"],
        change: Change::Rows(spotless),
    },
    Operator {
        id: "rate-untried-on-baseline",
        does: "the baseline was not put through one of the fault rates",
        wants: Wants::NoPass,
        gates: &["scenarios.baseline"],
        change: Change::Rows(rate_untried),
    },
    Operator {
        id: "scenario-recovers-late",
        does: "a command that a fault struck is acknowledged a nanosecond after the limit",
        wants: Wants::Fail,
        gates: &["scenarios.recovery"],
        change: Change::Rows(late),
    },
];

/// The scenarios of a test of this subject.
fn all(scene: &Scene<'_>, subject: Subject) -> Vec<(RowId, Scenario)> {
    let here = scene.cx.test.subject == subject && scene.cx.test.requires(Scenario::KIND.name);
    if here { scene.all::<Scenario>() } else { Vec::new() }
}

fn commands<'a>(scene: &Scene<'a>, s: &Scenario) -> &'a [Sym] {
    s.commands.map_or(&[][..], |c| scene.evidence().symbols.list(c))
}

/// The fault of a scenario that did not run undisturbed.
fn fault<'a>(scene: &Scene<'a>, s: &Scenario) -> Option<&'a str> {
    s.fault.map(|f| scene.evidence().text(f)).filter(|f| *f != "none")
}

/// Whether no other test of the system has scenarios, which would make up for what is taken from this one.
fn alone(scene: &Scene<'_>) -> bool {
    scene.cx.release.matrix.of_system().filter(|t| t.requires(Scenario::KIND.name)).count() == 1
}

/// Applications by command.
fn effects(scene: &Scene<'_>) -> BTreeMap<Sym, Vec<(RowId, Application)>> {
    let mut found: BTreeMap<Sym, Vec<(RowId, Application)>> = BTreeMap::new();
    scene.all::<Application>().into_iter().for_each(|(row, a)| found.entry(a.command_id).or_default().push((row, a)));
    found
}

/// The highest index at which anything was applied.
fn top(effects: &BTreeMap<Sym, Vec<(RowId, Application)>>) -> Option<i64> {
    effects.values().flatten().filter_map(|(_, a)| a.index).max()
}

/// The same effect as a later entry. Without an index, an effect that came of a replay may be the same entry.
fn twice((row, a): &(RowId, Application), top: Option<i64>) -> Option<Edit> {
    let apart = a.index.is_some() || a.source != Some(ApplySource::Replay);
    let live = a.source.map_or(ABSENT, |_| word(ApplySource::ALL, ApplySource::Live));
    let index = a.index.and(top).map_or(ABSENT, |top| top + 1);
    apart.then(|| again::<Application>(*row, 1, [("index", index), ("source", live)]))
}

fn applied_twice(scene: &Scene<'_>, places: &mut Places) {
    let effects = effects(scene);
    let top = top(&effects);
    for (_, scenario) in all(scene, Subject::System) {
        for effect in commands(scene, &scenario).iter().filter_map(|c| effects.get(c)).flatten() {
            if let Some(edit) = twice(effect, top) {
                places.offer(effect.0, || vec![edit]);
            }
        }
    }
}

fn lost(scene: &Scene<'_>, places: &mut Places) {
    let acked: BTreeSet<Sym> =
        scene.all::<Operation>().iter().filter(|(_, op)| op.result == Outcome::Ok).filter_map(|(_, op)| op.command_id).collect();
    let effects = effects(scene);
    for (_, scenario) in all(scene, Subject::System) {
        for command in commands(scene, &scenario).iter().filter(|c| acked.contains(c) && effects.len() > 1) {
            let Some(rows) = effects.get(command) else { continue };
            places.offer(rows[0].0, || rows.iter().map(|(row, _)| gone::<Application>(*row)).collect());
        }
    }
}

fn stale(scene: &Scene<'_>, places: &mut Places) {
    let scenarios = all(scene, Subject::System);
    let named: BTreeSet<Sym> = scenarios.iter().flat_map(|(_, s)| commands(scene, s)).copied().collect();
    for (row, d) in scene.all::<Decision>().into_iter().filter(|(_, d)| d.outcome == Ruling::Accepted) {
        let (Some(current), true) = (d.current_epoch, d.command_id.is_some_and(|c| named.contains(&c))) else { continue };
        places.offer(row, || vec![set::<Decision>(row, [("epoch", current - 1)])]);
    }
}

fn only_claimed(scene: &Scene<'_>, places: &mut Places) {
    for (row, _) in all(scene, Subject::System).into_iter().filter(|(_, s)| fault(scene, s).is_some()) {
        places.offer(row, || vec![set::<Scenario>(row, [("injections", ABSENT)])]);
    }
}

fn untried(scene: &Scene<'_>, places: &mut Places) {
    if !alone(scene) {
        return;
    }
    let mut kinds: BTreeMap<&str, Vec<RowId>> = BTreeMap::new();
    for (row, scenario) in all(scene, Subject::System) {
        if let Some(kind) = fault(scene, &scenario).filter(|f| crate::judge::scenarios::FAULTS.contains(f)) {
            kinds.entry(kind).or_default().push(row);
        }
    }
    for rows in kinds.into_values() {
        places.offer(rows[0], || rows.iter().map(|row| set::<Scenario>(*row, [("fault", ABSENT)])).collect());
    }
}

/// One place for each scenario with which the broken ones begin.
fn too_many(scene: &Scene<'_>, places: &mut Places) {
    let Some(declared) = scene.contract().scenarios.as_ref() else { return };
    let tests = scene.cx.release.matrix.of_system().filter(|t| t.requires(Scenario::KIND.name));
    let runs = tests.filter_map(|t| scene.evidence().rows::<Scenario>(&t.id.value).ok()).map(|rows| rows.len() as u64).sum();
    // More runs than there are make the bound wider than it is, so that enough stays enough.
    let surely = |k: &u64| bounds(*k, runs, scene.contract().objectives.confidence).is_some_and(|b| b.lower > declared.bound);
    let Some(least) = (1..=runs).find(surely).and_then(|k| usize::try_from(k).ok()) else { return };
    let effects = effects(scene);
    let top = top(&effects);
    let mut known = BTreeSet::new();
    let mut breakable = Vec::new();
    for (row, s) in all(scene, Subject::System).into_iter().filter(|(_, s)| fault(scene, s).is_some()) {
        let effect = commands(scene, &s).iter().filter_map(|c| effects.get(c)).flatten().find_map(|e| twice(e, top));
        let identity = (s.fault, s.rate, s.seed, if s.seed.is_some() { RowId::default() } else { row });
        if let (Some(edit), true) = (effect, known.insert(identity)) {
            breakable.push((row, edit));
        }
    }
    for (at, (row, _)) in breakable.iter().enumerate().filter(|_| breakable.len() >= least) {
        let from = at.min(breakable.len() - least);
        places.offer(*row, || breakable[from..from + least].iter().map(|(_, edit)| edit.clone()).collect());
    }
}

fn same_seed(scene: &Scene<'_>, places: &mut Places) {
    let Some(declared) = scene.contract().scenarios.as_ref().filter(|_| alone(scene)) else { return };
    let scenarios = all(scene, Subject::System);
    let left: BTreeSet<_> = scenarios.iter().filter(|(_, s)| fault(scene, s).is_some()).map(|(_, s)| (s.fault, s.rate)).collect();
    let bound = bounds(0, left.len() as u64, scene.contract().objectives.confidence);
    if let (Some((first, _)), true) = (scenarios.first(), bound.is_some_and(|b| b.upper > declared.bound)) {
        places.offer(*first, || scenarios.iter().map(|(row, _)| set::<Scenario>(*row, [("seed", 1)])).collect());
    }
}

/// The scenarios of the baseline by fault rate.
fn by_rate(scene: &Scene<'_>) -> BTreeMap<i64, Vec<(RowId, Scenario)>> {
    let mut rates: BTreeMap<i64, Vec<(RowId, Scenario)>> = BTreeMap::new();
    for (row, scenario) in all(scene, Subject::Baseline) {
        if let Some(rate) = scenario.rate {
            rates.entry(rate.0).or_default().push((row, scenario));
        }
    }
    let tests = scene.cx.release.matrix.tests.iter();
    let baselines = tests.filter(|t| t.subject == Subject::Baseline && t.requires(Scenario::KIND.name)).count();
    if baselines == 1 { rates } else { BTreeMap::new() }
}

fn spotless(scene: &Scene<'_>, places: &mut Places) {
    let effects = effects(scene);
    for scenarios in by_rate(scene).into_values() {
        let of = scenarios.iter().flat_map(|(_, s)| commands(scene, s)).filter_map(|c| effects.get(c));
        // One effect of each command may stay at each member.
        let mut kept = BTreeSet::new();
        let surplus = of.flatten().filter(|(_, a)| !kept.insert((a.command_id, a.member)));
        let surplus: Vec<RowId> = surplus.map(|(row, _)| *row).collect();
        if let Some(first) = surplus.first() {
            places.offer(*first, || surplus.iter().map(|row| gone::<Application>(*row)).collect());
        }
    }
}

fn rate_untried(scene: &Scene<'_>, places: &mut Places) {
    for scenarios in by_rate(scene).into_values() {
        places.offer(scenarios[0].0, || scenarios.iter().map(|(row, _)| set::<Scenario>(*row, [("rate", ABSENT)])).collect());
    }
}

fn late(scene: &Scene<'_>, places: &mut Places) {
    let Some(declared) = scene.contract().scenarios.as_ref() else { return };
    let (Ok(history), Ok(faults)) = (scene.cx.rows::<Operation>(), scene.cx.rows::<Injection>()) else { return };
    if history.clock().is_none() || history.clock() != faults.clock() {
        return;
    }
    let starts: BTreeMap<Sym, (i64, i64)> = faults.iter().map(|(_, f)| (f.id, (f.start_lo.0, f.start_hi.0))).collect();
    let mut acks: BTreeMap<Sym, Vec<(i64, RowId)>> = BTreeMap::new();
    for (row, op) in history.iter().filter(|(_, op)| acknowledged_change(op)) {
        if let (Some(command), Some(returned)) = (op.command_id, op.returned) {
            acks.entry(command).or_default().push((returned.0, row));
        }
    }
    for (_, scenario) in all(scene, Subject::System) {
        let limit = fault(scene, &scenario).and_then(Sort::of).and_then(|sort| match sort {
            Sort::Crash => declared.crash_recovery,
            Sort::Takeover => declared.takeover_recovery,
        });
        let struck = scenario.injections.map_or(&[][..], |i| scene.evidence().symbols.list(i));
        let begun = struck.iter().filter_map(|f| starts.get(f));
        let (lo, hi) = (begun.clone().map(|s| s.0).min(), begun.map(|s| s.1).min());
        let (Some(limit), Some(lo), Some(hi)) = (limit, lo, hi) else { continue };
        let end = hi.saturating_add(limit).saturating_add(1);
        for rows in commands(scene, &scenario).iter().filter_map(|c| acks.get(c)).filter(|r| r.iter().all(|(t, _)| *t > lo)) {
            let back = |(t, row): &(i64, RowId)| set::<Operation>(*row, [("return", end.max(*t))]);
            places.offer(rows[0].1, || rows.iter().map(back).collect());
        }
    }
}
