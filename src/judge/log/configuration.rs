//! How logs were cut and voters changed: nothing a member still needs is thrown away, and old and new majorities meet.

use super::{unordered, unseen};
use crate::contract::Contract;
use crate::evidence::kinds::{Point, Role, Sample};
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, RowId, Rows};
use crate::exact::seconds;
use crate::figure::quorum::majorities_intersect;
use crate::judge::quorum::members;
use crate::verdict::{Finding, Judgement};
use std::collections::{BTreeMap, BTreeSet};

/// The series that counts snapshots which a member could not install.
const INSTALL_FAILURES: &str = "snapshot_install_failures";

/// A point up to which a member may have thrown away its log.
#[derive(Debug, Clone, Copy)]
struct Cut {
    id: RowId,
    sample: Sample,
    /// The highest index that is gone, or that a snapshot covers.
    upto: i64,
    /// Whether entries are known to be gone at the leader, so that only a snapshot helps a member below.
    leader_cut: bool,
}

/// The highest index that a member is known to hold, in its log or its state.
fn reach(s: &Sample) -> Option<i64> {
    s.last_index.max(s.applied_index).max(s.commit_index).max(s.snapshot_index)
}

/// The first sample of each member that shows a new cut.
fn cuts(rows: &Rows<'_, Sample>) -> Vec<Cut> {
    let mut samples: Vec<(RowId, Sample)> = rows.iter().collect();
    samples.sort_by_key(|(id, s)| (s.t_lo, s.t_hi, *id));
    let mut known: BTreeMap<(Sym, bool), i64> = BTreeMap::new();
    let mut cuts = Vec::new();
    for (id, sample) in samples {
        let leads = sample.role == Some(Role::Leader) || (sample.role.is_none() && sample.leader == Some(sample.member));
        let gone = sample.first_index.map(|f| (f.saturating_sub(1), leads));
        for (upto, leader_cut) in [gone, sample.snapshot_index.map(|s| (s, false))].into_iter().flatten() {
            let top = known.entry((sample.member, leader_cut)).or_insert(0);
            if upto > *top {
                *top = upto;
                cuts.push(Cut { id, sample, upto, leader_cut });
            }
        }
    }
    cuts
}

/// What the samples of one member say about one cut.
enum Stand {
    Safe,
    Lost(RowId, i64),
    Open(String),
}

fn stand(cut: &Cut, member: &str, samples: &[(RowId, Sample)]) -> Stand {
    let answers = || samples.iter().filter_map(|(id, s)| Some((*id, *s, reach(s)?)));
    let below = answers().rfind(|(_, s, at)| s.t_lo > cut.sample.t_hi && *at < cut.upto);
    let Some((id, low, at)) = below else {
        return match answers().map(|(_, _, at)| at).max() {
            Some(top) if top >= cut.upto => Stand::Safe,
            Some(top) => Stand::Open(format!("{member} was last seen at {top}, below {}", cut.upto)),
            None => Stand::Open(format!("no sample of {member} carries an index")),
        };
    };
    let later = || answers().filter(|(_, s, _)| s.t_lo > low.t_lo);
    if later().any(|(_, s, _)| s.snapshot_index.is_some_and(|i| i >= cut.upto)) {
        return Stand::Safe;
    }
    let caught_up = later().any(|(_, _, at)| at >= cut.upto);
    match (cut.leader_cut, caught_up) {
        (false, true) => Stand::Safe,
        (true, true) if later().all(|(_, s, _)| s.snapshot_index.is_none()) => {
            Stand::Open(format!("{member} caught up from {at}, and no sample says by which snapshot"))
        }
        (false, false) => Stand::Open(format!("{member} stays at {at}, below {}, to the end", cut.upto)),
        (true, _) => Stand::Lost(id, at),
    }
}

