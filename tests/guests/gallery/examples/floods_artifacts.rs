//! Opens artifacts without end, and writes a byte to each.

use gallery::longshore::job::artifacts::open;

gallery::guest!("Opens artifacts without end.", |_| {
    for number in 0.. {
        let artifact = open(&format!("artifact-{number}"), "text/plain");
        artifact.map_err(|error| gallery::JobError::Failed(error.code))?.write(b"x");
    }
    unreachable!("there is an artifact for each number")
});
