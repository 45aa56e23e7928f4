//! Directories of the machine that a job is granted: some to read, and `/tmp`, which is its attempt's own and has a limit.

mod files;
mod quota;
mod scratch;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use longshore_domain::{Code, Failure, SCRATCH};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

pub(crate) use self::files::{Files, link};
pub(crate) use self::quota::{Listings, Quota};
pub(crate) use self::scratch::Scratch;
use self::scratch::ScratchFolder;
use crate::failure::{Ended, LimitsOf};
use crate::sandbox::Shared;

/// What an attempt has of the disk. The folder of its own is deleted with this.
#[derive(Default)]
pub(crate) struct Directories {
    read_only: Vec<(String, PathBuf)>,
    scratch: Option<(ScratchFolder, Arc<Quota>)>,
}

impl Directories {
    /// Those of a job that is granted directories of these names.
    pub(crate) async fn of(
        shared: &Arc<Shared>,
        granted: &[String],
        limits: LimitsOf<'_>,
    ) -> Result<Self, Ended> {
        if granted.is_empty() {
            return Ok(Self::default());
        }
        let mut directories = Self::default();
        for name in granted {
            if name == SCRATCH {
                let made = Arc::clone(&shared.scratch).folder().await;
                let folder = made.map_err(|error| unusable(name, &error))?;
                directories.scratch = Some((folder, Arc::new(Quota::new(limits))));
            } else {
                // Policies that name what is not there are refused when they are read.
                let path = shared.directories.get(name);
                let path = path.ok_or_else(|| unusable(name, &"longshore.toml does not have it"))?;
                directories.read_only.push((name.clone(), path.clone()));
            }
        }
        Ok(directories)
    }

    /// Opens them for a guest.
    pub(crate) fn open(&self, wasi: &mut WasiCtxBuilder) -> Result<(), Ended> {
        let read_only =
            self.read_only.iter().map(|(name, path)| (name.as_str(), path.as_path(), FsPerms::ReadOnly));
        let scratch = self.scratch.iter().map(|(folder, _)| (SCRATCH, folder.path(), FsPerms::ReadWrite));
        for (name, path, perms) in read_only.chain(scratch) {
            wasi.preopened_dir(path, format!("/{name}"), perms)
                .map_err(|error| unusable(name, &format_args!("{}: {error:#}", path.display())))?;
        }
        Ok(())
    }

    /// What bounds the folder of its own.
    pub(crate) fn quota(&self) -> Option<&Arc<Quota>> {
        self.scratch.as_ref().map(|(_, quota)| quota)
    }
}

/// A directory cannot be used. Why has paths of the machine in it, which are for its operator.
fn unusable(name: &str, why: &dyn Display) -> Ended {
    let failure = Failure::new(Code::StorageFailed, format!("the directory {name:?} cannot be opened"));
    Ended::Failed(Failure { detail: Some(why.to_string()), ..failure })
}
