//! Seeded choice of places: the first, the last, and others in between.
//!
//! In: a seed, a name and how many places there are. Out: positions in order. The same on any machine. Refuses to know what stands there.

use std::collections::BTreeSet;

/// SplitMix64 (G. Steele, D. Lea, C. Flood, 2014): a short generator that gives the same numbers everywhere.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// FNV-1a, so that each operator has places of its own whatever other operators there are.
fn fnv(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// At most `wanted` of `places` positions: the first, the last, and seeded ones in between, in rising order.
pub(super) fn places(seed: u64, name: &str, places: usize, wanted: usize) -> Vec<usize> {
    let mut chosen: BTreeSet<usize> = BTreeSet::new();
    if places == 0 || wanted == 0 {
        return Vec::new();
    }
    chosen.insert(0);
    if wanted > 1 {
        chosen.insert(places - 1);
    }
    let mut random = SplitMix(seed ^ fnv(name));
    while chosen.len() < wanted.min(places) {
        let next = random.next() % (places as u64);
        chosen.extend(usize::try_from(next));
    }
    chosen.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_last_and_between() {
        assert!(places(1, "a", 0, 4).is_empty() && places(1, "a", 4, 0).is_empty());
        assert_eq!(places(1, "a", 1, 4), [0]);
        assert_eq!(places(1, "a", 3, 9), [0, 1, 2]);
        assert_eq!(places(1, "a", 100, 1), [0]);
        let some = places(1, "a", 1000, 4);
        assert_eq!((some.len(), some[0], some[3]), (4, 0, 999));
        assert_eq!(some, places(1, "a", 1000, 4));
        assert_ne!(some, places(2, "a", 1000, 4), "another seed, other places");
        assert_ne!(some, places(1, "b", 1000, 4), "another operator, other places");
    }

    #[test]
    fn the_generator_is_the_published_one() {
        let mut random = SplitMix(1_234_567);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }
}
