//! Sets folders aside that belong to no task, or not any more.

use std::fs;
use std::io;
use std::path::Path;

use super::layout::{Layout, at};

/// Names that are tried for a folder that is set aside.
const NAMES_MAX: u32 = 1_000;

/// Moves a folder to the folder of strays, under a name that is free there.
pub(crate) fn set_aside(layout: &Layout, path: &Path, within: &str) -> io::Result<()> {
    let strays = layout.stray().join(within);
    fs::create_dir_all(&strays).map_err(|error| at("create the folder", &strays, &error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let free = (0..NAMES_MAX)
        .map(|number| strays.join(if number == 0 { name.to_string() } else { format!("{name}.{number}") }))
        .find(|candidate| !candidate.exists())
        .ok_or_else(|| io::Error::other(format!("{} is full of folders of that name", strays.display())))?;
    fs::rename(path, free).map_err(|error| at("set aside", path, &error))
}
