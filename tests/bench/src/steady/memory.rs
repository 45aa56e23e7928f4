//! The server's memory over time.

use std::time::Duration;

use longshore_bench::stats;

/// Resident memory, with the time since the start.
pub(crate) struct Memory {
    whole: Duration,
    samples: Vec<(Duration, f64)>,
}

impl Memory {
    /// Memory of a run of that length.
    pub(crate) fn new(whole: Duration) -> Self {
        Self { whole, samples: Vec::new() }
    }

    pub(crate) fn note(&mut self, at: Duration, mib: f64) {
        self.samples.push((at, mib));
    }

    pub(crate) fn latest(&self) -> f64 {
        self.samples.last().map_or(f64::NAN, |(_, mib)| *mib)
    }

    /// After the warm-up, which is the first tenth.
    pub(crate) fn at_start(&self) -> f64 {
        self.between(self.whole / 10, self.whole / 5)
    }

    /// The last tenth, under full load still.
    pub(crate) fn at_end(&self) -> f64 {
        self.between(self.whole * 9 / 10, self.whole)
    }

    pub(crate) fn most(&self) -> f64 {
        self.samples.iter().map(|(_, mib)| *mib).fold(0.0, f64::max)
    }

    fn between(&self, from: Duration, to: Duration) -> f64 {
        let within = |(at, _): &&(Duration, f64)| *at >= from && *at <= to;
        let mib: Vec<f64> = self.samples.iter().filter(within).map(|(_, mib)| *mib).collect();
        stats::median(&mib)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warm_up_and_what_comes_after_the_end_do_not_count() {
        let mut memory = Memory::new(Duration::from_secs(100));
        for (second, mib) in
            [(0, 900.0), (11, 40.0), (15, 41.0), (20, 42.0), (50, 99.0), (95, 50.0), (101, 7.0)]
        {
            memory.note(Duration::from_secs(second), mib);
        }
        assert_eq!((memory.at_start(), memory.at_end(), memory.most()), (41.0, 50.0, 900.0));
    }
}
