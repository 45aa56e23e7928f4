//! Which of Debian's packages make a rustc for guests, and getting them without installing any.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::output::say;
use crate::shell;

/// A recent stable rustc (Debian keeps it for its browsers), the source of its standard library, and the C library that
/// the target's standard library stands on.
const NAMED: &[&str] = &["rustc-web", "libstd-rust-web-dev", "rust-web-src", "wasi-libc"];

/// Downloads every package that is needed and unpacks it into `sysroot`. The system stays as it is.
pub(super) fn unpack_into(sysroot: &Path) -> Result<()> {
    // Without root the lists cannot be renewed, and those that are there may do.
    if shell::run(Command::new("apt-get").args(["update", "-q"])).is_err() {
        say("setup: cannot renew the package lists, going on with what is known");
    }
    let std = dependency("libstd-rust-web-dev", "libstd-rust-web-")?;
    let llvm = dependency(&std, "libllvm")?;
    let mut packages: Vec<String> = NAMED.iter().map(ToString::to_string).collect();
    packages.push(std);
    packages.extend(with_missing_dependencies(&llvm)?);

    let downloads = tempfile::tempdir()?;
    say(&format!("setup: downloading {}", packages.join(", ")));
    // As another user than root, apt could not write into a folder that is ours alone.
    let mut download = Command::new("apt-get");
    download.args(["download", "-q", "-o", "APT::Sandbox::User=root"]).args(&packages);
    shell::run(download.current_dir(downloads.path()))?;
    for entry in downloads.path().read_dir()? {
        let mut unpack = Command::new("dpkg");
        shell::run(unpack.arg("-x").arg(entry?.path()).arg(sysroot))?;
    }
    Ok(())
}

/// The dependency of `package` whose name begins with `prefix`.
fn dependency(package: &str, prefix: &str) -> Result<String> {
    let listed = shell::read(Command::new("apt-cache").args(["depends", package]))?;
    named_dependency(&listed, prefix)
        .with_context(|| format!("Debian's package {package} does not depend on a {prefix}… here"))
}

fn named_dependency(listed: &str, prefix: &str) -> Option<String> {
    let depends = listed.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    depends.map(str::trim).find(|name| name.starts_with(prefix)).map(str::to_owned)
}

/// `package` and what it needs of the packages that are not installed here.
fn with_missing_dependencies(package: &str) -> Result<Vec<String>> {
    let mut plan = Command::new("apt-get");
    let plan =
        shell::read(plan.args(["install", "--print-uris", "--no-install-recommends", "-y", "-q", package]))?;
    let mut packages = planned(&plan);
    if packages.is_empty() && !shell::works("dpkg", &["-s", package]) {
        bail!("apt-get does not say how to get {package}");
    }
    if packages.is_empty() {
        packages.push(package.to_owned());
    }
    Ok(packages)
}

/// Names of the packages that apt-get would fetch: lines of the form `'URI' NAME_VERSION_ARCH.deb SIZE HASH`.
fn planned(plan: &str) -> Vec<String> {
    let files = plan.lines().filter(|line| line.starts_with('\'')).filter_map(|line| line.split(' ').nth(1));
    files.filter_map(|file| file.split('_').next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_from_what_apt_prints() {
        let listed = "libstd-rust-web-dev\n  Depends: libstd-rust-web-1.96\n  Conflicts: <rustup>\n";
        assert_eq!(named_dependency(listed, "libstd-rust-web-").unwrap(), "libstd-rust-web-1.96");
        assert_eq!(named_dependency(listed, "libllvm"), None);
        let plan = "Reading package lists...\n'http://x/libz3-4_4.8.deb' libz3-4_4.8.12-3_amd64.deb 7 MD5:1\n\
                    'http://x/l.deb' libllvm22_1%3a22.1-1_amd64.deb 9 \n";
        assert_eq!(planned(plan), ["libz3-4", "libllvm22"]);
    }
}
