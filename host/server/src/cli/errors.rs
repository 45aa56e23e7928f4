//! Errors, printed once: what happened as a chain, with the stable code where there is one, and what to do about it on a
//! line of its own.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Error;
use longshore_domain::StoreError;
use longshore_scheduler::ServiceError;

use crate::config::{ConfigError, NoProject};

/// A mistake in how the command was called, which ends it with exit code 2.
#[derive(Debug)]
pub(super) struct Usage {
    /// What is wrong.
    pub(super) message: String,
    /// What to do about it.
    pub(super) hint: String,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Usage {}

/// Tells of a command line that is none, as clap words it; also prints help and version, which clap treats the same way.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    // Nobody listens when this fails.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

/// Tells of an error, and gives the exit code that goes with it.
pub(super) fn report(error: &Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let hint = hint(error).map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
    let code = code(error).map(|code| format!("[{code}]")).unwrap_or_default();
    let _ = write!(io::stderr(), "error{code}: {}\n{hint}", chain(error));
    if error.is::<Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

/// Whether the reader of stdout has seen enough, as `head` does: no error of ours.
fn is_closed_pipe(error: &Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The error and its causes on one line, without those that their predecessor has named already.
fn chain(error: &Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// The code that an agent would see, too.
fn code(error: &Error) -> Option<&'static str> {
    error.chain().find_map(|cause| {
        let store = cause.downcast_ref::<StoreError>().map(StoreError::code);
        store.or_else(|| cause.downcast_ref::<ServiceError>().map(ServiceError::code))
    })
}

/// What to do about it, where that is known.
fn hint(error: &Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(usage) = cause.downcast_ref::<Usage>() {
            return Some(usage.hint.clone());
        }
        if cause.is::<NoProject>() {
            return Some("`longshore init DIR` makes a project; --project DIR names one".into());
        }
        if let Some(config) = cause.downcast_ref::<ConfigError>() {
            return config.hint().map(str::to_owned);
        }
        if let Some(store) = cause.downcast_ref::<StoreError>() {
            return store.advice().map(str::to_owned);
        }
        cause.downcast_ref::<ServiceError>().and_then(service_hint)
    })
}

fn service_hint(error: &ServiceError) -> Option<String> {
    Some(match error {
        ServiceError::UnknownJobType { .. } => {
            "`longshore plugin list` shows every plugin and what is wrong with it".into()
        }
        ServiceError::InvalidInput { job_type, .. } => {
            format!("`longshore plugin inspect {job_type}` shows the input schema")
        }
        ServiceError::NotFound { .. } => "`longshore task list` shows the jobs that there are".into(),
        ServiceError::PayloadTooLarge { .. } => {
            "raise payload_bytes_max under [limits] in longshore.toml, or send less".into()
        }
        ServiceError::Store(error) => return error.advice().map(str::to_owned),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_chain_is_one_line_without_repetition() {
        let error = Err::<(), _>(io::Error::other("disk full")).context("cannot write x").unwrap_err();
        assert_eq!(chain(&error), "cannot write x: disk full");
        let told = Err::<(), _>(io::Error::other("disk full")).context("no: disk full").unwrap_err();
        assert_eq!(chain(&told), "no: disk full");
    }

    #[test]
    fn a_hint_is_found_below_the_surface() {
        let error = Error::from(NoProject::Above("/x".into())).context("cannot go on");
        assert!(hint(&error).unwrap().contains("longshore init"));
        assert_eq!(hint(&Error::msg("what")), None);
    }

    #[test]
    fn what_has_a_code_is_told_with_it() {
        let error = Error::from(StoreError::TooNew { found: 99, known: 8 }).context("cannot open x");
        assert_eq!(code(&error), Some("database_too_new"));
        assert_eq!(code(&Error::msg("what")), None);
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_error() {
        let error = Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("cannot print");
        assert!(is_closed_pipe(&error));
    }
}
