//! Builds the plugins and puts them into the program, so that `longshore init` can write them anywhere; and the templates,
//! which `longshore plugin new` writes.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use longshore_guest_build::build_script;

/// The plugins that come with Longshore. Others in the workspace are there to be copied.
const SHIPPED: [&str; 3] = ["bulk_invoice", "export", "notifications"];

/// The templates of a plugin, by language.
const TEMPLATES: [&str; 3] = ["javascript", "python", "rust"];

/// What may lie in a template's folder because somebody built it there.
const MADE: [&str; 4] = [".venv", "__pycache__", "node_modules", "target"];

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
    fs::write(out.join("templates.rs"), templates(&root.join("plugins/templates"))?)?;
    Ok(())
}

/// The list of templates, as Rust.
fn templates(folder: &Path) -> Result<String, Box<dyn Error>> {
    let mut list = String::from("&[\n");
    for language in TEMPLATES {
        let mut files = Vec::new();
        walk(&folder.join(language), &mut files)?;
        files.sort();
        writeln!(list, "EmbeddedTemplate {{ language: {language:?}, files: &[")?;
        for file in files {
            let name = literal(file.strip_prefix(folder.join(language))?)?;
            writeln!(list, "({name}, include_str!({})),", literal(&file)?)?;
        }
        list += "] },\n";
    }
    list += "]\n";
    Ok(list)
}

/// The files below `folder`, but for what is built there.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if MADE.contains(&name) || path.extension().is_some_and(|extension| extension == "wasm") {
            continue;
        }
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The path as a string literal of Rust.
fn literal(path: &Path) -> Result<String, Box<dyn Error>> {
    let text = path.to_str().ok_or_else(|| format!("{} is no UTF-8", path.display()))?;
    Ok(format!("{text:?}"))
}
