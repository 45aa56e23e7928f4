//! Asks the host whether it should stop, and goes on whatever it hears.

use std::thread::sleep;
use std::time::Duration;

use gallery::longshore::job::progress;

gallery::guest!("Goes on whatever it is told.", |_| {
    let mut done = 0;
    loop {
        done += 1;
        progress::report(done, None, "still here");
        sleep(Duration::from_millis(5));
    }
});
