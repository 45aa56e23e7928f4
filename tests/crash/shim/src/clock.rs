//! The wall clock, which the harness sets ahead when it has no time to wait for leases.

use libc::{CLOCK_REALTIME, c_int, clockid_t, timespec};

use crate::settings::settings;

/// # Safety
/// As `clock_gettime` of the C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: the caller's pointer goes to the kernel as it came.
    let answer = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    if answer == 0 && clock == CLOCK_REALTIME {
        // SAFETY: the kernel has just written there.
        unsafe {
            (*time).tv_sec += settings().clock_ahead_ms / 1000;
        }
    }
    answer as c_int
}
