//! Gives memory that is free back to the system. Other allocators than glibc's see to it by themselves.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) use glibc::{give_back_what_is_free, keep_giving_back};

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back_what_is_free() {}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_giving_back() {}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::fs;
    use std::sync::Once;
    use std::thread;
    use std::time::Duration;

    /// Blocks of this size and more are mapped one by one, and unmapped when they are freed; and no more than this is kept
    /// free at the end of a heap.
    const THRESHOLD: libc::c_int = 128 * 1024;

    /// How often it is looked whether much is free, and how much that is.
    const EVERY: Duration = Duration::from_secs(1);
    const MUCH: usize = 4 << 20;
    /// What counts as a change since the last time.
    const CHANGE: usize = 1 << 20;

    /// Has the allocator keep little of what is freed. By itself, glibc raises both thresholds to 32 MiB and 64 MiB when large
    /// blocks come and go, and a host kept hundreds of megabytes that one plugin had made it hold for a moment.
    #[allow(unsafe_code, reason = "a call of C that sets two numbers of the allocator; there is no safe one")]
    pub(crate) fn give_back_what_is_free() {
        // SAFETY: it may be called at any time, and is called before there is a second thread.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, THRESHOLD);
            libc::mallopt(libc::M_TRIM_THRESHOLD, THRESHOLD);
        }
    }

    /// Gives back, now and then, what has become free between small blocks that are in use, for as long as the process lives.
    /// The allocator does so only at the end of a heap: fifty jobs with a thousand small blocks each had left 1.3 GiB behind.
    pub(crate) fn keep_giving_back() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let thread = thread::Builder::new().name("longshore-memory".into());
            // Without it the process only stays larger.
            let _ = thread.spawn(|| {
                let mut left = (resident(), free());
                loop {
                    thread::sleep(EVERY);
                    let now = (resident(), free());
                    // What was given back counts as free until it is used again: there is something to do only if something
                    // has changed since.
                    let has_changed =
                        [now.0.abs_diff(left.0), now.1.abs_diff(left.1)].into_iter().max() > Some(CHANGE);
                    if has_changed && now.1 > MUCH {
                        trim();
                        left = (resident(), free());
                    }
                }
            });
        });
    }

    /// Bytes of memory that the process has. None where the system does not tell.
    fn resident() -> usize {
        let told = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = told.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
        pages.unwrap_or(0) * rustix::param::page_size()
    }

    /// Bytes that the allocator has and nobody uses.
    #[allow(unsafe_code, reason = "a call of C that counts; there is no safe one")]
    fn free() -> usize {
        // SAFETY: it takes no argument, gives a value, and locks what it reads.
        unsafe { libc::mallinfo2() }.fordblks
    }

    #[allow(
        unsafe_code,
        reason = "a call of C that has the allocator give back what is free; there is no safe one"
    )]
    fn trim() {
        // SAFETY: it touches free memory only, under the locks of the allocator.
        unsafe { libc::malloc_trim(0) };
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_is_free_between_blocks_in_use_goes_back() {
            let blocks: Vec<Vec<u8>> = (0..64 << 10).map(|_| vec![1; 1_000]).collect();
            let before = resident();
            // One in a hundred stays, so that no heap ends before it.
            let kept: Vec<_> =
                blocks.into_iter().enumerate().filter(|(number, _)| number % 100 == 0).collect();
            assert!(free() > MUCH);
            trim();
            let after = resident();
            assert!(after + (32 << 20) < before, "{before} to {after}, with {} kept", kept.len());
        }
    }
}
