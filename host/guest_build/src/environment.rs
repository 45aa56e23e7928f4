//! Which variables of the outer cargo a nested one must not see.

/// Variables that a user sets to say where things are, how they are fetched and how many may run; and the pipe through
/// which nested builds share the processors of the outer one.
const KEPT: &[&str] = &[
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
    "CARGO_BUILD_JOBS",
    "CARGO_MAKEFLAGS",
];

/// What else the outer cargo tells its build scripts, or a wrapper such as clippy tells cargo.
const STRIPPED: &[&str] = &[
    "DEBUG",
    "HOST",
    "LD_LIBRARY_PATH",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC",
    "RUSTC_LINKER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "TARGET",
];

/// Whether the variable must be taken away: it describes the outer build and would change the nested one, or make it
/// build everything again.
pub(crate) fn is_stripped(name: &str) -> bool {
    let of_cargo = name == "CARGO" || name.starts_with("CARGO_") || name.starts_with("__CARGO");
    let of_clippy = name.starts_with("CLIPPY_");
    let kept =
        KEPT.iter().any(|kept| if kept.ends_with('_') { name.starts_with(kept) } else { name == *kept });
    (of_cargo && !kept) || of_clippy || STRIPPED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outer_build_does_not_leak() {
        for name in [
            "CARGO",
            "CARGO_PKG_NAME",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_FEATURE_X",
            "CARGO_PROFILE_RELEASE_LTO",
            "CLIPPY_ARGS",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTFLAGS",
            "OUT_DIR",
            "LD_LIBRARY_PATH",
        ] {
            assert!(is_stripped(name), "{name} leaks");
        }
    }

    #[test]
    fn what_the_user_set_stays() {
        for name in [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_X_TOKEN",
            "CARGO_MAKEFLAGS",
            "RUSTUP_HOME",
        ] {
            assert!(!is_stripped(name), "{name} is gone");
        }
    }
}
