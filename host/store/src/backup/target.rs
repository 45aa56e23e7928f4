//! Writes a backup under a temporary name, and gives it its own once it is whole and on disk.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with, statvfs};

use super::BackupError;
use crate::generation::real;

/// What the temporary name ends with.
const PART: &str = ".longshore-part";

/// Folders of the data folder that hold nothing else than what Longshore puts there.
const OURS: [&str; 4] = ["work", "artifacts", "stray", "scratch"];

/// What a backup becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
}

/// A backup that is being written. What is not finished is deleted when this is dropped; what a kill left, by the next backup
/// into the same folder.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    part: PathBuf,
    kind: Kind,
    /// Held so that others see that it is being written.
    lock: File,
    overwrite: bool,
    done: bool,
}

impl Target {
    /// Begins a backup to `path`.
    pub(super) fn begin(
        path: &Path,
        kind: Kind,
        overwrite: bool,
        database: &Path,
        files: &Path,
    ) -> Result<Self, BackupError> {
        let invalid = |why: &str| BackupError::Target { path: path.into(), why: why.into() };
        let Some(name) = path.file_name() else { return Err(invalid("it names no file")) };
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") && kind == Kind::File {
            return Err(invalid("it names a folder; name a file in it"));
        }
        let folder = folder_of(path);
        let folder = fs::canonicalize(&folder).map_err(BackupError::file("find the folder", &folder))?;
        let path = folder.join(name);
        refuse_ours(&path, database, files).map_err(invalid)?;
        match fs::symlink_metadata(&path) {
            Ok(_) if !overwrite => return Err(BackupError::Exists(path)),
            Ok(about) if kind == Kind::File && about.is_dir() => {
                return Err(invalid("it is a folder; name a file in it"));
            }
            Ok(about)
                if kind == Kind::Folder && !(about.is_dir() && path.join(super::DATABASE).is_file()) =>
            {
                return Err(invalid("it is no backup with files, and so is not replaced by one"));
            }
            Ok(about) if kind == Kind::File && !about.is_file() && !about.is_symlink() => {
                return Err(invalid("it is not a regular file"));
            }
            _ => {}
        }
        sweep(&folder);
        let mut part = OsString::from(name);
        part.push(PART);
        let part = folder.join(part);
        let lock = make(&part, kind).map_err(BackupError::file("create", &part))?;
        if lock.try_lock().is_err() {
            return Err(invalid("another backup is being written to it"));
        }
        Ok(Self { path, part, kind, lock, overwrite, done: false })
    }

    /// Where it is written meanwhile.
    pub(super) fn part(&self) -> &Path {
        &self.part
    }

    /// The database of the backup, meanwhile.
    pub(super) fn database(&self) -> PathBuf {
        match self.kind {
            Kind::File => self.part.clone(),
            Kind::Folder => self.part.join(super::DATABASE),
        }
    }

    /// Gives the backup its name; what is in it is on disk. Gives the path.
    pub(super) fn finish(mut self) -> Result<PathBuf, BackupError> {
        self.lock.sync_all().map_err(BackupError::file("sync", &self.part))?;
        let placed = match (self.overwrite, self.kind) {
            (false, _) => rename_new(&self.part, &self.path),
            (true, Kind::File) => fs::rename(&self.part, &self.path),
            (true, Kind::Folder) => replace_folder(&self.part, &self.path),
        };
        match placed {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists(self.path.clone()));
            }
            placed => placed.map_err(BackupError::file("create", &self.path))?,
        }
        self.done = true;
        sync_parent(&self.path).map_err(BackupError::file("sync the folder of", &self.path))?;
        Ok(self.path.clone())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.done {
            let _ = remove(&self.part);
        }
    }
}

fn make(part: &Path, kind: Kind) -> io::Result<File> {
    match kind {
        Kind::File => OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits() as i32)
            .open(part),
        Kind::Folder => {
            DirBuilder::new().mode(0o700).create(part)?;
            File::open(part)
        }
    }
}

/// Deletes what backups left in the folder that were killed.
fn sweep(folder: &Path) {
    let parts = fs::read_dir(folder).into_iter().flatten().flatten();
    for part in parts.filter(|entry| ends_with(&entry.file_name(), PART)) {
        // Nobody writes it any more.
        if File::open(part.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = remove(&part.path());
        }
    }
}

fn remove(part: &Path) -> io::Result<()> {
    if part.is_dir() { fs::remove_dir_all(part) } else { fs::remove_file(part) }
}

/// Renames unless something has the name.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(error) if error != rustix::io::Errno::EXIST => {
            // Not every file system can do that at once.
            if fs::symlink_metadata(to).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        done => Ok(done?),
    }
}

/// Puts a folder in the place of another.
fn replace_folder(from: &Path, to: &Path) -> io::Result<()> {
    if !to.exists() {
        return rename_new(from, to);
    }
    let mut old = OsString::from(from);
    old.push(".replaced");
    let old = PathBuf::from(old);
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    fs::rename(to, &old)?;
    fs::rename(from, to).inspect_err(|_| drop(fs::rename(&old, to)))?;
    fs::remove_dir_all(&old)
}

fn refuse_ours(path: &Path, database: &Path, files: &Path) -> Result<(), &'static str> {
    let same = |other: &Path| {
        let number = |path: &Path| fs::metadata(path).map(|about| (about.dev(), about.ino())).ok();
        number(path).is_some_and(|number_of_path| number(other) == Some(number_of_path))
    };
    let database_name = database.file_name().unwrap_or_default();
    let is_beside = path.parent() == database.parent()
        && path.file_name().is_some_and(|name| begins_with(name, database_name));
    if is_beside || same(database) {
        return Err("it is the database itself, or has the name of a file that belongs to it");
    }
    let files = real(files);
    if OURS.iter().any(|folder| path.starts_with(files.join(folder))) {
        return Err("that folder is for files of jobs alone");
    }
    Ok(())
}

fn begins_with(name: &OsStr, begin: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(begin.as_encoded_bytes())
}

fn ends_with(name: &OsStr, end: &str) -> bool {
    name.as_encoded_bytes().ends_with(end.as_bytes())
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.into(),
        _ => ".".into(),
    }
}

/// Brings the name of a file to disk.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Whether there is room for something.
pub(crate) struct Room;

impl Room {
    /// Fails if the disk below `path` has less than `needed` bytes left.
    pub(crate) fn check(path: &Path, needed: u64) -> Result<(), BackupError> {
        let Ok(disk) = statvfs(folder_of(path)) else { return Ok(()) };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        // Some file systems do not tell how large they are.
        if disk.f_blocks > 0 && free < needed {
            return Err(BackupError::NoRoom { path: path.into(), needed, free });
        }
        Ok(())
    }
}
