//! Who led which term, and did committed state survive each change of leader?

use super::{unordered, unordered_within, unseen};
use crate::contract::Contract;
use crate::evidence::kinds::{Entry, Injection, Role, Sample};
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, RowId, Rows};
use crate::exact::seconds;
use crate::judge::quorum::members;
use crate::verdict::{Figure, Finding, Judgement};
use crate::words::{a, plural};
use std::collections::{BTreeMap, BTreeSet};

/// Words by which samples say that they know no leader.
const NO_LEADER: [&str; 5] = ["", "0", "-", "none", "null"];

/// The most changes of leader that get a figure of their own.
const MAX_FIGURES: usize = 10;

/// One member's word on who leads a term.
#[derive(Debug, Clone, Copy)]
struct Claim {
    id: RowId,
    lo: i64,
    hi: i64,
    member: Sym,
    leader: Sym,
    term: i64,
}

impl Claim {
    fn own(&self) -> bool {
        self.member == self.leader
    }
}

/// What samples say about leaders.
#[derive(Debug, Default)]
struct Claims {
    list: Vec<Claim>,
    /// Samples that name a leader and no term.
    without_term: usize,
    /// Samples read while leader or term changed.
    torn: usize,
}

/// The claims of all members. A sample that takes time may read the leader before and the term after a change, or the other way round; it
/// is set aside when the samples before and after it show just that.
fn claims(evidence: &Evidence, rows: &Rows<'_, Sample>) -> Claims {
    let mut by_member: BTreeMap<Sym, Vec<(RowId, Sample)>> = BTreeMap::new();
    for (id, s) in rows.iter().filter(|(_, s)| s.reachable != Some(false)) {
        by_member.entry(s.member).or_default().push((id, s));
    }
    let mut claims = Claims::default();
    for samples in by_member.values_mut() {
        samples.sort_by_key(|(id, s)| (s.t_lo, s.t_hi, *id));
        for (i, (id, s)) in samples.iter().enumerate() {
            let Some(leader) = named(evidence, s) else { continue };
            let Some(term) = s.term else {
                claims.without_term += 1;
                continue;
            };
            let before = i.checked_sub(1).map(|b| &samples[b].1);
            if s.t_lo < s.t_hi && torn(evidence, before, s, samples.get(i + 1).map(|a| &a.1)) {
                claims.torn += 1;
            } else {
                claims.list.push(Claim { id: *id, lo: s.t_lo.0, hi: s.t_hi.0, member: s.member, leader, term });
            }
        }
    }
    claims
}

/// The leader that a sample names: the member itself when its role says so.
fn named(evidence: &Evidence, s: &Sample) -> Option<Sym> {
    if s.role == Some(Role::Leader) {
        return Some(s.member);
    }
    let leader = s.leader.filter(|l| !NO_LEADER.contains(&evidence.text(*l)))?;
    (s.role.is_none() || leader != s.member).then_some(leader)
}

fn torn(evidence: &Evidence, before: Option<&Sample>, s: &Sample, after: Option<&Sample>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    let (Some(old), Some(term), Some(new)) = (before.term, s.term, after.term) else { return false };
    let leaders = (named(evidence, before), named(evidence, s), named(evidence, after));
    let term_first = term > old && new >= term && leaders.1 == leaders.0 && leaders.2 != leaders.1;
    let leader_first = term == old && new > term && leaders.1 != leaders.0 && leaders.0.is_some() && leaders.2 == leaders.1;
    term_first || leader_first
}

