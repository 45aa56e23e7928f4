//! Threads that let others go first.

/// Lets other threads of the host go first. What computes without a pause, as queries and long checks do, cannot be made to
/// take turns, as a guest can: it would take a whole processor from all other jobs, and from the answers to clients.
#[cfg(target_os = "linux")]
pub(crate) fn stand_back() {
    const NICE: i32 = 5;
    // On Linux this is of one thread. Where it is refused the thread is as quick as before.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn stand_back() {}
