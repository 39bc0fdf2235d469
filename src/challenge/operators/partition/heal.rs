//! What goes wrong after a cut or a fault: row P4 of the matrix, and stale authority that is let in.

use super::{splits, widening};
use crate::challenge::Places;
use crate::challenge::scene::{Scene, again, gone, set, text, word};
use crate::evidence::RowId;
use crate::evidence::kinds::{Application, ApplySource, Decision, Entry, EntryState, Injection, Operation, Ruling};
use crate::evidence::record::Record;
use crate::evidence::symbol::Sym;
use crate::evidence::table::ABSENT;
use std::collections::{BTreeMap, BTreeSet};

/// Discarded entries that carry a command.
fn discarded(scene: &Scene<'_>) -> Vec<(RowId, Entry, Sym)> {
    let entries = scene.all::<Entry>().into_iter().filter(|(_, e)| e.state == EntryState::Discarded);
    entries.filter_map(|(row, e)| Some((row, e, e.command_id?))).collect()
}

pub(super) fn discarded_applied(scene: &Scene<'_>, places: &mut Places) {
    let kept: BTreeSet<Sym> =
        scene.all::<Entry>().iter().filter(|(_, e)| e.state == EntryState::Committed).filter_map(|(_, e)| e.command_id).collect();
    let gone: Vec<(RowId, Entry, Sym)> = discarded(scene);
    let wanted: BTreeSet<Sym> = gone.iter().map(|g| g.2).collect();
    // By member, its last application; by command and member, whether it was applied there live.
    let mut last: BTreeMap<Sym, (Option<i64>, RowId, Application)> = BTreeMap::new();
    let mut done: BTreeSet<(Sym, Sym)> = BTreeSet::new();
    for (row, a) in scene.all::<Application>() {
        let slot = last.entry(a.member).or_insert((a.index, row, a));
        if a.index >= slot.0 {
            *slot = (a.index, row, a);
        }
        if wanted.contains(&a.command_id) && a.source != Some(ApplySource::Replay) {
            done.insert((a.command_id, a.member));
        }
    }
    for (_, entry, command) in gone {
        // A command that was committed elsewhere may be applied, once.
        let wrong = !kept.contains(&command) || done.contains(&(command, entry.member));
        let Some((top, row, a)) = last.get(&entry.member).filter(|_| wrong) else { continue };
        let live = a.source.map_or(ABSENT, |_| word(ApplySource::ALL, ApplySource::Live));
        let cells = [("command-id", text(command)), ("index", top.map_or(ABSENT, |i| i + 1)), ("source", live)];
        places.offer(*row, || vec![again::<Application>(*row, 1, cells)]);
    }
}

pub(super) fn nothing_discarded(scene: &Scene<'_>, places: &mut Places) {
    let all: Vec<RowId> =
        scene.all::<Entry>().into_iter().filter(|(_, e)| e.state == EntryState::Discarded).map(|e| e.0).collect();
    if let Some(first) = all.first() {
        places.offer(*first, || all.iter().map(|row| gone::<Entry>(*row)).collect());
    }
}

pub(super) fn unrecorded(scene: &Scene<'_>, places: &mut Places) {
    for cut in splits(scene) {
        places.offer(cut.fault, || vec![set::<Injection>(cut.fault, [("stop-lo", ABSENT), ("stop-hi", ABSENT)])]);
    }
}

pub(super) fn let_in(scene: &Scene<'_>, places: &mut Places) {
    let Some(skew) = widening(scene, &[Injection::KIND.name, Decision::KIND.name]) else { return };
    if scene.all::<Operation>().is_empty() {
        return;
    }
    let struck = scene.all::<Injection>().iter().map(|(_, f)| f.start_hi.0.saturating_add(skew)).min();
    let Some(struck) = struck else { return };
    let stale = |d: &Decision| d.outcome == Ruling::Rejected && d.current_epoch.is_some_and(|c| d.epoch < c);
    for (row, _) in scene.all::<Decision>().into_iter().filter(|(_, d)| stale(d) && d.t.0 >= struck) {
        places.offer(row, || vec![set::<Decision>(row, [("outcome", word(Ruling::ALL, Ruling::Accepted))])]);
    }
}
