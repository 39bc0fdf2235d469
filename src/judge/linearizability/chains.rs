//! Compare-and-sets between blocks: CAS(e→v) puts the block of v right behind the block of e.
//!
//! With unique values at most one compare-and-set can replace e, so that blocks form chains, and a chain is one block;
//! inside it each part must not return before an earlier part is invoked. A compare-and-set of unknown outcome is kept
//! only if its value is observed, directly or by one that is kept: else it may as well not have happened. A failed one
//! says "not e at some moment": it is placed into one witness order, and where that does not work the caller searches.

use super::blocks::{Block, Clash, Said, Table};
use super::history::NEVER;
use super::slots::NO_SLOT;
use hashbrown::HashMap;

/// Stands for the block of the initial value.
pub(super) const INITIAL: u32 = 0x7fff_fffe;

const UNSURE: u32 = 1 << 31;

/// How far a compare-and-set has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Kept,
    Joined,
}

/// Which block each compare-and-set follows.
#[derive(Default)]
pub(super) struct Links {
    from: Vec<u32>,
    next: Vec<u32>,
    next_initial: u32,
    stages: Vec<Stage>,
    parts: HashMap<u32, Block>,
}

impl Links {
    #[inline]
    pub(super) fn add(&mut self, slot: u32, from: u32, sure: bool) {
        if self.from.len() <= slot as usize {
            self.from.resize(slot as usize + 1, NO_SLOT);
        }
        self.from[slot as usize] = if sure { from } else { from | UNSURE };
    }

    #[inline]
    fn from(&self, slot: u32) -> Option<(u32, bool)> {
        let from = self.from.get(slot as usize).copied().filter(|&from| from != NO_SLOT)?;
        Some((from & !UNSURE, from & UNSURE == 0))
    }

    #[inline]
    fn next(&self, slot: u32) -> Option<u32> {
        let next = if slot == INITIAL { Some(self.next_initial) } else { self.next.get(slot as usize).copied() };
        next.filter(|&next| next != NO_SLOT)
    }

    #[inline]
    fn set_next(&mut self, slot: u32, next: u32) {
        if slot == INITIAL {
            self.next_initial = next;
        } else {
            self.next[slot as usize] = next;
        }
    }
}

/// Joins the chains of one key: the first block of a chain becomes the whole chain, the others are emptied.
pub(super) fn join(table: &mut Table, links: &mut Links, key: usize) -> Result<(), Clash> {
    links.next.resize(table.blocks.len(), NO_SLOT);
    links.stages.resize(table.blocks.len(), Stage::New);
    links.next_initial = NO_SLOT;
    links.parts.clear();
    let kept = kept(table, links, key)?;
    for &slot in &kept {
        let Some((from, _)) = links.from(slot) else {
            continue;
        };
        if from != INITIAL && !table.blocks[from as usize].written() {
            return Err(Clash::Phantom(table.slots.label(key, from)));
        }
        if links.next(from).is_some() {
            return Err(Clash::DoubleReplace(label(table, key, from)));
        }
        links.set_next(from, slot);
    }
    let mut heads: Vec<u32> = kept
        .iter()
        .filter_map(|&slot| links.from(slot))
        .map(|(from, _)| from)
        .filter(|&from| from == INITIAL || links.from(from).is_none())
        .collect();
    heads.sort_unstable();
    let mut joined = 0;
    for head in heads {
        joined += walk(table, links, key, head)?;
    }
    if joined < kept.len() {
        let values = kept.iter().filter(|&&slot| links.stages[slot as usize] == Stage::Kept);
        return Err(Clash::ReplaceCycle(values.map(|&slot| table.slots.label(key, slot)).collect()));
    }
    Ok(())
}

/// Compare-and-sets that happened for certain, after a look at each block by itself.
fn kept(table: &Table, links: &mut Links, key: usize) -> Result<Vec<u32>, Clash> {
    let mut kept = Vec::new();
    for i in 0..table.by_key.count(key) {
        let slot = table.by_key.slot(key, i);
        let block = &table.blocks[slot as usize];
        if block.f != NEVER && block.f.saturating_add(table.slack()) < block.write {
            let value = table.slots.label(key, slot);
            return Err(if block.written() { Clash::ReadBeforeWrite(value) } else { Clash::Phantom(value) });
        }
        let mut certain = links.from(slot).filter(|&(_, sure)| sure || block.f != NEVER).map(|_| slot);
        while let Some(here) = certain.filter(|&here| links.stages[here as usize] == Stage::New) {
            links.stages[here as usize] = Stage::Kept;
            kept.push(here);
            // What it replaced was there: if a compare-and-set brought that, it happened too.
            let from = links.from(here).map(|(from, _)| from);
            certain = from.filter(|&from| from != INITIAL && links.from(from).is_some());
        }
    }
    Ok(kept)
}

