//! Reports progress without end, each time with a message of 64 KiB.

use gallery::longshore::job::progress;

gallery::guest!("Reports progress without end.", |_| {
    let message = "\u{1b}".repeat(64 * 1024);
    let mut done = 0;
    loop {
        done += 1;
        progress::report(done, Some(0), &message);
    }
});
