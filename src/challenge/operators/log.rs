//! Violations of the log: entries lost, replaced or compacted, leaders that know less, two leaders in a term.

use crate::challenge::scene::{Change, Operator, Scene, Wants, gone, set, text, word};
use crate::evidence::RowId;
use crate::evidence::edit::Edit;
use crate::evidence::kinds::{Application, Entry, EntryState, Operation, Outcome, Progress, Role, Sample};
use crate::evidence::symbol::Sym;
use crate::figure::quorum::commit_index_of;
use crate::judge::quorum::{acknowledged_change, members};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "entry-lost",
        does: "an acknowledged command is gone from the final state of every member",
        wants: Wants::Fail,
        gates: &["log.no-loss", "commands.none-missing"],
        change: Change::Rows(|scene, places| places.offer_all(entry_lost(scene))),
    },
    Operator {
        id: "entry-lost-at-one-member",
        does: "an acknowledged command is gone from the final state of one member",
        wants: Wants::Fail,
        gates: &["log.no-loss"],
        change: Change::Rows(|scene, places| places.offer_all(entry_lost_at_one(scene))),
    },
    Operator {
        id: "log-entry-lost",
        does: "an acknowledged entry is gone from the log of one member, between others that it keeps",
        wants: Wants::Fail,
        gates: &["log.no-loss", "log.matching"],
        change: Change::Rows(|scene, places| places.offer_all(log_entry_lost(scene))),
    },
    Operator {
        id: "entry-replaced",
        does: "one member's log holds another command at a committed index",
        wants: Wants::Fail,
        gates: &["log.matching"],
        change: Change::Rows(|scene, places| places.offer_all(entry_replaced(scene))),
    },
    Operator {
        id: "entry-of-another-term",
        does: "one member holds a committed entry under an older term than the others",
        wants: Wants::Fail,
        gates: &["log.matching"],
        change: Change::Rows(|scene, places| places.offer_all(entry_of_another_term(scene))),
    },
    Operator {
        id: "applied-differently",
        does: "one member applied another command at an index than the others",
        wants: Wants::Fail,
        gates: &["log.matching"],
        change: Change::Rows(|scene, places| places.offer_all(applied_differently(scene))),
    },
    Operator {
        id: "two-leaders",
        does: "a second member says that it leads a term",
        wants: Wants::Fail,
        gates: &["log.single-leader"],
        change: Change::Rows(|scene, places| places.offer_all(two_leaders(scene))),
    },
    Operator {
        id: "leader-behind",
        does: "a new leader reports a commit index just below that of the leader before it",
        wants: Wants::Fail,
        gates: &["log.continuity", "partition.p3"],
        change: Change::Rows(|scene, places| places.offer_all(leader_behind(scene))),
    },
    Operator {
        id: "index-goes-back",
        does: "a member's commit index goes back by one between two answers",
        wants: Wants::Fail,
        gates: &["log.continuity", "partition.p3"],
        change: Change::Rows(|scene, places| places.offer_all(index_goes_back(scene))),
    },
    Operator {
        id: "commit-above-quorum",
        does: "a leader reports a commit index that no member holds",
        wants: Wants::Fail,
        gates: &["log.commit-index"],
        change: Change::Rows(|scene, places| places.offer_all(commit_above_quorum(scene))),
    },
    Operator {
        id: "commit-stuck",
        does: "a leader's commit index stays one below what a quorum holds until its leadership ends",
        wants: Wants::Fail,
        gates: &["log.commit-index"],
        change: Change::Rows(|scene, places| places.offer_all(commit_stuck(scene))),
    },
    Operator {
        id: "discarded-acknowledged",
        does: "the client of a discarded command was told ok",
        wants: Wants::Fail,
        gates: &["log.reconciliation", "partition.p4"],
        change: Change::Rows(|scene, places| places.offer_all(discarded_acknowledged(scene))),
    },
    Operator {
        id: "divergent-entry-stays",
        does: "a divergent entry is still in a member's log after the heal",
        wants: Wants::Fail,
        gates: &["log.reconciliation", "partition.p4"],
        change: Change::Rows(|scene, places| places.offer_all(divergent_entry_stays(scene))),
    },
    Operator {
        id: "compacted-past-snapshot",
        does: "a member's log begins after the entry that follows its snapshot",
        wants: Wants::Fail,
        gates: &["log.compaction-safe"],
        change: Change::Rows(|scene, places| places.offer_all(compacted_past_snapshot(scene))),
    },
];

type Applications = BTreeMap<Sym, Vec<(RowId, Application)>>;