/// No term has two members that say they lead it.
///
/// A member's own word decides. What others name is hearsay, and may lag behind the term: it is weighed only when the member that
/// is named never says that it leads a later term, and then it leaves the question open. A term in which commands were written must have a leader.
#[must_use]
pub fn single_leader(
    evidence: &Evidence,
    contract: &Contract,
    rows: &Rows<'_, Sample>,
    log: Option<&Rows<'_, Entry>>,
) -> Judgement {
    if let Some(judgement) = unordered_within(rows, |s| s.member, |s| evidence.text(s.member).to_string()) {
        return judgement;
    }
    let claims = claims(evidence, rows);
    let voters = members(evidence, contract);
    let mut terms: BTreeMap<i64, BTreeMap<Sym, Claim>> = BTreeMap::new();
    for claim in &claims.list {
        let slot = terms.entry(claim.term).or_default().entry(claim.leader).or_insert(*claim);
        if claim.own() && !slot.own() {
            *slot = *claim;
        }
    }
    let latest = latest(&claims);
    let (mut wrong, mut open) = (Vec::new(), Vec::new());
    for (term, leaders) in &terms {
        let own: Vec<&Claim> = leaders.values().filter(|c| c.own()).collect();
        let foreign = leaders.values().filter(|c| !voters.contains(&c.leader)).count();
        let moved_on = |c: &Claim| latest.get(&c.leader).is_some_and(|later| later > term);
        let standing: Vec<&Claim> =
            leaders.values().filter(|c| c.own() || (voters.contains(&c.leader) && !moved_on(c))).collect();
        let finding = |claim: &str, list: &[&Claim]| {
            let names: Vec<&str> = list.iter().map(|c| evidence.text(c.leader)).collect();
            let sources = list.iter().map(|c| rows.source(c.id)).collect();
            Finding { sources, ..Finding::new(claim) }.with("term", term).with("leaders", names.join(", "))
        };
        if own.len() > 1 {
            wrong.push(finding("two-leaders", &own));
        } else if standing.len() > 1 || foreign > 1 {
            open.push(finding("two-leaders-named", &leaders.values().collect::<Vec<_>>()));
        }
    }
    let seen: BTreeSet<Sym> = rows.iter().map(|(_, s)| s.member).collect();
    let missing = unseen(evidence, contract, &seen);
    let judged = rows.len();
    let written = log.map(written).unwrap_or_default();
    let judgement = if let Some(first) = wrong.first() {
        Judgement::fail(format!("term {} has more than one leader: {}", first.data["term"], first.data["leaders"]), judged)
    } else if let Some(first) = open.first() {
        let why = format!(
            "term {}: samples name {}, and not all of them speak for themselves",
            first.data["term"], first.data["leaders"]
        );
        Judgement::inconclusive(why, judged)
    } else if terms.is_empty() {
        Judgement::inconclusive(format!("no sample names leader and term ({} name a leader only)", claims.without_term), judged)
    } else if let Some(term) = written.iter().find(|term| !terms.contains_key(term)) {
        Judgement::inconclusive(format!("the logs hold commands of term {term}, and no sample names who led it"), judged)
    } else if latest.is_empty() {
        Judgement::inconclusive("no member says of itself that it leads", judged)
    } else if !missing.is_empty() {
        Judgement::inconclusive(format!("no sample of {}, who may have led too", missing.join(", ")), judged)
    } else {
        let terms = plural(terms.len(), "term", "terms");
        let torn = plural(claims.torn, "sample", "samples");
        let why = format!("{terms}, at most one leader each; {torn} read during a change set aside");
        Judgement::pass(why, judged)
    };
    judgement
        .against("≤ 0", plural(wrong.len(), "term with more than one leader", "terms with more than one leader"), "")
        .findings(wrong)
        .findings(open)
}

/// The latest term that each member says it led.
fn latest(claims: &Claims) -> BTreeMap<Sym, i64> {
    claims.list.iter().filter(|c| c.own()).fold(BTreeMap::new(), |mut latest, c| {
        let term = latest.entry(c.leader).or_insert(c.term);
        *term = c.term.max(*term);
        latest
    })
}

/// Terms in which a command was written to a log.
fn written(log: &Rows<'_, Entry>) -> BTreeSet<i64> {
    log.iter().filter(|(_, e)| e.command_id.is_some()).map(|(_, e)| e.term).collect()
}

/// Which index the samples of a test carry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Index {
    Commit,
    Applied,
    Term,
    Snapshot,
}

impl Index {
    fn of(self, s: &Sample) -> Option<i64> {
        match self {
            Self::Commit => s.commit_index,
            Self::Applied => s.applied_index,
            Self::Term => s.term,
            Self::Snapshot => s.snapshot_index,
        }
    }

    /// Whether it outlives a restart, so that it may not even start over lower.
    fn durable(self) -> bool {
        matches!(self, Self::Term | Self::Snapshot)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit index",
            Self::Applied => "applied index",
            Self::Term => "term",
            Self::Snapshot => "snapshot index",
        }
    }
}