/// Nothing was compacted past the slowest member without a snapshot that it installed, and no installation failed.
#[must_use]
pub fn compaction_safe(
    evidence: &Evidence,
    contract: &Contract,
    rows: &Rows<'_, Sample>,
    telemetry: Option<&Rows<'_, Point>>,
) -> Judgement {
    if let Some(judgement) = unordered(rows) {
        return judgement;
    }
    let (cuts, voters) = (cuts(rows), members(evidence, contract));
    let mut by_member: BTreeMap<Sym, Vec<(RowId, Sample)>> = voters.iter().map(|v| (*v, Vec::new())).collect();
    for (id, s) in rows.iter() {
        if let Some(list) = by_member.get_mut(&s.member) {
            list.push((id, s));
        }
    }
    by_member.values_mut().for_each(|list| list.sort_by_key(|(id, s)| (s.t_lo, s.t_hi, *id)));
    let mut wrong = failed_installs(evidence, telemetry);
    let mut open = Vec::new();
    for (id, s) in rows.iter() {
        if let Some((first, snapshot)) = s.first_index.zip(s.snapshot_index).filter(|(f, snap)| f.saturating_sub(1) > *snap) {
            let why = format!("{} begins its log at {first}, its snapshot ends at {snapshot}", evidence.text(s.member));
            wrong.push(Finding::new("compacted-past-snapshot").with("why", why).source(rows.source(id)));
        }
    }
    for cut in &cuts {
        for (member, samples) in by_member.iter().filter(|(m, _)| **m != cut.sample.member) {
            let (who, by) = (evidence.text(*member), evidence.text(cut.sample.member));
            let finding = |claim: &str| {
                let finding = Finding::new(claim).with("member", who).with("by", by).with("upto", cut.upto);
                finding.with("t", seconds(cut.sample.t_hi.0)).source(rows.source(cut.id))
            };
            match stand(cut, who, samples) {
                Stand::Safe => {}
                Stand::Open(why) => open.push(finding("not-shown-safe").with("why", why)),
                Stand::Lost(id, at) => {
                    let why =
                        format!("{by} threw away its log up to {} while {who} was at {at} and installed no snapshot", cut.upto);
                    wrong.push(finding("compacted-past-member").with("why", why).source(rows.source(id)));
                }
            }
        }
    }
    let missing = unseen(evidence, contract, &rows.iter().map(|(_, s)| s.member).collect());
    let judged = rows.len();
    let judgement = if let Some(first) = wrong.first() {
        Judgement::fail(format!("{}; {} such findings", first.data["why"], wrong.len()), judged)
    } else if cuts.is_empty() {
        return Judgement::not_exercised("no log was compacted and no snapshot taken", judged);
    } else if !missing.is_empty() {
        Judgement::inconclusive(format!("no sample of {}, who may be the slowest", missing.join(", ")), judged)
    } else if let Some(first) = open.first() {
        Judgement::inconclusive(first.data["why"].clone(), judged)
    } else {
        let top = cuts.iter().map(|c| c.upto).max().unwrap_or(0);
        Judgement::pass(
            format!("{} compactions or snapshots, up to index {top}, none past a member that needed it", cuts.len()),
            judged,
        )
    };
    judgement.findings(wrong).findings(open)
}

fn failed_installs(evidence: &Evidence, telemetry: Option<&Rows<'_, Point>>) -> Vec<Finding> {
    let Some(rows) = telemetry else { return Vec::new() };
    let failed = |(id, p): (RowId, Point)| {
        let hit = evidence.text(p.series) == INSTALL_FAILURES && p.value.0 > 0;
        hit.then(|| {
            let why = format!("{INSTALL_FAILURES} is above 0 at {} s", seconds(p.t.0));
            Finding::new("snapshot-install-failed").with("why", why).source(rows.source(id))
        })
    };
    rows.iter().filter_map(failed).collect()
}

/// One configuration: where it was seen, its version or place, and its voters.
type Configuration = (RowId, i64, BTreeSet<Sym>);

