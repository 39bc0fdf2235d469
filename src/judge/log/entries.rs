//! What became of entries: none acknowledged is lost, none committed is replaced, none discarded had been acknowledged.

use super::kept::{Kept, Stand, applied_differently};
use super::unseen;
use crate::contract::Contract;
use crate::evidence::kinds::{Application, Entry, EntryState, Operation, Sample};
use crate::evidence::symbol::Sym;
use crate::evidence::{Evidence, RowId, Rows};
use crate::judge::quorum::acknowledged_change;
use crate::verdict::{Finding, Judgement};
use crate::words::plural;
use std::collections::{BTreeMap, BTreeSet};

/// Commands that clients were told took effect, and acknowledged operations that name none.
fn acknowledged(history: &Rows<'_, Operation>) -> (BTreeMap<Sym, RowId>, Vec<RowId>) {
    let (mut commands, mut nameless) = (BTreeMap::new(), Vec::new());
    for (id, op) in history.iter().filter(|(_, op)| acknowledged_change(op)) {
        match op.command_id {
            Some(command) => drop(commands.entry(command).or_insert(id)),
            None => nameless.push(id),
        }
    }
    (commands, nameless)
}

/// Every acknowledged command is in the final state of every declared member, and where logs are shown, committed in each log that
/// reaches back to it.
#[must_use]
pub fn no_loss(
    evidence: &Evidence,
    contract: &Contract,
    history: &Rows<'_, Operation>,
    applied: &Rows<'_, Application>,
    log: Option<&Rows<'_, Entry>>,
) -> Judgement {
    let (commands, nameless) = acknowledged(history);
    let mut held: BTreeMap<Sym, BTreeSet<Sym>> = BTreeMap::new();
    for (_, a) in applied.iter() {
        held.entry(a.member).or_default().insert(a.command_id);
    }
    let absent = unseen(evidence, contract, &held.keys().copied().collect());
    let kept = log.map(Kept::read);
    let mut lost: Vec<(usize, Finding)> = Vec::new();
    let mut open: Vec<Finding> = Vec::new();
    for (command, id) in &commands {
        let member = |name: &&str| evidence.symbols.find(name);
        let stand = |name: &&str| kept.as_ref().and_then(|k| k.stand(member(name), *command));
        let voters = || contract.cluster.members.iter().map(String::as_str);
        let without = |name: &&str| member(name).and_then(|m| held.get(&m)).is_some_and(|has| !has.contains(command));
        let state: Vec<&str> = voters().filter(without).collect();
        let logs: Vec<&str> = voters().filter(|m| stand(m) == Some(Stand::Lacks)).collect();
        let finding = |claim: &str, places: Vec<String>| {
            let finding = Finding::new(claim).with("command", evidence.text(*command)).with("missing-at", places.join(", "));
            finding.source(history.source(*id))
        };
        let mut places: Vec<String> = state.iter().map(ToString::to_string).collect();
        places.extend(logs.iter().filter(|m| !state.contains(m)).map(|m| format!("{m} (in its log)")));
        if !places.is_empty() {
            lost.push((places.len(), finding("acknowledged-and-lost", places)));
            continue;
        }
        let unsure = |m: &&str| matches!(stand(m), Some(Stand::Appended | Stand::Unseen));
        let doubtful: Vec<String> = voters().filter(unsure).map(str::to_string).collect();
        if !doubtful.is_empty() {
            open.push(finding("acknowledged-and-not-shown-as-committed", doubtful));
        }
    }
    lost.sort_by_key(|(members, _)| std::cmp::Reverse(*members));
    let lost: Vec<Finding> = lost.into_iter().map(|(_, finding)| finding).collect();
    let judged = commands.len();
    let unnamed = nameless.iter().map(|id| Finding::new("acknowledged-without-command-id").source(history.source(*id)));
    let judgement = if let Some(first) = lost.first() {
        let line = first.sources.first().and_then(|s| s.line).unwrap_or_default();
        let (command, at) = (&first.data["command"], &first.data["missing-at"]);
        let why =
            format!("command {command}, acknowledged in line {line}, is missing at {at}; {} of {judged} are lost", lost.len());
        Judgement::fail(why, judged)
    } else if !absent.is_empty() {
        Judgement::inconclusive(format!("the final state of {} is not shown: no application recorded", absent.join(", ")), judged)
    } else if let Some(first) = open.first() {
        let (command, at) = (&first.data["command"], &first.data["missing-at"]);
        let why =
            format!("the logs do not show acknowledged command {command} as committed at {at}; {} such commands", open.len());
        Judgement::inconclusive(why, judged)
    } else if !nameless.is_empty() {
        let why = format!("{} acknowledged writes have no command id, so they cannot be looked for", nameless.len());
        Judgement::inconclusive(why, judged)
    } else if judged == 0 {
        Judgement::not_exercised("no write was acknowledged", 0)
    } else {
        let place = if kept.is_some() { "log and the final state" } else { "final state" };
        let members = contract.cluster.members.len();
        Judgement::pass(format!("each of {judged} acknowledged commands is in the {place} of all {members} members"), judged)
    };
    let margin = (-i128::try_from(lost.len()).unwrap_or(0)).to_string();
    judgement.against("≤ 0", format!("{} lost", lost.len()), margin).findings(lost).findings(open).findings(unnamed)
}

