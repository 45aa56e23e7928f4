//! Saves without end, each time as much as it may.

use gallery::longshore::job::checkpoint::save;

/// The default limit.
const STATE_BYTES: usize = 8 << 20;

gallery::guest!("Saves without end.", |_| {
    let state = vec![7; STATE_BYTES];
    loop {
        save(&state);
    }
});
