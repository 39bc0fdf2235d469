//! Injected scenarios: what each of them did, recomputed from the records of its commands and faults.
//!
//! In: the scenarios, applications, decisions, operations and faults of a test. Out: one [`Run`] a scenario: commands that took effect twice,
//! that were acknowledged and lost, that a resource accepted under a stale epoch, and the time until its commands were acknowledged
//! again. What the driver of the drill claims is compared and never believed. Refuses to know contracts and gates.

pub mod recovery;

use super::commands::Applications;
use crate::contract::{Subject, Test};
use crate::evidence::kinds::{Application, Decision, Injection, Operation, Outcome, Recovery, Ruling, Scenario};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, Rows};
use crate::exact::Ratio;
use crate::verdict::{Gap, SourceRef};
use std::collections::{BTreeMap, BTreeSet};

/// The six kinds of fault that a fenced queue must be put through.
pub const FAULTS: [&str; 6] =
    ["crash", "stale-takeover", "retry-storm", "timeout-burst", "duplicate-submission", "partial-write"];

/// One scenario as its records show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run<'e> {
    /// The test.
    pub test: &'e str,
    /// Its id within the test.
    pub id: &'e str,
    /// What was tested.
    pub subject: Subject,
    /// The fault; `None` when it ran undisturbed.
    pub fault: Option<&'e str>,
    /// The fault rate in millionths.
    pub rate: Option<i64>,
    /// The seed.
    pub seed: Option<i64>,
    /// Commands that took effect more than once.
    pub duplicates: Vec<&'e str>,
    /// Commands that were acknowledged and took no effect.
    pub lost: Vec<&'e str>,
    /// Commands accepted under an epoch below the current one.
    pub stale: Vec<&'e str>,
    /// Why its records prove less than a run without violation, in words.
    pub doubts: Vec<String>,
    /// Its time to recover, where its fault asks for one.
    pub recovery: Option<recovery::Recovered>,
    /// The record.
    pub source: SourceRef,
}

impl Run<'_> {
    /// How many invariants were seen violated.
    #[must_use]
    pub fn violations(&self) -> usize {
        self.duplicates.len() + self.lost.len() + self.stale.len()
    }

    /// Whether its records show that no invariant was violated.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.violations() == 0 && self.doubts.is_empty()
    }

    /// Its name with its test and fault.
    #[must_use]
    pub fn name(&self) -> String {
        format!("scenario {} ({}) of test {}", self.id, self.fault.unwrap_or("undisturbed"), self.test)
    }

    /// What makes two scenarios the same run: fault, rate and seed where there is one, else its own line.
    #[must_use]
    pub fn identity(&self) -> (Option<&str>, Option<i64>, Option<i64>, &str, u64) {
        let own = if self.seed.is_some() { ("", 0) } else { (&*self.source.path, self.source.line.unwrap_or(0)) };
        (self.fault, self.rate, self.seed, own.0, own.1)
    }
}

/// A rate in millionths as per cent: `5 %`; `an unstated rate` for none.
#[must_use]
pub fn rate(micro: Option<i64>) -> String {
    let percent = micro.and_then(|m| Ratio::new(i128::from(m), 10_000));
    percent.map_or("an unstated rate".into(), |p| format!("{p} %"))
}

/// The raw records beside the scenarios of a test.
struct Raw<'e> {
    evidence: &'e Evidence,
    applied: Option<Applications<crate::evidence::RowId>>,
    stale: BTreeSet<Sym>,
    /// By command: whether any operation was acknowledged; `None` without a history.
    told: Option<BTreeMap<Sym, bool>>,
    /// By command: from when to when its operations were in flight; nothing where they cannot be held against faults.
    flights: Option<BTreeMap<Sym, Vec<Flight>>>,
    /// By id: from when to when each fault may have stood.
    faults: Option<BTreeMap<Sym, Flight>>,
}

/// From when to when, in ns; without an end when none is known.
type Flight = (i64, Option<i64>);

fn meet(a: Flight, b: Flight) -> bool {
    a.0 <= b.1.unwrap_or(i64::MAX) && b.0 <= a.1.unwrap_or(i64::MAX)
}