/// Acknowledged commands.
pub(super) fn acknowledged(scene: &Scene<'_>) -> BTreeSet<Sym> {
    let acked = scene.all::<Operation>().into_iter().filter(|(_, op)| acknowledged_change(op));
    acked.filter_map(|(_, op)| op.command_id).collect()
}

/// The applications of acknowledged commands; not of one that is all that some member applied, without which the member would not be seen at all.
pub(super) fn acknowledged_applications(scene: &Scene<'_>) -> Applications {
    let acked = acknowledged(scene);
    let mut by_command = Applications::new();
    let mut applied: BTreeMap<Sym, BTreeSet<Sym>> = BTreeMap::new();
    for (id, a) in scene.all::<Application>() {
        applied.entry(a.member).or_default().insert(a.command_id);
        if acked.contains(&a.command_id) {
            by_command.entry(a.command_id).or_default().push((id, a));
        }
    }
    by_command.retain(|_, rows| rows.iter().all(|(_, a)| applied.get(&a.member).is_some_and(|c| c.len() > 1)));
    by_command
}

/// Places in the order of the records that they begin with.
fn in_order(mut sites: Vec<Vec<Edit>>) -> Vec<Vec<Edit>> {
    sites.sort_by_key(|edits| edits.iter().find_map(Edit::row).map(|(_, row)| row));
    sites
}

fn entry_lost(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let all = acknowledged_applications(scene).into_values();
    in_order(all.map(|list| list.iter().map(|(id, _)| gone::<Application>(*id)).collect()).collect())
}

fn entry_lost_at_one(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let voters = members(scene.evidence(), scene.contract());
    let mut sites: BTreeMap<(Sym, Sym), Vec<Edit>> = BTreeMap::new();
    for (id, a) in acknowledged_applications(scene).into_values().flatten().filter(|(_, a)| voters.contains(&a.member)) {
        sites.entry((a.command_id, a.member)).or_default().push(gone::<Application>(id));
    }
    in_order(sites.into_values().collect())
}

/// Committed entries with a command that are the only word of a member on their index.
fn committed(scene: &Scene<'_>) -> Vec<(RowId, Entry)> {
    let all = scene.all::<Entry>();
    let mut words: BTreeMap<(Sym, i64), usize> = BTreeMap::new();
    all.iter().for_each(|(_, e)| *words.entry((e.member, e.index)).or_default() += 1);
    let sole = |e: &Entry| words.get(&(e.member, e.index)) == Some(&1);
    all.into_iter().filter(|(_, e)| e.state == EntryState::Committed && e.command_id.is_some() && sole(e)).collect()
}

/// How many members hold an index and term.
fn holders(entries: &[(RowId, Entry)]) -> BTreeMap<(i64, i64), usize> {
    let mut held = BTreeMap::new();
    entries.iter().for_each(|(_, e)| *held.entry((e.index, e.term)).or_default() += 1);
    held
}

fn log_entry_lost(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let (acked, entries) = (acknowledged(scene), committed(scene));
    let held = holders(&entries);
    let mut range: BTreeMap<Sym, (i64, i64)> = BTreeMap::new();
    for (_, e) in scene.all::<Entry>() {
        let r = range.entry(e.member).or_insert((e.index, e.index));
        *r = (r.0.min(e.index), r.1.max(e.index));
    }
    let inner = |e: &Entry| range.get(&e.member).is_some_and(|r| r.0 < e.index && e.index < r.1);
    let mut places: BTreeMap<Option<Sym>, BTreeSet<(i64, i64)>> = BTreeMap::new();
    for (_, e) in &entries {
        places.entry(e.command_id).or_default().insert((e.index, e.term));
    }
    // A command that was retried may stand at two places; without one of them it is not lost.
    let sole = |e: &Entry| places.get(&e.command_id).is_some_and(|p| p.len() == 1);
    let acked = |e: &Entry| e.command_id.is_some_and(|c| acked.contains(&c));
    let known = |e: &Entry| acked(e) && sole(e) && held.get(&(e.index, e.term)) > Some(&1);
    entries.iter().filter(|(_, e)| inner(e) && known(e)).map(|(id, _)| vec![gone::<Entry>(*id)]).collect()
}

fn entry_replaced(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let entries = committed(scene);
    let held = holders(&entries);
    let pairs = entries.windows(2).filter(|pair| pair[0].1.command_id != pair[1].1.command_id);
    let shared = pairs.filter(|pair| held.get(&(pair[1].1.index, pair[1].1.term)) > Some(&1));
    let other = |pair: &[(RowId, Entry)]| Some(vec![set::<Entry>(pair[1].0, [("command-id", text(pair[0].1.command_id?))])]);
    shared.filter_map(other).collect()
}

