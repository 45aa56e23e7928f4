//! The small file beside a database that repeats its generation, and whose lock those take who open or restore it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use longshore_domain::StoreError;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::identity::beside;

/// What its name ends with.
pub(crate) const END: &str = ".generation";

/// Its length, which never changes, so that it is written at once.
const BYTES: usize = 1_024;

const BETWEEN_TRIES: Duration = Duration::from_millis(2);

/// What it says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Noted {
    /// The generations that the file may have: several while one takes the place of another. `None` stands for a file of a
    /// version that knew none.
    pub(crate) generations: Vec<Option<Uuid>>,
    /// A restore that is under way.
    pub(crate) restoring: Option<Restoring>,
}

/// A restore that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Restoring {
    /// The generation of the database that is put in place.
    pub(crate) generation: Uuid,
    /// The name under which the one before is kept, if there is one.
    pub(crate) kept: Option<String>,
}

impl Noted {
    pub(crate) fn one(generation: Uuid) -> Self {
        Self { generations: vec![Some(generation)], restoring: None }
    }
}

/// The file, locked for as long as this lives.
#[derive(Debug)]
pub(crate) struct Companion(File);

impl Companion {
    /// Takes the lock of the database at `path`, for those who change what is there. `None` where it cannot be made, because
    /// nothing can be written there.
    pub(crate) fn lock(path: &Path, patience: Duration) -> Result<Option<Self>, StoreError> {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(beside(path, END));
        let Ok(file) = opened else { return Ok(None) };
        wait(patience, || file.try_lock())?;
        Ok(Some(Self(file)))
    }

    /// Takes the lock together with others who only read; `None` where there is none.
    pub(crate) fn lock_to_read(path: &Path, patience: Duration) -> Result<Option<Self>, StoreError> {
        let Ok(file) = File::open(beside(path, END)) else { return Ok(None) };
        wait(patience, || file.try_lock_shared())?;
        Ok(Some(Self(file)))
    }

    /// What it says; `None` if it says nothing that can be understood.
    pub(crate) fn noted(&self) -> Option<Noted> {
        let mut bytes = [0; BYTES];
        self.0.read_exact_at(&mut bytes, 0).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Replaces what it says, on disk when this returns.
    pub(crate) fn note(&self, noted: &Noted) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(noted)?;
        if bytes.len() > BYTES {
            return Err(io::Error::other("what is noted of the database's generation is too long"));
        }
        bytes.resize(BYTES, b' ');
        self.0.write_all_at(&bytes, 0)?;
        self.0.sync_all()
    }
}

/// What the companion of the database at `path` says, without its lock.
pub(crate) fn noted(path: &Path) -> Option<Noted> {
    let mut bytes = Vec::with_capacity(BYTES);
    File::open(beside(path, END)).ok()?.take(BYTES as u64).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn wait(patience: Duration, mut lock: impl FnMut() -> Result<(), TryLockError>) -> Result<(), StoreError> {
    let until = Instant::now() + patience;
    loop {
        match lock() {
            // Some file systems know no locks. Then nothing is guarded, as before there were any.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(BETWEEN_TRIES),
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Busy("it is being opened, upgraded or restored".into()));
            }
        }
    }
}
