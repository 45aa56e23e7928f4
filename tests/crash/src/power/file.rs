//! The content of one file: what is on the disk for certain, and what is only on its way.

use fastrand::Rng;

/// What a power loss does to writes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All of them are gone.
    Dropped,
    /// All of them happen to be there.
    Kept,
    /// Each is there or gone.
    Mixed,
    /// Of each some blocks of so many bytes are there, and some gone.
    Torn(usize),
}

/// A file.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    synced: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Clone, Debug)]
enum Pending {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl File {
    pub(crate) fn write(&mut self, at: u64, bytes: Vec<u8>) {
        self.pending.push(Pending::Write(at as usize, bytes));
    }

    pub(crate) fn truncate(&mut self, length: u64) {
        self.pending.push(Pending::Truncate(length as usize));
    }

    /// Brings everything to the disk.
    pub(crate) fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            match change {
                Pending::Write(at, bytes) => put(&mut self.synced, at, &bytes),
                Pending::Truncate(length) => self.synced.resize(length, 0),
            }
        }
    }

    /// What a power loss leaves.
    pub(crate) fn after_power_loss(&self, fate: Fate, rng: &mut Rng) -> Vec<u8> {
        let mut left = self.synced.clone();
        for change in &self.pending {
            let keeps = match fate {
                Fate::Dropped => false,
                Fate::Kept => true,
                Fate::Mixed | Fate::Torn(_) => rng.bool(),
            };
            match (change, fate) {
                (Pending::Write(at, bytes), Fate::Torn(block)) => {
                    for (start, piece) in blocks(*at, bytes, block) {
                        if rng.bool() {
                            put(&mut left, start, piece);
                        }
                    }
                }
                (Pending::Write(at, bytes), _) if keeps => put(&mut left, *at, bytes),
                (Pending::Truncate(length), _) if keeps => left.resize(*length, 0),
                _ => {}
            }
        }
        left
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}

/// The bytes in the blocks of the disk that they lie in.
fn blocks(at: usize, bytes: &[u8], block: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = at;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at(rest.len().min(block - start % block));
        let found = (start, piece);
        (start, rest) = (start + piece.len(), after);
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_stays_and_the_rest_depends() {
        let mut file = File::default();
        file.write(0, vec![1; 1000]);
        file.sync();
        file.write(500, vec![2; 1000]);
        let mut rng = Rng::with_seed(1);
        assert_eq!(file.after_power_loss(Fate::Dropped, &mut rng), vec![1; 1000]);
        let kept = file.after_power_loss(Fate::Kept, &mut rng);
        assert_eq!((kept.len(), kept[499], kept[500]), (1500, 1, 2));
        for _ in 0..50 {
            let torn = file.after_power_loss(Fate::Torn(512), &mut rng);
            assert_eq!(torn[..500], [1; 500]);
            assert!(torn[500..512].iter().all(|byte| *byte == torn[500]), "a block was torn within");
        }
    }

    #[test]
    fn blocks_end_where_those_of_the_disk_do() {
        let bytes = [0; 1100];
        let lengths: Vec<_> = blocks(500, &bytes, 512).map(|(start, piece)| (start, piece.len())).collect();
        assert_eq!(lengths, [(500, 12), (512, 512), (1024, 512), (1536, 64)]);
    }
}
