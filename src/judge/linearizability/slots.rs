//! Dense numbers for (key, label) pairs, where a label is a written value or a version.
//!
//! Labels are usually handed out one after the other, within a key or over all keys. Then a slot is an addition away and
//! neighbours in time are neighbours in memory; else a hash map gives the number.

use super::history::History;
use hashbrown::HashMap;

/// No slot.
pub(super) const NO_SLOT: u32 = u32::MAX;

/// Range of the labels of one key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) low: i64,
    pub(super) high: i64,
}

impl Range {
    pub(super) const EMPTY: Range = Range { low: i64::MAX, high: i64::MIN };

    #[inline]
    pub(super) fn widen(&mut self, label: i64) {
        self.low = self.low.min(label);
        self.high = self.high.max(label);
    }

    /// Without a branch: what an operation is cannot be predicted.
    #[inline(always)]
    pub(super) fn widen_if(&mut self, brings: bool, label: i64) {
        self.low = self.low.min(if brings { label } else { i64::MAX });
        self.high = self.high.max(if brings { label } else { i64::MIN });
    }

    #[inline]
    fn len(&self) -> u64 {
        if self.high < self.low { 0 } else { self.high.abs_diff(self.low).saturating_add(1) }
    }
}

/// Where the labels of one key begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) low: i64,
    pub(super) len: u64,
    pub(super) first: u32,
}

/// How labels become slots.
pub(super) enum Slots {
    /// Each key has its own run of slots.
    Runs(Vec<Place>),
    /// One run for all keys, each slot owned by one of them.
    Shared { low: i64, owners: Vec<u32> },
    /// By hash; owners and labels by slot.
    Hashed { owners: Vec<u32>, labels: Vec<i64> },
}

impl Slots {
    /// The tightest of the layouts for labels in these ranges, given the number of labelled operations.
    pub(super) fn new(ranges: &[Range], operations: usize) -> Slots {
        let limit = (2 * operations as u64 + 1024).min(u64::from(u32::MAX) / 2);
        let sum = ranges.iter().fold(0u64, |sum, range| sum.saturating_add(range.len()));
        if sum <= limit {
            let mut first = 0;
            let place = |range: &Range| {
                let place = Place { low: range.low, len: range.len(), first };
                first += range.len() as u32;
                place
            };
            return Slots::Runs(ranges.iter().map(place).collect());
        }
        let mut all = Range::EMPTY;
        for range in ranges.iter().filter(|range| range.len() > 0) {
            all.widen(range.low);
            all.widen(range.high);
        }
        if all.len() <= limit {
            return Slots::Shared { low: all.low, owners: vec![NO_SLOT; all.len() as usize] };
        }
        Slots::Hashed { owners: Vec::new(), labels: Vec::new() }
    }

    /// Number of slots given out or reserved.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Slots::Runs(places) => places.last().map_or(0, |p| p.first as usize + p.len as usize),
            Slots::Shared { owners, .. } | Slots::Hashed { owners, .. } => owners.len(),
        }
    }

    /// The label of a slot of a key.
    #[inline]
    pub(super) fn label(&self, key: usize, slot: u32) -> i64 {
        match self {
            Slots::Runs(places) => places[key].low.wrapping_add((slot - places[key].first) as i64),
            Slots::Shared { low, .. } => low.wrapping_add(i64::from(slot)),
            Slots::Hashed { labels, .. } => labels[slot as usize],
        }
    }

    /// The slots of each key in turn, in label order where `sorted`.
    pub(super) fn by_key(&self, keys: usize, sorted: bool) -> ByKey {
        let (owners, labels) = match self {
            Slots::Runs(places) => return ByKey::Runs(places.clone()),
            Slots::Shared { owners, .. } => (owners, None),
            Slots::Hashed { owners, labels, .. } => (owners, sorted.then_some(labels)),
        };
        let mut starts = vec![0u32; keys + 1];
        for &owner in owners.iter().filter(|&&owner| owner != NO_SLOT) {
            starts[owner as usize + 1] += 1;
        }
        for key in 0..keys {
            starts[key + 1] += starts[key];
        }
        let mut next = starts.clone();
        let mut slots = vec![0; starts[keys] as usize];
        for (slot, &owner) in owners.iter().enumerate().filter(|&(_, &owner)| owner != NO_SLOT) {
            slots[next[owner as usize] as usize] = slot as u32;
            next[owner as usize] += 1;
        }
        if let Some(labels) = labels {
            for key in 0..keys {
                slots[starts[key] as usize..starts[key + 1] as usize].sort_by_key(|&slot| labels[slot as usize]);
            }
        }
        ByKey::Lists { starts, slots }
    }
}

