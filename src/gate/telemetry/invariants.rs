//! The five invariants that operators watch: present, and within limits.
//!
//! In: the series of a test and the limits of the contract. Out: a judgement. A series may carry its unit at the end of its name. Refuses to know how the
//! service computes them, except that a commit index which never falls is recomputed from its samples.

use crate::evidence::Rows;
use crate::evidence::kinds::Point;
use crate::exact::{Ratio, seconds};
use crate::gate::TestCx;
use crate::judge::tally::{Flaw, Tally};
use crate::judge::telemetry::{At, Line, lines};
use crate::verdict::{Figure, Finding, Judged, Judgement};

/// The five, by the names of the validation document.
const LEADER_CHANGES: &str = "leader_changes_per_minute";
const MONOTONIC: &str = "commit_index_monotonic";
const SNAPSHOTS: &str = "snapshot_install_failures";
const QUORUM_ACKS: &str = "quorum_acks_latency_p99";
const ADMISSION: &str = "rejected_requests_due_to_admission_control";

/// Units at the end of a name, in ns for one.
const UNITS: [(&str, i64); 4] = [("_seconds", 1_000_000_000), ("_ms", 1_000_000), ("_us", 1_000), ("_ns", 1)];

/// One test under the five questions.
struct Watch<'c, 'a> {
    cx: &'c TestCx<'a>,
    rows: Rows<'a, Point>,
    tally: Tally,
    figures: Vec<Figure>,
    missing: Vec<&'static str>,
}

pub(super) fn invariants(cx: &TestCx<'_>) -> Judged {
    let rows = cx.rows::<Point>()?;
    let mut watch = Watch { cx, rows, tally: Tally::default(), figures: Vec::new(), missing: Vec::new() };
    let limits = &cx.contract().telemetry;
    let count = |n: u64| i64::try_from(n).ok().map(Ratio::int);
    let rehearsed = cx
        .contract()
        .rollback
        .as_ref()
        .is_some_and(|r| r.metric == LEADER_CHANGES && r.rehearsal.as_ref().is_some_and(|t| t.value == cx.test.id.value));
    watch.most(LEADER_CHANGES, limits.leader_changes, rehearsed);
    watch.monotonic();
    watch.most(SNAPSHOTS, count(limits.snapshot_failures), false);
    watch.latency();
    watch.most(ADMISSION, limits.admission_rejections.and_then(count), false);
    let Watch { tally, figures, missing, .. } = watch;
    let judgement = if missing.is_empty() {
        let told =
            if rehearsed { "; leader changes are not judged here, as this test rehearses the rollback on them" } else { "" };
        tally.conclude(format!("all five invariants were recorded and within limits{told}"), "no sample was judged")
    } else {
        let judged = tally.judged;
        let why = format!("no series {}", missing.join(", "));
        let judgement = tally.conclude("", "no sample was judged");
        // What is there and broken disproves; what is missing only leaves the rest open.
        if judgement.verdict == crate::verdict::Verdict::Fail { judgement } else { Judgement::inconclusive(why, judged) }
    };
    Ok(Judgement { figures, ..judgement })
}

impl Watch<'_, '_> {
    fn lines(&self, name: &str) -> Vec<Line> {
        self.cx.evidence().symbols.find(name).map(|s| lines(&self.rows, |x| x == s)).unwrap_or_default()
    }

    fn value(micro: i64) -> Ratio {
        Ratio::new(i128::from(micro), 1_000_000).unwrap_or(Ratio::ZERO)
    }

    fn highest(list: &[Line]) -> Option<At> {
        list.iter().flat_map(|l| &l.samples).max_by_key(|s| (s.micro, std::cmp::Reverse(s.id))).copied()
    }

    fn undeclared(&mut self, name: &'static str) {
        let why = format!("the contract declares no limit for {name} ([telemetry])");
        self.tally.doubts.push(Flaw::new(1, why, Finding::new("limit-not-declared").with("series", name)));
    }

