//! The scenarios family: invariants under injected faults, how sure the runs make us, whether the experiment can see the bug at all, and how fast
//! work goes on.
//!
//! In: the scenarios of all tests with the records beside them. Out: judgements over the release, for the six kinds of fault may lie in several
//! tests. Shares are given per fault rate and never pooled. Refuses to know how a scenario is recomputed from records.

mod baseline;
mod recovery;
mod strength;

use super::{Gate, Judge, ReleaseCx};
use crate::contract::Subject;
use crate::evidence::kinds::Scenario;
use crate::evidence::record::Record;
use crate::judge::scenarios::{FAULTS, Run, runs};
use crate::judge::tally::{Flaw, Tally};
use crate::judge::traffic::idle_fault;
use crate::verdict::{Finding, Gap, Judged};
use std::collections::BTreeMap;

pub(super) const GATES: &[Gate] = &[
    Gate {
        id: "scenarios.invariants",
        title: "no invariant breaks under any kind of fault",
        proves: "In every scenario of the system no command took effect twice, none that was acknowledged was lost, and none was accepted under a stale \
                 epoch, recounted from the resource's records; each of the six kinds of fault was injected.",
        blind: "Invariants other than these three. How hard a fault struck, beyond that an operation was in flight. Commands that a scenario does \
                not name are for the commands gates.",
        needs: &["scenarios"],
        safety: true,
        judge: Judge::Release(invariants),
    },
    Gate {
        id: "scenarios.strength",
        title: "runs enough for the declared bound",
        proves: "The number of independent scenarios with an injected fault, and the violations among them, leave no more than the declared probability \
                 of a violation possible, one-sided at the confidence of the objectives.",
        blind: "The probability is that of the faults as they were injected, not as they come in operation. Runs are taken to be independent when they \
                differ in fault, rate or seed; those without a seed are all taken to be. Runs that cannot be judged count as broken for the upper bound.",
        needs: &["scenarios"],
        safety: false,
        judge: Judge::Release(strength::judge),
    },
    Gate {
        id: "scenarios.baseline",
        title: "the experiment can see the bug",
        proves: "At each fault rate the same kinds of fault make the unprotected baseline apply commands twice, and the system never.",
        blind: "A baseline can be unprotected in ways that the system never was. The intervals of the two may overlap: then the rates differ in what was \
                seen, not surely in truth.",
        needs: &["scenarios"],
        safety: false,
        judge: Judge::Release(baseline::judge),
    },
    Gate {
        id: "scenarios.recovery",
        title: "work goes on in time after crashes and takeovers",
        proves: "From the start of every crash and every lease takeover until all commands that it struck were acknowledged, no more than the declared \
                 limits passed; the worst is judged.",
        blind: "A command that was acknowledged before its fault has nothing to recover. Work that no scenario names.",
        needs: &["scenarios"],
        safety: false,
        judge: Judge::Release(recovery::judge),
    },
];

/// The scenarios of a subject in all tests that require scenarios.
fn all<'e>(cx: &ReleaseCx<'e>, subject: Subject) -> Result<Vec<Run<'e>>, Gap> {
    let tests = cx.matrix.tests.iter().filter(|t| t.requires(Scenario::KIND.name));
    let mut list = Vec::new();
    let mut any = false;
    for test in tests {
        any = true;
        list.extend(runs(cx.evidence, test)?);
    }
    list.retain(|run| run.subject == subject);
    match (any, list.is_empty()) {
        (false, _) => Err(Gap::new("no test requires scenarios")),
        (true, true) => Err(Gap::new(format!("no test records a scenario of the {}", subject.word()))),
        (true, false) => Ok(list),
    }
}

/// How many scenarios there are of each fault, undisturbed ones left out.
fn by_fault<'e>(runs: &[Run<'e>]) -> BTreeMap<&'e str, usize> {
    let mut count = BTreeMap::new();
    runs.iter().filter_map(|r| r.fault).for_each(|f| *count.entry(f).or_default() += 1);
    count
}

/// The kinds of fault that are not among them.
fn missing(runs: &[Run<'_>]) -> Vec<&'static str> {
    let seen = by_fault(runs);
    FAULTS.into_iter().filter(|f| !seen.contains_key(f)).collect()
}

/// The finding of a run.
fn finding(claim: &str, run: &Run<'_>) -> Finding {
    let finding = Finding::new(claim).with("test", run.test).with("scenario", run.id);
    finding.with("fault", run.fault.unwrap_or("none")).source(run.source.clone())
}

/// What cannot be told of a run.
fn doubts(run: &Run<'_>, tally: &mut Tally) {
    for doubt in &run.doubts {
        tally.doubts.push(Flaw::new(0, format!("{} {doubt}", run.name()), finding("scenario-unclear", run).with("why", doubt)));
    }
}

fn invariants(cx: &ReleaseCx<'_>) -> Judged {
    let runs = all(cx, Subject::System)?;
    let mut tally = Tally::default();
    for run in &runs {
        tally.judged += usize::from(run.doubts.is_empty());
        for (claim, what, commands) in [
            ("applied-twice", "took effect more than once", &run.duplicates),
            ("lost", "was acknowledged and took no effect", &run.lost),
            ("stale-accepted", "was accepted under a stale epoch", &run.stale),
        ] {
            for command in commands {
                let why = format!("in {} command {command} {what}", run.name());
                tally.faults.push(Flaw::new(0, why, finding(claim, run).with("command", command)));
            }
        }
        doubts(run, &mut tally);
    }
    let missing = missing(&runs);
    if !missing.is_empty() {
        let why = format!("no scenario of the system injects {}", missing.join(", "));
        tally.doubts.push(Flaw::new(1, why, Finding::new("fault-missing").with("faults", missing.join(", "))));
    }
    for test in runs.iter().map(|r| r.test).collect::<std::collections::BTreeSet<_>>() {
        if let Some(fault) = idle_fault(cx.evidence, test)? {
            let why = format!("no traffic: no operation was in flight during fault {fault} of test {test}");
            tally.doubts.push(Flaw::new(2, why, Finding::new("no-traffic").with("test", test).with("fault", fault)));
        }
    }
    let counts: Vec<String> = by_fault(&runs).into_iter().map(|(fault, n)| format!("{fault} {n}")).collect();
    let undisturbed = runs.iter().filter(|r| r.fault.is_none()).count();
    let pass = format!("no violation in {} scenarios: {}, undisturbed {undisturbed}", runs.len(), counts.join(", "));
    Ok(tally.conclude(pass, "no scenario was judged"))
}
