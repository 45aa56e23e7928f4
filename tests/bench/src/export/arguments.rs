//! What the benchmark is told.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// `--longshore PATH --native PATH --python SCRIPT [--rounds N]`
pub(crate) struct Arguments {
    pub(crate) longshore: PathBuf,
    pub(crate) native: PathBuf,
    pub(crate) python: PathBuf,
    pub(crate) rounds: u32,
}

impl Arguments {
    pub(crate) fn read() -> Result<Self> {
        let (mut longshore, mut native, mut python, mut rounds) = (None, None, None, 3);
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words.next().with_context(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--longshore" => longshore = Some(PathBuf::from(value)),
                "--native" => native = Some(PathBuf::from(value)),
                "--python" => python = Some(PathBuf::from(value)),
                "--rounds" => rounds = value.parse().context("--rounds takes a number")?,
                _ => bail!("unknown option {word}; there are --longshore, --native, --python and --rounds"),
            }
        }
        Ok(Self {
            longshore: longshore.context("--longshore is missing")?,
            native: native.context("--native is missing")?,
            python: python.context("--python is missing")?,
            rounds,
        })
    }
}