/// The rows of a kind that a test may leave out.
fn bound<'e, R: Record>(evidence: &'e Evidence, test: &str) -> Result<Option<Rows<'e, R>>, Gap> {
    if evidence.binds(test, R::KIND.name) { evidence.rows::<R>(test).map(Some) } else { Ok(None) }
}

/// All scenarios of a test.
///
/// # Errors
/// A [`Gap`] when scenarios are not there, or any record beside them is bound and not whole.
pub fn runs<'e>(evidence: &'e Evidence, of: &'e Test) -> Result<Vec<Run<'e>>, Gap> {
    let test = of.id.value.as_str();
    let scenarios = evidence.rows::<Scenario>(test)?;
    let raw = raw(evidence, test)?;
    let acks = recovery::Acks::read(evidence, test)?;
    let mut seen = BTreeSet::new();
    let mut taken = BTreeMap::new();
    let mut runs = Vec::new();
    for (row, scenario) in scenarios.iter() {
        let mut run = Run {
            test,
            id: evidence.text(scenario.id),
            subject: of.subject,
            fault: scenario.fault.map(|f| evidence.text(f)).filter(|f| *f != "none"),
            rate: scenario.rate.map(|r| r.0),
            seed: scenario.seed,
            duplicates: Vec::new(),
            lost: Vec::new(),
            stale: Vec::new(),
            doubts: Vec::new(),
            recovery: None,
            source: scenarios.source(row),
        };
        if !seen.insert(scenario.id) {
            run.doubts.push("has the id of another scenario".into());
        }
        if let Some(other) = scenario.subject.filter(|s| *s != of.subject) {
            run.doubts.push(format!("says that it ran against the {}, its test against the {}", other.word(), of.subject.word()));
        }
        raw.alone(&scenario, &mut run, &mut taken);
        raw.weigh(&scenario, &mut run);
        run.recovery = acks.recovered(evidence, &scenario, run.fault);
        runs.push(run);
    }
    Ok(runs)
}

fn raw<'e>(evidence: &'e Evidence, test: &str) -> Result<Raw<'e>, Gap> {
    let recoveries = bound::<Recovery>(evidence, test)?.map(|rows| {
        let mut count = BTreeMap::new();
        rows.iter().for_each(|(_, r)| *count.entry(r.member).or_default() += 1);
        count
    });
    let applied = bound::<Application>(evidence, test)?.map(|rows| Applications::read(&rows, recoveries));
    let stale = bound::<Decision>(evidence, test)?.map(|rows| accepted_stale(&rows)).unwrap_or_default();
    let (history, injections) = (bound::<Operation>(evidence, test)?, bound::<Injection>(evidence, test)?);
    let skew = history.as_ref().zip(injections.as_ref()).and_then(|(h, f)| h.beside(f).ok());
    let flights = history.as_ref().zip(skew).map(|(rows, skew)| {
        let mut flights: BTreeMap<Sym, Vec<Flight>> = BTreeMap::new();
        for (_, op) in rows.iter() {
            let flight = (op.invoke.0.saturating_sub(skew), op.returned.map(|r| r.0.saturating_add(skew)));
            op.command_id.into_iter().for_each(|c| flights.entry(c).or_default().push(flight));
        }
        flights
    });
    let told = history.map(|rows| {
        let mut told: BTreeMap<Sym, bool> = BTreeMap::new();
        for (_, op) in rows.iter() {
            if let Some(command) = op.command_id {
                *told.entry(command).or_default() |= op.result == Outcome::Ok;
            }
        }
        told
    });
    let span = |f: Injection| (f.id, (f.start_lo.0, f.stop_hi.or(f.stop_lo).map(|s| s.0)));
    let faults = injections.map(|rows| rows.iter().map(|(_, f)| span(f)).collect());
    Ok(Raw { evidence, applied, stale, told, flights, faults })
}

/// Commands that a resource accepted under an epoch below the one that it says was current. (What it ought to have said was current is for the
/// fencing gates.)
fn accepted_stale(rows: &Rows<'_, Decision>) -> BTreeSet<Sym> {
    let stale = |d: &Decision| d.outcome == Ruling::Accepted && d.current_epoch.is_some_and(|current| d.epoch < current);
    rows.iter().filter(|(_, d)| stale(d)).filter_map(|(_, d)| d.command_id).collect()
}

