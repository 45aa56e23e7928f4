//! How sources are opened: SQLite's own VFS, less whatever makes, changes or deletes a file.
//!
//! A reader of a database in WAL mode would ordinarily make `-wal` and `-shm` beside it, which then belong to
//! Longshore's user and lock the owner out. Here nothing is made:
//!
//! * A `-wal` that is not there is an empty one.
//! * A `-shm` that is there is mapped read-only, and the locks in it are taken as by any other reader; so a writer
//!   beside this reader neither disturbs it nor is disturbed.
//! * Without a `-shm` nobody has the database open, and SQLite builds the index of the log in its own memory. A writer
//!   that comes meanwhile makes a `-shm`. The guard of the file then takes the lock there, and knows whether the database
//!   was changed before that.

mod file;
mod guard;
mod log_file;
mod stamp;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;

use rusqlite::{Connection, MAIN_DB, ffi};

pub(crate) use self::guard::{PRIVATE, Report};

/// The name by which connections ask for it.
const NAME: &CStr = c"longshore-source";

/// Has SQLite know the VFS, and returns its name.
pub(crate) fn register() -> rusqlite::Result<&'static CStr> {
    static REGISTERED: OnceLock<c_int> = OnceLock::new();
    match *REGISTERED.get_or_init(add) {
        ffi::SQLITE_OK => Ok(NAME),
        code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)),
    }
}

/// Looks whether what `connection` read so far is one state of the database. To be called after reading and before
/// what was read is passed on; the more often, the sooner a writer that appears is kept from changing anything.
#[allow(unsafe_code, reason = "SQLite hands a question to a VFS through a function of C")]
pub(crate) fn look(connection: &Connection) -> Report {
    let mut report = Report::default();
    let place: *mut Report = &raw mut report;
    // SAFETY: the handle is open for as long as `connection` lives, and this VFS writes a `Report` there, nothing else.
    let code = unsafe {
        ffi::sqlite3_file_control(connection.handle(), MAIN_DB.as_ptr(), file::LOOK, place.cast::<c_void>())
    };
    // A database that was not opened by this VFS is none of its business.
    if code == ffi::SQLITE_OK { report } else { Report::default() }
}

/// SQLite's VFS for this system, as an address: pointers cannot be shared between threads.
static BASE: OnceLock<usize> = OnceLock::new();

fn base() -> *mut ffi::sqlite3_vfs {
    BASE.get().copied().unwrap_or_default() as *mut ffi::sqlite3_vfs
}

#[allow(unsafe_code, reason = "SQLite takes a VFS as a struct of C")]
fn add() -> c_int {
    // SAFETY: SQLite's own VFS lives as long as the process, and so does the copy that is leaked here. The copy differs in
    // its name, its files and how it opens and deletes them; the other functions of the `unix` VFS use no more of it than
    // its longest path.
    unsafe {
        let base = ffi::sqlite3_vfs_find(std::ptr::null());
        if base.is_null() {
            return ffi::SQLITE_ERROR;
        }
        let _ = BASE.set(base as usize);
        let vfs = ffi::sqlite3_vfs {
            szOsFile: file::HEAD_BYTES as c_int + (*base).szOsFile,
            pNext: std::ptr::null_mut(),
            zName: NAME.as_ptr(),
            xOpen: Some(open),
            xDelete: Some(delete),
            ..*base
        };
        ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 0)
    }
}

/// Opens what is there, to be read.
#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let read_only =
        (flags & !(ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE)) | ffi::SQLITE_OPEN_READONLY;
    // SAFETY: SQLite passes memory of `szOsFile` bytes, and a name that outlives the file, with its parameters behind it.
    unsafe {
        if !out_flags.is_null() {
            *out_flags = read_only;
        }
        if flags & ffi::SQLITE_OPEN_MAIN_DB != 0 {
            file::open(name, file, read_only)
        } else if flags & ffi::SQLITE_OPEN_WAL != 0 {
            log_file::open(name, file, read_only)
        } else if flags & ffi::SQLITE_OPEN_MAIN_JOURNAL != 0 {
            open_with_base(name, file, read_only)
        } else {
            (*file).pMethods = std::ptr::null();
            ffi::SQLITE_CANTOPEN
        }
    }
}

/// Has SQLite's own VFS open a file.
// SAFETY: to be called with a file of this VFS, as SQLite passes it.
#[allow(unsafe_code, reason = "calls SQLite's own VFS")]
unsafe fn open_with_base(name: ffi::sqlite3_filename, file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    let base = base();
    let mut out_flags = 0;
    // SAFETY: the base was found when this VFS was registered; what it gets is what SQLite would have passed to it.
    unsafe {
        match (*base).xOpen {
            Some(open) => open(base, name, file, flags, &raw mut out_flags),
            None => ffi::SQLITE_CANTOPEN,
        }
    }
}

/// Deletes nothing: whatever is beside a source is its owner's.
#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, _: *const c_char, _: c_int) -> c_int {
    ffi::SQLITE_OK
}
