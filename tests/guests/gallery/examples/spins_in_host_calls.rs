//! Calls the host for ever.

use gallery::longshore::job::task;

gallery::guest!("Calls the host for ever.", |_| loop {
    task::current();
});
