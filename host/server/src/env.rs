//! Every environment variable that Longshore reads, declared once.

/// The project folder, where `--project` does not name it.
pub const PROJECT: &str = "LONGSHORE_PROJECT";

/// What is logged: a filter such as `info` or `longshore=debug,warn`.
pub const LOG: &str = "LONGSHORE_LOG";

/// The variables with what each is for, as `longshore --help` shows them.
pub const ALL: &[(&str, &str)] = &[
    (PROJECT, "project folder, where --project does not name it"),
    (LOG, "what is logged on stderr, such as info or longshore=debug,warn"),
];
