//! Saves without end, each time next to nothing, with all its artifacts changed.

use gallery::longshore::job::{artifacts, checkpoint};

/// The default limit.
const ARTIFACTS: usize = 100;

gallery::guest!("Saves without end, next to nothing.", |_| {
    let open = |n: usize| artifacts::open(&format!("{n}.txt"), "text/plain").expect("it is a good name");
    let artifacts: Vec<_> = (0..ARTIFACTS).map(open).collect();
    loop {
        artifacts.iter().for_each(|artifact| artifact.write(b"x"));
        checkpoint::save(b"");
    }
});
