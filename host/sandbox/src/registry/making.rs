//! Compiled code while it is made, so that it is made once and not lost with the process that asked for it.
//!
//! A client may start a host, give up on it after seconds and kill it, again and again. So a compiler is not ended with its
//! host: it holds a lock for its component, and one of a few places, by files that it inherits as its standard input and
//! output. Other hosts see the lock and wait, so that compilers do not pile up, and whoever has the lock next finds what was
//! made. Only a host puts it into the cache, once it knows what the component says of itself.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::registry::cache::only_ours;

/// Where components wait for their compiler. Each lane has its places, so that what is large or slow never stands in the way
/// of what is not. The places are counted over all hosts that share a cache, and bound what their compilers take together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// For small components, which are to be done soon.
    Quick,
    /// For the rest, and for small ones that were not.
    Slow,
}

/// Bytes of a small component.
const SMALL: usize = 4 << 20;

impl Lane {
    /// The lanes that a component of so many bytes goes through until it is done.
    pub(super) const fn of(bytes: usize) -> &'static [Self] {
        if bytes <= SMALL { &[Self::Quick, Self::Slow] } else { &[Self::Slow] }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Slow => "slow",
        }
    }

    /// Components that are compiled in it at once.
    const fn places(self) -> u32 {
        match self {
            Self::Quick => 8,
            Self::Slow => 2,
        }
    }

    /// Processor time that a compiler may take for a component of so many bytes. Small ones of public use take 1.7 s a MiB.
    pub(super) const fn cpu_seconds_max(self, bytes: usize) -> u64 {
        let mib = (bytes as u64).div_ceil(1 << 20);
        let seconds = match self {
            Self::Quick => 4 + 4 * mib,
            Self::Slow => 45 + 6 * mib,
        };
        // Without optimisation the compiler is slow.
        if cfg!(debug_assertions) { seconds * 4 } else { seconds }
    }

    /// Memory that a compiler may take for a component of so many bytes.
    pub(super) const fn memory_bytes_max(self, bytes: usize) -> u64 {
        let bytes = bytes as u64;
        match self {
            Self::Quick => (256 << 20) + 64 * bytes,
            Self::Slow => (512 << 20) + 48 * bytes,
        }
    }
}

/// How often it is looked whether another process has made the code, or a place is free.
const LOOK: Duration = Duration::from_millis(50);

const MAGIC: &[u8; 8] = b"LSMADE1\n";

/// The right to make the code of one component. It goes over to a compiler that inherits it.
pub(super) struct Turn {
    lock: File,
    place: File,
    lock_path: PathBuf,
    /// Where the component is for the compiler.
    pub(super) input: PathBuf,
    /// Where its code is put by the compiler.
    pub(super) output: PathBuf,
    /// Whether another process had the turn meanwhile.
    pub(super) waited: bool,
}

impl Turn {
    /// Waits for the turn to make the code that is called `name`, within the folder `dir` of a cache.
    pub(super) async fn wait(dir: &Path, name: &str, lane: Lane) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        only_ours(&fs::metadata(dir)?)?;
        let lock_path = dir.join(format!("{name}.lock"));
        let mut waited = false;
        let lock = loop {
            match take(&lock_path)? {
                Some(lock) => break lock,
                None => waited = true,
            }
            tokio::time::sleep(LOOK).await;
        };
        let place = loop {
            let names = (0..lane.places()).map(|number| format!("place-{}-{number}", lane.name()));
            let places = names.map(|name| dir.join(name));
            if let Some(place) = places.map(|path| take(&path)).find_map(Result::transpose).transpose()? {
                break place;
            }
            tokio::time::sleep(LOOK).await;
        };
        let [input, output] = ["wasm", "made"].map(|end| dir.join(format!("{name}.{end}")));
        Ok(Self { lock, place, lock_path, input, output, waited })
    }

    /// The files by which a compiler holds the turn: its standard input and output.
    pub(super) fn to_inherit(&self) -> io::Result<(File, File)> {
        Ok((self.lock.try_clone()?, self.place.try_clone()?))
    }

    /// The code, if a compiler has made it whole.
    pub(super) fn made(&self) -> Option<Vec<u8>> {
        read_made(&self.output).ok()
    }

    /// Ends the turn: the code is in the cache, or there is none.
    pub(super) fn end(self) {
        for path in [&self.input, &self.output, &self.lock_path] {
            let _ = fs::remove_file(path);
        }
    }
}

