//! A toolchain for guests from Debian's packages: their rustc, and the target's standard library built from their source.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use longshore_guest_build::{TARGET, Toolchain, build, cargo};

use super::packages;
use crate::output::say;
use crate::shell;

/// rustc finds its libraries beside itself wherever the folder is.
const WRAPPER: &str = r#"#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
LD_LIBRARY_PATH=$here/LIBRARIES${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$here/usr/bin/rustc" "$@"
"#;

/// Whether this machine has Debian's package tools.
pub(super) fn is_possible() -> bool {
    ["apt-get", "apt-cache", "dpkg"].iter().all(|program| shell::works(program, &["--version"]))
}

/// Prepares the toolchain in `folder`. It appears there only once it has built a guest.
pub(super) fn prepare(folder: &Path) -> Result<Toolchain> {
    let part = folder.with_extension("part");
    remove(&part)?;
    fs::create_dir_all(&part)?;
    packages::unpack_into(&part)?;
    write_wrapper(&part)?;
    borrow_linkers(&part)?;
    let toolchain = |folder: &Path| {
        fs::write(folder.join("ready"), "")?;
        Toolchain::in_folder(folder).context("the toolchain is not complete")
    };
    build_std(&part, &toolchain(&part)?)?;
    prove(&toolchain(&part)?)?;
    remove(folder)?;
    fs::rename(&part, folder)
        .with_context(|| format!("cannot move the toolchain to {}", folder.display()))?;
    toolchain(folder)
}

fn write_wrapper(sysroot: &Path) -> Result<()> {
    let libraries = driver_folder(sysroot)?;
    let libraries = libraries.strip_prefix(sysroot)?.display().to_string();
    let path = sysroot.join("rustc");
    fs::write(&path, WRAPPER.replace("LIBRARIES", &libraries))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The folder of rustc's own libraries, which is named after the machine's architecture.
fn driver_folder(sysroot: &Path) -> Result<PathBuf> {
    for folder in sysroot.join("usr/lib").read_dir()? {
        let folder = folder?.path();
        let Ok(mut files) = folder.read_dir() else { continue };
        let is_driver =
            |file: fs::DirEntry| file.file_name().to_string_lossy().starts_with("librustc_driver");
        if files.any(|file| file.is_ok_and(is_driver)) {
            return Ok(folder);
        }
    }
    bail!("Debian's rustc has no librustc_driver where it was expected");
}

/// The target links with two programs that only the installed Rust brings, and one of them needs its LLVM.
fn borrow_linkers(sysroot: &Path) -> Result<()> {
    let version = shell::read(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let installed = shell::read(Command::new("rustc").args(["--print", "sysroot"]))?;
    let (installed, borrowed) = (Path::new(installed.trim()), sysroot.join("usr"));
    let folder = Path::new("lib/rustlib").join(host).join("bin");
    fs::create_dir_all(borrowed.join(&folder))?;
    for linker in ["rust-lld", "wasm-component-ld"] {
        copy(&installed.join(&folder).join(linker), &borrowed.join(&folder).join(linker))?;
    }
    // The linker looks for it three folders above itself. A Rust whose linker brings its own LLVM has none there.
    for library in installed.join("lib").read_dir()? {
        let (path, name) = library.map(|library| (library.path(), library.file_name()))?;
        if name.to_string_lossy().starts_with("libLLVM") {
            copy(&path, &borrowed.join("lib").join(name))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).with_context(|| format!("cannot copy {}", from.display()))
}

/// Builds the standard library as a dependency of an empty crate, and puts it where rustc looks.
fn build_std(sysroot: &Path, toolchain: &Toolchain) -> Result<()> {
    say("setup: building the standard library (about two minutes)");
    let library = sysroot.join("usr/lib/rustlib").join(TARGET).join("lib");
    let startup = library.join("self-contained");
    fs::create_dir_all(&startup)?;
    for file in ["libc.a", "crt1-command.o", "crt1-reactor.o"] {
        copy(&sysroot.join("usr/lib/wasm32-wasi").join(file), &startup.join(file))?;
    }
    let seed = Crate::new("rlib", "//! Nothing of its own.\n")?;
    let mut build = cargo(seed.folder(), toolchain);
    // Building the standard library is an unstable option of a stable cargo.
    build.env("RUSTC_BOOTSTRAP", "1");
    build.args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort"]);
    shell::run(&mut build)?;
    for file in seed.folder().join("target").join(TARGET).join("release/deps").read_dir()? {
        let (path, name) = file.map(|file| (file.path(), file.file_name()))?;
        let is_std = path.extension().is_some_and(|extension| extension == "rlib")
            && !name.to_string_lossy().starts_with("libseed-");
        if is_std {
            copy(&path, &library.join(name))?;
        }
    }
    Ok(())
}

/// Builds a guest that uses the standard library: a toolchain that cannot is not ready.
fn prove(toolchain: &Toolchain) -> Result<()> {
    let code = "#[unsafe(no_mangle)]\npub extern \"C\" fn now() -> u64 {\n    std::time::Instant::now().elapsed().as_secs()\n}\n";
    let guest = Crate::new("cdylib", code)?;
    if build(guest.folder(), toolchain)?.is_empty() {
        bail!("the new toolchain builds no component");
    }
    Ok(())
}

/// A crate named `seed` in a folder of its own.
struct Crate(tempfile::TempDir);

impl Crate {
    fn new(kind: &str, code: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("src"))?;
        let manifest = format!(
            "[workspace]\n[package]\nname = \"seed\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"{kind}\"]\n"
        );
        fs::write(folder.path().join("Cargo.toml"), manifest)?;
        let lock = "version = 4\n\n[[package]]\nname = \"seed\"\nversion = \"0.0.0\"\n";
        fs::write(folder.path().join("Cargo.lock"), lock)?;
        fs::write(folder.path().join("src/lib.rs"), code)?;
        Ok(Self(folder))
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
