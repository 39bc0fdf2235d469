//! Recovery: failovers put together from their phases, and restarts from the probes that caused them.
//!
//! In: phases and probes. Out: failovers, each with its time or with what is missing; outages, each with its failures in a row
//! and its restart. Assumes that probes of one target were made one after another. Refuses to know objectives.

use crate::contract::Clock;
use crate::evidence::Rows;
use crate::evidence::clocks::same;
use crate::evidence::kinds::{Phase, PhaseName, Probe, ProbeKind, ProbeState};
use crate::evidence::symbol::{Sym, Symbols};
use crate::exact::seconds;
use crate::figure::failover::{Bounds, FailoverTime, Timed};
use crate::verdict::{Gap, SourceRef};
use std::collections::BTreeMap;

/// Two lengths as text, with as many places as it takes to tell them apart.
#[must_use]
pub fn apart(a: i64, b: i64) -> (String, String) {
    let full = |ns: i64| format!("{}.{:09}", ns / 1_000_000_000, (ns % 1_000_000_000).abs());
    if a != b && seconds(a) == seconds(b) { (full(a), full(b)) } else { (seconds(a), seconds(b)) }
}

/// One failover.
#[derive(Debug, Clone)]
pub struct Failover {
    /// Its name.
    pub name: String,
    /// Its time, or why there is none.
    pub time: Result<FailoverTime, String>,
    /// Its records.
    pub sources: Vec<SourceRef>,
}

/// All failovers, by name.
#[must_use]
pub fn failovers(rows: &Rows<'_, Phase>, symbols: &Symbols) -> Vec<Failover> {
    let mut groups: BTreeMap<&str, Vec<(Phase, &Clock, SourceRef)>> = BTreeMap::new();
    for (id, phase) in rows.iter() {
        groups.entry(symbols.text(phase.failover)).or_default().push((phase, &rows.part(id).clock, rows.source(id)));
    }
    // Phases of several clocks are widened already where a bound is declared; without one they are no failover.
    let unbounded = rows.among().err();
    let make = |(name, mut list): (&str, Vec<(Phase, &Clock, SourceRef)>)| {
        list.sort_by_key(|(phase, ..)| phase.phase);
        let one_clock = list.windows(2).all(|pair| same(pair[0].1, pair[1].1));
        let phases: Vec<Phase> = list.iter().map(|l| l.0).collect();
        let time = match &unbounded {
            Some(gap) if !one_clock => Err(format!("its {}", gap.why)),
            _ => time(&phases),
        };
        Failover { name: name.to_string(), time, sources: list.into_iter().map(|l| l.2).collect() }
    };
    groups.into_iter().map(make).collect()
}

fn time(phases: &[Phase]) -> Result<FailoverTime, String> {
    let mut times = Vec::with_capacity(4);
    for name in PhaseName::ALL {
        let mut found = phases.iter().filter(|p| p.phase == *name);
        match (found.next(), found.next()) {
            (Some(p), None) => times.push(Timed {
                start: Bounds { lo: p.start_lo.0, hi: p.start_hi.0 },
                stop: Bounds { lo: p.stop_lo.0, hi: p.stop_hi.0 },
            }),
            (None, _) => return Err(format!("phase {} is missing", name.word())),
            (Some(_), Some(_)) => return Err(format!("phase {} is recorded twice", name.word())),
        }
    }
    let times: [Timed; 4] = times.try_into().map_err(|_| "phases are missing".to_string())?;
    FailoverTime::of(&times).ok_or_else(|| "a phase stops before it starts".into())
}

/// One run of failed liveness probes of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// What was probed.
    pub target: Sym,
    /// The first failed probe, in ns.
    pub first: i64,
    /// The last failed probe, in ns.
    pub last: i64,
    /// Failures in a row.
    pub failures: u64,
    /// The restart that ended it, in ns.
    pub restart: Option<i64>,
    /// Whether failed probes are missing: one says that it is a later failure in a row than the records show.
    pub holes: bool,
    /// Whether the target had not answered a probe before, so that the initial delay is part of the wait.
    pub fresh: bool,
    /// Whether a later probe answered.
    pub answered: bool,
    /// The first failed probe and the restart.
    pub sources: Vec<SourceRef>,
}

impl Outage {
    fn begin(target: Sym, t: i64, fresh: bool) -> Self {
        Self { target, first: t, last: t, failures: 0, restart: None, holes: false, fresh, answered: false, sources: Vec::new() }
    }
}

/// All outages, target by target in the order of time.
///
/// # Errors
/// A [`Gap`] when the probes of one target are on more than one clock: their order and the time between them must be exact.
pub fn outages(rows: &Rows<'_, Probe>) -> Result<Vec<Outage>, Gap> {
    let mut clocks: BTreeMap<Sym, &Clock> = BTreeMap::new();
    for (id, probe) in rows.iter() {
        let clock = &rows.part(id).clock;
        if !same(clocks.entry(probe.target).or_insert(clock), clock) {
            let why = "probes of one target are on different clocks, so nothing orders them";
            return Err(Gap { why: why.into(), sources: rows.files() });
        }
    }
    let mut targets: BTreeMap<Sym, Vec<(i64, SourceRef, Probe)>> = BTreeMap::new();
    for (id, probe) in rows.iter() {
        if probe.probe == ProbeKind::Liveness || (probe.state == ProbeState::Restart && probe.probe != ProbeKind::Session) {
            targets.entry(probe.target).or_default().push((probe.t.0, rows.source(id), probe));
        }
    }
    Ok(targets.into_iter().flat_map(|(target, probes)| of_target(target, probes)).collect())
}

fn of_target(target: Sym, mut probes: Vec<(i64, SourceRef, Probe)>) -> Vec<Outage> {
    probes.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let mut outages = Vec::new();
    let mut open: Option<Outage> = None;
    let mut answered_once = false;
    for (t, source, probe) in probes {
        match probe.state {
            ProbeState::Fail => {
                let outage = open.get_or_insert_with(|| Outage::begin(target, t, !answered_once));
                if outage.failures == 0 {
                    outage.sources.push(source);
                }
                let counted = probe.attempt.and_then(|a| u64::try_from(a).ok()).unwrap_or(0);
                outage.failures += 1;
                outage.holes |= counted > outage.failures;
                outage.failures = outage.failures.max(counted);
                outage.last = t;
            }
            ProbeState::Restart => {
                let mut outage = open.take().unwrap_or_else(|| Outage::begin(target, t, !answered_once));
                outage.restart = Some(t);
                outage.sources.push(source);
                outages.push(outage);
            }
            ProbeState::Ok | ProbeState::Connected => {
                answered_once = true;
                outages.extend(open.take().map(|o| Outage { answered: true, ..o }));
            }
            ProbeState::Suspended | ProbeState::Lost => {}
        }
    }
    outages.extend(open);
    outages
}
