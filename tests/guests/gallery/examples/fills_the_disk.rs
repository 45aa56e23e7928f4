//! Writes to an artifact without end.

use gallery::longshore::job::artifacts::open;

gallery::guest!("Writes to an artifact without end.", |_| {
    let artifact = open("large.bin", "application/octet-stream");
    let artifact = artifact.map_err(|error| gallery::JobError::Failed(error.code))?;
    let piece = vec![7; 1 << 20];
    loop {
        artifact.write(&piece);
    }
});
