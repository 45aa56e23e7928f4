//! Where a call points: the path behind a file descriptor, and whether it is watched.

use std::ffi::CStr;
use std::io::Write as _;

use libc::{AT_FDCWD, c_char, c_int};

use crate::settings::settings;

/// Longest path that is looked at. What is longer is not of the harness's making.
const PATH_BYTES_MAX: usize = 4096;

/// The absolute path of an open file, if it is watched.
pub(crate) fn of_file(fd: c_int) -> Option<Vec<u8>> {
    if settings().under.is_empty() {
        return None;
    }
    behind(fd).filter(|path| is_watched(path))
}

/// The absolute path of an open file, if it is watched or the folder in which a watched one is: a sync of that one brings the
/// watched folder's own name to disk.
pub(crate) fn of_synced(fd: c_int) -> Option<Vec<u8>> {
    if settings().under.is_empty() {
        return None;
    }
    behind(fd)
        .filter(|path| is_watched(path) || settings().under.iter().any(|folder| is_parent(path, folder)))
}

fn is_parent(path: &[u8], folder: &[u8]) -> bool {
    folder.strip_prefix(path).is_some_and(|rest| rest.first() == Some(&b'/') && !rest[1..].contains(&b'/'))
}

/// The absolute path that a call names, if it is watched.
///
/// # Safety
/// `path` is null or a text that ends with a zero byte.
pub(crate) unsafe fn of_name(folder: c_int, path: *const c_char) -> Option<Vec<u8>> {
    // SAFETY: the caller says so.
    unsafe { below(folder, path) }.filter(|path| is_watched(path))
}

/// The same for every file below the watched folders, shared memory included.
///
/// # Safety
/// `path` is null or a text that ends with a zero byte.
pub(crate) unsafe fn below(folder: c_int, path: *const c_char) -> Option<Vec<u8>> {
    if settings().under.is_empty() || path.is_null() {
        return None;
    }
    // SAFETY: the caller says so.
    let name = unsafe { CStr::from_ptr(path) }.to_bytes();
    let whole = if name.starts_with(b"/") {
        name.to_vec()
    } else {
        let mut whole = if folder == AT_FDCWD { current_folder()? } else { behind(folder)? };
        whole.push(b'/');
        whole.extend_from_slice(name);
        whole
    };
    is_below(&whole).then_some(whole)
}

fn is_watched(path: &[u8]) -> bool {
    // The index of the write-ahead log is shared memory: a power loss takes it, and SQLite makes it anew.
    !path.ends_with(b"-shm") && is_below(path)
}

fn is_below(path: &[u8]) -> bool {
    settings().under.iter().any(|folder| {
        path.strip_prefix(folder.as_slice()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    })
}

/// What `/proc` says that a file descriptor is.
fn behind(fd: c_int) -> Option<Vec<u8>> {
    let mut link = [0_u8; 40];
    // A zero byte is left at the end: the longest such path has 25 characters.
    write!(&mut link[..39], "/proc/self/fd/{fd}").ok()?;
    read_link(&link)
}

fn current_folder() -> Option<Vec<u8>> {
    read_link(b"/proc/self/cwd\0")
}

fn read_link(link: &[u8]) -> Option<Vec<u8>> {
    let mut path = vec![0_u8; PATH_BYTES_MAX];
    // SAFETY: the link ends with a zero byte, and the buffer is as long as is said.
    let length = unsafe {
        libc::syscall(libc::SYS_readlinkat, AT_FDCWD, link.as_ptr(), path.as_mut_ptr(), path.len())
    };
    path.truncate(usize::try_from(length).ok()?);
    Some(path)
}
