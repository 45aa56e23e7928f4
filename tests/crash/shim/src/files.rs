//! Calls on open files, and the one that opens them.

use std::cell::Cell;

use libc::{
    AT_FDCWD, O_CREAT, O_RDWR, O_TRUNC, O_WRONLY, SEEK_CUR, c_char, c_int, c_long, c_void, iovec, mode_t,
    off_t, size_t, ssize_t,
};

use crate::change::{Kind, change};
use crate::fault;
use crate::place;
use crate::settings::settings;

/// # Safety
/// As `openat` of the C library. It takes the mode as a variable argument, which on this platform is passed as any other.
unsafe fn open_file(folder: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller's pointer goes to the kernel as it came.
    let open = || unsafe { libc::syscall(libc::SYS_openat, folder, path, flags, mode) };
    if flags & (O_WRONLY | O_RDWR) != 0
        // SAFETY: a path that is given to `openat` is null or ends with a zero byte.
        && let Some(errno) = unsafe { place::below(folder, path) }.and_then(|path| fault::of_opening(&path))
    {
        return fault::fail(errno) as c_int;
    }
    if flags & (O_CREAT | O_TRUNC) == 0 {
        return open() as c_int;
    }
    // SAFETY: a path that is given to `openat` is null or ends with a zero byte.
    let Some(whole) = (unsafe { place::of_name(folder, path) }) else { return open() as c_int };
    // SAFETY: as above. The kernel says whether the name is there.
    let is_there = || unsafe { libc::syscall(libc::SYS_faccessat, folder, path, libc::F_OK) } == 0;
    if is_there() && flags & O_TRUNC == 0 {
        return open() as c_int;
    }
    let was_there = Cell::new(false);
    change(
        Kind::Create,
        &whole,
        || {},
        || {
            was_there.set(is_there());
            open()
        },
        |fd, record| {
            let fd = fd as c_int;
            // Another thread may have been faster, and then this one has only opened it.
            if !was_there.get() {
                record.letter(b'c').file(fd).bytes(&whole);
            } else if flags & O_TRUNC != 0 {
                record.letter(b't').file(fd).number(0);
            }
        },
    ) as c_int
}

/// # Safety
/// As `open` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the arguments are those of the caller.
    unsafe { open_file(AT_FDCWD, path, flags, mode) }
}

/// # Safety
/// As `open64` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the arguments are those of the caller.
    unsafe { open_file(AT_FDCWD, path, flags, mode) }
}

/// # Safety
/// As `openat` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn openat(folder: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the arguments are those of the caller.
    unsafe { open_file(folder, path, flags, mode) }
}

/// # Safety
/// As `openat64` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn openat64(folder: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the arguments are those of the caller.
    unsafe { open_file(folder, path, flags, mode) }
}

/// # Safety
/// As `write` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, bytes: *const c_void, count: size_t) -> ssize_t {
    // SAFETY: the caller's bytes go to the kernel as they came, or the first of them.
    let put = |count: size_t| unsafe { libc::syscall(libc::SYS_write, fd, bytes, count) };
    let Some(path) = place::of_file(fd) else { return put(count) as ssize_t };
    change(
        Kind::Write,
        &path,
        || {
            put(count / 2);
        },
        || put(count),
        |written, record| {
            // SAFETY: the call takes numbers only.
            let end = unsafe { libc::syscall(libc::SYS_lseek, fd, 0, SEEK_CUR) };
            // SAFETY: the kernel has read that many bytes there.
            let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), written as usize) };
            record.letter(b'w').file(fd).number((end - written) as u64).bytes(bytes);
        },
    ) as ssize_t
}

/// # Safety
/// As `pwrite` of the C library.
unsafe fn write_at(fd: c_int, bytes: *const c_void, count: size_t, at: off_t) -> ssize_t {
    // SAFETY: the caller's bytes go to the kernel as they came, or the first of them.
    let put = |count: size_t| unsafe { libc::syscall(libc::SYS_pwrite64, fd, bytes, count, at) };
    let Some(path) = place::of_file(fd) else { return put(count) as ssize_t };
    change(
        Kind::Pwrite,
        &path,
        || {
            put(count / 2);
        },
        || put(count),
        |written, record| {
            // SAFETY: the kernel has read that many bytes there.
            let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), written as usize) };
            record.letter(b'w').file(fd).number(at as u64).bytes(bytes);
        },
    ) as ssize_t
}

/// # Safety
/// As `pwrite` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(fd: c_int, bytes: *const c_void, count: size_t, at: off_t) -> ssize_t {
    // SAFETY: the arguments are those of the caller.
    unsafe { write_at(fd, bytes, count, at) }
}

/// # Safety
/// As `pwrite64` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, count: size_t, at: off_t) -> ssize_t {
    // SAFETY: the arguments are those of the caller.
    unsafe { write_at(fd, bytes, count, at) }
}

/// # Safety
/// As `writev` of the C library. A write in pieces is done piece by piece: it may always be shorter than was asked.
#[unsafe(no_mangle)]
unsafe extern "C" fn writev(fd: c_int, pieces: *const iovec, count: c_int) -> ssize_t {
    if place::of_file(fd).is_none() {
        // SAFETY: the caller's pieces go to the kernel as they came.
        return unsafe { libc::syscall(libc::SYS_writev, fd, pieces, count) } as ssize_t;
    }
    for number in 0..usize::try_from(count).unwrap_or_default() {
        // SAFETY: the caller gave that many pieces.
        let piece = unsafe { &*pieces.add(number) };
        if piece.iov_len > 0 {
            // SAFETY: the piece is one of the caller's.
            return unsafe { write(fd, piece.iov_base, piece.iov_len) };
        }
    }
    0
}

fn cut(fd: c_int, length: off_t) -> c_int {
    // SAFETY: the call takes numbers only.
    let cut = || unsafe { libc::syscall(libc::SYS_ftruncate, fd, length) };
    let Some(path) = place::of_file(fd) else { return cut() as c_int };
    change(
        Kind::Truncate,
        &path,
        || {},
        cut,
        |_, record| {
            record.letter(b't').file(fd).number(length as u64);
        },
    ) as c_int
}

#[unsafe(no_mangle)]
extern "C" fn ftruncate(fd: c_int, length: off_t) -> c_int {
    cut(fd, length)
}

#[unsafe(no_mangle)]
extern "C" fn ftruncate64(fd: c_int, length: off_t) -> c_int {
    cut(fd, length)
}

fn sync(kind: Kind, number: c_long, fd: c_int) -> c_int {
    // SAFETY: the call takes numbers only.
    let sync = || unsafe { libc::syscall(number, fd) };
    let Some(path) = place::of_synced(fd) else { return sync() as c_int };
    change(
        kind,
        &path,
        || {},
        sync,
        |_, record| {
            if !settings().forget_syncs {
                record.letter(b's').file(fd).bytes(&path);
            }
        },
    ) as c_int
}

#[unsafe(no_mangle)]
extern "C" fn fsync(fd: c_int) -> c_int {
    sync(Kind::Fsync, libc::SYS_fsync, fd)
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync(Kind::Fdatasync, libc::SYS_fdatasync, fd)
}
