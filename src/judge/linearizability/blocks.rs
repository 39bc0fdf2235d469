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
use super::slots::{ByKey, CHUNK, Finder, HashFinder, NO_SLOT, Range, RunFinder, SharedFinder, Slots};
use hashbrown::HashMap;

/// One block: earliest return, latest invoke, invoke of its write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) f: i64,
    pub(super) s: i64,
    pub(super) write: i64,
}

impl Block {
    const EMPTY: Block = Block { f: NEVER, s: i64::MIN, write: NEVER };

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
        if wanted(key) { of.brought } else { Range::EMPTY }
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
            filling.fill(keys, &mut SharedFinder { low, owners: &mut owners }, &wanted);
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
    let mut finder = HashFinder { ids: &mut ids, owners: &mut owners, labels: &mut labels };
    filling.fill(keys, &mut finder, wanted);
    Slots::Hashed { owners, labels }
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
    fn new(history: &'a History, settings: &'a Settings<'a>, keys: usize, slots: usize) -> Filling<'a> {
        let actions = table(|kind, outcome| match (kind, outcome) {
            (Kind::Read, OpOutcome::Ok) => READ,
            (Kind::Write, OpOutcome::Ok) => WRITE,
            (Kind::Write, OpOutcome::Unknown) => MAYBE_WRITE,
            (Kind::Cas, OpOutcome::Ok) => CAS,
            (Kind::Cas, OpOutcome::Unknown) => MAYBE_CAS,
            (Kind::Cas, OpOutcome::Fail) if settings.failed_cas == FailedCas::Mismatch => FAILED_CAS,
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
        for start in (0..history.len()).step_by(CHUNK) {
            let part = start..(start + CHUNK).min(history.len());
            let mut touched = 0;
            for (&key, &value) in keys[part.clone()].iter().zip(&history.values[part.clone()]) {
                touched ^= self.blocks.get(finder.guess(key, value) as usize).map_or(0, |block| block.f);
            }
            std::hint::black_box(touched);
            self.fill_part(keys, finder, wanted, part);
        }
    }

    fn fill_part<F: Finder>(
        &mut self,
        keys: &[u32],
        finder: &mut F,
        wanted: &impl Fn(usize) -> bool,
        part: std::ops::Range<usize>,
    ) {
        let history = self.history;
        let (initial, any_nil) = (self.settings.initial, self.settings.nil_read == NilRead::Any);
        let columns = history.tags[part.clone()].iter().zip(&keys[part.clone()]).zip(&history.values[part.clone()]);
        let times = history.invokes[part.clone()].iter().zip(&history.returns[part.clone()]);
        for (at, (((&tag, &key), &value), (&invoke, &ret))) in columns.zip(times).enumerate() {
            let at = part.start + at;
            let action = self.actions[(tag & 127) as usize];
            if action == SKIP || !wanted(key as usize) {
                continue;
            }
            if action > MAYBE_WRITE || value == initial || (any_nil && value == NIL) {
                if action != READ {
                    self.mutate(finder, action, at, key, invoke, ret);
                } else if !(any_nil && value == NIL) {
                    let block = &mut self.initial[key as usize];
                    block.s = block.s.max(invoke);
                    block.f = block.f.min(ret);
                }
                continue;
            }
            let slot = finder.bring(key, value);
            let Some(block) = self.block(slot, finder) else {
                self.miss(key, value);
                continue;
            };
            // Reads and writes alternate as they like: no branch may depend on which it is. An unknown write has no return.
            let writes = action != READ;
            let again = writes & block.written();
            block.f = block.f.min(ret);
            block.s = block.s.max(invoke);
            block.write = if writes { invoke } else { block.write };
            if again {
                self.trouble[key as usize] = Some(Said::Other("values repeat"));
            }
        }
    }

    /// Compare-and-sets, and writes that touch the initial value.
    fn mutate<F: Finder>(&mut self, finder: &mut F, action: u8, at: usize, key: u32, invoke: i64, ret: i64) {
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
            self.links.get_or_insert_default().add(slot, from, action == CAS);
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
        let mut blocks = self.blocks;
        blocks.resize(slots.len(), Block::EMPTY);
        let mut table = Table {
            history: self.history,
            settings: self.settings,
            slots,
            by_key: ByKey::Runs(Vec::new()),
            blocks,
            initial: self.initial,
            links: self.links,
            failed: self.failed,
            trouble: self.trouble,
            ranked: Vec::new(),
            starts: Vec::new(),
        };
        table.rank_all();
        if table.starts.is_empty() {
            table.by_key = table.slots.by_key(table.initial.len(), false);
        }
        table
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
