//! Registers whose written values are unique: the block lemma.
//!
//! A block is a write and the reads of its value; every legal order keeps it together. With `f` the earliest return and
//! `s` the latest invoke in a block, B must precede C iff f(B) < s(C). Any cycle of "must precede" contains one of two
//! blocks (take the block with the largest `s` in it), so an order exists iff no two blocks must precede each other and
//! no read returns before its write is invoked. Sorted by f + s, one pass with the running maximum of `s` decides; this
//! is equivalent to the zones of Gibbons & Korach, "Testing shared memories" (1997). Compare-and-sets chain blocks
//! together. The initial value is a block that must come first. A write of unknown outcome only lacks its return.
//!
//! Assumes: no value is written twice on the key, and none equals the initial value; else this says so and does not judge.

mod fill;

pub(super) use fill::read;

use super::chains::{self, Links};
use super::history::{History, NEVER};
use super::outcome::Settings;
use super::slots::{ByKey, Slots};

/// One block: earliest return, latest invoke, invoke of its write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) f: i64,
    pub(super) s: i64,
    pub(super) write: i64,
}

impl Block {
    const EMPTY: Block = Block { f: NEVER, s: i64::MIN, write: NEVER };

    #[inline]
    pub(super) fn written(&self) -> bool {
        self.write != NEVER
    }
}

/// What the blocks of one key say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Order,
    Clash(Clash),
    /// The method does not apply, for this reason.
    Other(&'static str),
}

/// Groups of operations that contradict each other, named by the values of their blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    Phantom(i64),
    ReadBeforeWrite(i64),
    DoubleReplace(i64),
    ReplaceCycle(Vec<i64>),
    /// The second must come before the first, and the first before the second.
    Blocks(Vec<i64>, Vec<i64>),
    /// A failed compare-and-set at this position ran inside of the block.
    FailedCas(u32, i64),
}

/// Everything read from the history, before judging.
pub(super) struct Table<'a> {
    pub(super) history: &'a History,
    pub(super) settings: &'a Settings<'a>,
    pub(super) slots: Slots,
    pub(super) by_key: ByKey,
    pub(super) blocks: Vec<Block>,
    /// Reads of the initial value, by key.
    pub(super) initial: Vec<Block>,
    pub(super) links: Option<Links>,
    /// Failed compare-and-sets: number of the key, position, slot expected.
    pub(super) failed: Vec<(u32, u32, u32)>,
    trouble: Vec<Option<Said>>,
    /// Blocks of all keys by key, where they could be ranked at once.
    ranked: Vec<Ranked>,
    starts: Vec<u32>,
}

const RANK_AGAIN: &str = "rank again";

/// A block in the order of f + s.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranked {
    sum: i64,
    s: i64,
    slot: u32,
}

/// Room that is used again for each key.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) ranked: Vec<Ranked>,
}