/// Deletes what killed compilers and hosts left in the folder `dir`: what nobody has the lock of any more.
pub(super) fn sweep(dir: &Path) {
    let names = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let locks = names.filter(|path| path.extension().is_some_and(|end| end == "lock"));
    for path in locks.collect::<Vec<_>>() {
        let Ok(Some(_lock)) = take(&path) else { continue };
        // What was made whole is of use to whoever loads the component next.
        if read_made(&path.with_extension("made")).is_err() {
            for end in ["wasm", "made", "lock"] {
                let _ = fs::remove_file(path.with_extension(end));
            }
        }
    }
}

/// Opens a file and locks it; `None` while another open file has the lock.
fn take(path: &Path) -> io::Result<Option<File>> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        // Who had it before may have deleted the file that was opened here.
        Ok(()) => Ok(is_still_there(&file, path).then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_still_there(file: &File, path: &Path) -> bool {
    let number = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let of_file = file.metadata().map(number).ok();
    of_file.is_some() && of_file == fs::metadata(path).map(number).ok()
}

/// Writes code so that a part of it does not pass for the whole.
pub(super) fn write_made(mut output: &File, code: &[u8]) -> io::Result<()> {
    output.write_all(MAGIC)?;
    output.write_all(&Sha256::digest(code))?;
    output.write_all(code)
}

/// Reads code that [`write_made`] wrote whole.
pub(super) fn read_made(path: &Path) -> io::Result<Vec<u8>> {
    only_ours(&fs::metadata(path)?)?;
    let mut bytes = fs::read(path)?;
    let head = MAGIC.len() + Sha256::output_size();
    let is_whole = bytes.split_at_checked(head).is_some_and(|(head, code)| {
        head.strip_prefix(MAGIC.as_slice()).is_some_and(|digest| digest == Sha256::digest(code).as_slice())
    });
    if !is_whole {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the compiler did not write all of it"));
    }
    bytes.drain(..head);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(dir: &Path, name: &str) -> Turn {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(Turn::wait(dir, name, Lane::Quick)).unwrap()
    }

    #[test]
    fn one_has_the_turn_and_what_it_made_is_there_for_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("making");
        let first = turn(&dir, "a");
        assert!(!first.waited && first.made().is_none());
        let (lock, _place) = first.to_inherit().unwrap();
        write_made(&File::create(&first.output).unwrap(), b"code").unwrap();
        // The host is gone and its compiler is not.
        drop(first);
        assert!(take(&dir.join("a.lock")).unwrap().is_none());
        drop(lock);
        let next = turn(&dir, "a");
        assert_eq!(next.made().unwrap(), b"code");
        next.end();
        let left: Vec<_> = fs::read_dir(&dir).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name.to_string_lossy().starts_with("place-")), "{left:?}");
    }

    #[test]
    fn a_part_does_not_pass_for_the_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("code.made");
        write_made(&File::create(&path).unwrap(), b"all of the code").unwrap();
        let whole = fs::read(&path).unwrap();
        assert_eq!(read_made(&path).unwrap(), b"all of the code");
        for length in [0, 7, 8, 39, 40, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(read_made(&path).is_err(), "{length}");
        }
    }

    #[test]
    fn so_many_are_made_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let turns: Vec<Turn> =
            (0..Lane::Quick.places()).map(|number| turn(dir.path(), &number.to_string())).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let more = Turn::wait(dir.path(), "more", Lane::Quick);
            let more = tokio::time::timeout(Duration::from_millis(200), more).await;
            assert!(more.is_err(), "all places are taken");
            Turn::wait(dir.path(), "slow", Lane::Slow).await.unwrap();
        });
        drop(turns);
        assert!(!turn(dir.path(), "more").waited);
    }
}
