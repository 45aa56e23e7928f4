//! New inputs from known ones.

use fastrand::Rng;
use mutatis::Session;

/// Bytes of an input that is made.
const BYTES_MAX: usize = 1 << 20;

/// What parsers trip over: ends of ranges, what opens and does not close, characters that are none.
const TRAPS: [&[u8]; 24] = [
    b"0",
    b"-1",
    b"18446744073709551615",
    b"9223372036854775808",
    b"1e999",
    b"null",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"[[[[[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":",
    b"\n",
    b"\r\n",
    b"\0",
    b"\x1b[2J",
    b"\xff\xfe",
    b"\xc0\x80",
    b"\xe2\x80\xae",
    b"../../",
    b"*",
    b"{}",
    b"\xff\xff\xff\xff\x0f",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\x7f\xff\xff\xff",
];

/// Makes inputs; the same ones from the same seed.
pub(crate) struct Mutator {
    seed: u64,
    rng: Rng,
}

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, rng: Rng::with_seed(seed) }
    }

    /// One of `inputs`, changed a few times.
    pub(crate) fn make(mut self, inputs: &[&[u8]]) -> Vec<u8> {
        let mut bytes = inputs[self.rng.usize(..inputs.len())].to_vec();
        let mut session = Session::new().seed(self.seed);
        for _ in 0..self.rng.usize(1..=6) {
            match self.rng.u8(..6) {
                // It refuses only what cannot be changed, such as nothing at all.
                0 | 1 => _ = session.mutate(&mut bytes),
                2 => self.splice(&mut bytes, inputs),
                3 => self.repeat(&mut bytes),
                4 => self.cut(&mut bytes),
                _ => self.trap(&mut bytes),
            }
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.rng.usize(..=length);
        let most = [4, 64, length - start][self.rng.usize(..3)].min(length - start);
        start..start + self.rng.usize(..=most)
    }

    /// A piece of any input in place of a piece of this one.
    fn splice(&mut self, bytes: &mut Vec<u8>, inputs: &[&[u8]]) {
        let other = inputs[self.rng.usize(..inputs.len())];
        let (from, to) = (self.range(other.len()), self.range(bytes.len()));
        bytes.splice(to, other[from].iter().copied());
    }

    /// A piece several times over.
    fn repeat(&mut self, bytes: &mut Vec<u8>) {
        let range = self.range(bytes.len());
        let piece = bytes[range.clone()].repeat(self.rng.usize(1..=40));
        if bytes.len() + piece.len() <= BYTES_MAX {
            bytes.splice(range.end..range.end, piece);
        }
    }

    fn cut(&mut self, bytes: &mut Vec<u8>) {
        let range = self.range(bytes.len());
        bytes.drain(range);
    }

    fn trap(&mut self, bytes: &mut Vec<u8>) {
        let to = self.range(bytes.len());
        bytes.splice(to, TRAPS[self.rng.usize(..TRAPS.len())].iter().copied());
    }
}
