//! A digest of rows: proof, when a job is resumed, that what it read before is still there.

use super::Span;
use serde::{Deserialize, Serialize};

/// An odd number without pattern: 2^64 divided by the golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Sums in parallel, because each waits for its last multiplication.
const LANES: usize = 4;

/// Bytes that are taken at a time.
const BLOCK: usize = LANES * 8;

/// A digest of all rows that were added, however they fall into batches. Equal digests mean equal rows, but for one
/// chance in 2^64; it is no protection against somebody who chooses rows to fool it.
///
/// A job whose rows may have changed since its last save keeps a digest of what it has read in its state. When it is
/// resumed, it reads the same rows again and compares: what is equal need not be done again, and what is not must.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowDigest {
    kinds: ByteSum,
    words: WordSum,
    bytes: ByteSum,
}

impl RowDigest {
    /// Adds cells.
    pub fn add(&mut self, span: Span<'_>) {
        self.kinds.add(span.kinds);
        self.words.add(span.words);
        self.bytes.add(span.bytes);
    }
}

/// A sum of words, each in the lane after that of the last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct WordSum {
    lanes: [u64; LANES],
    count: u64,
}

impl WordSum {
    fn add(&mut self, words: &[i64]) {
        let to_first_lane = (LANES - self.count as usize % LANES) % LANES;
        let (head, rest) = words.split_at(to_first_lane.min(words.len()));
        let (blocks, tail) = rest.as_chunks::<LANES>();
        for word in head {
            self.one(*word);
        }
        for block in blocks {
            for (lane, word) in self.lanes.iter_mut().zip(block) {
                *lane = mixed(*lane, *word as u64);
            }
        }
        self.count += (blocks.len() * LANES) as u64;
        for word in tail {
            self.one(*word);
        }
    }

    fn one(&mut self, word: i64) {
        let lane = &mut self.lanes[self.count as usize % LANES];
        *lane = mixed(*lane, word as u64);
        self.count += 1;
    }
}

/// A sum of bytes, taken in blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct ByteSum {
    lanes: [u64; LANES],
    /// What does not fill a block yet.
    rest: Vec<u8>,
}

impl ByteSum {
    fn add(&mut self, mut bytes: &[u8]) {
        if !self.rest.is_empty() {
            let (fill, later) = bytes.split_at((BLOCK - self.rest.len()).min(bytes.len()));
            self.rest.extend_from_slice(fill);
            bytes = later;
            if let Some(block) = self.rest.first_chunk().copied() {
                self.block(&block);
                self.rest.clear();
            }
        }
        let (blocks, rest) = bytes.as_chunks();
        for block in blocks {
            self.block(block);
        }
        self.rest.extend_from_slice(rest);
    }

    #[inline]
    fn block(&mut self, block: &[u8; BLOCK]) {
        let (words, _) = block.as_chunks();
        for (lane, word) in self.lanes.iter_mut().zip(words) {
            *lane = mixed(*lane, u64::from_le_bytes(*word));
        }
    }
}

/// Reversible in either argument, so that two sums of as many words that differ in one are never equal. The rotation
/// brings the high bits, which a multiplication changes most, down to where the next spreads them.
#[inline]
fn mixed(sum: u64, word: u64) -> u64 {
    (sum.rotate_left(29) ^ word).wrapping_add(1).wrapping_mul(MULTIPLIER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(pieces: &[(&[u8], &[i64], &[u8])]) -> RowDigest {
        let mut digest = RowDigest::default();
        for (kinds, words, bytes) in pieces {
            digest.add(Span { kinds, words, bytes });
        }
        digest
    }

    #[test]
    fn pieces_do_not_show() {
        let kinds: Vec<u8> = (0..100).map(|i| i % 6).collect();
        let words: Vec<i64> = (0..100).map(|i| i * i - 7).collect();
        let bytes: Vec<u8> = (0..=255).collect();
        let whole = digest(&[(&kinds, &words, &bytes)]);
        for cut in 0..=100 {
            let (first, second) = (words.split_at(cut), bytes.split_at(cut * 2));
            let pieces = digest(&[(&kinds[..cut], first.0, second.0), (&kinds[cut..], first.1, second.1)]);
            assert_eq!(pieces, whole, "cut after {cut}");
        }
    }

    #[test]
    fn every_change_shows() {
        let base: (&[u8], &[i64], &[u8]) = (&[3, 1, 3], &[2, 7, 1], b"abc");
        let changed: [(&[u8], &[i64], &[u8]); 6] = [
            (&[3, 1, 4], base.1, base.2),
            (base.0, &[1, 7, 2], base.2),
            (base.0, &[2, 7 | i64::MIN, 1], base.2),
            (base.0, base.1, b"abd"),
            (&[3, 1, 3, 0], &[2, 7, 1, 0], base.2),
            (&[], &[], b""),
        ];
        for other in changed {
            assert_ne!(digest(&[other]), digest(&[base]), "{other:?}");
        }
    }

    #[test]
    fn rows_that_change_places_show() {
        let words: Vec<i64> = (0..16).collect();
        for one in 0..16 {
            for other in 0..one {
                let mut swapped = words.clone();
                swapped.swap(one, other);
                assert_ne!(
                    digest(&[(&[], &swapped, &[])]),
                    digest(&[(&[], &words, &[])]),
                    "{one} and {other}"
                );
            }
        }
    }
}
