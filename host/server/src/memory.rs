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

/// How often it is looked whether much has become free, and how much that is.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const EVERY: std::time::Duration = std::time::Duration::from_secs(5);
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MUCH: usize = 8 << 20;

/// Gives back, now and then, what has become free between small blocks that are in use, for as long as the process lives. The
/// allocator does so only at the end of a heap: a thousand small blocks of one job, and one that stays after them, kept all
/// their memory.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn keep_giving_back() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let thread = std::thread::Builder::new().name("longshore-memory".into());
        // Without it the process only stays larger.
        let _ = thread.spawn(|| {
            let mut known = free();
            loop {
                std::thread::sleep(EVERY);
                let free = free();
                // What was given back counts as free until it is used again.
                known = known.min(free);
                if free - known > MUCH {
                    trim();
                    known = free;
                }
            }
        });
    });
}

/// Bytes that the allocator has and nobody uses.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "a call of C that counts; there is no safe one")]
fn free() -> usize {
    // SAFETY: it takes no argument, gives a value, and locks what it reads.
    unsafe { libc::mallinfo2() }.fordblks
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(
    unsafe_code,
    reason = "a call of C that has the allocator give back what is free; there is no safe one"
)]
fn trim() {
    // SAFETY: it touches free memory only, under the locks of the allocator.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators see to it by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back_what_is_free() {}

/// Other allocators see to it by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_giving_back() {}
