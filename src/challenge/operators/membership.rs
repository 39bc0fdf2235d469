//! Violations of membership: configurations whose majorities need not meet, one configuration with two sets of voters, voters that nobody recorded.

use crate::challenge::Places;
use crate::challenge::scene::{Change, Operator, Scene, Wants, set};
use crate::evidence::RowId;
use crate::evidence::edit::Edit;
use crate::evidence::kinds::Sample;
use crate::evidence::record::Record;
use crate::evidence::symbol::{Sym, Syms};
use crate::evidence::table::ABSENT;
use std::collections::{BTreeMap, BTreeSet};

const GATE: &[&str] = &["log.membership"];

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        id: "majorities-miss-each-other",
        does: "a new configuration has so few of the old voters that an old majority need not meet one of it",
        wants: Wants::Fail,
        gates: GATE,
        change: Change::Rows(miss),
    },
    Operator {
        id: "voters-forgotten",
        does: "one member knows a configuration with a voter fewer than the others do",
        wants: Wants::Fail,
        gates: GATE,
        change: Change::Rows(forgotten),
    },
    Operator {
        id: "voters-unrecorded",
        does: "no sample says who the voters of a configuration are",
        wants: Wants::NoPass,
        gates: GATE,
        change: Change::Rows(unrecorded),
    },
];

/// The samples of one version of the configuration, and its voters.
type Version = (Vec<RowId>, Vec<Sym>);

/// Versions of the configuration in their order, where every sample that names voters has one.
fn versions(scene: &Scene<'_>) -> Vec<(i64, Version)> {
    let mut list: BTreeMap<i64, (Vec<RowId>, Option<Syms>)> = BTreeMap::new();
    for (row, s) in scene.all::<Sample>() {
        let (Some(voters), Some(version)) = (s.voters, s.config_version) else { continue };
        let known = list.entry(version).or_default();
        known.0.push(row);
        known.1 = Some(voters);
    }
    let voters = |syms: Option<Syms>| syms.map_or_else(Vec::new, |s| scene.evidence().symbols.list(s).to_vec());
    list.into_iter().map(|(version, (rows, syms))| (version, (rows, voters(syms)))).collect()
}

fn list(rows: &[RowId], voters: &[Sym]) -> Vec<Edit> {
    rows.iter().map(|row| Edit::List(Sample::KIND.name, *row, "voters", voters.to_vec())).collect()
}

/// Of the old voters, the new configuration keeps as many as an old majority can do without.
fn miss(scene: &Scene<'_>, places: &mut Places) {
    // Under joint configurations a set between two others may be right that is wrong by itself.
    if scene.contract().cluster.membership_rule.to_lowercase().contains("joint") {
        return;
    }
    let all = versions(scene);
    for pair in all.windows(2) {
        let ((old, (_, voters)), (new, (rows, _))) = (&pair[0], &pair[1]);
        let few = voters.get(..voters.len().saturating_sub(voters.len() / 2 + 1)).unwrap_or_default();
        if let (Some(first), 1, false) = (rows.first(), new - old, few.is_empty()) {
            places.offer(*first, || list(rows, few));
        }
    }
}

fn forgotten(scene: &Scene<'_>, places: &mut Places) {
    for (_, (rows, voters)) in versions(scene) {
        for row in rows.iter().filter(|_| rows.len() > 1 && voters.len() > 1) {
            places.offer(*row, || list(&[*row], &voters[1..]));
        }
    }
}

fn unrecorded(scene: &Scene<'_>, places: &mut Places) {
    let all = versions(scene);
    if all.iter().map(|v| v.0).collect::<BTreeSet<i64>>().len() < 2 {
        return;
    }
    for (_, (rows, _)) in all {
        if let Some(first) = rows.first() {
            places.offer(*first, || rows.iter().map(|row| set::<Sample>(*row, [("voters", ABSENT)])).collect());
        }
    }
}