fn entry_of_another_term(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let entries = committed(scene);
    let held = holders(&entries);
    let shared = entries.iter().filter(|(_, e)| held.get(&(e.index, e.term)) > Some(&1));
    shared.map(|(id, e)| vec![set::<Entry>(*id, [("term", e.term - 1)])]).collect()
}

fn applied_differently(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let all = scene.all::<Application>();
    let mut places: BTreeMap<i64, BTreeMap<Sym, BTreeSet<Sym>>> = BTreeMap::new();
    for (_, a) in &all {
        let Some(index) = a.index else { continue };
        places.entry(index).or_default().entry(a.member).or_default().insert(a.command_id);
    }
    let single = |index: i64| places.get(&index).is_some_and(|m| m.len() > 1 && m.values().all(|c| c.len() == 1));
    let mut rows: BTreeMap<(Sym, i64), usize> = BTreeMap::new();
    all.iter().for_each(|(_, a)| *rows.entry((a.member, a.index.unwrap_or(0))).or_default() += 1);
    let sole = |a: &Application| a.index.is_some_and(|i| single(i) && rows.get(&(a.member, i)) == Some(&1));
    let pairs = all.windows(2).filter(|p| p[0].1.command_id != p[1].1.command_id && sole(&p[1].1));
    pairs.map(|p| vec![set::<Application>(p[1].0, [("command-id", text(p[0].1.command_id))])]).collect()
}

/// Samples of members that answered, each with those before and after it of the same member.
struct Told {
    id: RowId,
    sample: Sample,
    /// Whether its neighbours name the same term, so that it was not read in the middle of a change.
    calm: bool,
    before: Option<Sample>,
}

fn told(scene: &Scene<'_>) -> Vec<Told> {
    let mut by_member: BTreeMap<Sym, Vec<(RowId, Sample)>> = BTreeMap::new();
    for (id, s) in scene.all::<Sample>() {
        by_member.entry(s.member).or_default().push((id, s));
    }
    let mut list = Vec::new();
    for samples in by_member.values_mut() {
        samples.sort_by_key(|(id, s)| (s.t_lo, s.t_hi, *id));
        for (i, (id, sample)) in samples.iter().enumerate().filter(|(_, (_, s))| s.reachable != Some(false)) {
            let before = i.checked_sub(1).map(|b| samples[b].1);
            let after = samples.get(i + 1).map(|a| a.1);
            let calm = [before, after].iter().flatten().all(|s| s.term == sample.term && s.reachable != Some(false));
            list.push(Told { id: *id, sample: *sample, calm, before });
        }
    }
    list.sort_by_key(|t| t.id);
    list
}

fn two_leaders(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let list = told(scene);
    let mut leaders: BTreeMap<i64, BTreeSet<Sym>> = BTreeMap::new();
    for t in list.iter().filter(|t| t.calm && t.sample.role == Some(Role::Leader)) {
        leaders.entry(t.sample.term.unwrap_or(0)).or_default().insert(t.sample.member);
    }
    let another = |t: &&Told| {
        let led = t.sample.term.and_then(|term| leaders.get(&term));
        t.calm && led.is_some_and(|l| !l.contains(&t.sample.member))
    };
    let lead = |t: &Told| {
        let cells = [("role", word(Role::ALL, Role::Leader)), ("leader", text(t.sample.member))];
        vec![set::<Sample>(t.id, cells)]
    };
    list.iter().filter(another).map(lead).collect()
}

fn leader_behind(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let list = told(scene);
    let own: Vec<&Told> = list.iter().filter(|t| t.calm && t.sample.role == Some(Role::Leader)).collect();
    let behind = |new: &&&Told| {
        let (term, lo) = (new.sample.term?, new.sample.t_lo);
        let old = own.iter().filter(|o| o.sample.term < Some(term) && o.sample.t_hi < lo);
        let top = old.filter_map(|o| o.sample.commit_index).max().filter(|top| *top > 0)?;
        new.sample.commit_index?;
        Some(vec![set::<Sample>(new.id, [("commit-index", top - 1)])])
    };
    own.iter().filter_map(|new| behind(&new)).collect()
}

fn index_goes_back(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let back = |t: &Told| {
        let before = t.before.filter(|b| b.reachable != Some(false) && b.t_hi < t.sample.t_lo)?;
        let (old, _) = (before.commit_index.filter(|old| *old > 0)?, t.sample.commit_index?);
        Some(vec![set::<Sample>(t.id, [("commit-index", old - 1)])])
    };
    told(scene).iter().filter_map(back).collect()
}

