//! Reads the record of changes that the shim made. What a record looks like is said in `tests/crash/shim/src/record.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// One change of the disk. Files are known by a number, whatever their name; a number may come back for another file, which
/// then is created first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Create {
        file: u64,
        path: PathBuf,
    },
    Write {
        file: u64,
        at: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        file: u64,
        length: u64,
    },
    /// Of a file or a folder.
    Sync {
        file: u64,
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    /// Of a file or a folder.
    Unlink {
        path: PathBuf,
    },
    Mkdir {
        path: PathBuf,
    },
}

/// A change, and how long the record was with it.
pub(crate) struct Recorded {
    pub(crate) change: Change,
    pub(crate) end: u64,
}

/// Reads a record. Paths are seen from `project`.
pub(crate) fn read(file: &Path, project: &Path) -> Result<Vec<Recorded>> {
    let all = fs::read(file).context("nothing was recorded")?;
    let mut rest = all.as_slice();
    let mut changes = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk().context("a record is cut off")?;
        let (record, after) =
            after.split_at_checked(u32::from_le_bytes(*length) as usize).context("a record is cut off")?;
        rest = after;
        let change = parse(record, project)?;
        changes.push(Recorded { change, end: (all.len() - rest.len()) as u64 });
    }
    Ok(changes)
}

fn parse(record: &[u8], project: &Path) -> Result<Change> {
    let (letter, fields) = record.split_first().context("a record is empty")?;
    let mut fields = Fields { rest: fields, project };
    Ok(match letter {
        b'c' => Change::Create { file: fields.number()?, path: fields.path()? },
        b'w' => {
            Change::Write { file: fields.number()?, at: fields.number()?, bytes: fields.bytes()?.to_vec() }
        }
        b't' => Change::Truncate { file: fields.number()?, length: fields.number()? },
        b's' => Change::Sync { file: fields.number()?, path: fields.path()? },
        b'r' => Change::Rename { from: fields.path()?, to: fields.path()? },
        b'u' => Change::Unlink { path: fields.path()? },
        b'd' => Change::Mkdir { path: fields.path()? },
        other => bail!("a record has the letter {other}"),
    })
}

struct Fields<'a> {
    rest: &'a [u8],
    project: &'a Path,
}

impl<'a> Fields<'a> {
    fn number(&mut self) -> Result<u64> {
        let (number, rest) = self.rest.split_first_chunk().context("a record is too short")?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*number))
    }

    fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = usize::try_from(self.number()?)?;
        let (bytes, rest) = self.rest.split_at_checked(length).context("a record is too short")?;
        self.rest = rest;
        Ok(bytes)
    }

    fn path(&mut self) -> Result<PathBuf> {
        let path = PathBuf::from(str::from_utf8(self.bytes()?)?);
        Ok(path.strip_prefix(self.project).map(Path::to_owned).unwrap_or(path))
    }
}