impl<'e> Raw<'e> {
    fn weigh(&self, scenario: &Scenario, run: &mut Run<'e>) {
        let commands = scenario.commands.map_or(&[][..], |c| self.evidence.symbols.list(c));
        let Some(applied) = &self.applied else {
            run.doubts.push("is only claimed: its test binds no applied evidence from which to count".into());
            return;
        };
        if commands.is_empty() {
            run.doubts.push("names no command, so nothing shows what it did".into());
        }
        for command in commands {
            self.count(*command, applied, run);
        }
        self.struck(scenario, run);
        for (what, claimed, counted) in
            [("duplicates", scenario.duplicates, run.duplicates.len()), ("violations", scenario.violations, run.violations())]
        {
            if let Some(claimed) = claimed.filter(|c| usize::try_from(*c) != Ok(counted)) {
                run.doubts.push(format!("claims {claimed} {what}, its records show {counted}"));
            }
        }
    }

    /// Whether no other scenario names its commands and faults: one effect or fault that is counted in several runs would make them look like more
    /// than there were.
    fn alone(&self, scenario: &Scenario, run: &mut Run<'e>, taken: &mut BTreeMap<(&'static str, Sym), &'e str>) {
        for (what, list) in [("command", scenario.commands), ("fault", scenario.injections)] {
            let names: BTreeSet<Sym> = list.map_or(&[][..], |l| self.evidence.symbols.list(l)).iter().copied().collect();
            for name in names {
                if let Some(other) = taken.get(&(what, name)) {
                    run.doubts.push(format!("names {what} {}, as does scenario {other}", self.evidence.text(name)));
                } else {
                    taken.insert((what, name), run.id);
                }
            }
        }
    }

    fn count(&self, command: Sym, applied: &Applications<crate::evidence::RowId>, run: &mut Run<'e>) {
        let name = self.evidence.text(command);
        let times = applied.most_times(command);
        if times.least > 1 {
            run.duplicates.push(name);
        } else if times.most > 1 {
            run.doubts.push(format!("leaves open whether a replay applied command {name} again"));
        }
        if self.stale.contains(&command) {
            run.stale.push(name);
        }
        if times.most > 0 {
            return;
        }
        match self.told.as_ref().map(|told| told.get(&command)) {
            Some(Some(true)) => run.lost.push(name),
            Some(Some(false)) => {}
            Some(None) => run.doubts.push(format!("names command {name}, which nobody sent")),
            None => run.doubts.push(format!("never applied command {name}, and no history shows whether it was acknowledged")),
        }
    }

    /// Whether the fault that it names was really injected.
    fn struck(&self, scenario: &Scenario, run: &mut Run<'e>) {
        let Some(fault) = run.fault else { return };
        let injections = scenario.injections.map_or(&[][..], |i| self.evidence.symbols.list(i));
        match &self.faults {
            None => run.doubts.push(format!("only claims its {fault}: its test binds no records of faults")),
            Some(_) if injections.is_empty() => {
                run.doubts.push(format!("only claims its {fault}: it names no record of a fault"))
            }
            Some(faults) => {
                if let Some(other) = injections.iter().find(|i| !faults.contains_key(i)) {
                    run.doubts.push(format!("names fault {}, of which there is no record", self.evidence.text(*other)));
                } else if !self.met(scenario, injections.iter().filter_map(|i| faults.get(i))) {
                    run.doubts.push(format!("was not struck by its {fault}: none of its commands was in flight meanwhile"));
                }
            }
        }
    }

    /// Whether one of its commands was in flight while one of its faults may have stood, or not longer after than the fault had lasted: a worker that was
    /// stalled sends its command when it wakes. Without a history on a clock that can be compared nothing is
    /// known, and that is for other doubts.
    fn met<'f>(&self, scenario: &Scenario, mut faults: impl Iterator<Item = &'f Flight>) -> bool {
        let Some(flights) = &self.flights else { return true };
        let commands = scenario.commands.map_or(&[][..], |c| self.evidence.symbols.list(c));
        let own: Vec<Flight> = commands.iter().filter_map(|c| flights.get(c)).flatten().copied().collect();
        let wake = |(lo, hi): Flight| (lo, hi.map(|hi| hi.saturating_add(hi.saturating_sub(lo))));
        faults.any(|fault| own.iter().any(|flight| meet(*flight, wake(*fault))))
    }
}
