//! Is the commit index that a leader reports the one that the match indexes give?

use super::{unordered_within, unseen};
use crate::contract::Contract;
use crate::evidence::kinds::{Progress, Role, Sample};
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, RowId, Rows};
use crate::exact::seconds;
use crate::figure::quorum;
use crate::judge::quorum::members as voters;
use crate::verdict::{Finding, Judgement, SourceRef};
use std::collections::{BTreeMap, BTreeSet};

/// Later samples of the same leadership that must still lie below before a commit index counts as stuck. A new leader holds its commit
/// index back until an entry of its own term is on a quorum, and two samples may fall into that moment.
const PATIENCE: usize = 2;

/// One sample of what a leader knows.
#[derive(Debug, Default)]
struct View {
    t: i64,
    reported: i64,
    matches: BTreeMap<Sym, i64>,
    rows: Vec<RowId>,
    /// Rows of the sample say two things about one number.
    torn: bool,
}

impl View {
    fn indexes(&self) -> Vec<i64> {
        self.matches.values().copied().collect()
    }

    /// The match indexes in the order in which the contract names the members.
    fn in_order(&self, evidence: &Evidence, contract: &Contract) -> Vec<i64> {
        let of = |name: &String| self.matches.get(&evidence.symbols.find(name)?).copied();
        contract.cluster.members.iter().filter_map(of).collect()
    }

    fn sources(&self, rows: &Rows<'_, Progress>) -> Vec<SourceRef> {
        self.rows.iter().map(|id| rows.source(*id)).collect()
    }
}

/// Samples of each leadership (term, leader), in the order of time.
fn leaderships(rows: &Rows<'_, Progress>, voters: &BTreeSet<Sym>) -> BTreeMap<(i64, Sym), Vec<View>> {
    let mut views: BTreeMap<(i64, Sym), BTreeMap<(i64, i64), View>> = BTreeMap::new();
    for (id, p) in rows.iter() {
        let views = views.entry((p.term, p.leader)).or_default();
        let view = views.entry((p.t_lo.0, p.t_hi.0)).or_insert(View { t: p.t_hi.0, reported: p.commit_index, ..View::default() });
        view.torn |= view.reported != p.commit_index;
        view.rows.push(id);
        if voters.contains(&p.member) {
            let known = *view.matches.entry(p.member).or_insert(p.match_index);
            view.torn |= known != p.match_index;
        }
    }
    views.into_iter().map(|(key, views)| (key, views.into_values().collect())).collect()
}

/// Leaderships that members show of themselves and of which no sample of progress tells.
fn unwatched(evidence: &Evidence, watched: &BTreeMap<(i64, Sym), Vec<View>>, members: Option<&Rows<'_, Sample>>) -> Vec<Finding> {
    let mut led: BTreeMap<(i64, Sym), SourceRef> = BTreeMap::new();
    for (rows, (id, s)) in members.iter().flat_map(|rows| rows.iter().map(move |row| (rows, row))) {
        if let (Some(Role::Leader), Some(term)) = (s.role, s.term) {
            led.entry((term, s.member)).or_insert_with(|| rows.source(id));
        }
    }
    let finding = |((term, leader), source): ((i64, Sym), SourceRef)| {
        let leader = evidence.text(leader);
        let why = format!("{leader} led in term {term}, and no sample shows its commit index then");
        Finding::new("leadership-without-progress").with("leader", leader).with("term", term).with("why", why).source(source)
    };
    led.into_iter().filter(|(key, _)| !watched.contains_key(key)).map(finding).collect()
}

#[derive(Default)]
struct Tally {
    equal: usize,
    lagging: usize,
    wrong: Vec<Finding>,
    open: Vec<Finding>,
}

/// Recomputes the commit index of every sample from the match indexes of the declared voters.
///
/// A reported index above the recomputed one is a fail. One case is lawful: a new leader keeps the commit index that it knew as a follower
/// while it has yet to hear from the others, so an index that has not moved since it took over passes when an earlier leadership
/// had it on a quorum, or when its own later samples do and the members below it stood at 0, unheard. A reported index below the
/// recomputed one is counted as lag; it is a fail when no later sample of that leadership reaches it although two follow.
#[must_use]
pub fn commit_index(
    evidence: &Evidence,
    contract: &Contract,
    rows: &Rows<'_, Progress>,
    members: Option<&Rows<'_, Sample>>,
) -> Judgement {
    if let Some(judgement) =
        unordered_within(rows, |p| (p.term, p.leader), |p| format!("{} in term {}", evidence.text(p.leader), p.term))
    {
        return judgement;
    }
    let quorum = contract.cluster.write_quorum();
    let leaderships = leaderships(rows, &voters(evidence, contract));
    let mut tally = Tally { open: unwatched(evidence, &leaderships, members), ..Tally::default() };
    let mut proven: Option<i64> = None;
    let mut shown: Option<&View> = None;
    for ((term, leader), views) in &leaderships {
        let name = format!("{} in term {term}", evidence.text(*leader));
        let counted: Vec<Result<i64, String>> = views.iter().map(|v| count(evidence, contract, v, &name)).collect();
        let judged = Leadership { evidence, rows, quorum, term: *term, leader: *leader, views, counted: &counted, proven };
        judged.weigh(&mut tally);
        let whole = || views.iter().zip(&counted).filter_map(|(v, c)| c.as_ref().ok().map(|c| (v, *c)));
        shown = shown.or(whole().next_back().map(|(v, _)| v));
        proven = proven.max(whole().map(|(v, c)| c.min(v.reported)).max());
    }
    let judgement = conclude(&tally, leaderships.values().map(Vec::len).sum());
    let figure = shown.and_then(|view| quorum::commit_index(&view.in_order(evidence, contract), quorum, &view.sources(rows)));
    let judgement = judgement.findings(tally.wrong).findings(tally.open);
    match figure {
        Some(figure) => judgement.figure(figure.figure),
        None => judgement,
    }
}

