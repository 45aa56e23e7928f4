//! The database file: what SQLite's own VFS does with it, without writing, and with shared memory only where there is some.

use std::ffi::{CStr, OsStr, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64};

use super::guard::{Guard, READ_LOCK_0, Report};
use super::open_with_base;

/// Bytes before SQLite's own file.
pub(super) const HEAD_BYTES: usize = 64;

/// The file control by which a connection is asked for a [`Report`].
pub(super) const LOOK: c_int = 0x4c53_4c4b;

/// Bytes of one region of shared memory, as SQLite asks for them.
pub(super) const REGION_BYTES: c_int = 32 * 1024;

/// What SQLite knows as the file. SQLite's own file follows it.
#[repr(C)]
struct File {
    methods: *const ffi::sqlite3_io_methods,
    guard: *mut Guard,
}

const _: () = assert!(size_of::<File>() <= HEAD_BYTES);

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Without xFetch and xUnfetch: a file that is cut while it is mapped would kill the process.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(is_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(map),
    xShmLock: Some(lock_shared_memory),
    xShmBarrier: Some(barrier),
    xShmUnmap: Some(unmap),
    xFetch: None,
    xUnfetch: None,
};

// SAFETY: to be called with a file of this VFS, as SQLite passes it.
#[allow(unsafe_code, reason = "fills in what SQLite passes")]
pub(super) unsafe fn open(name: ffi::sqlite3_filename, file: *mut sqlite3_file, flags: c_int) -> c_int {
    let head = file.cast::<File>();
    // SAFETY: SQLite passes memory for this struct and a file of its own behind it, and a name that ends with a zero.
    unsafe {
        head.write(File { methods: std::ptr::null(), guard: std::ptr::null_mut() });
        let code = open_with_base(name, real(file), flags);
        if code == ffi::SQLITE_OK {
            let path = PathBuf::from(OsStr::from_bytes(CStr::from_ptr(name).to_bytes()));
            let is_private = ffi::sqlite3_uri_boolean(name, super::guard::PRIVATE.as_ptr(), 0) != 0;
            (*head).guard = Box::into_raw(Box::new(Guard::new(path, is_private)));
            (*head).methods = &raw const METHODS;
        }
        code
    }
}

/// SQLite's own file behind one of this VFS.
// SAFETY: to be called with a file of this VFS, as SQLite passes it.
#[allow(unsafe_code, reason = "goes from one file to that behind it")]
pub(super) unsafe fn real(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: each file of this VFS has `HEAD_BYTES` and one of SQLite's own.
    unsafe { file.byte_add(HEAD_BYTES) }
}

/// Calls a method of SQLite's own file.
macro_rules! call {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        let real = real($file);
        match (*(*real).pMethods).$method {
            Some(method) => method(real $(, $argument)*),
            None => ffi::SQLITE_IOERR,
        }
    }};
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes each file once; the guard was made for it.
    unsafe {
        drop(Box::from_raw((*file.cast::<File>()).guard));
        close_real(file)
    }
}

// SAFETY: to be called with a file of this VFS, as SQLite passes it.
#[allow(unsafe_code, reason = "calls SQLite's own file")]
pub(super) unsafe fn close_real(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the file behind is open.
    unsafe { call!(file, xClose) }
}

#[allow(unsafe_code, reason = "called by SQLite")]
pub(super) unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    into: *mut c_void,
    bytes: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: passes on what SQLite passes.
    unsafe { call!(file, xRead, into, bytes, at) }
}

#[allow(unsafe_code, reason = "called by SQLite")]
pub(super) unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    // SAFETY: passes on what SQLite passes.
    unsafe { call!(file, xFileSize, size) }
}

#[allow(unsafe_code, reason = "called by SQLite")]
pub(super) unsafe extern "C" fn write(
    _: *mut sqlite3_file,
    _: *const c_void,
    _: c_int,
    _: sqlite3_int64,
) -> c_int {
    ffi::SQLITE_READONLY
}

#[allow(unsafe_code, reason = "called by SQLite")]
pub(super) unsafe extern "C" fn truncate(_: *mut sqlite3_file, _: sqlite3_int64) -> c_int {
    ffi::SQLITE_READONLY
}

