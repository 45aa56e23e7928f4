//! Builds the plugins and puts them into the program, so that `longshore init` can write them anywhere.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use longshore_guest_build::build_script;

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.join("../..").canonicalize()?;
    let policies = here.join("policies");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo names no OUT_DIR")?);
    let guests = build_script::guests(&root.join("plugins"), &[root.join("wit"), policies.clone()]);
    let mut list = String::from("&[\n");
    for policy in files(&policies)? {
        let name = policy.file_stem().and_then(|stem| stem.to_str()).ok_or("a policy has no name")?;
        let guest = guests.iter().find(|guest| guest.name == name);
        let guest = guest.ok_or_else(|| format!("{} belongs to no plugin", policy.display()))?;
        // Copied first, because the guest workspace may be built again while this program is compiled.
        let component = out.join(format!("{name}.wasm"));
        fs::copy(&guest.component, &component)?;
        let (component, policy) = (literal(&component)?, literal(&policy)?);
        writeln!(list, "EmbeddedPlugin {{ name: {name:?}, component: include_bytes!({component}), ")?;
        writeln!(list, "policy: include_str!({policy}) }},")?;
    }
    list += "]\n";
    fs::write(out.join("plugins.rs"), list)?;
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}

/// The path as a string literal of Rust.
fn literal(path: &Path) -> Result<String, Box<dyn Error>> {
    let text = path.to_str().ok_or_else(|| format!("{} is no UTF-8", path.display()))?;
    Ok(format!("{text:?}"))
}
