//! The components of all guests in one folder: those that were built are copied, those that are written by hand are put into
//! their frame and made binary.

use std::fs;
use std::path::{Path, PathBuf};

use longshore_bench::Result;

/// Collects the components of `built` and of the texts in `by_hand` in the folder `into`.
pub(crate) fn collect(built: &Path, by_hand: &Path, into: &Path) -> Result<()> {
    fs::create_dir_all(into)?;
    for path in files(built, "wasm")? {
        fs::copy(&path, into.join(path.file_name().unwrap_or_default()))?;
    }
    let frame = fs::read_to_string(by_hand.join("component.wat"))?;
    for path in files(&by_hand.join("guests"), "wat")? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = framed(&frame, &name, &fs::read_to_string(&path)?);
        let component = wat::parse_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        fs::write(into.join(format!("{name}.wasm")), component)?;
    }
    Ok(())
}

/// The same component, and another file: a section that means nothing is added to it, with that number in it.
pub(crate) fn varied(component: &[u8], number: u8) -> Vec<u8> {
    // A custom section (0) of three bytes: a name of one byte, and the number.
    [component, &[0, 3, 1, b'n', number]].concat()
}

fn framed(frame: &str, name: &str, module: &str) -> String {
    let frame = frame.lines().filter(|line| !line.starts_with(";;")).collect::<Vec<_>>().join("\n");
    let module: String = module.lines().map(repeated).collect();
    frame
        .replace("NAME", name)
        .replace("LENGTH", &name.len().to_string())
        .replace("MODULE", &format!("\n{module}\n"))
}

/// A line of a guest: as it is, or so many times where it says `REPEAT TIMES` first.
fn repeated(line: &str) -> String {
    let line = format!("{line}\n");
    let told = line.trim_start().strip_prefix("REPEAT ").and_then(|rest| rest.split_once(' '));
    match told.and_then(|(times, text)| Some((times.parse().ok()?, text))) {
        Some((times, text)) => text.repeat(times),
        None => line,
    }
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|actual| actual == extension)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_hand_is_a_component_of_its_name() {
        let texts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/gallery/wat");
        let folder = tempfile::tempdir().unwrap();
        collect(folder.path(), &texts, folder.path()).unwrap();
        let component = fs::read(folder.path().join("reenters.wasm")).unwrap();
        // The preamble of a component, not of a module.
        assert_eq!(component[..8], [0, b'a', b's', b'm', 0x0d, 0, 1, 0]);
        assert!(component.windows(8).any(|bytes| bytes == b"reenters"));
        assert_ne!(varied(&component, 1), varied(&component, 2));
    }
}
