//! Keeps what cargo cannot: the floors, one wall clock, small files, guests that are all used. Each rule says why.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file longer than this has grown past one purpose. Tests inside the file do not count.
const LINES_MAX: usize = 450;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository").to_path_buf()
}

/// Files under `folder` with that extension, as paths from the root; nothing that is built.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.map(|entry| entry.expect("a folder of the repository can be read").path()) {
            let name = entry.file_name().unwrap_or_default().to_string_lossy();
            if entry.is_dir() && name != "target" && name != "node_modules" && !name.starts_with('.') {
                walk(&entry, extension, found);
            } else if entry.extension().is_some_and(|actual| actual == extension) {
                found.push(entry);
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    walk(&root.join(folder), extension, &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| path.strip_prefix(&root).expect("it is below the root").to_path_buf())
        .collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code of a file without its comments, and without the tests at its end.
fn code(path: &Path) -> String {
    let text = read(path);
    let product = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    product.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}\n  {}", broken.join("\n  "));
}

/// Our crates that a manifest names in the given section.
fn dependencies(manifest: &str, section: &str) -> BTreeSet<String> {
    let table: toml::Table = toml::from_str(manifest).expect("a manifest is TOML");
    table
        .get(section)
        .and_then(toml::Value::as_table)
        .map(|table| table.keys().cloned().collect())
        .unwrap_or_default()
}

#[test]
fn crates_import_downwards_only() {
    // The domain knows nobody; store, sandbox, scheduler and delivery meet in its traits only; the server wires them.
    let floors: [(&str, &[&str]); 7] = [
        ("domain", &[]),
        ("store", &["longshore-domain"]),
        ("sandbox", &["longshore-domain"]),
        ("scheduler", &["longshore-domain"]),
        ("delivery", &["longshore-domain"]),
        ("guest_build", &[]),
        (
            "server",
            &[
                "longshore-domain",
                "longshore-store",
                "longshore-sandbox",
                "longshore-scheduler",
                "longshore-delivery",
            ],
        ),
    ];
    let mut broken = Vec::new();
    for (folder, allowed) in floors {
        let manifest = read(Path::new(&format!("host/{folder}/Cargo.toml")));
        for name in dependencies(&manifest, "dependencies") {
            if name.starts_with("longshore") && !allowed.contains(&name.as_str()) {
                broken.push(format!("host/{folder} depends on {name}"));
            }
        }
    }
    let known: BTreeSet<&str> = floors.iter().map(|(folder, _)| *folder).collect();
    for entry in fs::read_dir(root().join("host")).expect("host/ is there").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !known.contains(name.as_str()) {
            broken.push(format!("host/{name} has no floor: give it one in this test"));
        }
    }
    assert_none("A crate imports from a floor that it must not see (docs/ARCHITECTURE.md, floors):", &broken);
}

#[test]
fn each_outside_library_stays_in_its_crate() {
    // What one crate hides can be replaced; what two crates see cannot.
    let homes: [(&str, &[&str]); 8] = [
        ("wasmtime", &["sandbox"]),
        ("wasmtime-wasi", &["sandbox"]),
        ("wasmtime-wasi-http", &["sandbox"]),
        ("notify", &["sandbox"]),
        ("rmcp", &["server"]),
        ("lettre", &["delivery"]),
        ("rustls", &["delivery"]),
        // The sandbox reads data sources, the server writes the sample database.
        ("rusqlite", &["store", "sandbox", "server"]),
    ];
    let mut broken = Vec::new();
    for manifest in files("host", "toml").into_iter().filter(|path| path.ends_with("Cargo.toml")) {
        let folder =
            manifest.components().nth(1).expect("host/NAME").as_os_str().to_string_lossy().into_owned();
        for name in dependencies(&read(&manifest), "dependencies") {
            if homes.iter().any(|(library, home)| *library == name && !home.contains(&folder.as_str())) {
                broken.push(format!("host/{folder} depends on {name}"));
            }
        }
    }
    assert_none("A library is used outside the crate that it belongs to:", &broken);
}

#[test]
fn the_domain_does_no_io() {
    let manifest = read(Path::new("host/domain/Cargo.toml"));
    let broken: Vec<String> = dependencies(&manifest, "dependencies")
        .into_iter()
        .filter(|name| ["tokio", "rusqlite", "wasmtime", "rmcp", "futures"].contains(&name.as_str()))
        .collect();
    assert_none("The domain is values, rules and traits; it must not depend on:", &broken);
}

#[test]
fn only_app_sees_store_sandbox_and_delivery() {
    // One module wires the host; everything else in the server can be read without knowing SQLite, wasmtime or SMTP.
    let mut broken = Vec::new();
    for path in files("host/server/src", "rs") {
        let in_app = path.starts_with("host/server/src/app");
        let code = code(&path);
        for name in ["longshore_store", "longshore_sandbox", "longshore_delivery"] {
            if !in_app && code.contains(name) {
                broken.push(format!("{} names {name}", path.display()));
            }
        }
        if code.contains("rmcp::") && !path.starts_with("host/server/src/mcp") {
            broken.push(format!("{} names rmcp", path.display()));
        }
    }
    assert_none(
        "Inside the server only app/ sees store, sandbox and delivery, and only mcp/ sees rmcp:",
        &broken,
    );
}

#[test]
fn one_file_prints() {
    // What plugins and clients say is made fit for a terminal where it is printed, so nothing may go by another way.
    let ways = [
        ("io::stdout()", &["cli/output.rs", "mcp/mod.rs", "mcp/stdio.rs"][..]),
        ("io::stderr", &["cli/output.rs", "logging.rs", "mcp/stdio.rs"]),
        ("print!(", &[]),
        ("println!(", &[]),
        (".set_message(", &["cli/bar.rs"]),
    ];
    let mut broken = Vec::new();
    for path in files("host/server/src", "rs") {
        let code = code(&path);
        for (way, homes) in ways {
            if code.contains(way) && !homes.iter().any(|home| path.ends_with(home)) {
                broken.push(format!("{} has {way}", path.display()));
            }
        }
    }
    assert_none(
        "Say it through cli/output.rs, cli/bar.rs or tracing, which escape what a terminal obeys:",
        &broken,
    );
}

