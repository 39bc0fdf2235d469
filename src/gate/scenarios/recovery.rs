//! Recovery of scenarios against its limits: the worst is judged.

use super::{all, finding};
use crate::contract::Subject;
use crate::exact::seconds;
use crate::figure::dependability::mttr_figure;
use crate::gate::ReleaseCx;
use crate::judge::scenarios::Run;
use crate::judge::scenarios::recovery::{Sort, Time};
use crate::judge::tally::{Flaw, Tally};
use crate::verdict::{Finding, Gap, Judged, Judgement};

/// Claims may differ by this much from what records show, in ns: a driver may read its clock a little apart from its client.
const CLAIM: i64 = 10_000_000;

/// All recoveries of one sort.
struct Group<'r, 'e> {
    sort: Sort,
    limit: i64,
    took: Vec<(i64, &'r Run<'e>)>,
}

impl<'r, 'e> Group<'r, 'e> {
    fn take(&mut self, run: &'r Run<'e>, time: Time, tally: &mut Tally) {
        let name = run.name();
        let flaw = |weight: i64, why: String, claim: &str| Flaw::new(weight, why, finding(claim, run));
        let allowed = format!("{} s are allowed after a {}", seconds(self.limit), self.sort.word());
        match time {
            Time::Took { lo, hi, claimed } => {
                tally.judged += 1;
                self.took.push((hi, run));
                if lo > self.limit {
                    tally.faults.push(flaw(hi, format!("{name} took {} s to recover, {allowed}", seconds(hi)), "too-slow"));
                } else if hi > self.limit {
                    let why = format!("{name} took between {} s and {} s to recover, {allowed}", seconds(lo), seconds(hi));
                    tally.doubts.push(flaw(hi, why, "too-coarse"));
                }
                if let Some(claimed) = claimed.filter(|c| *c < lo.saturating_sub(CLAIM) || *c > hi.saturating_add(CLAIM)) {
                    let why =
                        format!("{name} claims to have recovered in {} s, its records show {} s", seconds(claimed), seconds(hi));
                    tally.doubts.push(flaw(0, why, "claim-differs"));
                }
            }
            Time::Never(after) if after > self.limit => {
                tally.judged += 1;
                let why = format!("{name} had not recovered {} s after its fault, {allowed}", seconds(after));
                tally.faults.push(flaw(i64::MAX, why, "never-recovered"));
            }
            Time::Never(after) => {
                let why = format!("{name} is not recovered where its history ends, {} s after its fault", seconds(after));
                tally.doubts.push(flaw(1, why, "history-ends"));
            }
            Time::Nothing => {}
            Time::Unknown(why) => tally.doubts.push(flaw(0, format!("the recovery of {name} is not shown: {why}"), "not-shown")),
        }
    }
}

pub(super) fn judge(cx: &ReleaseCx<'_>) -> Judged {
    let runs = all(cx, Subject::System)?;
    let declared = cx.contract.scenarios.as_ref().ok_or_else(|| Gap::new("the contract declares no limits of recovery"))?;
    let limits = [(Sort::Crash, declared.crash_recovery), (Sort::Takeover, declared.takeover_recovery)];
    let mut tally = Tally::default();
    let mut groups = Vec::new();
    for (sort, limit) in limits {
        let word = sort.word();
        let limit = limit.ok_or_else(|| Gap::new(format!("the contract declares no limit of recovery after a {word}")))?;
        let mut group = Group { sort, limit, took: Vec::new() };
        for run in &runs {
            if let Some(recovered) = run.recovery.filter(|r| r.sort == sort) {
                group.take(run, recovered.time, &mut tally);
            }
        }
        if group.took.is_empty() && tally.faults.is_empty() {
            let why = format!("no recovery after a {word} was recorded");
            tally.doubts.push(Flaw::new(-1, why, Finding::new("none-recorded").with("sort", word)));
        }
        groups.push(group);
    }
    Ok(conclude(tally, &groups))
}

fn conclude(tally: Tally, groups: &[Group<'_, '_>]) -> Judgement {
    let told: Vec<String> = groups
        .iter()
        .filter_map(|g| {
            let worst = g.took.iter().map(|t| t.0).max()?;
            Some(format!(
                "after a {} the worst of {} took {} s of {} s",
                g.sort.word(),
                g.took.len(),
                seconds(worst),
                seconds(g.limit)
            ))
        })
        .collect();
    let tightest = groups.iter().filter_map(|g| Some((g.limit.saturating_sub(g.took.iter().map(|t| t.0).max()?), g)));
    let tightest = tightest.min_by_key(|t| t.0);
    let mut judgement = tally.conclude(told.join("; "), "no recovery was judged");
    if let Some((left, group)) = tightest {
        let worst = group.limit.saturating_sub(left);
        let margin = if left >= 0 { format!("{} s", seconds(left)) } else { String::new() };
        judgement = judgement.against(format!("≤ {} s", seconds(group.limit)), format!("{} s", seconds(worst)), margin);
    }
    for group in groups {
        let lengths: Vec<i64> = group.took.iter().map(|t| t.0).collect();
        let sources = group.took.iter().take(5).map(|t| t.1.source.clone()).collect();
        if let Some(mut figure) = mttr_figure(&lengths, sources) {
            figure.id = format!("mttr-{}", group.sort.word().replace(' ', "-"));
            judgement = judgement.figure(figure);
        }
    }
    judgement
}
