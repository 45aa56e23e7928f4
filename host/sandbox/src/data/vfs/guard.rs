//! Keeps what a reader of a WAL database reads from being changed under it.
//!
//! What a checkpoint must not do while somebody reads is said by a lock in the shared memory: while `READ_LOCK(0)` is held
//! no page is copied from the log into the database. As long as there is no shared memory the lock is only promised to
//! SQLite, and this is kept in its place: the database's stamp (see [`Stamp`]). A writer that appears makes the shared
//! memory; the lock is taken there as soon as somebody looks. If the stamp is the same afterwards, no page was changed before
//! the lock, and none will be. If it is not, what was read is lost, and has to be read again.
//!
//! A writer that goes cannot take the shared memory with it: deleting it takes the exclusive lock on the database, and
//! SQLite's readers hold the shared one for as long as they have a log open.

use std::ffi::{CStr, c_int, c_void};
use std::path::PathBuf;

use rusqlite::ffi::{self, sqlite3_file};

use super::file::{REGION_BYTES, lock_real, map_real};
use super::stamp::Stamp;

/// The parameter of a file name that has a connection build its own index of the log although there is one.
pub(crate) const PRIVATE: &CStr = c"longshore_private";

/// Where `READ_LOCK(0)` is among the locks of the shared memory.
pub(super) const READ_LOCK_0: c_int = 3;

/// Where the header of the shared memory has the number of frames in the log, and how many of them are in the database, in
/// words of four bytes.
const FRAMES: usize = 16 / 4;
const BACKFILLED: usize = 96 / 4;

/// What a look at an open source found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Whether another program changed the database under the reader, so that what was read may be no state of it.
    pub(crate) is_lost: bool,
    /// Whether a writer that comes is not kept from doing that yet.
    pub(crate) is_unguarded: bool,
    /// Whether it has the write-ahead log open, and with it a lock that has a writer leave its log and its shared memory behind
    /// when it closes the database.
    pub(crate) uses_log: bool,
    /// The first bytes of the database; zeros if there are fewer.
    pub(crate) header: [u8; 20],
}

/// The state of one open database.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own, and none rules out another")]
pub(super) struct Guard {
    path: PathBuf,
    shared_memory: PathBuf,
    /// Whether the index of the log is built in memory although another program has one that may be of no use to a reader
    /// that cannot write to it.
    is_private: bool,
    uses_log: bool,
    /// Whether SQLite's own file has the shared memory.
    is_attached: bool,
    /// The database's stamp, while `READ_LOCK(0)` is only promised.
    promised: Option<Stamp>,
    is_lost: bool,
}

impl Guard {
    pub(super) fn new(path: PathBuf, is_private: bool) -> Self {
        let mut shared_memory = path.clone().into_os_string();
        shared_memory.push("-shm");
        let shared_memory = shared_memory.into();
        Self {
            path,
            shared_memory,
            is_private,
            uses_log: false,
            is_attached: false,
            promised: None,
            is_lost: false,
        }
    }

    /// Maps a region of the shared memory, read-only. Without any, SQLite is to build the index in its own memory, which is
    /// what `SQLITE_READONLY_CANTINIT` says.
    // SAFETY: to be called with a file of this VFS, as SQLite passes it.
    #[allow(unsafe_code, reason = "calls SQLite's own file")]
    pub(super) unsafe fn map(
        &mut self,
        file: *mut sqlite3_file,
        region: c_int,
        bytes: c_int,
        at: *mut *mut c_void,
    ) -> c_int {
        self.uses_log = true;
        if !self.is_attached && !self.has_shared_memory() {
            return ffi::SQLITE_READONLY_CANTINIT;
        }
        // SAFETY: passes on what SQLite passes.
        let code = unsafe { map_real(file, region, bytes, at) };
        let is_there = matches!(code, ffi::SQLITE_OK | ffi::SQLITE_READONLY | ffi::SQLITE_READONLY_CANTINIT);
        if !is_there {
            return code;
        }
        self.is_attached = true;
        // SAFETY: the shared memory was just attached.
        unsafe { self.keep_promise(file) };
        if self.is_private || code == ffi::SQLITE_READONLY_CANTINIT {
            // SAFETY: SQLite passes a place for the address.
            unsafe { *at = std::ptr::null_mut() };
            return ffi::SQLITE_READONLY_CANTINIT;
        }
        // Never `OK`, not even where another connection of this process may write there: SQLite relies on a reader that said
        // once that it cannot write saying so again.
        ffi::SQLITE_READONLY
    }

