//! Violations of consistency: reads of old values, of values that nobody wrote, of nothing where something is.

use crate::challenge::Places;
use crate::challenge::scene::{Change, Operator, Scene, Wants, set};
use crate::contract::{Consistency, Endpoint, NilRead};
use crate::evidence::RowId;
use crate::evidence::edit::{Cell, Edit};
use crate::evidence::kinds::{OpKind, Operation, Outcome};
use crate::evidence::symbol::{Sym, Val};
use crate::evidence::table::ABSENT;
use std::collections::BTreeMap;

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "read-of-an-old-version",
        does: "a read sees the write before the last one that was complete when it began",
        wants: Wants::Fail,
        gates: &["consistency.linearizable", "consistency.read-freshness"],
        change: Change::Rows(old_version),
    },
    Operator {
        id: "read-of-an-old-value",
        does: "a read returns the value of the write before the last one, and hides it: no answer on its key carries a version",
        wants: Wants::Fail,
        gates: &["consistency.linearizable"],
        change: Change::Rows(old_value),
    },
    Operator {
        id: "read-of-nothing",
        does: "a read finds nothing after a write of its key was complete",
        wants: Wants::Fail,
        gates: &["consistency.linearizable"],
        change: Change::Rows(|scene, places| places.offer_all(nothing(scene))),
    },
    Operator {
        id: "value-out-of-nowhere",
        does: "a read returns a value that nobody wrote",
        wants: Wants::Fail,
        gates: &["consistency.linearizable"],
        change: Change::Rows(|scene, places| places.offer_all(out_of_nowhere(scene))),
    },
    Operator {
        id: "cas-on-a-value-never-written",
        does: "a compare-and-set succeeds on a value that nobody wrote",
        wants: Wants::Fail,
        gates: &["consistency.linearizable"],
        change: Change::Rows(|scene, places| places.offer_all(cas_out_of_nowhere(scene))),
    },
    Operator {
        id: "version-goes-back",
        does: "a read observes a version one below that of a write that was complete before it",
        wants: Wants::Fail,
        gates: &["consistency.read-freshness"],
        change: Change::Rows(version_goes_back),
    },
    Operator {
        id: "own-version-goes-back",
        does: "a client reads a version one below that of its own last answer on the key",
        wants: Wants::Fail,
        gates: &["consistency.sessions"],
        change: Change::Rows(|scene, places| places.offer_all(own_version_goes_back(scene))),
    },
];

/// A value that no history holds: a number where values are texts, and far from any where they are numbers.
const NEVER: i64 = (1 << 60) + 7;

type Timed = (RowId, Operation, i64);

/// Successful operations of one key, reads and writes, with the instants of their answers.
struct Key {
    reads: Vec<Timed>,
    /// By the instant of the answer.
    writes: Vec<Timed>,
    /// Whether the key has operations of unknown outcome or of other kinds.
    open: bool,
}

/// The keys of a test, by what linearizable endpoints did with them. A write of another endpoint leaves its key open.
fn keys(scene: &Scene<'_>) -> BTreeMap<Option<Sym>, Key> {
    let mut keys: BTreeMap<Option<Sym>, Key> = BTreeMap::new();
    for (id, op) in scene.all::<Operation>() {
        let key = keys.entry(op.key).or_insert_with(|| Key { reads: Vec::new(), writes: Vec::new(), open: false });
        if endpoint(scene, &op).is_some_and(|e| e.consistency != Consistency::Linearizable) {
            key.open |= op.op != OpKind::Read;
            continue;
        }
        match (op.op, op.result, op.returned) {
            (OpKind::Read, Outcome::Ok, Some(t)) if op.degraded != Some(true) => key.reads.push((id, op, t.0)),
            (OpKind::Write | OpKind::Cas, Outcome::Ok, Some(t)) => key.writes.push((id, op, t.0)),
            (OpKind::Read, ..) | (OpKind::Write | OpKind::Cas, Outcome::Fail, _) => {}
            _ => key.open = true,
        }
    }
    keys.values_mut().for_each(|k| k.writes.sort_by_key(|(id, _, t)| (*t, *id)));
    keys
}

