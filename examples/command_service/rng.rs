//! Chance with a seed: splitmix64 (Steele, Lea and Flood, 2014).

/// A stream of numbers that depends on its seed alone.
pub struct Rng(u64);

impl Rng {
    /// A stream.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to below `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low).max(1).unsigned_abs()).cast_signed()
    }

    /// A position in a list of `len`.
    pub fn position(&mut self, len: usize) -> usize {
        usize::try_from(self.next() % len.max(1) as u64).unwrap_or(0)
    }

    /// True in `share` of a thousand cases.
    pub fn chance(&mut self, share: i64) -> bool {
        self.between(0, 1000) < share
    }
}
