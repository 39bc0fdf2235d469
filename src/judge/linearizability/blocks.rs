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

use super::chains::{self, Links};
use super::history::{History, Kind, NEVER, NIL, OpOutcome};
use super::outcome::{FailedCas, NilRead, Settings};
use super::profile::{Profile, table};
use super::slots::{ByKey, Finder, HashFinder, NO_SLOT, Range, RunFinder, SharedFinder, Slots};
use hashbrown::HashMap;

/// One block: earliest return, latest invoke, invoke of its write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) f: i64,
    pub(super) s: i64,
    pub(super) write: i64,
}

impl Block {
    const EMPTY: Block = Block {
        f: NEVER,
        s: i64::MIN,
        write: NEVER,
    };

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
}

const SKIP: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;
const MAYBE_WRITE: u8 = 3;
const CAS: u8 = 4;
const MAYBE_CAS: u8 = 5;
const FAILED_CAS: u8 = 6;

/// Reads the operations of the wanted keys into blocks.
pub(super) fn read<'a>(
    history: &'a History,
    profile: &Profile,
    settings: &'a Settings<'a>,
    wanted: impl Fn(usize) -> bool,
) -> Table<'a> {
    let range = |(key, of): (usize, &super::profile::KeyProfile)| {
        if wanted(key) {
            of.brought
        } else {
            Range::EMPTY
        }
    };
    let ranges: Vec<Range> = profile.of.iter().enumerate().map(range).collect();
    let slots = Slots::new(&ranges, history.len());
    let mut filling = Filling::new(history, settings, profile.of.len(), slots.len());
    let keys = profile.keys.of(history);
    let slots = match slots {
        Slots::Runs(places) => {
            filling.fill(keys, &mut RunFinder(&places), &wanted);
            Slots::Runs(places)
        }
        Slots::Shared { low, mut owners } => {
            filling.fill(
                keys,
                &mut SharedFinder {
                    low,
                    owners: &mut owners,
                },
                &wanted,
            );
            if filling.misses == 0 {
                Slots::Shared { low, owners }
            } else {
                // A value seen under two keys: start again with a map.
                filling = Filling::new(history, settings, profile.of.len(), 0);
                hashed(&mut filling, keys, &wanted)
            }
        }
        Slots::Hashed { .. } => hashed(&mut filling, keys, &wanted),
    };
    filling.into_table(slots)
}

fn hashed(filling: &mut Filling, keys: &[u32], wanted: &impl Fn(usize) -> bool) -> Slots {
    let (mut ids, mut owners, mut labels) = (HashMap::new(), Vec::new(), Vec::new());
    let mut finder = HashFinder {
        ids: &mut ids,
        owners: &mut owners,
        labels: &mut labels,
    };
    filling.fill(keys, &mut finder, wanted);
    Slots::Hashed {
        ids,
        owners,
        labels,
    }
}

struct Filling<'a> {
    history: &'a History,
    settings: &'a Settings<'a>,
    actions: [u8; 128],
    blocks: Vec<Block>,
    initial: Vec<Block>,
    links: Option<Links>,
    failed: Vec<(u32, u32, u32)>,
    trouble: Vec<Option<Said>>,
    misses: usize,
}

