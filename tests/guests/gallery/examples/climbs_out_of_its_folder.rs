//! Names artifacts so that they would be files elsewhere, or something else than plain files.

use gallery::longshore::job::artifacts::open;

gallery::guest!("Names artifacts so that they would be elsewhere.", |_| {
    let too_long = "x".repeat(129);
    let too_wide = "語".repeat(100);
    gallery::try_all(
        [
            "../../etc/climbed",
            "..",
            ".",
            "",
            "/tmp/climbed",
            "a/../../climbed",
            "..\\climbed",
            "C:\\climbed",
            "climbed\0.txt",
            "climbed\n.txt",
            "climbed\u{1b}[2J",
            "climbed\u{85}",
            ".climbed",
            &too_long,
            &too_wide,
        ],
        |name| {
            let artifact = open(name, "text/plain").map_err(|error| error.code)?;
            artifact.write(b"x");
            Ok("opened".into())
        },
    )
});
