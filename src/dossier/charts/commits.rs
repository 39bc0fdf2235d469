//! The commit index of each member over time, and who led.

use super::windows::{FaultWindows, faults, first_operation};
use super::{Extremes, step};
use crate::evidence::kinds::{Role, Sample};
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, Rows};
use serde::Serialize;
use std::collections::BTreeMap;

/// Commit indexes in one test.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CommitChart {
    /// The test.
    pub test: String,
    /// Length of the plot, in ns.
    pub span: i64,
    /// Whether zero is the first operation (else it is the first sample).
    pub from_operation: bool,
    /// One line a member, by name.
    pub members: Vec<MemberLine>,
    /// How many members there are.
    pub of_members: u64,
    /// When faults lasted; none where they are on another clock.
    pub faults: FaultWindows,
}

/// One member.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MemberLine {
    /// Its name.
    pub member: String,
    /// Samples, thinned to the first, the last and the extremes of each step of time, by time.
    pub points: Vec<CommitPoint>,
    /// How many samples with a commit index there were.
    pub of: u64,
    /// How many samples got no answer.
    pub silent: u64,
    /// How often its commit index fell from one sample to the next.
    pub falls: u64,
    /// When it led.
    pub led: Vec<LeaderSpan>,
}

/// One sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CommitPoint {
    /// The middle of the sample, in ns on the axis of the plot.
    pub t: i64,
    /// The commit index; absent when the member did not answer.
    pub index: Option<i64>,
}

/// A stretch of samples in which a member led.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeaderSpan {
    /// The first of them, in ns on the axis of the plot.
    pub from: i64,
    /// The last.
    pub to: i64,
    /// Its term.
    pub term: Option<i64>,
}

/// Steps of time of which samples are kept.
const STEPS: usize = 120;
/// The most members that are drawn.
const MOST_MEMBERS: usize = 9;
/// The most stretches of leadership that are kept of one member.
const MOST_SPANS: usize = 40;

/// The plot of a test; none when its samples are on several clocks or tell no commit index.
pub(super) fn of(evidence: &Evidence, test: &str) -> Option<CommitChart> {
    let rows = evidence.rows::<Sample>(test).ok()?;
    rows.clock()?;
    let clock = &rows.parts().first()?.clock;
    let middle = |s: &Sample| s.t_lo.0.saturating_add(s.t_hi.0.saturating_sub(s.t_lo.0) / 2);
    let (mut low, mut high) = (i64::MAX, i64::MIN);
    rows.iter().for_each(|(_, s)| (low, high) = (low.min(middle(&s)), high.max(middle(&s))));
    let operation = first_operation(evidence, test, clock).filter(|t| *t < high);
    let zero = operation.unwrap_or(low);
    let span = high.saturating_sub(zero).max(1);
    let mut all = members(&rows, zero, middle);
    let mut lines: Vec<MemberLine> =
        all.iter_mut().map(|(member, samples)| line(evidence.text(*member), samples, span)).filter(|l| l.of > 0).collect();
    lines.sort_by(|a, b| a.member.cmp(&b.member));
    let of_members = lines.len() as u64;
    lines.truncate(MOST_MEMBERS);
    let faults = faults(evidence, test, clock, zero, span);
    let some = !lines.is_empty();
    some.then(|| CommitChart {
        test: test.to_string(),
        span,
        from_operation: operation.is_some(),
        members: lines,
        of_members,
        faults,
    })
}

/// A sample as far as the plot needs it: when, the commit index unless the member was silent, and the term when it led.
#[derive(Debug, Clone, Copy)]
struct Seen {
    t: i64,
    index: Option<i64>,
    silent: bool,
    leads: Option<Option<i64>>,
}