/// The commit index of one sample, or why it cannot be counted.
fn count(evidence: &Evidence, contract: &Contract, view: &View, name: &str) -> Result<i64, String> {
    let missing = unseen(evidence, contract, &view.matches.keys().copied().collect());
    if view.torn {
        return Err(format!("a sample of {name} contradicts itself"));
    }
    if !missing.is_empty() {
        return Err(format!("a sample of {name} lacks the match index of {}", missing.join(", ")));
    }
    let few = || "a cluster smaller than its quorum commits nothing".to_string();
    quorum::commit_index_of(&view.indexes(), contract.cluster.write_quorum()).ok_or_else(few)
}

/// The samples of one leader in one term.
struct Leadership<'a> {
    evidence: &'a Evidence,
    rows: &'a Rows<'a, Progress>,
    quorum: u64,
    term: i64,
    leader: Sym,
    views: &'a [View],
    counted: &'a [Result<i64, String>],
    /// The highest commit index that an earlier leadership had on a quorum.
    proven: Option<i64>,
}

impl Leadership<'_> {
    fn finding(&self, claim: &str, view: &View) -> Finding {
        Finding { sources: view.sources(self.rows), ..Finding::new(claim) }
            .with("leader", self.evidence.text(self.leader))
            .with("term", self.term)
            .with("t", seconds(view.t))
            .with("reported", view.reported)
    }

    fn weigh(&self, tally: &mut Tally) {
        let (mut reported_later, mut counted_later): (Option<i64>, Option<i64>) = (None, None);
        let (mut wrong, mut open) = (Vec::new(), Vec::new());
        for (i, view) in self.views.iter().enumerate().rev() {
            match &self.counted[i] {
                Err(why) => open.push(self.finding("sample-incomplete", view).with("why", why)),
                Ok(index) => {
                    let finding = |claim: &str| self.finding(claim, view).with("recomputed", index);
                    if view.reported == *index {
                        tally.equal += 1;
                    } else if view.reported < *index {
                        tally.lagging += 1;
                        if reported_later < Some(*index) && self.views.len() - i > PATIENCE {
                            wrong.push(finding("commit-index-stuck"));
                        }
                    } else if !self.inherited(view) {
                        wrong.push(finding("commit-index-above-quorum"));
                    } else if self.proven < Some(view.reported) && counted_later < Some(view.reported) {
                        let name = self.evidence.text(self.leader);
                        let why =
                            format!("{name} in term {} reports {}, which no quorum is shown to hold", self.term, view.reported);
                        open.push(finding("commit-index-unconfirmed").with("why", why));
                    }
                    counted_later = counted_later.max(Some(*index));
                }
            }
            reported_later = reported_later.max(Some(view.reported));
        }
        tally.wrong.extend(wrong.into_iter().rev());
        tally.open.extend(open.into_iter().rev());
    }

    /// Whether an index above the quorum's may be what the leader knew before it led: it has not moved since, and either an earlier
    /// leadership had it on a quorum, or those who are not shown to have it have not been heard.
    fn inherited(&self, view: &View) -> bool {
        let heard = |(member, index): (&Sym, &i64)| if *index == 0 && *member != self.leader { i64::MAX } else { *index };
        let best: Vec<i64> = view.matches.iter().map(heard).collect();
        let possible = quorum::commit_index_of(&best, self.quorum).is_some_and(|b| b >= view.reported);
        view.reported == self.views[0].reported && (possible || self.proven >= Some(view.reported))
    }
}

fn conclude(tally: &Tally, samples: usize) -> Judgement {
    if let Some(first) = tally.wrong.first() {
        let d = &first.data;
        let relation = if first.claim == "commit-index-stuck" { "stays below" } else { "is above" };
        let why = format!(
            "{} in term {} reports commit index {} at {} s, which {relation} the recomputed {}; {} of {samples} samples are wrong",
            d["leader"],
            d["term"],
            d["reported"],
            d["t"],
            d["recomputed"],
            tally.wrong.len()
        );
        return Judgement::fail(why, samples);
    }
    if let Some(first) = tally.open.first() {
        return Judgement::inconclusive(format!("{}; {} such samples", first.data["why"], tally.open.len()), samples);
    }
    if tally.equal == 0 {
        return Judgement::inconclusive("in no sample does the reported commit index equal the recomputed one", samples);
    }
    let why = format!(
        "the reported commit index equals the recomputed one in {} of {samples} samples, lags in {} and is unlawfully above in none",
        tally.equal, tally.lagging
    );
    Judgement::pass(why, samples)
}
