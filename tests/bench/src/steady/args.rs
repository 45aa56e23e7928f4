//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use longshore_bench::Result;

/// What `--help` prints.
pub(crate) const USAGE: &str = "usage: bench-steady --longshore PATH --plugins DIR [options]
  DIR holds the component `counter`
  --minutes N      how long jobs are submitted; a fraction is fine (default 10)
  --in-flight N    jobs at all times (default 50)";

/// What to measure, and how long.
pub(crate) struct Args {
    pub(crate) longshore: PathBuf,
    pub(crate) plugins: PathBuf,
    pub(crate) minutes: f64,
    pub(crate) in_flight: usize,
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut longshore, mut plugins, mut minutes, mut in_flight) = (None, None, 10.0, 50);
        while let Some(flag) = words.next() {
            let value = words.next().ok_or(USAGE)?;
            match flag.as_str() {
                "--longshore" => longshore = Some(std::fs::canonicalize(value)?),
                "--plugins" => plugins = Some(std::fs::canonicalize(value)?),
                "--minutes" => minutes = value.parse().map_err(|_| USAGE)?,
                "--in-flight" => in_flight = value.parse().map_err(|_| USAGE)?,
                _ => return Err(USAGE.into()),
            }
        }
        let makes_sense = minutes > 0.0 && minutes <= 10_000.0 && in_flight > 0;
        if !makes_sense {
            return Err(USAGE.into());
        }
        Ok(Self { longshore: longshore.ok_or(USAGE)?, plugins: plugins.ok_or(USAGE)?, minutes, in_flight })
    }

    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }
}
