//! How this program is called again for the same project: the beginning of every command that is printed to be pasted.

use std::path::Path;
use std::sync::OnceLock;

use crate::{env, shell};

static CALL: OnceLock<String> = OnceLock::new();

/// Notes the project that was named on the command line. One that the environment names, or the working directory, is
/// that of the next command, too.
pub(super) fn note(project: Option<&Path>) {
    let named =
        project.filter(|project| std::env::var_os(env::PROJECT).as_deref() != Some(project.as_os_str()));
    if let Some(project) = named {
        // Once in a process; in tests the first counts.
        let _ = CALL.set(format!("longshore -C {}", shell::quote_path(project)));
    }
}

/// The program, and the project where that has to be named.
pub(super) fn longshore() -> &'static str {
    CALL.get().map_or("longshore", String::as_str)
}
