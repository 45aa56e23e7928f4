//! The command line.

use std::path::PathBuf;

use longshore_bench::Result;

use crate::guests::{self, Guest};

/// What `--help` prints.
pub(crate) const USAGE: &str = "usage: longshore-gallery --longshore PATH --components DIR --texts DIR [options] [GUEST...]
  DIR of components  the guests that are written in Rust, as NAME.wasm
  DIR of texts       those that are written by hand: component.wat, and guests/NAME.wat
  --rounds N         how often each is measured; medians count (default 5)
  --codes-only       run all of them at once, and look at their codes only: takes seconds, for machines with other work.
                     Ratio and memory are then those of all together, and fail nothing
  GUEST              only these";

/// What to run, and with what.
pub(crate) struct Args {
    pub(crate) longshore: PathBuf,
    pub(crate) components: PathBuf,
    pub(crate) texts: PathBuf,
    pub(crate) rounds: usize,
    pub(crate) codes_only: bool,
    pub(crate) guests: Vec<&'static Guest>,
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut longshore, mut components, mut texts) = (None, None, None);
        let (mut rounds, mut codes_only, mut chosen) = (5, false, Vec::new());
        while let Some(word) = words.next() {
            let mut path =
                || Ok::<_, Box<dyn std::error::Error>>(std::fs::canonicalize(words.next().ok_or(USAGE)?)?);
            match word.as_str() {
                "--longshore" => longshore = Some(path()?),
                "--components" => components = Some(path()?),
                "--texts" => texts = Some(path()?),
                "--rounds" => {
                    rounds = words.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0).ok_or(USAGE)?;
                }
                "--codes-only" => codes_only = true,
                flag if flag.starts_with('-') => return Err(USAGE.into()),
                name => chosen.push(find(name)?),
            }
        }
        Ok(Self {
            longshore: longshore.ok_or(USAGE)?,
            components: components.ok_or(USAGE)?,
            texts: texts.ok_or(USAGE)?,
            rounds,
            codes_only,
            guests: if chosen.is_empty() { guests::all().collect() } else { chosen },
        })
    }
}

fn find(name: &str) -> Result<&'static Guest> {
    let known = || guests::all().map(|guest| guest.name).collect::<Vec<_>>().join(", ");
    let found = guests::all().find(|guest| guest.name == name);
    Ok(found.ok_or_else(|| format!("there is no guest `{name}`; there are {}", known()))?)
}
