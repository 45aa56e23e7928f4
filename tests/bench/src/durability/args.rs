//! The command line.

use std::path::PathBuf;

use longshore_bench::Result;

/// What `--help` prints.
pub(crate) const USAGE: &str =
    "usage: bench-durability --longshore PATH --plugins DIR --no-sync LIBRARY [options]
  DIR holds the components `counter` and `trivial`
  --store PATH     program that measures the store by itself
  --store-rounds N its rounds
  --kills N        kills with the default lease, and twice as many with a lease of one second (default 6)
  --runs N         rounds of throughput, of whose ratios the median is reported (default 5)
  --tasks N        tasks of a round (default 10000)";

/// What to measure, and how long.
pub(crate) struct Args {
    pub(crate) longshore: PathBuf,
    pub(crate) plugins: PathBuf,
    pub(crate) no_sync: PathBuf,
    pub(crate) store: Option<PathBuf>,
    pub(crate) store_arguments: Vec<String>,
    pub(crate) kills: usize,
    pub(crate) runs: usize,
    pub(crate) tasks: usize,
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut longshore, mut plugins, mut no_sync) = (None, None, None);
        let mut args = Self {
            longshore: PathBuf::new(),
            plugins: PathBuf::new(),
            no_sync: PathBuf::new(),
            store: None,
            store_arguments: Vec::new(),
            kills: 6,
            runs: 5,
            tasks: 10_000,
        };
        while let Some(flag) = words.next() {
            let value = words.next().ok_or(USAGE)?;
            match flag.as_str() {
                "--longshore" => longshore = Some(std::fs::canonicalize(value)?),
                "--plugins" => plugins = Some(std::fs::canonicalize(value)?),
                "--no-sync" => no_sync = Some(std::fs::canonicalize(value)?),
                "--store" => args.store = Some(std::fs::canonicalize(value)?),
                "--store-rounds" => args.store_arguments = vec!["--rounds".into(), value],
                "--kills" => args.kills = value.parse().map_err(|_| USAGE)?,
                "--runs" => args.runs = value.parse().map_err(|_| USAGE)?,
                "--tasks" => args.tasks = value.parse().map_err(|_| USAGE)?,
                _ => return Err(USAGE.into()),
            }
        }
        args.longshore = longshore.ok_or(USAGE)?;
        args.plugins = plugins.ok_or(USAGE)?;
        args.no_sync = no_sync.ok_or(USAGE)?;
        Ok(args)
    }
}