/// Name of the command of an entry.
fn command(evidence: &Evidence, entry: &Entry) -> String {
    entry.command_id.map_or_else(|| "an entry of the protocol".into(), |c| evidence.text(c).to_string())
}

fn pair(evidence: &Evidence, rows: &Rows<'_, Entry>, claim: &str, (a, x): (RowId, &Entry), (b, y): (RowId, &Entry)) -> Finding {
    let side =
        |e: &Entry| format!("{} in term {} at {} ({})", command(evidence, e), e.term, evidence.text(e.member), e.state.word());
    let finding = Finding::new(claim).with("index", x.index).with("one", side(x)).with("other", side(y));
    finding.source(rows.source(a)).source(rows.source(b))
}

/// The same index and term hold the same command everywhere, what is committed at an index is never replaced or discarded, no log has a
/// hole and begins where the member's samples say, terms never fall along a log, and no two members applied different commands at one index.
#[must_use]
pub fn matching(
    evidence: &Evidence,
    contract: &Contract,
    rows: &Rows<'_, Entry>,
    applied: Option<&Rows<'_, Application>>,
    samples: Option<&Rows<'_, Sample>>,
) -> Judgement {
    let mut places: BTreeMap<(i64, i64), (RowId, Entry)> = BTreeMap::new();
    let mut committed: BTreeMap<i64, (RowId, Entry)> = BTreeMap::new();
    let (mut seen, mut compared) = (BTreeSet::new(), 0usize);
    let mut wrong = Vec::new();
    for (id, entry) in rows.iter() {
        seen.insert(entry.member);
        if entry.state == EntryState::Committed {
            committed.entry(entry.index).or_insert((id, entry));
        }
        let (other, first) = *places.entry((entry.index, entry.term)).or_insert((id, entry));
        compared += usize::from(first.member != entry.member);
        if first.command_id != entry.command_id {
            wrong.push(pair(evidence, rows, "one-place-two-commands", (other, &first), (id, &entry)));
        }
    }
    for (id, entry) in rows.iter() {
        let Some((other, first)) = committed.get(&entry.index) else { continue };
        let same = first.term == entry.term && first.command_id == entry.command_id;
        match entry.state {
            EntryState::Committed if !same => {
                wrong.push(pair(evidence, rows, "committed-differently", (*other, first), (id, &entry)));
            }
            EntryState::Discarded if first.term == entry.term => {
                wrong.push(pair(evidence, rows, "committed-and-discarded", (*other, first), (id, &entry)));
            }
            _ => {}
        }
    }
    let kept = Kept::read(rows);
    let (holes, back) = (kept.holes(evidence, rows), kept.terms_back());
    wrong.extend(back.iter().map(|((a, x), (b, y))| pair(evidence, rows, "term-goes-back", (*b, y), (*a, x))));
    wrong.extend(applied.map(|applied| applied_differently(evidence, applied)).unwrap_or_default());
    let (missing, judged) = (unseen(evidence, contract, &seen), rows.len());
    let late = samples.map(|samples| begin_late(evidence, &kept, rows, samples)).unwrap_or_default();
    let judgement = if let (Some(first), true) = (holes.first(), wrong.is_empty()) {
        let d = &first.data;
        let (member, lost, range) = (&d["member"], &d["missing"], &d["kept"]);
        let others = if holes.len() > 1 { format!("; {} logs have holes", holes.len()) } else { String::new() };
        Judgement::fail(format!("the log of {member} keeps {range} and lacks index {lost}{others}"), judged)
    } else if let Some(first) = wrong.first() {
        let d = &first.data;
        Judgement::fail(
            format!("index {} holds {}, and {}; {} such pairs", d["index"], d["one"], d["other"], wrong.len()),
            judged,
        )
    } else if !missing.is_empty() {
        Judgement::inconclusive(format!("no entry of the log of {} is shown", missing.join(", ")), judged)
    } else if let Some(first) = late.first() {
        let d = &first.data;
        let (member, from) = (&d["member"], &d["kept-from"]);
        Judgement::inconclusive(
            format!("the log of {member} begins at {from}, its samples show it from {}", d["held-from"]),
            judged,
        )
    } else if committed.is_empty() {
        Judgement::inconclusive("no entry is shown as committed", judged)
    } else if compared == 0 && contract.cluster.size() > 1 {
        Judgement::inconclusive("no entry is shown at two members, so nothing could be compared", judged)
    } else {
        let why = format!("{} committed indexes and {} places agree over {} members", committed.len(), places.len(), seen.len());
        Judgement::pass(why, judged)
    };
    judgement.findings(wrong).findings(holes).findings(late)
}

