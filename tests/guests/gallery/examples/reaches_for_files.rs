//! Reads and writes files of the host through WASI, by absolute and by relative paths.

use std::fs;

gallery::guest!("Reads and writes files of the host.", |_| {
    gallery::try_all(
        [".", "/", "..", "/etc/passwd", "longshore.toml", "../../../etc", "/tmp/reached"],
        |path| {
            let denied = |error: std::io::Error| error.kind().to_string();
            let read = fs::read(path).map(|bytes| format!("{} bytes", bytes.len()));
            let listed = fs::read_dir(path).map(|entries| format!("{} entries", entries.count()));
            let written = fs::write(path, "x").map(|()| "written".to_owned());
            let linked = fs::hard_link("/etc/passwd", path).map(|()| "linked".to_owned());
            read.or(listed).or(written).or(linked).map_err(denied)
        },
    )
});