    /// The highest sample of a series against its limit.
    fn most(&mut self, name: &'static str, limit: Option<Ratio>, apart: bool) {
        let list = self.lines(name);
        let Some(highest) = Self::highest(&list) else { return self.missing.push(name) };
        self.tally.judged += list.iter().map(|l| l.samples.len()).sum::<usize>();
        let value = Self::value(highest.micro);
        if apart {
            return;
        }
        let Some(limit) = limit else { return self.undeclared(name) };
        self.figure(name, "highest sample ≤ limit", format!("{value} ≤ {limit}"), value.to_string(), "", highest);
        if value > limit {
            let why = format!("{name} reached {value}, above the limit of {limit}");
            let finding =
                Finding::new("above-limit").with("series", name).with("value", value).source(self.rows.source(highest.id));
            self.tally.faults.push(Flaw::new(2, why, finding));
        }
    }

    /// A commit index that never falls: by the service's own word, or recomputed from its samples.
    fn monotonic(&mut self) {
        let told = self.lines(MONOTONIC);
        let index = self.lines("commit_index");
        if told.is_empty() && index.is_empty() {
            return self.missing.push(MONOTONIC);
        }
        self.tally.judged += told.iter().chain(&index).map(|l| l.samples.len()).sum::<usize>();
        if let Some(sample) = told.iter().flat_map(|l| &l.samples).find(|s| s.micro != 1_000_000) {
            let why =
                format!("{MONOTONIC} is {} at {} s, so the commit index fell", Self::value(sample.micro), seconds(sample.t));
            let finding = Finding::new("commit-index-fell").with("series", MONOTONIC).source(self.rows.source(sample.id));
            self.tally.faults.push(Flaw::new(3, why, finding));
        }
        for line in &index {
            if let Some(fall) = line.fall() {
                let why = format!("commit_index falls to {} at {} s", Self::value(fall.micro), seconds(fall.t));
                let finding = Finding::new("commit-index-fell").with("series", "commit_index").source(self.rows.source(fall.id));
                self.tally.faults.push(Flaw::new(4, why, finding));
            }
        }
    }

    /// The p99 of quorum acknowledgements, whose unit is in its name.
    fn latency(&mut self) {
        let named = UNITS.iter().map(|(suffix, unit)| (self.lines(&format!("{QUORUM_ACKS}{suffix}")), *unit));
        let Some((list, unit)) = named.into_iter().find(|(l, _)| !l.is_empty()) else {
            if self.lines(QUORUM_ACKS).is_empty() {
                return self.missing.push(QUORUM_ACKS);
            }
            let why = format!("{QUORUM_ACKS} does not say its unit; call it {QUORUM_ACKS}_ms or {QUORUM_ACKS}_seconds");
            return self.tally.doubts.push(Flaw::new(2, why, Finding::new("unit-not-known").with("series", QUORUM_ACKS)));
        };
        let Some(highest) = Self::highest(&list) else { return };
        self.tally.judged += list.iter().map(|l| l.samples.len()).sum::<usize>();
        let objectives = &self.cx.contract().objectives;
        let limit = self.cx.contract().telemetry.quorum_acks_p99.or(objectives.write_p99.as_ref().map(|w| w.value));
        let Some(limit) = limit else { return self.undeclared(QUORUM_ACKS) };
        let Some(ns) = Ratio::new(i128::from(highest.micro) * i128::from(unit), 1_000_000) else { return };
        let (value, most) = (seconds(i64::try_from(ns.floor()).unwrap_or(i64::MAX)), seconds(limit));
        self.figure(QUORUM_ACKS, "highest sample ≤ limit", format!("{value} ≤ {most}"), value.clone(), "s", highest);
        if ns > Ratio::int(limit) {
            let why = format!("{QUORUM_ACKS} reached {value} s, above the limit of {most} s");
            let finding = Finding::new("above-limit").with("series", QUORUM_ACKS).with("value-s", value);
            self.tally.faults.push(Flaw::new(1, why, finding.source(self.rows.source(highest.id))));
        }
    }

    fn figure(&mut self, name: &str, formula: &str, substitution: String, value: String, unit: &str, at: At) {
        self.figures.push(Figure {
            id: name.replace('_', "-"),
            symbol: name.into(),
            formula: formula.into(),
            substitution,
            value,
            unit: unit.into(),
            sources: vec![self.rows.source(at.id)],
        });
    }
}