/// Members whose shown log begins later than any of their samples says: later than the highest first index, and than the entry after the
/// highest snapshot. What lies before may be compacted only as far as a sample shows.
fn begin_late(evidence: &Evidence, kept: &Kept, rows: &Rows<'_, Entry>, samples: &Rows<'_, Sample>) -> Vec<Finding> {
    let mut held: BTreeMap<Sym, i64> = BTreeMap::new();
    for (_, s) in samples.iter() {
        for first in s.first_index.into_iter().chain(s.snapshot_index.map(|i| i.saturating_add(1))) {
            let known = held.entry(s.member).or_insert(first);
            *known = first.max(*known);
        }
    }
    let late = |(member, first, id): (Sym, i64, RowId)| {
        let from = held.get(&member).filter(|from| **from < first)?;
        let finding = Finding::new("log-begins-late").with("member", evidence.text(member));
        Some(finding.with("kept-from", first).with("held-from", from).source(rows.source(id)))
    };
    kept.begins().filter_map(late).collect()
}

/// After a heal, divergent entries that were not committed are gone, and no client had been told that they took effect.
#[must_use]
pub fn reconciliation(evidence: &Evidence, history: &Rows<'_, Operation>, log: &Rows<'_, Entry>) -> Judgement {
    let entries: Vec<(RowId, Entry)> = log.iter().collect();
    let of_state = |state: EntryState| entries.iter().filter(move |(_, e)| e.state == state);
    let discarded: Vec<&(RowId, Entry)> = of_state(EntryState::Discarded).collect();
    let commands: BTreeSet<Sym> = discarded.iter().filter_map(|(_, e)| e.command_id).collect();
    if commands.is_empty() {
        return Judgement::not_exercised("no entry with a command was discarded", 0);
    }
    let mut committed: BTreeMap<i64, (RowId, Entry)> = BTreeMap::new();
    let mut done: BTreeSet<Sym> = BTreeSet::new();
    for (id, entry) in of_state(EntryState::Committed) {
        committed.entry(entry.index).or_insert((*id, *entry));
        done.extend(entry.command_id);
    }
    let known: BTreeSet<Sym> = history.iter().filter_map(|(_, op)| op.command_id).collect();
    let (acknowledged, nameless) = acknowledged(history);
    let mut wrong = remaining(evidence, log, &entries, &committed);
    let mut unknown = Vec::new();
    for (id, entry) in &discarded {
        if let Some((other, kept)) = committed.get(&entry.index).filter(|(_, kept)| kept.term == entry.term) {
            wrong.push(pair(evidence, log, "discarded-and-committed", (*other, kept), (*id, entry)));
        }
        let Some(command) = entry.command_id else { continue };
        let finding = |claim: &str| {
            let finding = Finding::new(claim).with("one", format!("{}, discarded", evidence.text(command)));
            finding.with("index", entry.index).with("member", evidence.text(entry.member)).source(log.source(*id))
        };
        match acknowledged.get(&command) {
            Some(op) if !done.contains(&command) => {
                let finding =
                    finding("discarded-and-acknowledged").with("other", "acknowledged to its client and committed nowhere");
                wrong.push(finding.source(history.source(*op)));
            }
            None if !known.contains(&command) => unknown.push(finding("discarded-and-not-in-history")),
            _ => {}
        }
    }
    let judged = discarded.len();
    let judgement = if let Some(first) = wrong.first() {
        let d = &first.data;
        Judgement::fail(format!("index {}: {}; {}", d["index"], d["one"], d["other"]), judged)
    } else if let Some(first) = unknown.first() {
        let why = format!("{}, is in no history, so what its client was told is not known", first.data["one"]);
        Judgement::inconclusive(why, judged)
    } else if !nameless.is_empty() {
        let why = format!("{} acknowledged writes have no command id, so they may be among the discarded", nameless.len());
        Judgement::inconclusive(why, judged)
    } else if committed.is_empty() {
        Judgement::inconclusive("no entry is shown as committed after the discards", judged)
    } else {
        let why = format!(
            "{} discarded, with {}; none had been acknowledged or stayed",
            plural(judged, "divergent entry was", "divergent entries were"),
            plural(commands.len(), "command", "commands")
        );
        Judgement::pass(why, judged)
    };
    judgement.findings(wrong).findings(unknown)
}

/// Entries that a member still has in the end though another one is committed at their index.
fn remaining(
    evidence: &Evidence,
    rows: &Rows<'_, Entry>,
    entries: &[(RowId, Entry)],
    committed: &BTreeMap<i64, (RowId, Entry)>,
) -> Vec<Finding> {
    let mut last: BTreeMap<(Sym, i64, i64), (RowId, Entry)> = BTreeMap::new();
    for (id, entry) in entries {
        last.insert((entry.member, entry.index, entry.term), (*id, *entry));
    }
    let stays = |(id, entry): &(RowId, Entry)| {
        let (other, kept) = committed.get(&entry.index)?;
        let divergent = entry.state == EntryState::Appended && kept.term != entry.term;
        divergent.then(|| pair(evidence, rows, "divergent-entry-stays", (*other, kept), (*id, entry)))
    };
    last.values().filter_map(stays).collect()
}
