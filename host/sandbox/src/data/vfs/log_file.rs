//! A `-wal` file, which may not be there, or not yet: then it is an empty one.

use std::ffi::{CStr, OsStr, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64};

use super::file::{HEAD_BYTES, real};
use super::open_with_base;

/// What SQLite knows as the file. SQLite's own file follows it, closed for as long as there is none.
#[repr(C)]
struct LogFile {
    methods: *const ffi::sqlite3_io_methods,
    name: ffi::sqlite3_filename,
    flags: c_int,
    is_open: bool,
}

const _: () = assert!(size_of::<LogFile>() <= HEAD_BYTES);

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(super::file::write),
    xTruncate: Some(super::file::truncate),
    xSync: Some(super::file::sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(lock),
    xCheckReservedLock: Some(is_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

// SAFETY: to be called with a file of this VFS, as SQLite passes it.
#[allow(unsafe_code, reason = "fills in what SQLite passes")]
pub(super) unsafe fn open(name: ffi::sqlite3_filename, file: *mut sqlite3_file, flags: c_int) -> c_int {
    let log = file.cast::<LogFile>();
    // SAFETY: SQLite passes memory for this struct and a file of its own behind it.
    unsafe {
        log.write(LogFile { methods: std::ptr::null(), name, flags, is_open: false });
        let code = open_if_there(log);
        if code == ffi::SQLITE_OK {
            (*log).methods = &raw const METHODS;
        }
        code
    }
}

/// Opens the file if there is one; it is looked for again whenever it is read.
// SAFETY: to be called with a file of this VFS, as SQLite passes it.
#[allow(unsafe_code, reason = "calls SQLite's own VFS")]
unsafe fn open_if_there(log: *mut LogFile) -> c_int {
    // SAFETY: called with files that `open` made, whose names live until they are closed.
    unsafe {
        if (*log).is_open {
            return ffi::SQLITE_OK;
        }
        let path = Path::new(OsStr::from_bytes(CStr::from_ptr((*log).name).to_bytes()));
        let is_missing = |error: std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        if std::fs::symlink_metadata(path).is_err_and(is_missing) {
            return ffi::SQLITE_OK;
        }
        let code = open_with_base((*log).name, real(log.cast()), (*log).flags);
        (*log).is_open = code == ffi::SQLITE_OK;
        code
    }
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes each file once.
    unsafe { if (*file.cast::<LogFile>()).is_open { super::file::close_real(file) } else { ffi::SQLITE_OK } }
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    into: *mut c_void,
    bytes: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes a buffer of that many bytes.
    unsafe {
        let code = open_if_there(file.cast());
        if code != ffi::SQLITE_OK {
            return code;
        }
        if (*file.cast::<LogFile>()).is_open {
            return super::file::read(file, into, bytes, at);
        }
        into.cast::<u8>().write_bytes(0, usize::try_from(bytes).unwrap_or_default());
        ffi::SQLITE_IOERR_SHORT_READ
    }
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    // SAFETY: SQLite passes a place for the size.
    unsafe {
        let code = open_if_there(file.cast());
        if code != ffi::SQLITE_OK {
            return code;
        }
        if (*file.cast::<LogFile>()).is_open {
            return super::file::file_size(file, size);
        }
        *size = 0;
        ffi::SQLITE_OK
    }
}

/// Logs are not locked.
#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn lock(_: *mut sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn is_reserved(_: *mut sqlite3_file, is_reserved: *mut c_int) -> c_int {
    // SAFETY: SQLite passes a place for the answer.
    unsafe { *is_reserved = 0 };
    ffi::SQLITE_OK
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn control(_: *mut sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn sector_size(_: *mut sqlite3_file) -> c_int {
    4096
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn characteristics(_: *mut sqlite3_file) -> c_int {
    0
}
