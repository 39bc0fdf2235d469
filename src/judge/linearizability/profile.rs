//! One pass over a history that tells, for each key, how many operations there are and what may be used to judge them.

use super::builtin::belongs;
use super::history::{History, Kind, OpOutcome};
use super::outcome::DataType;
use super::slots::{Keys, Range};

/// What one pass finds out about a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyProfile {
    pub(super) operations: u32,
    pub(super) ok: u32,
    /// Values that operations may have brought.
    pub(super) brought: Range,
    pub(super) foreign: bool,
}

/// What one pass finds out about a history.
pub(super) struct Profile {
    pub(super) keys: Keys,
    pub(super) of: Vec<KeyProfile>,
}

const OK: u8 = 1;
const BRINGS: u8 = 2;
const FOREIGN: u8 = 4;

impl Profile {
    pub(super) fn new(history: &History, data: DataType) -> Profile {
        let keys = Keys::new(history);
        let blank = KeyProfile { operations: 0, ok: 0, brought: Range::EMPTY, foreign: false };
        let mut of = vec![blank; keys.len()];
        let traits = table(|kind, outcome| {
            let brings = matches!(kind, Kind::Write | Kind::Cas | Kind::Append | Kind::Add | Kind::Enqueue | Kind::Push);
            (u8::from(outcome == OpOutcome::Ok) * OK)
                | (u8::from(brings && outcome != OpOutcome::Fail) * BRINGS)
                | (u8::from(!belongs(data, kind)) * FOREIGN)
        });
        for ((&key, &tag), &value) in keys.of(history).iter().zip(&history.tags).zip(&history.values) {
            let traits = traits[(tag & 127) as usize];
            let key = &mut of[key as usize];
            key.operations += 1;
            key.ok += u32::from(traits & OK);
            key.brought.widen_if(traits & BRINGS != 0, value);
            key.foreign |= traits & FOREIGN != 0;
        }
        Profile { keys, of }
    }
}

/// Versions of acknowledged writes and of reads of what was written, by key.
pub(super) fn told_versions(history: &History, keys: &[u32], count: usize, initial: i64) -> Vec<Range> {
    let mut ranges = vec![Range::EMPTY; count];
    let tells = table(|kind, outcome| outcome == OpOutcome::Ok && kind != Kind::Read);
    let reads = table(|kind, outcome| outcome == OpOutcome::Ok && kind == Kind::Read);
    let columns = keys.iter().zip(&history.tags).zip(&history.values);
    for (((&key, &tag), &value), version) in columns.zip(history.versions(0..history.len())) {
        let tag = (tag & 127) as usize;
        let told = (tells[tag] | (reads[tag] & (value != initial))) & version.is_some();
        ranges[key as usize].widen_if(told, version.unwrap_or(0) as i64);
    }
    ranges
}

/// A table over all tags.
pub(super) fn table<T: Copy + Default>(of: impl Fn(Kind, OpOutcome) -> T) -> [T; 128] {
    let mut table = [T::default(); 128];
    for kind in Kind::ALL {
        for outcome in [OpOutcome::Ok, OpOutcome::Fail, OpOutcome::Unknown] {
            table[super::history::tag(kind, outcome) as usize] = of(kind, outcome);
        }
    }
    table
}
