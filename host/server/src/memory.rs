//! Gives memory that is free back to the system.

/// Blocks of this size and more are mapped one by one, and unmapped when they are freed; and no more than this is kept
/// free at the end of a heap.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const THRESHOLD: libc::c_int = 128 * 1024;

/// Has the allocator keep little of what is freed. By itself, glibc raises both thresholds to 32 MiB and 64 MiB when large
/// blocks come and go, and a host kept hundreds of megabytes that one plugin had made it hold for a moment.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "a call of C that sets two numbers of the allocator; there is no safe one")]
pub(crate) fn give_back_what_is_free() {
    // SAFETY: it may be called at any time, and is called before there is a second thread.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, THRESHOLD);
        libc::mallopt(libc::M_TRIM_THRESHOLD, THRESHOLD);
    }
}

/// Other allocators see to it by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back_what_is_free() {}
