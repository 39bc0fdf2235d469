//! The invokes and returns of one object in time order, walked forward and back by the searches.
//!
//! `a` precedes `b` iff `a` returned strictly before `b` was invoked: at equal times invokes come first. Each operation
//! in flight owns a slot, a bit in a [`Mask`]; operations of unknown outcome never return and own none.

/// A set of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mask<const W: usize>([u64; W]);

impl<const W: usize> Mask<W> {
    pub(super) const EMPTY: Mask<W> = Mask([0; W]);

    #[inline]
    pub(super) fn has(&self, slot: usize) -> bool {
        self.0[slot >> 6] >> (slot & 63) & 1 == 1
    }

    #[inline]
    pub(super) fn insert(&mut self, slot: usize) {
        self.0[slot >> 6] |= 1 << (slot & 63);
    }

    #[inline]
    pub(super) fn remove(&mut self, slot: usize) {
        self.0[slot >> 6] &= !(1 << (slot & 63));
    }

    #[inline]
    pub(super) fn without(&self, other: &Mask<W>) -> Mask<W> {
        let mut result = *self;
        for (word, not) in result.0.iter_mut().zip(other.0) {
            *word &= !not;
        }
        result
    }

    #[inline]
    pub(super) fn with(&self, other: &Mask<W>) -> Mask<W> {
        let mut result = *self;
        for (word, also) in result.0.iter_mut().zip(other.0) {
            *word |= also;
        }
        result
    }

    #[inline]
    pub(super) fn and(&self, other: &Mask<W>) -> Mask<W> {
        let mut result = *self;
        for (word, also) in result.0.iter_mut().zip(other.0) {
            *word &= also;
        }
        result
    }

    #[inline]
    pub(super) fn within(&self, other: &Mask<W>) -> bool {
        self.0.iter().zip(other.0).all(|(word, all)| word & !all == 0)
    }

    #[inline]
    pub(super) fn words(&self) -> [u64; W] {
        self.0
    }

    #[inline]
    pub(super) fn slots(&self) -> impl Iterator<Item = usize> + use<W> {
        let words = self.0;
        (0..W).flat_map(move |w| Bits(words[w]).map(move |bit| w << 6 | bit))
    }
}

struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

/// The interval of one operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) invoke: i64,
    pub(super) ret: i64,
    pub(super) unknown: bool,
}

/// One step of the timeline: operation number and whether it is the return.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) op: usize,
    pub(super) is_return: bool,
}

const NOBODY: u32 = u32::MAX;

/// All events and a current place among them.
pub(super) struct Timeline<const W: usize> {
    events: Vec<u32>,
    slots: Vec<u16>,
    ends: Vec<u32>,
    before: Vec<u32>,
    owners: Vec<u32>,
    live: Mask<W>,
    at: usize,
}

/// Events in time order, packed as `operation << 1 | is_return`.
pub(super) fn order_events(spans: &[Span]) -> Vec<u32> {
    let mut keyed: Vec<(i64, u32)> = Vec::with_capacity(2 * spans.len());
    for (op, span) in spans.iter().enumerate() {
        keyed.push((span.invoke, (op as u32) << 1));
        if !span.unknown {
            keyed.push((span.ret, (op as u32) << 1 | 1));
        }
    }
    keyed.sort_by_key(|&(time, event)| (time, event & 1));
    keyed.into_iter().map(|(_, event)| event).collect()
}

/// The largest number of operations of known outcome in flight at once.
pub(super) fn width(events: &[u32], spans: &[Span]) -> usize {
    let (mut now, mut most) = (0usize, 0);
    for &event in events {
        if event & 1 == 1 {
            now -= 1;
        } else if !spans[(event >> 1) as usize].unknown {
            now += 1;
            most = most.max(now);
        }
    }
    most
}

impl<const W: usize> Timeline<W> {
    pub(super) fn new(events: Vec<u32>, spans: &[Span]) -> Timeline<W> {
        let n = spans.len();
        let mut line = Timeline {
            slots: vec![0; n],
            ends: vec![NOBODY; n],
            before: vec![NOBODY; n],
            owners: vec![NOBODY; 64 * W],
            live: Mask::EMPTY,
            at: 0,
            events,
        };
        let mut owners = vec![NOBODY; 64 * W];
        let mut free: Vec<u16> = (0..(64 * W) as u16).rev().collect();
        for (at, &event) in line.events.iter().enumerate() {
            let op = (event >> 1) as usize;
            if event & 1 == 1 {
                line.ends[op] = at as u32;
                free.push(line.slots[op]);
            } else if !spans[op].unknown {
                let slot = free.pop().unwrap_or(0);
                line.slots[op] = slot;
                line.before[op] = owners[slot as usize];
                owners[slot as usize] = op as u32;
            }
        }
        line
    }

    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    #[inline]
    pub(super) fn event(&self, at: usize) -> Option<Event> {
        self.events.get(at).map(|&e| Event { op: (e >> 1) as usize, is_return: e & 1 == 1 })
    }

    /// Is this operation one that never returns, and so owns no slot?
    #[inline]
    pub(super) fn slotless(&self, op: usize) -> bool {
        self.ends[op] == NOBODY
    }

    #[inline]
    pub(super) fn slot(&self, op: usize) -> usize {
        self.slots[op] as usize
    }

    /// Index of the return event.
    #[inline]
    pub(super) fn end(&self, op: usize) -> u32 {
        self.ends[op]
    }

    #[inline]
    pub(super) fn owner(&self, slot: usize) -> usize {
        self.owners[slot] as usize
    }

    /// Slots of the operations in flight.
    #[inline]
    pub(super) fn live(&self) -> Mask<W> {
        self.live
    }

    /// One event forward.
    #[inline]
    pub(super) fn forward(&mut self) {
        if let Some(event) = self.event(self.at) {
            self.at += 1;
            if event.is_return {
                self.live.remove(self.slot(event.op));
            } else if !self.slotless(event.op) {
                let slot = self.slot(event.op);
                self.live.insert(slot);
                self.owners[slot] = event.op as u32;
            }
        }
    }

    /// One event back; returns it.
    #[inline]
    pub(super) fn back(&mut self) -> Option<Event> {
        self.at = self.at.checked_sub(1)?;
        let event = self.event(self.at)?;
        if event.is_return {
            self.live.insert(self.slot(event.op));
        } else if !self.slotless(event.op) {
            let slot = self.slot(event.op);
            self.live.remove(slot);
            self.owners[slot] = self.before[event.op];
        }
        Some(event)
    }

    /// Returns before this place.
    #[inline]
    pub(super) fn returns_before(&self, at: usize) -> u64 {
        self.events[..at].iter().filter(|&&e| e & 1 == 1).count() as u64
    }
}