/// Joins one chain; returns the number of compare-and-sets in it.
fn walk(table: &mut Table, links: &mut Links, key: usize, head: u32) -> Result<usize, Clash> {
    let slack = table.slack();
    let mut whole = if head == INITIAL { table.initial[key] } else { table.blocks[head as usize] };
    let keep_parts = !table.failed.is_empty();
    if keep_parts {
        links.parts.insert(head, whole);
    }
    let (mut slot, mut count) = (head, 0);
    while let Some(next) = links.next(slot) {
        let part = table.blocks[next as usize];
        if part.f != NEVER && part.f + slack < whole.s {
            let earlier = values(table, links, key, head).into_iter().take(count + 1).collect();
            return Err(Clash::Blocks(earlier, vec![table.slots.label(key, next)]));
        }
        whole.f = whole.f.min(part.f);
        whole.s = whole.s.max(part.s);
        if keep_parts {
            links.parts.insert(next, part);
        }
        links.stages[next as usize] = Stage::Joined;
        table.blocks[next as usize].f = NEVER;
        count += 1;
        slot = next;
    }
    if head == INITIAL {
        table.initial[key] = whole;
    } else {
        table.blocks[head as usize] = whole;
    }
    Ok(count)
}

fn label(table: &Table, key: usize, slot: u32) -> i64 {
    if slot == INITIAL { table.settings.initial } else { table.slots.label(key, slot) }
}

/// The values of a chain from its first block on.
pub(super) fn values(table: &Table, links: &Links, key: usize, head: u32) -> Vec<i64> {
    let (mut values, mut slot) = (vec![label(table, key, head)], head);
    while let Some(next) = links.next(slot).filter(|_| values.len() <= table.blocks.len()) {
        values.push(label(table, key, next));
        slot = next;
    }
    values
}

/// Places the failed compare-and-sets of a key into the witness given by the order of its chains.
pub(super) fn place_failed(table: &Table, key: usize, order: impl Iterator<Item = u32>) -> Said {
    let start = table.failed.partition_point(|&(k, _, _)| (k as usize) < key);
    let failed = &table.failed[start..];
    let failed = &failed[..failed.partition_point(|&(k, _, _)| k as usize == key)];
    if failed.is_empty() {
        return Said::Order;
    }
    let skew = table.settings.skew_ns;
    let mut live: HashMap<u32, (i64, i64, Block)> = HashMap::new();
    let (mut now, mut last) = (i64::MIN, NO_SLOT);
    for head in std::iter::once(INITIAL).chain(order) {
        let mut slot = Some(head);
        while let Some(here) = slot {
            let part = part(table, key, here);
            if here != INITIAL {
                now = now.max(part.write - skew);
            }
            if let Some((_, end, _)) = live.get_mut(&last) {
                *end = now;
            }
            live.insert(here, (now, NEVER, part));
            now = now.max(part.s.saturating_sub(skew));
            last = here;
            slot = table.links.as_ref().and_then(|links| links.next(here));
        }
    }
    for &(_, at, slot) in failed {
        let Some(&(from, to, part)) = live.get(&slot) else {
            continue;
        };
        let (invoke, ret) = (table.history.invokes[at as usize], table.history.returns[at as usize]);
        if invoke - skew > from && ret.saturating_add(skew) < to {
            let after = table.links.as_ref().and_then(|links| links.next(slot));
            let seen = after.map_or(part.s, |next| part.s.max(self::part(table, key, next).write));
            let first = if slot == INITIAL { i64::MIN } else { part.f };
            let inside = first.saturating_add(table.slack()) < invoke && ret + table.slack() < seen;
            if inside {
                return Said::Clash(Clash::FailedCas(at, label(table, key, slot)));
            }
            return Said::Other("a failed compare-and-set needs a search for its place");
        }
    }
    Said::Order
}

/// One block as it was before chains were joined.
fn part(table: &Table, key: usize, slot: u32) -> Block {
    let part = table.links.as_ref().and_then(|links| links.parts.get(&slot)).copied();
    part.unwrap_or_else(|| if slot == INITIAL { table.initial[key] } else { table.blocks[slot as usize] })
}
