//! A disk that fails for as long as a file says so.

use libc::{AT_FDCWD, EIO, ENOSPC, EROFS, O_CLOEXEC, O_RDONLY, c_int, c_long};

use crate::change::Kind;
use crate::settings::settings;

/// Longest file that is read.
const BYTES_MAX: usize = 1024;

/// What a call of that kind on `path` is to fail with, if it is to.
///
/// Each line of the file is the name of an error and a part of the paths that it is for. The file is read for each call, so
/// that a test makes and mends the fault while the process runs.
pub(crate) fn of(kind: Kind, path: &[u8]) -> Option<c_int> {
    find(path, |name| errno(name, kind))
}

/// The same for a call that opens `path` to write to it.
pub(crate) fn of_opening(path: &[u8]) -> Option<c_int> {
    find(path, |name| (name == "EROFS").then_some(EROFS))
}

fn find(path: &[u8], errno: impl Fn(&str) -> Option<c_int>) -> Option<c_int> {
    let lines = read(settings().fault.as_deref()?)?;
    String::from_utf8_lossy(&lines).lines().find_map(|line| {
        let (name, part) = line.split_once(' ')?;
        let errno = errno(name)?;
        String::from_utf8_lossy(path).contains(part).then_some(errno)
    })
}

/// The error of that name, if it is one that a call of that kind may have.
fn errno(name: &str, kind: Kind) -> Option<c_int> {
    let makes_longer = matches!(kind, Kind::Create | Kind::Write | Kind::Pwrite | Kind::Mkdir);
    let reaches_the_disk = matches!(kind, Kind::Write | Kind::Pwrite | Kind::Fsync | Kind::Fdatasync);
    match name {
        "ENOSPC" => makes_longer.then_some(ENOSPC),
        "EIO" => reaches_the_disk.then_some(EIO),
        "EROFS" => (!matches!(kind, Kind::Fsync | Kind::Fdatasync)).then_some(EROFS),
        // A fault that nobody understands would make a test that looks well and tests nothing.
        other => panic!("there is no fault {other}"),
    }
}

/// Answers as the kernel does through the C library.
pub(crate) fn fail(errno: c_int) -> c_long {
    // SAFETY: the C library gives each thread an `errno` of its own.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// The content of the file at `path`, which ends with a zero byte; none when it is not there.
pub(crate) fn read(path: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: the path ends with a zero byte.
    let fd = unsafe { libc::syscall(libc::SYS_openat, AT_FDCWD, path.as_ptr(), O_RDONLY | O_CLOEXEC) };
    if fd < 0 {
        return None;
    }
    let mut bytes = vec![0_u8; BYTES_MAX];
    // SAFETY: the buffer is as long as is said.
    let length = unsafe { libc::syscall(libc::SYS_read, fd, bytes.as_mut_ptr(), bytes.len()) };
    // SAFETY: the call takes a number only.
    unsafe { libc::syscall(libc::SYS_close, fd) };
    bytes.truncate(usize::try_from(length).ok()?);
    Some(bytes)
}
