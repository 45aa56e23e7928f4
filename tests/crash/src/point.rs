//! Calls at which a process is killed, as the shim understands them.

use fastrand::Rng;

/// A kind of call, how often it is chosen, and up to which number it is counted: rare calls come only a few times in the
/// life of a process.
const KINDS: [(&str, u32, u32); 10] = [
    ("fsync", 30, 256),
    ("pwrite", 16, 512),
    ("write", 12, 64),
    ("rename", 10, 16),
    ("create", 10, 32),
    ("mkdir", 6, 24),
    ("rmdir", 6, 16),
    ("unlink", 4, 8),
    ("fdatasync", 10, 32),
    ("truncate", 1, 2),
];

/// A call to die at, such as `fsync:before:17`.
pub(crate) fn draw(rng: &mut Rng) -> String {
    let total = KINDS.iter().map(|(_, weight, _)| weight).sum();
    let mut at = rng.u32(0..total);
    let (kind, _, most) = KINDS
        .into_iter()
        .find(|(_, weight, _)| {
            let found = at < *weight;
            at = at.saturating_sub(*weight);
            found
        })
        .unwrap_or(KINDS[0]);
    let moment = ["before", "during", "after"][rng.usize(0..3)];
    // Small numbers as often as large ones: they are the calls of the start.
    let nth_max = 1 << rng.u32(0..=most.ilog2());
    let nth = rng.u32(1..=nth_max);
    format!("{kind}:{moment}:{nth}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_points_and_every_kind() {
        let draw_some = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..500).map(|_| draw(&mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(draw_some(7), draw_some(7));
        assert_ne!(draw_some(7), draw_some(8));
        for (kind, _, _) in KINDS {
            assert!(draw_some(7).iter().any(|point| point.starts_with(kind)), "{kind}");
        }
    }
}
