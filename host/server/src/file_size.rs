//! How large files may be that the process writes.

use tokio::signal::unix::{SignalKind, signal};

/// Lets a write beyond the limit on the size of files (`ulimit -f`) fail like any other, in place of ending the process with
/// all its jobs. To be called within the async runtime; it holds for as long as the process lives.
pub(crate) fn survive_its_limit() {
    // Whoever handles a signal is not ended by it. Where that cannot be, a write beyond the limit ends the process, as before.
    let _ = signal(SignalKind::from_raw(libc::SIGXFSZ));
}
