//! Builds the plugins and puts them into the program, so that `longshore init` can write them anywhere.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use longshore_guest_build::build_script;

/// The plugins that come with Longshore. Others in the workspace are there to be copied.
const SHIPPED: [&str; 3] = ["bulk_invoice", "export", "notifications"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo names no OUT_DIR")?);
    let guests = build_script::guests(&root.join("plugins"), &[root.join("wit")]);
    let mut list = String::from("&[\n");
    for name in SHIPPED {
        let guest = guests.iter().find(|guest| guest.name == name);
        let guest = guest.ok_or_else(|| format!("plugins/ makes no {name}.wasm"))?;
        // Copied first, because the guest workspace may be built again while this program is compiled.
        let component = out.join(format!("{name}.wasm"));
        fs::copy(&guest.component, &component)?;
        let policy = guest.package.join(format!("{name}.toml"));
        let (component, policy) = (literal(&component)?, literal(&policy)?);
        writeln!(list, "EmbeddedPlugin {{ name: {name:?}, component: include_bytes!({component}), ")?;
        writeln!(list, "policy: include_str!({policy}) }},")?;
    }
    list += "]\n";
    fs::write(out.join("plugins.rs"), list)?;
    Ok(())
}

/// The path as a string literal of Rust.
fn literal(path: &Path) -> Result<String, Box<dyn Error>> {
    let text = path.to_str().ok_or_else(|| format!("{} is no UTF-8", path.display()))?;
    Ok(format!("{text:?}"))
}