fn members(rows: &Rows<'_, Sample>, zero: i64, middle: impl Fn(&Sample) -> i64) -> BTreeMap<Sym, Vec<Seen>> {
    let mut all: BTreeMap<Sym, Vec<Seen>> = BTreeMap::new();
    for (_, sample) in rows.iter() {
        let silent = sample.reachable == Some(false);
        if sample.commit_index.is_none() && !silent {
            continue;
        }
        let seen = Seen {
            t: middle(&sample).saturating_sub(zero),
            index: sample.commit_index.filter(|_| !silent),
            silent,
            leads: (sample.role == Some(Role::Leader)).then_some(sample.term),
        };
        all.entry(sample.member).or_default().push(seen);
    }
    all
}

fn line(member: &str, samples: &mut [Seen], span: i64) -> MemberLine {
    samples.sort_by_key(|s| (s.t, s.index));
    let mut steps: Vec<Vec<CommitPoint>> = vec![Vec::new(); STEPS];
    let mut extremes: Vec<Extremes<(i64, i64)>> = vec![Extremes::default(); STEPS];
    let (mut falls, mut last) = (0u64, None);
    for seen in samples.iter() {
        let at = step(seen.t, span, STEPS);
        let point = CommitPoint { t: seen.t, index: seen.index };
        // The first, the last and each change between answer and silence keep their places.
        match steps[at].as_slice() {
            [.., before, end]
                if before.index.is_some() == end.index.is_some() && end.index.is_some() == point.index.is_some() =>
            {
                steps[at].pop();
            }
            _ => {}
        }
        steps[at].push(point);
        if let Some(index) = seen.index {
            extremes[at].put((index, seen.t));
            falls += u64::from(last.is_some_and(|l| index < l));
            last = Some(index);
        }
    }
    let mut points = Vec::new();
    for (mut kept, extreme) in steps.into_iter().zip(extremes) {
        kept.extend(extreme.items().map(|(index, t)| CommitPoint { t, index: Some(index) }));
        kept.sort_unstable();
        kept.dedup();
        points.extend(kept);
    }
    MemberLine {
        member: member.to_string(),
        points,
        of: samples.iter().filter(|s| s.index.is_some()).count() as u64,
        silent: samples.iter().filter(|s| s.silent).count() as u64,
        falls,
        led: led(samples),
    }
}

/// Stretches of samples in which it led in one term.
fn led(samples: &[Seen]) -> Vec<LeaderSpan> {
    let mut spans: Vec<LeaderSpan> = Vec::new();
    let mut leading = false;
    for seen in samples {
        if let Some(term) = seen.leads {
            match spans.last_mut() {
                Some(span) if leading && span.term == term => span.to = seen.t,
                _ => spans.push(LeaderSpan { from: seen.t, to: seen.t, term }),
            }
        }
        leading = seen.leads.is_some();
    }
    spans.truncate(MOST_SPANS);
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(t: i64, index: Option<i64>, leads: bool) -> Seen {
        Seen { t, index, silent: index.is_none(), leads: leads.then_some(Some(4)) }
    }

    #[test]
    fn a_fall_of_the_commit_index_survives_thinning() {
        let mut samples: Vec<Seen> = (0..100_000).map(|t| seen(t, Some(t), false)).collect();
        samples[50_000].index = Some(7);
        let line = line("n1", &mut samples, 100_000);
        assert!(line.points.contains(&CommitPoint { t: 50_000, index: Some(7) }));
        assert_eq!((line.of, line.falls), (100_000, 1));
        assert!(line.points.len() <= STEPS * 4, "{}", line.points.len());
        assert!(line.points.is_sorted_by_key(|p| p.t));
    }

    #[test]
    fn silence_is_a_gap_and_leadership_a_stretch() {
        let mut samples = [
            seen(0, Some(1), true),
            seen(10, Some(2), true),
            seen(20, None, false),
            seen(30, Some(2), false),
            seen(40, Some(3), true),
        ];
        let line = line("n1", &mut samples, 40);
        assert_eq!((line.of, line.silent), (4, 1));
        assert_eq!(line.points[2], CommitPoint { t: 20, index: None });
        let term = Some(4);
        assert_eq!(line.led, [LeaderSpan { from: 0, to: 10, term }, LeaderSpan { from: 40, to: 40, term }]);
    }
}
