//! Medians, ratios, and what the disk gives at the time.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Instant;

/// What each kind of work cost, in microseconds, one number a round.
#[derive(Default)]
pub(crate) struct Costs {
    pub(crate) submit: Cost,
    pub(crate) claim: Cost,
    pub(crate) sweep: Cost,
    pub(crate) idle_sweep: Cost,
    pub(crate) prune: Cost,
}

/// Microseconds, one number a round.
#[derive(Default)]
pub(crate) struct Cost(Vec<f64>);

impl Cost {
    pub(crate) fn push(&mut self, us: f64) {
        self.0.push(us);
    }

    /// The median over the rounds.
    pub(crate) fn us(&self) -> f64 {
        round(median(&self.0), 10.0)
    }

    /// The median of the rounds' ratios.
    pub(crate) fn over(&self, other: &Self) -> f64 {
        let ratios: Vec<f64> = self.0.iter().zip(&other.0).map(|(mine, others)| mine / others).collect();
        round(median(&ratios), 1e3)
    }
}

pub(crate) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(crate) fn round(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}

/// The median time of a small write over old bytes and its `fdatasync`, in microseconds.
pub(crate) fn fdatasync_us(folder: &Path) -> f64 {
    let file = File::create(folder.join("fdatasync")).expect("a file can be made");
    file.write_all_at(&[0; 4_096], 0).and_then(|()| file.sync_all()).expect("it writes");
    let times: Vec<f64> = (1..=50)
        .map(|number| {
            file.write_all_at(&[number; 4_096], 0).expect("it writes");
            let began = Instant::now();
            file.sync_data().expect("it syncs");
            began.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    median(&times)
}