/// The commit index never goes back: not at a member, and not from one leader to the next.
///
/// A member that did not answer for a while may have restarted, and then starts over below what it said before; that is lawful unless it leads.
/// Its term and the index of its snapshot outlive a restart, and may not fall even then.
#[must_use]
pub fn continuity(
    evidence: &Evidence,
    contract: &Contract,
    rows: &Rows<'_, Sample>,
    faults: Option<&Rows<'_, Injection>>,
) -> Judgement {
    if let Some(judgement) = unordered(rows) {
        return judgement;
    }
    let samples: Vec<(RowId, Sample)> = rows.iter().collect();
    let has = |index: Index| samples.iter().any(|(_, s)| index.of(s).is_some());
    let index = match (has(Index::Commit), has(Index::Applied)) {
        (true, _) => Index::Commit,
        (false, true) => Index::Applied,
        (false, false) => return Judgement::inconclusive("no sample carries a commit or applied index", samples.len()),
    };
    let claims = claims(evidence, rows);
    let own: Vec<(Claim, i64)> =
        claims.list.iter().filter(|c| c.own()).filter_map(|c| Some((*c, index.of(&rows.get(c.id)?)?))).collect();
    let changes = changes(&own);
    let mut wrong: Vec<Finding> = changes.lower.iter().map(|(old, new)| lower(evidence, rows, index, old, new)).collect();
    for what in [index, Index::Applied, Index::Term, Index::Snapshot].into_iter().skip(usize::from(index == Index::Applied)) {
        wrong.extend(backward(evidence, rows, &samples, what));
    }
    let seen = samples.iter().filter(|(_, s)| index.of(s).is_some()).map(|(_, s)| s.member).collect();
    let missing = unseen(evidence, contract, &seen);
    let named = claims.list.iter().map(|c| c.term).max();
    let spoken = own.iter().map(|(c, _)| c.term).max();
    let judged = samples.len();
    let judgement = if let Some(first) = wrong.first() {
        let d = &first.data;
        let why = format!(
            "the {} of {} is {} at {} s, after {} was reported by {}",
            d["index"], d["member"], d["new"], d["t"], d["old"], d["by"]
        );
        Judgement::fail(format!("{why}; {} such samples", wrong.len()), judged)
    } else if own.is_empty() {
        Judgement::inconclusive(format!("no leader's own sample carries term and {}", index.word()), judged)
    } else if named > spoken {
        let term = named.unwrap_or_default();
        Judgement::inconclusive(format!("the leader of term {term} has no sample of its own with {}", a(index.word())), judged)
    } else if let Some(why) = faults.and_then(|faults| ends_early(evidence, rows, faults)) {
        Judgement::inconclusive(why, judged)
    } else if changes.judged.is_empty() {
        Judgement::not_exercised("the leader never changed", judged)
    } else if let Some(((term, leader), _)) = changes.judged.iter().find(|(_, pair)| pair.is_none()) {
        let leader = evidence.text(*leader);
        let why =
            format!("no sample of {leader}, who leads term {term}, surely comes after the highest {} before it", index.word());
        Judgement::inconclusive(why, judged)
    } else if !missing.is_empty() {
        Judgement::inconclusive(format!("no sample of {} carries {}", missing.join(", "), a(index.word())), judged)
    } else {
        let why = plural(changes.judged.len(), "change", "changes");
        let why = format!("over {why} of leader no {} went back, nor did any member's", index.word());
        Judgement::pass(why, judged)
    };
    let figures = changes.judged.iter().filter_map(|(key, pair)| pair.map(|(old, new)| figure(evidence, rows, *key, &old, &new)));
    figures.take(MAX_FIGURES).fold(judgement.findings(wrong), Judgement::figure)
}

/// A fault that starts after the last sample: what it did to the leader was not seen. Where the clocks of both are not bounded nothing is known.
fn ends_early(evidence: &Evidence, rows: &Rows<'_, Sample>, faults: &Rows<'_, Injection>) -> Option<String> {
    let widening = rows.beside(faults).ok()?;
    let last = rows.iter().map(|(_, s)| s.t_hi.0).max()?.saturating_add(widening);
    let (_, unseen) = faults.iter().find(|(_, f)| f.start_lo.0 > last)?;
    Some(format!("the samples of members end before fault {} starts, so what it did is not seen", evidence.text(unseen.id)))
}

/// A leader's claim with its index.
type Led = (Claim, i64);

/// The pairs of samples on either side of changes of leader.
#[derive(Default)]
struct Changes {
    /// For each leadership after the first: the highest index that leaders of lower terms report in the whole test, and the first
    /// sample of the leadership that surely follows it; without such a sample the change is not judged.
    judged: BTreeMap<(i64, Sym), Option<(Led, Led)>>,
    /// Pairs in which the later one is lower.
    lower: Vec<(Led, Led)>,
}

