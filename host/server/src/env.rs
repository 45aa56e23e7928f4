//! Every environment variable that Longshore reads, declared once.

use std::path::{Path, PathBuf};

/// The project folder, where `--project` does not name it.
pub const PROJECT: &str = "LONGSHORE_PROJECT";

/// What is logged: a filter such as `info` or `longshore=debug,warn`.
pub const LOG: &str = "LONGSHORE_LOG";

/// The form of the log, where `--log-format` does not say it.
pub const LOG_FORMAT: &str = "LONGSHORE_LOG_FORMAT";

/// Where programs keep what they can make again, by the XDG Base Directory Specification.
pub const CACHE_HOME: &str = "XDG_CACHE_HOME";

/// The user's home folder.
pub const HOME: &str = "HOME";

/// The variables with what each is for, as `longshore --help` shows them.
pub const ALL: &[(&str, &str)] = &[
    (PROJECT, "project folder, where --project does not name it"),
    (LOG, "what is logged on stderr, such as info or longshore=debug,warn"),
    (LOG_FORMAT, "log format, human or json, where --log-format does not say it"),
    (CACHE_HOME, "folder of caches, where compiled plugins are kept"),
    (HOME, "home folder, whose .cache is the folder of caches without XDG_CACHE_HOME"),
];

/// The folder of this user's caches; none where there is no home.
pub fn user_cache() -> Option<PathBuf> {
    // A relative path is to be ignored, as the specification says.
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(CACHE_HOME).or_else(|| absolute(HOME).map(|home| Path::new(&home).join(".cache")))
}
