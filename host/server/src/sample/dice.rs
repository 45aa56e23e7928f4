//! A small seeded generator (SplitMix64). Written out here because the sample must stay the same, byte for
//! byte, over versions of every dependency; integers only, because floats need not agree between machines.

/// A stream of numbers that follows from its seed alone.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number under `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        debug_assert!(bound > 0 && bound < 1 << 32);
        ((self.next() >> 32) * bound) >> 32
    }

    /// A number of the inclusive range.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in `permille` of a thousand cases.
    pub(super) fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// An item of a list, all equally likely.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// An index under `len`; early ones are the favourites, as with customers and products in a real shop.
    pub(super) fn favourite(&mut self, len: usize) -> usize {
        let len = len as u64;
        let roll = self.below(len);
        u64::midpoint(roll * self.below(len) / len, roll) as usize
    }

    /// An index, each as likely as its weight.
    pub(super) fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut roll = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if roll < *weight {
                return index;
            }
            roll -= weight;
        }
        unreachable!("the roll is below the sum of the weights")
    }
}
