//! Calls on names in folders.

use libc::{AT_FDCWD, AT_REMOVEDIR, c_char, c_int, mode_t};

use crate::change::{Kind, change};
use crate::place;

/// # Safety
/// As `renameat` of the C library.
unsafe fn move_name(from_folder: c_int, from: *const c_char, to_folder: c_int, to: *const c_char) -> c_int {
    // SAFETY: the caller's pointers go to the kernel as they came.
    let rename = || unsafe { libc::syscall(libc::SYS_renameat, from_folder, from, to_folder, to) };
    // SAFETY: paths that are given to `renameat` are null or end with a zero byte.
    let names = unsafe { (place::of_name(from_folder, from), place::of_name(to_folder, to)) };
    let (Some(from), Some(to)) = names else { return rename() as c_int };
    change(
        Kind::Rename,
        &to,
        || {},
        rename,
        |_, record| {
            record.letter(b'r').bytes(&from).bytes(&to);
        },
    ) as c_int
}

/// # Safety
/// As `rename` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the arguments are those of the caller.
    unsafe { move_name(AT_FDCWD, from, AT_FDCWD, to) }
}

/// # Safety
/// As `renameat` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn renameat(
    from_folder: c_int,
    from: *const c_char,
    to_folder: c_int,
    to: *const c_char,
) -> c_int {
    // SAFETY: the arguments are those of the caller.
    unsafe { move_name(from_folder, from, to_folder, to) }
}

/// # Safety
/// As `unlinkat` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn unlinkat(folder: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the caller's pointer goes to the kernel as it came.
    let remove = || unsafe { libc::syscall(libc::SYS_unlinkat, folder, path, flags) };
    // SAFETY: a path that is given to `unlinkat` is null or ends with a zero byte.
    let Some(whole) = (unsafe { place::of_name(folder, path) }) else { return remove() as c_int };
    let kind = if flags & AT_REMOVEDIR == 0 { Kind::Unlink } else { Kind::Rmdir };
    change(
        kind,
        &whole,
        || {},
        remove,
        |_, record| {
            record.letter(b'u').bytes(&whole);
        },
    ) as c_int
}

/// # Safety
/// As `unlink` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the arguments are those of the caller.
    unsafe { unlinkat(AT_FDCWD, path, 0) }
}

/// # Safety
/// As `rmdir` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    // SAFETY: the arguments are those of the caller.
    unsafe { unlinkat(AT_FDCWD, path, AT_REMOVEDIR) }
}

/// # Safety
/// As `mkdir` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: the caller's pointer goes to the kernel as it came.
    let make = || unsafe { libc::syscall(libc::SYS_mkdirat, AT_FDCWD, path, mode) };
    // SAFETY: a path that is given to `mkdir` is null or ends with a zero byte.
    let Some(whole) = (unsafe { place::of_name(AT_FDCWD, path) }) else { return make() as c_int };
    // The kernel says that a name is taken before it says that it could not be made.
    // SAFETY: as above.
    if unsafe { libc::syscall(libc::SYS_faccessat, AT_FDCWD, path, libc::F_OK) } == 0 {
        return make() as c_int;
    }
    change(
        Kind::Mkdir,
        &whole,
        || {},
        make,
        |_, record| {
            record.letter(b'd').bytes(&whole);
        },
    ) as c_int
}
