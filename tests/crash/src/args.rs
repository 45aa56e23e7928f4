//! The command line.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use serde_json::{Map, Value};

use crate::jobs::Stranger;
use crate::power::Power;

/// What `--help` prints.
pub(crate) const USAGE: &str = "usage: longshore-crash --longshore PATH --shim PATH --guests DIR [options]
  --seconds N      how long processes are killed, or one is recorded (default 20)
  --seed N         what is drawn is drawn from it (default 1)
  --processes N    processes at once, 1 to 4 (default: drawn)
  --power-loss     record one process, and cut its power instead
  --cuts N         moments at which the power goes (default 20)
  --journal        with --power-loss: names reach the disk in their order, as on ext4 and XFS; without it
                   each cut draws whether they do, or each needs a sync of its folder, which is all POSIX says
  --forget-syncs   with --power-loss: as if the disk ignored every sync. Something must be found then
  --component PATH a job type that is killed beside ours: half of all jobs are its
  --arguments JSON with what it is called (default: {})
  --keep DIR       make the projects there, and leave them";

/// What to do, and with what.
pub(crate) struct Args {
    pub(crate) longshore: PathBuf,
    pub(crate) shim: PathBuf,
    pub(crate) guests: PathBuf,
    pub(crate) seconds: u64,
    pub(crate) seed: u64,
    pub(crate) processes: Option<usize>,
    pub(crate) power: Option<Power>,
    pub(crate) stranger: Option<Stranger>,
    pub(crate) keep: Option<PathBuf>,
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut longshore, mut shim, mut guests, mut keep) = (None, None, None, None);
        let (mut seconds, mut seed, mut processes) = (20, 1, None);
        let (mut power_loss, mut cuts, mut forget_syncs) = (false, 20, false);
        let mut journal = false;
        let (mut component, mut payload) = (None, Value::Object(Map::new()));
        while let Some(flag) = words.next() {
            let switch = match flag.as_str() {
                "--power-loss" => Some(&mut power_loss),
                "--journal" => Some(&mut journal),
                "--forget-syncs" => Some(&mut forget_syncs),
                _ => None,
            };
            if let Some(switch) = switch {
                *switch = true;
                continue;
            }
            let value = words.next().context(USAGE)?;
            match flag.as_str() {
                "--longshore" => longshore = Some(value),
                "--shim" => shim = Some(value),
                "--guests" => guests = Some(value),
                "--keep" => keep = Some(PathBuf::from(value)),
                "--component" => component = Some(PathBuf::from(value)),
                "--arguments" => payload = serde_json::from_str(&value).context("--arguments is JSON")?,
                "--cuts" => cuts = value.parse()?,
                "--seconds" => seconds = value.parse()?,
                "--seed" => seed = value.parse()?,
                "--processes" => processes = Some(value.parse()?),
                _ => bail!(USAGE),
            }
        }
        ensure!(processes.is_none_or(|count| (1..=4).contains(&count)), "--processes is 1 to 4");
        // Processes run in other folders than this one.
        let path = |path: Option<String>| anyhow::Ok(std::fs::canonicalize(path.context(USAGE)?)?);
        let (longshore, shim, guests) = (path(longshore)?, path(shim)?, path(guests)?);
        let stranger = component.map(|component| stranger(component, payload)).transpose()?;
        let power = power_loss.then_some(Power { cuts, journal, forget_syncs });
        Ok(Self { longshore, shim, guests, seconds, seed, processes, power, stranger, keep })
    }
}

fn stranger(component: PathBuf, payload: Value) -> Result<Stranger> {
    let name = component.file_stem().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{} has no name", component.display()))?.to_owned();
    Ok(Stranger { component, name, payload })
}
