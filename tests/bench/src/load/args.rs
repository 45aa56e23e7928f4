//! The command line.

use std::path::PathBuf;

use longshore_bench::Result;
use longshore_bench::throughput::{Confirm, Load};

/// What `--help` prints.
pub(crate) const USAGE: &str = "usage: load --longshore PATH --plugins DIR [options]
  --runs N         rounds of throughput, medians are reported (default 3)
  --in-flight N    tasks submitted and not yet seen completed (default 256)
  --confirm HOW    wait: check_job_status holds the answer until the job ends (default)
                   poll: tasks/get, again and again
                   call: the call of the job's tool is answered with its result
  --accepts N      submissions of the latency measurement (default 1000)
  --starts N       starts, of which the median is reported (default 9)
  --scale PERCENT  percentage of the tasks, for a quick look (default 100)
  --no-history     leave out the run beside 200,000 finished tasks";

/// What to measure, and how long.
pub(crate) struct Args {
    pub(crate) longshore: PathBuf,
    pub(crate) plugins: PathBuf,
    pub(crate) runs: usize,
    pub(crate) load: Load,
    pub(crate) accepts: usize,
    pub(crate) starts: usize,
    pub(crate) scale: usize,
    pub(crate) history: bool,
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut longshore, mut plugins) = (None, None);
        let mut args = Self {
            longshore: PathBuf::new(),
            plugins: PathBuf::new(),
            runs: 3,
            load: Load::default(),
            accepts: 1000,
            starts: 9,
            scale: 100,
            history: true,
        };
        while let Some(flag) = words.next() {
            if flag == "--no-history" {
                args.history = false;
                continue;
            }
            let value = words.next().ok_or(USAGE)?;
            match flag.as_str() {
                "--longshore" => longshore = Some(std::fs::canonicalize(value)?),
                "--plugins" => plugins = Some(std::fs::canonicalize(value)?),
                "--runs" => args.runs = positive(&value)?,
                "--in-flight" => args.load.in_flight = positive(&value)?,
                "--accepts" => args.accepts = positive(&value)?,
                "--starts" => args.starts = positive(&value)?,
                "--scale" => args.scale = positive(&value)?,
                "--confirm" if value == "wait" => args.load.confirm = Confirm::Wait,
                "--confirm" if value == "poll" => args.load.confirm = Confirm::Poll,
                "--confirm" if value == "call" => args.load.confirm = Confirm::Call,
                _ => return Err(USAGE.into()),
            }
        }
        args.longshore = longshore.ok_or(USAGE)?;
        args.plugins = plugins.ok_or(USAGE)?;
        Ok(args)
    }

    /// `--scale` per cent of a number of tasks.
    pub(crate) fn scaled(&self, tasks: usize) -> usize {
        (tasks * self.scale / 100).max(1)
    }
}

fn positive(text: &str) -> Result<usize> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(USAGE.into()),
    }
}