/// Slots grouped by key.
pub(super) enum ByKey {
    Runs(Vec<Place>),
    Lists { starts: Vec<u32>, slots: Vec<u32> },
}

impl ByKey {
    #[inline]
    pub(super) fn count(&self, key: usize) -> usize {
        match self {
            ByKey::Runs(places) => places[key].len as usize,
            ByKey::Lists { starts, .. } => (starts[key + 1] - starts[key]) as usize,
        }
    }

    #[inline]
    pub(super) fn slot(&self, key: usize, i: usize) -> u32 {
        match self {
            ByKey::Runs(places) => places[key].first + i as u32,
            ByKey::Lists { starts, slots } => slots[starts[key] as usize + i],
        }
    }
}

/// Operations read at a time: their slots are touched first, so that cache misses overlap.
pub(super) const CHUNK: usize = 64;

/// Gives slots to labels while operations are read, one strategy a type so that the loop is compiled for each.
pub(super) trait Finder {
    /// The slot of a label that an operation brings; `NO_SLOT` if another key owns it.
    fn bring(&mut self, key: u32, label: i64) -> u32;
    /// The number of slots so far, if it grows.
    fn grown(&self) -> usize;
    /// The slot that a label would most likely get.
    fn guess(&self, key: u32, label: i64) -> u32;
}

pub(super) struct RunFinder<'a>(pub(super) &'a [Place]);

impl Finder for RunFinder<'_> {
    #[inline(always)]
    fn bring(&mut self, key: u32, label: i64) -> u32 {
        let place = &self.0[key as usize];
        let offset = label.wrapping_sub(place.low) as u64;
        if offset < place.len { place.first + offset as u32 } else { NO_SLOT }
    }

    #[inline]
    fn grown(&self) -> usize {
        0
    }

    #[inline(always)]
    fn guess(&self, key: u32, label: i64) -> u32 {
        let place = &self.0[key as usize];
        place.first.wrapping_add(label.wrapping_sub(place.low) as u32)
    }
}

pub(super) struct SharedFinder<'a> {
    pub(super) low: i64,
    pub(super) owners: &'a mut [u32],
}

impl Finder for SharedFinder<'_> {
    #[inline(always)]
    fn bring(&mut self, key: u32, label: i64) -> u32 {
        let offset = label.wrapping_sub(self.low) as u64;
        let Some(owner) = self.owners.get_mut(offset as usize) else {
            return NO_SLOT;
        };
        if *owner == NO_SLOT {
            *owner = key;
        }
        if *owner == key { offset as u32 } else { NO_SLOT }
    }

    #[inline]
    fn grown(&self) -> usize {
        0
    }

    #[inline(always)]
    fn guess(&self, _key: u32, label: i64) -> u32 {
        label.wrapping_sub(self.low) as u32
    }
}

pub(super) struct HashFinder<'a> {
    pub(super) ids: &'a mut HashMap<(u32, i64), u32>,
    pub(super) owners: &'a mut Vec<u32>,
    pub(super) labels: &'a mut Vec<i64>,
}

impl Finder for HashFinder<'_> {
    #[inline]
    fn bring(&mut self, key: u32, label: i64) -> u32 {
        let next = self.owners.len() as u32;
        let slot = *self.ids.entry((key, label)).or_insert(next);
        if slot == next {
            self.owners.push(key);
            self.labels.push(label);
        }
        slot
    }

    #[inline]
    fn grown(&self) -> usize {
        self.owners.len()
    }

    #[inline]
    fn guess(&self, _key: u32, _label: i64) -> u32 {
        NO_SLOT
    }
}

/// The keys of a history as small numbers in ascending order of key.
pub(super) struct Keys {
    /// The key of each number.
    pub(super) names: Vec<u32>,
    /// The number of each operation's key; empty if keys are used as they are.
    numbers: Vec<u32>,
}

impl Keys {
    pub(super) fn new(history: &History) -> Keys {
        let most = history.keys.iter().copied().max().unwrap_or(0) as usize;
        if most < history.len() / 4 + 4096 {
            return Keys { names: (0..=most as u32).collect(), numbers: Vec::new() };
        }
        let mut names = history.keys.clone();
        names.sort_unstable();
        names.dedup();
        let ids: HashMap<u32, u32> = names.iter().enumerate().map(|(i, &key)| (key, i as u32)).collect();
        Keys { numbers: history.keys.iter().map(|key| ids[key]).collect(), names }
    }

    /// Number of the key of every operation.
    #[inline]
    pub(super) fn of<'a>(&'a self, history: &'a History) -> &'a [u32] {
        if self.numbers.is_empty() { &history.keys } else { &self.numbers }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}
