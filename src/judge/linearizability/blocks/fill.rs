//! Reads a history into blocks: one pass, no branch that depends on whether an operation reads or writes.

use super::{Block, Clash, Said, Table};
use crate::judge::linearizability::chains::{self, Links};
use crate::judge::linearizability::history::{History, Kind, NIL, OpOutcome};
use crate::judge::linearizability::outcome::{FailedCas, NilRead, Settings};
use crate::judge::linearizability::profile::{KeyProfile, Profile, table};
use crate::judge::linearizability::slots::{ByKey, CHUNK, Finder, HashFinder, NO_SLOT, Range, RunFinder, SharedFinder, Slots};
use hashbrown::HashMap;

const SKIP: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;
const MAYBE_WRITE: u8 = 3;
const CAS: u8 = 4;
const MAYBE_CAS: u8 = 5;
const FAILED_CAS: u8 = 6;

/// Reads the operations of the wanted keys into blocks.
pub(in crate::judge::linearizability) fn read<'a>(
    history: &'a History,
    profile: &Profile,
    settings: &'a Settings<'a>,
    wanted: impl Fn(usize) -> bool,
) -> Table<'a> {
    let range = |(key, of): (usize, &KeyProfile)| {
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
            if self.settings.stopped() {
                self.trouble.fill(Some(Said::Other("the caller asked to stop")));
                return;
            }
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