impl Table<'_> {
    /// Judges one key.
    pub(super) fn judge(&mut self, key: usize, scratch: &mut Scratch) -> Said {
        match self.trouble[key].take() {
            Some(Said::Other(RANK_AGAIN)) => {
                // Rare: list the slots after all.
                if matches!(self.by_key, ByKey::Runs(_)) {
                    self.by_key = self.slots.by_key(self.initial.len(), false);
                }
                let clash = self.rank(key, scratch).err();
                return clash.map_or(Said::Other("blocks could not be ranked"), Said::Clash);
            }
            Some(said) => return said,
            None => {}
        }
        if !self.starts.is_empty() {
            let (from, to) = (self.starts[key] as usize, self.starts[key + 1] as usize);
            sort_ranked(&mut self.ranked[from..to]);
            if let Some(clash) = self.scan(key, &self.ranked[from..to]) {
                return Said::Clash(clash);
            }
            let order = self.ranked[from..to].iter().map(|ranked| ranked.slot);
            return chains::place_failed(self, key, order);
        }
        if let Some(mut links) = self.links.take() {
            let joined = chains::join(self, &mut links, key);
            self.links = Some(links);
            if let Err(clash) = joined {
                return Said::Clash(clash);
            }
        }
        let clash = self.rank(key, scratch).err().or_else(|| self.scan(key, &scratch.ranked));
        match clash {
            Some(clash) => Said::Clash(clash),
            None if self.failed.is_empty() => Said::Order,
            None => chains::place_failed(self, key, scratch.ranked.iter().map(|ranked| ranked.slot)),
        }
    }

    fn values(&self, key: usize, slot: u32) -> Vec<i64> {
        match &self.links {
            Some(links) => chains::values(self, links, key, slot),
            None if slot == chains::INITIAL => vec![self.settings.initial],
            None => vec![self.slots.label(key, slot)],
        }
    }

    #[inline]
    pub(super) fn slack(&self) -> i64 {
        self.settings.skew_ns.saturating_mul(2)
    }

    /// Ranks the blocks of all keys at once, where slots of several keys are mixed and nothing joins them.
    fn rank_all(&mut self) {
        let Slots::Shared { owners, .. } = &self.slots else { return };
        if self.links.is_some() {
            return;
        }
        let slack = self.settings.skew_ns.saturating_mul(2);
        let mut starts = vec![0u32; self.initial.len() + 1];
        for (block, &owner) in self.blocks.iter().zip(owners) {
            if block.f == NEVER {
                continue;
            }
            starts[owner as usize + 1] += 1;
            let late = block.f + slack < self.initial[owner as usize].s;
            if (late || block.f + slack < block.write) && self.trouble[owner as usize].is_none() {
                // The key is ranked by itself later, to tell what is wrong.
                self.trouble[owner as usize] = Some(Said::Other(RANK_AGAIN));
            }
        }
        for key in 0..self.initial.len() {
            starts[key + 1] += starts[key];
        }
        let mut next = starts.clone();
        self.ranked = vec![Ranked { sum: 0, s: 0, slot: 0 }; starts[self.initial.len()] as usize];
        for (slot, (block, &owner)) in self.blocks.iter().zip(owners).enumerate() {
            if block.f != NEVER {
                let place = &mut next[owner as usize];
                self.ranked[*place as usize] = Ranked { sum: block.f + block.s, s: block.s, slot: slot as u32 };
                *place += 1;
            }
        }
        self.starts = starts;
    }

    /// Checks each block in itself and sorts the blocks by f + s.
    fn rank(&self, key: usize, scratch: &mut Scratch) -> Result<(), Clash> {
        let ranked = &mut scratch.ranked;
        ranked.clear();
        let slack = self.slack();
        let first = self.initial[key];
        for i in 0..self.by_key.count(key) {
            let slot = self.by_key.slot(key, i);
            let block = self.blocks[slot as usize];
            if block.f.saturating_add(slack) < block.write && block.f != NEVER {
                let value = self.slots.label(key, slot);
                return Err(if block.written() { Clash::ReadBeforeWrite(value) } else { Clash::Phantom(value) });
            }
            if block.f == NEVER {
                continue;
            }
            if block.f + slack < first.s {
                return Err(Clash::Blocks(self.values(key, slot), self.values(key, chains::INITIAL)));
            }
            ranked.push(Ranked { sum: block.f + block.s, s: block.s, slot });
        }
        sort_ranked(ranked);
        Ok(())
    }

    /// One pass with the running maximum of `s`.
    fn scan(&self, key: usize, ranked: &[Ranked]) -> Option<Clash> {
        let slack = self.slack();
        let mut latest = i64::MIN;
        for (i, here) in ranked.iter().enumerate() {
            let f = here.sum - here.s;
            if f + slack < latest {
                let other = ranked[..i].iter().find(|other| other.s == latest)?;
                return Some(Clash::Blocks(self.values(key, other.slot), self.values(key, here.slot)));
            }
            latest = latest.max(here.s);
        }
        None
    }
}

/// Slots follow time closely, so that insertion sort is nearly free; if not, it gives up.
fn sort_ranked(ranked: &mut [Ranked]) {
    let mut moves = 0;
    for i in 1..ranked.len() {
        let new = ranked[i];
        let mut place = i;
        while place > 0 && ranked[place - 1].sum > new.sum {
            ranked[place] = ranked[place - 1];
            place -= 1;
        }
        ranked[place] = new;
        moves += i - place;
        if moves > 8 * (i + 64) {
            ranked.sort_unstable_by_key(|ranked| (ranked.sum, ranked.slot));
            return;
        }
    }
}
