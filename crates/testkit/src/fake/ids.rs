//! Randomness out of a seed.

use super::lock;
use std::sync::Mutex;

/// SplitMix64 (Steele, Lea and Flood, 2014): the same seed gives the same numbers on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Random(u64);

impl Random {
    /// The stream of this seed.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 when that is 0.
    pub const fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.bits() % limit }
    }

    /// Whether something that happens `times` out of a thousand happens now.
    pub const fn in_thousand(&mut self, times: u64) -> bool {
        self.below(1000) < times
    }

    /// One of these. None when there are none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(from.len() as u64);
        from.get(usize::try_from(at).ok()?)
    }
}

/// Ids out of a seed.
#[derive(Debug)]
pub struct Ids(Mutex<Random>);

impl Ids {
    /// The stream of this seed.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(Mutex::new(Random::seeded(seed)))
    }
}

impl ports::Ids for Ids {
    fn bits(&self) -> u64 {
        lock(&self.0).bits()
    }
}