/// Compares each leader's sample with the highest one of its own or a lower term that surely came before.
fn changes(own: &[Led]) -> Changes {
    let (mut by_end, mut by_start) = (own.to_vec(), own.to_vec());
    by_end.sort_by_key(|(c, _)| (c.hi, c.id));
    by_start.sort_by_key(|(c, _)| (c.lo, c.id));
    let mut highest: BTreeMap<i64, Led> = BTreeMap::new();
    let mut ended = by_end.iter().peekable();
    let mut changes = Changes::default();
    for new in &by_start {
        while let Some(old) = ended.next_if(|(c, _)| c.hi < new.0.lo) {
            let slot = highest.entry(old.0.term).or_insert(*old);
            if old.1 > slot.1 {
                *slot = *old;
            }
        }
        let top = highest.range(..=new.0.term).map(|(_, led)| *led).max_by_key(|(c, index)| (*index, c.term));
        if let Some(old) = top.filter(|old| old.1 > new.1) {
            changes.lower.push((old, *new));
        }
        changes.judged.insert((new.0.term, new.0.leader), None);
    }
    let mut tops: BTreeMap<i64, Led> = BTreeMap::new();
    for led in &by_end {
        let slot = tops.entry(led.0.term).or_insert(*led);
        if led.1 > slot.1 {
            *slot = *led;
        }
    }
    for (key, pair) in &mut changes.judged {
        let top = tops.range(..key.0).map(|(_, led)| *led).max_by_key(|(c, index)| (*index, std::cmp::Reverse(c.hi)));
        let follows = |old: &Led| by_start.iter().find(|(c, _)| (c.term, c.leader) == *key && c.lo > old.0.hi).copied();
        *pair = top.and_then(|old| Some((old, follows(&old)?)));
    }
    let first = changes.judged.keys().next().map(|k| k.0);
    changes.judged.retain(|key, _| Some(key.0) != first);
    changes
}

/// Where a member's index is lower than one that it surely reported before, with no sample between that went unanswered.
fn backward(evidence: &Evidence, rows: &Rows<'_, Sample>, samples: &[(RowId, Sample)], index: Index) -> Vec<Finding> {
    let mut by_member: BTreeMap<Sym, Vec<(RowId, Sample)>> = BTreeMap::new();
    for (id, s) in samples {
        by_member.entry(s.member).or_default().push((*id, *s));
    }
    let mut wrong = Vec::new();
    for (member, list) in &mut by_member {
        list.sort_by_key(|(id, s)| (s.t_lo, s.t_hi, *id));
        for run in list.split(|(_, s)| s.reachable == Some(false) && !index.durable()) {
            let mut ended: Vec<(i64, i64, RowId)> =
                run.iter().filter_map(|(id, s)| Some((s.t_hi.0, index.of(s)?, *id))).collect();
            ended.sort_unstable();
            let (mut next, mut top): (usize, Option<(i64, RowId)>) = (0, None);
            for (id, s) in run {
                while let Some((_, value, old)) = ended.get(next).filter(|e| e.0 < s.t_lo.0) {
                    top = top.filter(|t| t.0 >= *value).or(Some((*value, *old)));
                    next += 1;
                }
                let Some((old, new)) = top.zip(index.of(s)).filter(|(old, new)| old.0 > *new) else { continue };
                let finding = Finding::new("index-went-back")
                    .with("member", evidence.text(*member))
                    .with("t", seconds(s.t_hi.0))
                    .with("index", index.word())
                    .with("old", old.0)
                    .with("new", new)
                    .with("by", "itself");
                wrong.push(finding.source(rows.source(*id)).source(rows.source(old.1)));
            }
        }
    }
    wrong
}

fn lower(evidence: &Evidence, rows: &Rows<'_, Sample>, index: Index, old: &Led, new: &Led) -> Finding {
    Finding::new("leader-exposes-less")
        .with("member", evidence.text(new.0.leader))
        .with("term", new.0.term)
        .with("t", seconds(new.0.hi))
        .with("index", index.word())
        .with("old", old.1)
        .with("new", new.1)
        .with("by", format!("{} leading term {}", evidence.text(old.0.leader), old.0.term))
        .source(rows.source(new.0.id))
        .source(rows.source(old.0.id))
}

fn figure(evidence: &Evidence, rows: &Rows<'_, Sample>, (term, leader): (i64, Sym), old: &Led, new: &Led) -> Figure {
    let sign = if new.1 >= old.1 { "≥" } else { "<" };
    Figure {
        id: "commit-continuity".into(),
        symbol: "C_commit,new".into(),
        formula: "C_commit,new ≥ C_commit,old".into(),
        substitution: format!("{} (term {term}): {} {sign} {}", evidence.text(leader), new.1, old.1),
        value: new.1.to_string(),
        unit: String::new(),
        sources: vec![rows.source(new.0.id), rows.source(old.0.id)],
    }
}