/// The endpoint of an operation: the one it names, or the only one there is.
pub(super) fn endpoint<'s>(scene: &'s Scene<'_>, op: &Operation) -> Option<&'s Endpoint> {
    match (op.endpoint, scene.contract().endpoints.as_slice()) {
        (Some(name), _) => scene.contract().endpoint(scene.evidence().text(name)),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// Whether an operation is surely of an endpoint that claims to be linearizable.
pub(super) fn linearizable(scene: &Scene<'_>, op: &Operation) -> bool {
    let all = || scene.contract().endpoints.iter().all(|e| e.consistency == Consistency::Linearizable);
    endpoint(scene, op).map_or_else(all, |e| e.consistency == Consistency::Linearizable)
}

impl Key {
    /// For each read the last write that was complete before it, and one complete before that write began, if their values differ and
    /// no other write left the older value.
    fn overtaken(&self) -> impl Iterator<Item = (&Timed, &Timed, &Timed)> {
        let mut times: BTreeMap<Option<Val>, usize> = BTreeMap::new();
        self.writes.iter().for_each(|w| *times.entry(w.1.value).or_default() += 1);
        self.reads.iter().filter_map(move |read| {
            let before = self.writes.partition_point(|w| w.2 < read.1.invoke.0);
            let last = before.checked_sub(1).and_then(|at| self.writes.get(at))?;
            let earlier = self.writes.partition_point(|w| w.2 < last.1.invoke.0);
            let old = earlier.checked_sub(1).and_then(|at| self.writes.get(at))?;
            let sole = times.get(&old.1.value) == Some(&1);
            (sole && old.1.value.is_some() && old.1.value != last.1.value).then_some((read, last, old))
        })
    }
}

fn in_order(mut sites: Vec<Vec<Edit>>) -> Vec<Vec<Edit>> {
    sites.sort_by_key(|edits| edits.iter().find_map(Edit::row).map(|(_, row)| row));
    sites
}

fn raw(value: Option<Val>) -> i64 {
    value.map_or(ABSENT, |v| v.0)
}

fn old_version(scene: &Scene<'_>, places: &mut Places) {
    for key in keys(scene).into_values() {
        for (read, last, old) in key.overtaken() {
            if let (Some(new), Some(version)) = (last.1.version, old.1.version)
                && version < new
                && read.1.version.is_some()
            {
                places.offer(read.0, || vec![set::<Operation>(read.0, [("value", raw(old.1.value)), ("version", version)])]);
            }
        }
    }
}

fn old_value(scene: &Scene<'_>, places: &mut Places) {
    for key in keys(scene).into_values().filter(|k| !k.open) {
        let bare = |id: RowId| set::<Operation>(id, [("version", ABSENT)]);
        for (read, _, old) in key.overtaken() {
            places.offer(read.0, || {
                let others = key.reads.iter().chain(&key.writes).filter(|o| o.0 != read.0).map(|o| bare(o.0));
                let first = set::<Operation>(read.0, [("value", raw(old.1.value)), ("version", ABSENT)]);
                std::iter::once(first).chain(others).collect()
            });
        }
    }
}

fn nothing(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let Ok(rows) = scene.cx.rows::<Operation>() else { return Vec::new() };
    if rows.parts().iter().any(|p| p.model.nil_read != NilRead::Absent) {
        return Vec::new();
    }
    let late = |key: &Key, read: &Timed| key.writes.first().is_some_and(|w| w.2 < read.1.invoke.0);
    reads(scene, late, |op| vec![("value", Val::NIL.0), ("version", op.version.map_or(ABSENT, |_| 0))])
}

fn reads(scene: &Scene<'_>, wanted: impl Fn(&Key, &Timed) -> bool, cells: impl Fn(&Operation) -> Vec<Cell>) -> Vec<Vec<Edit>> {
    let mut sites = Vec::new();
    for key in keys(scene).values() {
        let list = key.reads.iter().filter(|read| wanted(key, read));
        sites.extend(list.map(|(id, op, _)| vec![set::<Operation>(*id, cells(op))]));
    }
    in_order(sites)
}

fn out_of_nowhere(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    reads(scene, |_, _| true, |_| vec![("value", NEVER)])
}

fn cas_out_of_nowhere(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let mut sites = Vec::new();
    for key in keys(scene).values() {
        let cas = key.writes.iter().filter(|(_, op, _)| op.op == OpKind::Cas);
        sites.extend(cas.map(|(id, ..)| vec![set::<Operation>(*id, [("expected", NEVER)])]));
    }
    in_order(sites)
}

fn own_version_goes_back(scene: &Scene<'_>) -> Vec<Vec<Edit>> {
    let mut sites = Vec::new();
    let mut last: BTreeMap<(Sym, Option<Sym>), (i64, i64)> = BTreeMap::new();
    let held = |op: &Operation| endpoint(scene, op).is_some_and(|e| e.consistency == Consistency::Linearizable);
    let mut all: Vec<_> = scene.all::<Operation>().into_iter().filter(|(_, op)| op.result == Outcome::Ok && held(op)).collect();
    all.sort_by_key(|(id, op)| (op.invoke.0, *id));
    for (id, op) in all {
        let (Some(version), Some(returned)) = (op.version, op.returned) else { continue };
        let own = last.entry((op.client, op.key)).or_insert((0, i64::MIN));
        if op.op == OpKind::Read && op.degraded != Some(true) && own.0 > 0 && own.1 < op.invoke.0 {
            sites.push(vec![set::<Operation>(id, [("version", own.0 - 1)])]);
        }
        *own = (own.0.max(version), own.1.max(returned.0));
    }
    in_order(sites)
}

fn version_goes_back(scene: &Scene<'_>, places: &mut Places) {
    for key in keys(scene).values() {
        // The highest version that is complete after so many writes.
        let mut top: Option<i64> = None;
        let highest: Vec<Option<i64>> = key
            .writes
            .iter()
            .map(|w| {
                top = top.max(w.1.version);
                top
            })
            .collect();
        for read in key.reads.iter().filter(|r| r.1.version.is_some()) {
            let before = key.writes.partition_point(|w| w.2 < read.1.invoke.0);
            if let Some(version) = before.checked_sub(1).and_then(|at| *highest.get(at)?) {
                places.offer(read.0, || vec![set::<Operation>(read.0, [("version", version - 1)])]);
            }
        }
    }
}