    // SAFETY: to be called with a file of this VFS, as SQLite passes it.
    #[allow(unsafe_code, reason = "calls SQLite's own file")]
    pub(super) unsafe fn lock(
        &mut self,
        file: *mut sqlite3_file,
        offset: c_int,
        count: c_int,
        flags: c_int,
        is_read_0: bool,
    ) -> c_int {
        if !self.is_attached {
            return if is_read_0 { self.promise() } else { ffi::SQLITE_BUSY };
        }
        // SAFETY: the shared memory is attached.
        unsafe {
            let code = lock_real(file, offset, count, flags);
            if code == ffi::SQLITE_OK && is_read_0 && self.is_private && !log_will_stay(file) {
                lock_real(file, offset, count, ffi::SQLITE_SHM_UNLOCK | ffi::SQLITE_SHM_SHARED);
                return ffi::SQLITE_BUSY;
            }
            code
        }
    }

    // SAFETY: to be called with a file of this VFS, as SQLite passes it.
    #[allow(unsafe_code, reason = "calls SQLite's own file")]
    pub(super) unsafe fn unlock(
        &mut self,
        file: *mut sqlite3_file,
        offset: c_int,
        count: c_int,
        flags: c_int,
        is_read_0: bool,
    ) -> c_int {
        if is_read_0 && let Some(stamp) = self.promised.take() {
            // The last moment at which everything that was read under the promise can be vouched for.
            self.is_lost |= !stamp.still_holds(&self.path);
            return ffi::SQLITE_OK;
        }
        if !self.is_attached {
            return ffi::SQLITE_OK;
        }
        // SAFETY: the shared memory is attached.
        unsafe { lock_real(file, offset, count, flags) }
    }

    /// Whether what was read so far is lost. Takes the promised lock if it can be taken by now.
    // SAFETY: to be called with a file of this VFS, as SQLite passes it.
    #[allow(unsafe_code, reason = "calls SQLite's own file")]
    pub(super) unsafe fn look(&mut self, file: *mut sqlite3_file) -> bool {
        if let Some(stamp) = self.promised {
            self.is_lost |= !stamp.still_holds(&self.path);
            if !self.is_lost && (self.is_attached || self.has_shared_memory()) {
                let mut nowhere = std::ptr::null_mut();
                // SAFETY: `file` is open, and `nowhere` takes the address.
                unsafe { self.map(file, 0, REGION_BYTES, &raw mut nowhere) };
            }
        }
        self.is_lost
    }

    pub(super) fn uses_log(&self) -> bool {
        self.uses_log
    }

    /// Whether there is nothing yet to keep a writer from changing the database.
    pub(super) fn is_unguarded(&self) -> bool {
        self.promised.is_some()
    }

    /// The shared memory is left.
    pub(super) fn forget(&mut self) {
        self.is_attached = false;
        self.promised = None;
    }

    fn has_shared_memory(&self) -> bool {
        // What cannot be looked at is taken for there: SQLite then says why it cannot be opened.
        !std::fs::symlink_metadata(&self.shared_memory)
            .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    fn promise(&mut self) -> c_int {
        match Stamp::settled(&self.path) {
            Ok(Some(stamp)) => {
                self.promised = Some(stamp);
                ffi::SQLITE_OK
            }
            Ok(None) => ffi::SQLITE_BUSY,
            Err(_) => ffi::SQLITE_IOERR_FSTAT,
        }
    }

    /// Takes the lock that was promised, now that there is shared memory. One that cannot be had yet, because a checkpoint
    /// is under way, stays a promise: whether it changed anything shows at the next look.
    // SAFETY: to be called with a file of this VFS, as SQLite passes it.
    #[allow(unsafe_code, reason = "calls SQLite's own file")]
    unsafe fn keep_promise(&mut self, file: *mut sqlite3_file) {
        let Some(stamp) = self.promised else { return };
        // SAFETY: the shared memory is attached.
        let code = unsafe { lock_real(file, READ_LOCK_0, 1, ffi::SQLITE_SHM_LOCK | ffi::SQLITE_SHM_SHARED) };
        if code == ffi::SQLITE_OK {
            self.promised = None;
            self.is_lost |= !stamp.still_holds(&self.path);
        }
    }
}

/// Whether the log will not begin anew while `READ_LOCK(0)`, which was just taken, is held: it has frames that are not in
/// the database, and nothing can bring them there. So what an index of its own points to stays.
// SAFETY: to be called with a file of this VFS, as SQLite passes it.
#[allow(unsafe_code, reason = "reads shared memory of SQLite")]
unsafe fn log_will_stay(file: *mut sqlite3_file) -> bool {
    let mut at = std::ptr::null_mut();
    // SAFETY: `file` is open and attached; a region that is mapped has its header, which is read word by word as other
    // processes write it.
    unsafe {
        let code = map_real(file, 0, REGION_BYTES, &raw mut at);
        if !matches!(code, ffi::SQLITE_OK | ffi::SQLITE_READONLY) || at.is_null() {
            // Nobody else has the shared memory: whoever comes begins with nothing in the database.
            return code == ffi::SQLITE_READONLY_CANTINIT;
        }
        let word = |index: usize| at.cast::<u32>().add(index).read_volatile();
        let backfilled = word(BACKFILLED);
        backfilled < word(FRAMES)
    }
}
