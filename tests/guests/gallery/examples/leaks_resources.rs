//! Opens the same artifact without end, and never gives a handle back.

use gallery::longshore::job::artifacts::open;

gallery::guest!("Never gives a handle back.", |_| loop {
    let artifact = open("one.txt", "text/plain").map_err(|error| gallery::JobError::Failed(error.code))?;
    artifact.write(b"x");
    std::mem::forget(artifact);
});