#[test]
fn there_is_one_wall_clock() {
    // Time is passed in, so that tests move it. Instants, which only measure, are free.
    let clock = Path::new("host/server/src/app/clock.rs");
    let mut broken = Vec::new();
    for path in files("host", "rs").into_iter().filter(|path| path != clock) {
        if path
            .components()
            .any(|part| ["tests", "examples", "benches"].iter().any(|name| part.as_os_str() == *name))
        {
            continue;
        }
        for (number, line) in code(&path).lines().enumerate() {
            if ["SystemTime::now", "Timestamp::now", "Zoned::now", "Utc::now", "Local::now"]
                .iter()
                .any(|n| line.contains(n))
            {
                broken.push(format!("{}: {}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert_none(&format!("The wall clock is read in {} only:", clock.display()), &broken);
}

#[test]
fn files_have_one_purpose() {
    let mut broken = Vec::new();
    for folder in ["host", "plugins", "tests", "xtask"] {
        for path in files(folder, "rs") {
            let lines = code(&path).lines().count();
            // Tables may be long: there is nothing to understand in their length.
            let is_table =
                path.ends_with("names.rs") || path.ends_with("places.rs") || path.ends_with("products.rs");
            if lines > LINES_MAX && !is_table {
                broken.push(format!("{} has {lines} lines of code", path.display()));
            }
        }
    }
    assert_none(
        &format!("A file of more than {LINES_MAX} lines has more than one purpose; split it:"),
        &broken,
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut broken = Vec::new();
    for folder in ["host", "plugins", "tests", "xtask"] {
        for path in files(folder, "rs") {
            if !read(&path).starts_with("//!") {
                broken.push(path.display().to_string());
            }
        }
    }
    assert_none("A file begins with a line that says what it is for (`//! …`):", &broken);
}

#[test]
fn every_guest_is_used() {
    // A guest that no test loads proves nothing and costs build time.
    let tests: String = files("tests/tests", "rs")
        .iter()
        .chain(&files("tests/src", "rs"))
        .chain(&files("tests/bench", "rs"))
        .chain(&files("tests/crash", "rs"))
        .chain(&files("xtask", "rs"))
        .chain(&files("host/sandbox", "rs"))
        .map(|path| read(path))
        .collect();
    let broken: Vec<String> = fs::read_dir(root().join("tests/guests"))
        .expect("tests/guests is there")
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !tests.contains(&format!("\"{name}\"")))
        .collect();
    assert_none("A guest in tests/guests is named by no test:", &broken);
}

#[test]
fn unsafe_has_its_reason() {
    let mut broken = Vec::new();
    for path in files("host", "rs") {
        let text = read(&path);
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let is_unsafe =
                line.contains("unsafe {") || line.contains("unsafe fn") || line.contains("unsafe impl");
            let explained =
                lines[number.saturating_sub(6)..number].iter().any(|line| line.contains("// SAFETY:"));
            if is_unsafe && !explained {
                broken.push(format!("{}: {}", path.display(), number + 1));
            }
        }
    }
    assert_none("`unsafe` stands under a `// SAFETY:` comment:", &broken);
}

#[test]
fn templates_carry_the_contract_and_the_sdk() {
    // A template is copied out of the repository and has to build there, with exactly what the plugins here use.
    fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(top: &Path, folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            {
                let path = entry.expect("a folder of the repository can be read").path();
                if path.is_dir() {
                    walk(top, &path, found);
                } else {
                    found.push((path.strip_prefix(top).unwrap().to_owned(), fs::read(&path).unwrap()));
                }
            }
        }
        let mut found = Vec::new();
        walk(&root().join(folder), &root().join(folder), &mut found);
        found.sort();
        found
    }
    let rust = Path::new("plugins/templates/rust");
    let sdk = rust.join("longshore-plugin");
    let mut broken = Vec::new();
    for (original, copy) in [
        ("wit", PathBuf::from("plugins/sdk/wit")),
        ("wit", "plugins/templates/python/wit".into()),
        ("wit", "plugins/templates/javascript/wit".into()),
        ("wit", sdk.join("wit")),
        ("plugins/sdk/src", sdk.join("src")),
    ] {
        if tree(Path::new(original)) != tree(&copy) {
            broken.push(format!("{} is not a copy of {original}", copy.display()));
        }
    }
    if read(Path::new("plugins/sdk/Cargo.toml")) != read(&sdk.join("Cargo.toml")) {
        broken.push(format!("{} is not a copy of that of plugins/sdk", sdk.join("Cargo.toml").display()));
    }
    assert_none("Run `cargo xtask templates`:", &broken);

    let packages = |lock: &Path| -> BTreeSet<String> {
        let lock: toml::Table = toml::from_str(&read(lock)).expect("a lock file is TOML");
        let packages = lock["package"].as_array().expect("it lists packages").iter();
        packages.map(|package| format!("{} {}", package["name"], package["version"])).collect()
    };
    let (template, plugins) = (packages(&rust.join("Cargo.lock")), packages(Path::new("plugins/Cargo.lock")));
    let own = "\"word_count\" \"0.1.0\"";
    let broken: Vec<String> =
        template.difference(&plugins).filter(|package| *package != own).cloned().collect();
    assert_none("The Rust template pins versions that plugins/Cargo.lock does not have:", &broken);
}