/// One sample of a leader.
struct View {
    rows: Vec<RowId>,
    reported: i64,
    /// The index that a quorum holds, where all members are in the sample.
    held: Option<i64>,
    /// Whether some member has yet to be heard.
    unheard: bool,
}

/// The samples of each leadership in the order of time.
fn views(scene: &Scene<'_>) -> Vec<Vec<View>> {
    let voters = members(scene.evidence(), scene.contract());
    let mut rows = scene.all::<Progress>();
    rows.sort_by_key(|(id, p)| (p.term, p.leader, p.t_lo, p.t_hi, *id));
    let quorum = scene.contract().cluster.write_quorum();
    let view = |rows: &[(RowId, Progress)]| {
        let known: Vec<i64> = rows.iter().filter(|(_, p)| voters.contains(&p.member)).map(|(_, p)| p.match_index).collect();
        let whole = known.len() == voters.len() && voters.len() as u64 == scene.contract().cluster.size();
        View {
            rows: rows.iter().map(|(id, _)| *id).collect(),
            reported: rows.first().map_or(0, |(_, p)| p.commit_index),
            held: if whole { commit_index_of(&known, quorum) } else { None },
            unheard: known.contains(&0),
        }
    };
    let led = rows.chunk_by(|(_, a), (_, b)| (a.term, a.leader) == (b.term, b.leader));
    led.map(|rows| rows.chunk_by(|(_, a), (_, b)| (a.t_lo, a.t_hi) == (b.t_lo, b.t_hi)).map(view).collect()).collect()
}

fn commit_above_quorum(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let rows = scene.all::<Progress>();
    let top = rows.iter().map(|(_, p)| p.match_index.max(p.commit_index)).max().unwrap_or(0);
    let above = |v: View| v.rows.into_iter().map(|id| set::<Progress>(id, [("commit-index", top + 1)])).collect();
    in_order(views(scene).into_iter().flatten().filter(|v| v.held.is_some() && !v.unheard).map(above).collect())
}

fn commit_stuck(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    /// Samples that must still follow, so that the lag is no moment's.
    const LATER: usize = 3;
    let mut sites = Vec::new();
    for leadership in views(scene) {
        for (i, view) in leadership.iter().enumerate() {
            if leadership.len() - i <= LATER || view.held < Some(view.reported) || view.reported < 1 {
                continue;
            }
            let rest = leadership[i..].iter().flat_map(|v| &v.rows);
            sites.push(rest.map(|id| set::<Progress>(*id, [("commit-index", view.reported - 1)])).collect());
        }
    }
    in_order(sites)
}

fn discarded_acknowledged(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let entries = scene.all::<Entry>();
    let of = |state: EntryState| -> BTreeSet<Sym> {
        entries.iter().filter(|(_, e)| e.state == state).filter_map(|(_, e)| e.command_id).collect()
    };
    let (discarded, kept) = (of(EntryState::Discarded), of(EntryState::Committed));
    let lost = |op: &Operation| op.command_id.is_some_and(|c| discarded.contains(&c) && !kept.contains(&c));
    let told = |(id, op): &(RowId, Operation)| {
        let back = op.returned.map_or(op.invoke.0 + 1, |r| r.0);
        vec![set::<Operation>(*id, [("result", word(Outcome::ALL, Outcome::Ok)), ("return", back)])]
    };
    scene.all::<Operation>().iter().filter(|(_, op)| lost(op)).map(told).collect()
}

fn divergent_entry_stays(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let entries = scene.all::<Entry>();
    let committed: BTreeMap<i64, i64> =
        entries.iter().filter(|(_, e)| e.state == EntryState::Committed).map(|(_, e)| (e.index, e.term)).collect();
    let discarded: Vec<&(RowId, Entry)> =
        entries.iter().filter(|(_, e)| e.state == EntryState::Discarded && e.command_id.is_some()).collect();
    let commands: BTreeSet<Option<Sym>> = discarded.iter().map(|(_, e)| e.command_id).collect();
    let alone = |e: &Entry| commands.len() < 2 && discarded.iter().filter(|(_, o)| o.command_id == e.command_id).count() < 2;
    let stays = discarded.iter().filter(|(_, e)| committed.get(&e.index).is_some_and(|term| *term != e.term) && !alone(e));
    stays.map(|(id, _)| vec![set::<Entry>(*id, [("state", word(EntryState::ALL, EntryState::Appended))])]).collect()
}

fn compacted_past_snapshot(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let past = |(id, s): &(RowId, Sample)| {
        s.first_index?;
        Some(vec![set::<Sample>(*id, [("first-index", s.snapshot_index? + 2)])])
    };
    scene.all::<Sample>().iter().filter_map(past).collect()
}