impl<'a> Filling<'a> {
    fn new(
        history: &'a History,
        settings: &'a Settings<'a>,
        keys: usize,
        slots: usize,
    ) -> Filling<'a> {
        let actions = table(|kind, outcome| match (kind, outcome) {
            (Kind::Read, OpOutcome::Ok) => READ,
            (Kind::Write, OpOutcome::Ok) => WRITE,
            (Kind::Write, OpOutcome::Unknown) => MAYBE_WRITE,
            (Kind::Cas, OpOutcome::Ok) => CAS,
            (Kind::Cas, OpOutcome::Unknown) => MAYBE_CAS,
            (Kind::Cas, OpOutcome::Fail) if settings.failed_cas == FailedCas::Mismatch => {
                FAILED_CAS
            }
            _ => SKIP,
        });
        Filling {
            history,
            settings,
            actions,
            blocks: vec![Block::EMPTY; slots],
            initial: vec![Block::EMPTY; keys],
            links: None,
            failed: Vec::new(),
            trouble: vec![None; keys],
            misses: 0,
        }
    }

    fn fill<F: Finder>(&mut self, keys: &[u32], finder: &mut F, wanted: &impl Fn(usize) -> bool) {
        let history = self.history;
        let (initial, any_nil) = (
            self.settings.initial,
            self.settings.nil_read == NilRead::Any,
        );
        let columns = history.tags.iter().zip(keys).zip(&history.values);
        let times = history.invokes.iter().zip(&history.returns);
        for (at, (((&tag, &key), &value), (&invoke, &ret))) in columns.zip(times).enumerate() {
            let action = self.actions[(tag & 127) as usize];
            if action == SKIP || !wanted(key as usize) {
                continue;
            }
            if action == READ {
                if value == initial || (any_nil && value == NIL) {
                    if !(any_nil && value == NIL) {
                        let block = &mut self.initial[key as usize];
                        block.s = block.s.max(invoke);
                        block.f = block.f.min(ret);
                    }
                    continue;
                }
                let slot = finder.bring(key, value);
                match self.block(slot, finder) {
                    Some(block) => {
                        block.f = block.f.min(ret);
                        block.s = block.s.max(invoke);
                    }
                    None => self.miss(key, value),
                }
                continue;
            }
            self.mutate(finder, action, at, key, invoke, ret);
        }
    }

    #[inline(always)]
    fn mutate<F: Finder>(
        &mut self,
        finder: &mut F,
        action: u8,
        at: usize,
        key: u32,
        invoke: i64,
        ret: i64,
    ) {
        let value = self.history.values[at];
        if action == FAILED_CAS {
            let slot = self.expected_slot(finder, at, key);
            if slot != NO_SLOT {
                self.failed.push((key, at as u32, slot));
            }
            return;
        }
        if value == self.settings.initial {
            self.trouble[key as usize] = Some(Said::Other("the initial value is written again"));
            return;
        }
        let from = match action {
            CAS | MAYBE_CAS => match self.expected_slot(finder, at, key) {
                // A sure one expects what nobody wrote; an unsure one then did not happen.
                NO_SLOT if action == CAS => return self.miss(key, self.history.expected(at)),
                NO_SLOT => return,
                from => Some(from),
            },
            _ => None,
        };
        let slot = finder.bring(key, value);
        let Some(block) = self.block(slot, finder) else {
            return self.miss(key, value);
        };
        if block.written() {
            self.trouble[key as usize] = Some(Said::Other("values repeat"));
            return;
        }
        block.write = invoke;
        block.s = block.s.max(invoke);
        if matches!(action, WRITE | CAS) {
            block.f = block.f.min(ret);
        }
        if let Some(from) = from {
            self.links
                .get_or_insert_default()
                .add(slot, from, action == CAS);
        }
    }

    fn expected_slot<F: Finder>(&mut self, finder: &mut F, at: usize, key: u32) -> u32 {
        let expected = self.history.expected(at);
        if expected == self.settings.initial {
            return chains::INITIAL;
        }
        finder.bring(key, expected)
    }

    #[inline(always)]
    fn block<F: Finder>(&mut self, slot: u32, finder: &F) -> Option<&mut Block> {
        if self.blocks.len() < finder.grown() {
            self.blocks.resize(finder.grown(), Block::EMPTY);
        }
        self.blocks.get_mut(slot as usize)
    }

    #[cold]
    fn miss(&mut self, key: u32, value: i64) {
        self.misses += 1;
        let trouble = &mut self.trouble[key as usize];
        if trouble.is_none() {
            *trouble = Some(Said::Clash(Clash::Phantom(value)));
        }
    }

    fn into_table(mut self, slots: Slots) -> Table<'a> {
        self.failed.sort_unstable();
        let by_key = slots.by_key(self.initial.len(), false);
        let mut blocks = self.blocks;
        blocks.resize(slots.len(), Block::EMPTY);
        Table {
            history: self.history,
            settings: self.settings,
            slots,
            by_key,
            blocks,
            initial: self.initial,
            links: self.links,
            failed: self.failed,
            trouble: self.trouble,
        }
    }
}

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
        if let Some(said) = self.trouble[key].take() {
            return said;
        }
        if let Some(mut links) = self.links.take() {
            let joined = chains::join(self, &mut links, key);
            self.links = Some(links);
            if let Err(clash) = joined {
                return Said::Clash(clash);
            }
        }
        let clash = self
            .rank(key, scratch)
            .err()
            .or_else(|| self.scan(key, &scratch.ranked));
        match clash {
            Some(clash) => Said::Clash(clash),
            None if self.failed.is_empty() => Said::Order,
            None => {
                chains::place_failed(self, key, scratch.ranked.iter().map(|ranked| ranked.slot))
            }
        }
    }

    fn values(&self, key: usize, slot: u32) -> Vec<i64> {
        match &self.links {
            Some(links) => chains::values(self, links, key, slot),
            None if slot == chains::INITIAL => vec![self.settings.initial],
            None => vec![self.slots.label(key, slot)],
        }
    }

    pub(super) fn slack(&self) -> i64 {
        self.settings.skew_ns.saturating_mul(2)
    }

    /// Checks each block in itself and sorts the blocks by f + s.
    fn rank(&self, key: usize, scratch: &mut Scratch) -> Result<(), Clash> {
        let ranked = &mut scratch.ranked;
        ranked.clear();
        let slack = self.slack();
        let first = self.initial[key];
        let mut moves = 0usize;
        for i in 0..self.by_key.count(key) {
            let slot = self.by_key.slot(key, i);
            let block = self.blocks[slot as usize];
            if block.f.saturating_add(slack) < block.write && block.f != NEVER {
                let value = self.slots.label(key, slot);
                return Err(if block.written() {
                    Clash::ReadBeforeWrite(value)
                } else {
                    Clash::Phantom(value)
                });
            }
            if block.f == NEVER {
                continue;
            }
            if block.f + slack < first.s {
                return Err(Clash::Blocks(
                    self.values(key, slot),
                    self.values(key, chains::INITIAL),
                ));
            }
            let new = Ranked {
                sum: block.f + block.s,
                s: block.s,
                slot,
            };
            // Slots follow time closely, so that insertion sort is nearly free; if not, give up on it.
            let mut place = ranked.len();
            ranked.push(new);
            while moves < 4 * (i + 64) && place > 0 && ranked[place - 1].sum > new.sum {
                ranked[place] = ranked[place - 1];
                place -= 1;
                moves += 1;
            }
            ranked[place] = new;
        }
        if moves > 0 && !ranked.is_sorted_by_key(|ranked| ranked.sum) {
            ranked.sort_unstable_by_key(|ranked| (ranked.sum, ranked.slot));
        }
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
                return Some(Clash::Blocks(
                    self.values(key, other.slot),
                    self.values(key, here.slot),
                ));
            }
            latest = latest.max(here.s);
        }
        None
    }
}
