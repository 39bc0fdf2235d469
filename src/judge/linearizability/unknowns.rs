//! Which operations of unknown outcome a search has used: counted by class, never named.

use hashbrown::HashMap;

/// Interned multisets of classes; id 0 is the empty one.
pub(super) struct Unknowns {
    available: Vec<u32>,
    sets: Vec<Box<[(u32, u32)]>>,
    ids: HashMap<Box<[(u32, u32)]>, u32>,
    bytes: u64,
}

impl Unknowns {
    pub(super) fn new(classes: usize) -> Unknowns {
        let empty: Box<[(u32, u32)]> = Box::new([]);
        Unknowns { available: vec![0; classes], sets: vec![empty.clone()], ids: HashMap::from([(empty, 0)]), bytes: 0 }
    }

    #[inline]
    pub(super) fn invoked(&mut self, class: usize) {
        self.available[class] += 1;
    }

    #[inline]
    pub(super) fn uninvoked(&mut self, class: usize) {
        self.available[class] -= 1;
    }

    /// Classes of which at least one operation was invoked.
    #[inline]
    pub(super) fn classes(&self) -> usize {
        self.available.len()
    }

    #[inline]
    pub(super) fn left(&self, set: u32, class: usize) -> bool {
        self.available[class] > self.used(set, class)
    }

    #[inline]
    pub(super) fn used(&self, set: u32, class: usize) -> u32 {
        let found = self.sets[set as usize].iter().find(|&&(c, _)| c as usize == class);
        found.map_or(0, |&(_, count)| count)
    }

    /// Does `a` use no more of any class than `b`?
    #[inline]
    pub(super) fn within(&self, a: u32, b: u32) -> bool {
        a == b || self.sets[a as usize].iter().all(|&(class, count)| count <= self.used(b, class as usize))
    }

    /// The set with one more of a class.
    #[inline]
    pub(super) fn using(&mut self, set: u32, class: usize) -> u32 {
        let mut next = self.sets[set as usize].to_vec();
        match next.binary_search_by_key(&(class as u32), |&(c, _)| c) {
            Ok(at) => next[at].1 += 1,
            Err(at) => next.insert(at, (class as u32, 1)),
        }
        let next = next.into_boxed_slice();
        if let Some(&id) = self.ids.get(&next) {
            return id;
        }
        self.bytes += 2 * (8 * next.len() as u64 + 16) + 8;
        let id = self.sets.len() as u32;
        self.sets.push(next.clone());
        self.ids.insert(next, id);
        id
    }

    #[inline]
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
