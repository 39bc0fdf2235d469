//! Recovery of scenarios: from the start of the fault until every command that it struck is acknowledged.
//!
//! In: scenarios, faults and operations on one clock. Out: bounds of the time to recover. Refuses to know limits.

use super::bound;
use crate::evidence::Evidence;
use crate::evidence::kinds::{Injection, Operation, Outcome, Scenario};
use crate::evidence::symbol::Sym;
use crate::verdict::Gap;
use std::collections::BTreeMap;

/// The sort of recovery that a fault asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// A worker died, also in the middle of a write.
    Crash,
    /// A worker kept its lease for too long and another took over.
    Takeover,
}

impl Sort {
    /// The sort of a fault's name; `None` for faults after which nobody has to take over.
    #[must_use]
    pub fn of(fault: &str) -> Option<Self> {
        match fault {
            "crash" | "partial-write" => Some(Self::Crash),
            "stale-takeover" | "timeout-burst" => Some(Self::Takeover),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Takeover => "lease takeover",
        }
    }
}

/// A time to recover in ns, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// The sort.
    pub sort: Sort,
    /// What was measured.
    pub time: Time,
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// From `lo` to `hi` ns, and what the driver claims.
    Took {
        /// At least.
        lo: i64,
        /// At most.
        hi: i64,
        /// Claimed.
        claimed: Option<i64>,
    },
    /// Not acknowledged until the history ends, so many ns after the fault.
    Never(i64),
    /// Nothing had to be recovered: all was acknowledged before.
    Nothing,
    /// Not told by the records: why.
    Unknown(&'static str),
}

/// The acknowledgements of a test and the bounds of its faults' starts.
pub struct Acks {
    /// By command, the returns of acknowledged operations, sorted; and the end of the history.
    acks: Option<(BTreeMap<Sym, Vec<i64>>, i64)>,
    starts: Option<BTreeMap<Sym, (i64, i64)>>,
    one_clock: bool,
}

impl Acks {
    /// What a test binds.
    ///
    /// # Errors
    /// A [`Gap`] when history or faults are bound and not whole.
    pub fn read(evidence: &Evidence, test: &str) -> Result<Self, Gap> {
        let (history, faults) = (bound::<Operation>(evidence, test)?, bound::<Injection>(evidence, test)?);
        let one_clock = match (&history, &faults) {
            (Some(h), Some(f)) => h.clock().is_some() && h.clock() == f.clock(),
            _ => true,
        };
        let acks = history.map(|rows| {
            let mut acks: BTreeMap<Sym, Vec<i64>> = BTreeMap::new();
            let mut end = i64::MIN;
            for (_, op) in rows.iter() {
                end = end.max(op.returned.map_or(op.invoke.0, |r| r.0));
                if let (Some(command), Outcome::Ok, Some(at)) = (op.command_id, op.result, op.returned) {
                    acks.entry(command).or_default().push(at.0);
                }
            }
            acks.values_mut().for_each(|list| list.sort_unstable());
            (acks, end)
        });
        let starts = faults.map(|rows| rows.iter().map(|(_, f)| (f.id, (f.start_lo.0, f.start_hi.0))).collect());
        Ok(Self { acks, starts, one_clock })
    }

    /// How long a scenario took to recover; `None` when its fault asks for no recovery.
    pub(super) fn recovered(&self, evidence: &Evidence, scenario: &Scenario, fault: Option<&str>) -> Option<Recovered> {
        let sort = Sort::of(fault?)?;
        let time = self.time(evidence, scenario).unwrap_or_else(Time::Unknown);
        Some(Recovered { sort, time })
    }

    fn time(&self, evidence: &Evidence, scenario: &Scenario) -> Result<Time, &'static str> {
        let list = |syms: Option<_>| syms.map_or(&[][..], |s| evidence.symbols.list(s));
        let (commands, injections) = (list(scenario.commands), list(scenario.injections));
        let (acks, end) = self.acks.as_ref().ok_or("its test binds no history")?;
        let starts = self.starts.as_ref().ok_or("its test binds no records of faults")?;
        if !self.one_clock {
            return Err("its faults and operations are on different clocks");
        }
        let struck: Vec<(i64, i64)> = injections.iter().filter_map(|i| starts.get(i).copied()).collect();
        let lo = struck.iter().map(|s| s.0).min().ok_or("it names no recorded fault")?;
        let hi = struck.iter().map(|s| s.1).min().ok_or("it names no recorded fault")?;
        if commands.is_empty() {
            return Err("it names no command");
        }
        let mut last = None;
        for command in commands {
            let list = acks.get(command).map_or(&[][..], Vec::as_slice);
            if list.first().is_some_and(|first| *first <= lo) {
                continue;
            }
            match list.first() {
                Some(at) => last = last.max(Some(*at)),
                None => return Ok(Time::Never(end.saturating_sub(hi))),
            }
        }
        let Some(last) = last else { return Ok(Time::Nothing) };
        let claimed = scenario.recovery.map(|r| r.0);
        Ok(Time::Took { lo: last.saturating_sub(hi).max(0), hi: last.saturating_sub(lo), claimed })
    }
}