/// Configurations in the order in which they came: by version where samples carry one, else as each member saw them follow.
///
/// # Errors
/// A finding when one version has two sets of voters.
fn sequences(evidence: &Evidence, rows: &Rows<'_, Sample>) -> Result<Vec<Vec<Configuration>>, Finding> {
    let mut versions: BTreeMap<i64, (RowId, BTreeSet<Sym>)> = BTreeMap::new();
    let mut members: BTreeMap<Sym, Vec<(i64, RowId, BTreeSet<Sym>)>> = BTreeMap::new();
    for (id, s) in rows.iter() {
        let Some(voters) = s.voters else { continue };
        let voters: BTreeSet<Sym> = evidence.symbols.list(voters).iter().copied().collect();
        match s.config_version {
            Some(version) => {
                let first = versions.entry(version).or_insert_with(|| (id, voters.clone()));
                if first.1 != voters {
                    let finding = Finding::new("two-voter-sets").with("version", version);
                    return Err(finding.source(rows.source(first.0)).source(rows.source(id)));
                }
            }
            None => members.entry(s.member).or_default().push((s.t_lo.0, id, voters)),
        }
    }
    let mut list = vec![versions.into_iter().map(|(version, (id, voters))| (id, version, voters)).collect::<Vec<_>>()];
    for (_, mut seen) in members {
        seen.sort_unstable();
        list.push(seen.into_iter().zip(0..).map(|((_, id, voters), n)| (id, n, voters)).collect());
    }
    for configurations in &mut list {
        configurations.dedup_by(|later, earlier| {
            let same = later.2 == earlier.2;
            if same {
                earlier.1 = later.1;
            }
            same
        });
    }
    Ok(list)
}

/// Old and new majorities meet in every change of voters.
///
/// Where the contract's membership rule speaks of joint configurations, a set that is exactly the union of the one before and the one
/// after it is taken as joint: it decides by a majority of both, so both changes are safe.
#[must_use]
pub fn membership(evidence: &Evidence, contract: &Contract, rows: &Rows<'_, Sample>) -> Judgement {
    if let Some(judgement) = unordered(rows) {
        return judgement;
    }
    let judged = rows.len();
    let sequences = match sequences(evidence, rows) {
        Ok(sequences) => sequences,
        Err(finding) => {
            let why = format!("configuration {} has two sets of voters", finding.data["version"]);
            return Judgement::fail(why, judged).findings([finding]);
        }
    };
    let joint = contract.cluster.membership_rule.to_lowercase().contains("joint");
    let names = |set: &BTreeSet<Sym>| set.iter().map(|s| evidence.text(*s)).collect::<Vec<_>>().join(", ");
    let (mut changes, mut wrong, mut open, mut figures) = (0usize, Vec::new(), Vec::new(), Vec::new());
    for list in &sequences {
        let is_joint = |i: usize| {
            let between = i > 0 && i + 1 < list.len();
            joint && between && list[i].2 == list[i - 1].2.union(&list[i + 1].2).copied().collect::<BTreeSet<_>>()
        };
        for (i, two) in list.windows(2).enumerate() {
            let (old, new) = (&two[0], &two[1]);
            changes += 1;
            let sources = [rows.source(old.0), rows.source(new.0)];
            let (count, shared) = (|s: &BTreeSet<Sym>| s.len() as u64, old.2.intersection(&new.2).count() as u64);
            let shown = majorities_intersect(count(&old.2), count(&new.2), shared, &sources);
            if !shown.value && !is_joint(i) && !is_joint(i + 1) {
                let finding = Finding { sources: sources.to_vec(), ..Finding::new("majorities-do-not-meet") };
                let finding = finding.with("old", names(&old.2)).with("new", names(&new.2));
                if new.1.saturating_sub(old.1) > 1 { open.push(finding) } else { wrong.push(finding) }
            }
            figures.push(shown.figure);
        }
    }
    let versions: BTreeSet<i64> = rows.iter().filter_map(|(_, s)| s.config_version).collect();
    let shown: BTreeSet<i64> = rows.iter().filter(|(_, s)| s.voters.is_some()).filter_map(|(_, s)| s.config_version).collect();
    let judgement = if let Some(first) = wrong.first() {
        let why = format!("a majority of {} need not meet one of {}", first.data["old"], first.data["new"]);
        Judgement::fail(why, judged)
    } else if versions.len() > 1 && shown != versions {
        Judgement::inconclusive("a configuration is known by its version only: its voters are not recorded", judged)
    } else if let Some(first) = open.first() {
        let d = &first.data;
        let why =
            format!("between {} and {} configurations were not seen, and their majorities need not meet", d["old"], d["new"]);
        Judgement::inconclusive(why, judged)
    } else if changes == 0 {
        Judgement::not_exercised("the voters never changed", judged)
    } else {
        Judgement::pass(format!("in each of {changes} changes of voters, old and new majorities meet"), judged)
    };
    figures.into_iter().take(10).fold(judgement.findings(wrong).findings(open), Judgement::figure)
}