#[allow(unsafe_code, reason = "called by SQLite")]
pub(super) unsafe extern "C" fn sync(_: *mut sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

/// A reader takes the shared lock and no other.
#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    if level > ffi::SQLITE_LOCK_SHARED {
        return ffi::SQLITE_READONLY;
    }
    // SAFETY: passes on what SQLite passes.
    unsafe { call!(file, xLock, level) }
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: passes on what SQLite passes.
    unsafe { call!(file, xUnlock, level) }
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn is_reserved(file: *mut sqlite3_file, is_reserved: *mut c_int) -> c_int {
    // SAFETY: passes on what SQLite passes.
    unsafe { call!(file, xCheckReservedLock, is_reserved) }
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn control(file: *mut sqlite3_file, operation: c_int, argument: *mut c_void) -> c_int {
    // SAFETY: passes on what SQLite passes; with `LOOK`, `look` passes a place for a report.
    unsafe {
        if operation == LOOK {
            let mut header = [0; 20];
            if call!(file, xRead, header.as_mut_ptr().cast(), header.len() as c_int, 0) != ffi::SQLITE_OK {
                header = [0; 20];
            }
            let is_lost = guard(file).look(file);
            let guard = guard(file);
            let (is_unguarded, uses_log) = (guard.is_unguarded(), guard.uses_log());
            argument.cast::<Report>().write(Report { is_lost, is_unguarded, uses_log, header });
            return ffi::SQLITE_OK;
        }
        call!(file, xFileControl, operation, argument)
    }
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    // SAFETY: passes on what SQLite passes.
    unsafe { call!(file, xSectorSize) }
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn characteristics(file: *mut sqlite3_file) -> c_int {
    // SAFETY: passes on what SQLite passes.
    unsafe { call!(file, xDeviceCharacteristics) }
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn map(
    file: *mut sqlite3_file,
    region: c_int,
    bytes: c_int,
    _extend: c_int,
    at: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite passes a place for the address.
    unsafe {
        *at = std::ptr::null_mut();
        guard(file).map(file, region, bytes, at)
    }
}

/// Maps shared memory that is there. It makes none.
// SAFETY: to be called with a file of this VFS, as SQLite passes it.
#[allow(unsafe_code, reason = "calls SQLite's own file")]
pub(super) unsafe fn map_real(
    file: *mut sqlite3_file,
    region: c_int,
    bytes: c_int,
    at: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open, and `at` a place for an address.
    unsafe { call!(file, xShmMap, region, bytes, 0, at) }
}

/// Locks or unlocks a part of the shared memory.
// SAFETY: to be called with a file of this VFS, as SQLite passes it.
#[allow(unsafe_code, reason = "calls SQLite's own file")]
pub(super) unsafe fn lock_real(file: *mut sqlite3_file, offset: c_int, count: c_int, flags: c_int) -> c_int {
    // SAFETY: the file is open and has its shared memory.
    unsafe { call!(file, xShmLock, offset, count, flags) }
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn lock_shared_memory(
    file: *mut sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    let is_read_0 = (offset, count) == (READ_LOCK_0, 1);
    // SAFETY: the file is open.
    unsafe {
        let guard = guard(file);
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            guard.unlock(file, offset, count, flags, is_read_0)
        } else if flags & ffi::SQLITE_SHM_EXCLUSIVE != 0 {
            ffi::SQLITE_BUSY
        } else {
            guard.lock(file, offset, count, flags, is_read_0)
        }
    }
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn barrier(file: *mut sqlite3_file) {
    // SAFETY: the file is open.
    unsafe {
        let real = real(file);
        if let Some(barrier) = (*(*real).pMethods).xShmBarrier {
            barrier(real);
        }
    }
}

/// Leaves the shared memory, and deletes it in no case.
#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn unmap(file: *mut sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        guard(file).forget();
        call!(file, xShmUnmap, 0)
    }
}

// SAFETY: to be called with a file of this VFS, as SQLite passes it.
#[allow(unsafe_code, reason = "finds the state of an open file")]
unsafe fn guard<'a>(file: *mut sqlite3_file) -> &'a mut Guard {
    // SAFETY: `open` made it and `close` drops it; SQLite calls the methods of one file from one thread at a time, and none
    // of them calls another.
    unsafe { &mut *(*file.cast::<File>()).guard }
}
