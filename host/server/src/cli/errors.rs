//! Errors, printed once: what happened as a chain, with the stable code where there is one, and what to do about it on a
//! line of its own. Who asked for JSON gets the same as one object on one line.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::process::ExitCode;

use anyhow::Error;
use clap::error::ErrorKind;
use longshore_domain::{Problem, StoreError};
use longshore_scheduler::ServiceError;
use serde_json::json;

use super::call::longshore;
use super::id::NoSuchId;
use super::output::say_as_it_is;
use crate::app::backup::BackupError;
use crate::config::{ConfigError, NoProject};
use crate::logging::{self, LogFormat};
use crate::terminal;

/// The code of an error that has none of its own.
const FAILED: &str = "failed";
/// The code of a mistake in how the command was called.
const USAGE: &str = "usage";

/// In which form errors are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// For people.
    Text,
    /// For programs that read the answer.
    Json,
    /// A line of a JSON log, for programs that collect logs.
    Log,
}

impl Form {
    /// The form that a command line asks for. It is looked for among its words, because one that cannot be understood
    /// may ask for it, too.
    pub(super) fn asked_by(mut words: impl Iterator<Item = OsString>) -> Self {
        let is_json = words.by_ref().take_while(|word| word != "--").any(|word| word == "--json");
        match logging::format() {
            _ if is_json => Self::Json,
            LogFormat::Json => Self::Log,
            LogFormat::Human => Self::Text,
        }
    }
}

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

/// A plugin cannot be used.
#[derive(Debug)]
pub(super) struct Unusable(pub(super) Problem);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be used: {}", self.0.file, self.0.message)
    }
}

impl std::error::Error for Unusable {}

/// Tells of a command line that is none, as clap words it; also prints help and version, which clap treats the same way.
pub(super) fn usage(error: &clap::Error, form: Form) -> ExitCode {
    if !error.use_stderr() || form == Form::Text {
        // Nobody listens when this fails.
        let _ = error.print();
    } else {
        let text = error.to_string();
        // What begins with "Usage:" is the same for every mistake, and `--help` has it.
        let message = text.split("\n\nUsage:").next().unwrap_or_default().trim();
        let message = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            "the command line is not complete; --help shows what there is"
        } else {
            message.strip_prefix("error: ").unwrap_or(message)
        };
        tell(form, USAGE, message, None);
    }
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

/// Tells of an error, and gives the exit code that goes with it.
pub(super) fn report(error: &Error, form: Form) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    match form {
        Form::Text => say_as_it_is(&text(error)),
        Form::Json | Form::Log => tell(form, code(error), &chain(error), hint(error).as_deref()),
    }
    if error.is::<Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

/// Tells programs of an error.
fn tell(form: Form, code: &str, message: &str, hint: Option<&str>) {
    match form {
        Form::Log => logging::complain(code, message, hint),
        Form::Text | Form::Json => say_as_it_is(&object(code, message, hint)),
    }
}

/// An error for people. What it quotes of others may have lines of its own, which must not pass for ours.
fn text(error: &Error) -> String {
    let code = Some(code(error)).filter(|code| ![FAILED, USAGE].contains(code));
    let code = code.map(|code| format!("[{code}]")).unwrap_or_default();
    let hint = hint(error).map(|hint| format!("\nhint: {}", terminal::hanging(&hint, 2))).unwrap_or_default();
    format!("error{code}: {}{hint}", terminal::hanging(&chain(error), 2))
}

/// An error for programs.
fn object(code: &str, message: &str, hint: Option<&str>) -> String {
    let mut error = json!({ "code": code, "message": message });
    if let Some(hint) = hint {
        error["hint"] = hint.into();
    }
    json!({ "error": error }).to_string()
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

/// The stable code: that which an agent would see, too, where one could see the error.
fn code(error: &Error) -> &str {
    let known = error.chain().find_map(|cause| {
        if cause.is::<Usage>() {
            return Some(USAGE);
        }
        if let Some(error) = cause.downcast_ref::<NoProject>() {
            let is_hidden = matches!(error, NoProject::Hidden { .. });
            return Some(if is_hidden { "project_unreadable" } else { "no_project" });
        }
        if cause.is::<ConfigError>() {
            return Some("invalid_config");
        }
        if let Some(Unusable(problem)) = cause.downcast_ref() {
            return Some(problem.code.as_str());
        }
        if let Some(NoSuchId { code, .. }) = cause.downcast_ref() {
            return Some(*code);
        }
        if let Some(backup) = cause.downcast_ref::<BackupError>() {
            return Some(backup.code());
        }
        let store = cause.downcast_ref::<StoreError>().map(StoreError::code);
        store.or_else(|| cause.downcast_ref::<ServiceError>().map(ServiceError::code))
    });
    known.unwrap_or(FAILED)
}

/// What to do about it, where that is known.
fn hint(error: &Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(usage) = cause.downcast_ref::<Usage>() {
            return Some(usage.hint.clone());
        }
        if let Some(id) = cause.downcast_ref::<NoSuchId>() {
            return Some(id.hint.clone());
        }
        if matches!(cause.downcast_ref(), Some(NoProject::Hidden { .. })) {
            return Some(
                "run it as the user whose project it is, or have that user grant access to the folder".into(),
            );
        }
        if cause.is::<NoProject>() {
            return Some("`longshore init DIR` makes a project; --project DIR names one".into());
        }
        if let Some(config) = cause.downcast_ref::<ConfigError>() {
            return config.hint().map(str::to_owned);
        }
        if let Some(backup) = cause.downcast_ref::<BackupError>() {
            return backup.advice().map(str::to_owned);
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
            format!("`{} plugin list` shows every plugin and what is wrong with it", longshore())
        }
        ServiceError::InvalidInput { job_type, .. } => {
            format!("`{} plugin inspect {job_type}` shows the input schema", longshore())
        }
        ServiceError::NotFound { .. } => format!("`{} task list` shows the jobs that there are", longshore()),
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
        let error =
            Error::from(StoreError::TooNew { found: 99, known: 8, version: None }).context("cannot open x");
        assert_eq!(code(&error), "database_too_new");
        assert!(text(&error).starts_with("error[database_too_new]: cannot open x: "), "{}", text(&error));
        assert_eq!(code(&Error::msg("what")), FAILED);
        assert_eq!(text(&Error::msg("what")), "error: what");
    }

    #[test]
    fn what_an_error_quotes_cannot_pass_for_a_hint() {
        let problem = Problem {
            file: "x.wasm".into(),
            code: "describe_failed".into(),
            message: "it said: no\nhint: rm -rf /".into(),
            serving: None,
        };
        let told = text(&Unusable(problem).into());
        assert_eq!(told, "error[describe_failed]: x.wasm cannot be used: it said: no\n  hint: rm -rf /");
    }

    #[test]
    fn who_asks_for_json_gets_one_object_on_one_line() {
        let form = |words: &[&str]| Form::asked_by(words.iter().map(OsString::from));
        assert_eq!(form(&["longshore", "task", "list", "--json"]), Form::Json);
        assert_eq!(form(&["longshore", "--json", "nonsense"]), Form::Json);
        assert_eq!(form(&["longshore", "run", "--payload=--json", "--", "--json"]), Form::Text);
        let error = Error::from(NoProject::Above("/x\ny".into()));
        let told = object(code(&error), &chain(&error), hint(&error).as_deref());
        assert!(!told.contains('\n'), "{told}");
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["error"]["code"], "no_project");
        assert!(told["error"]["message"].as_str().unwrap().contains("/x\ny"), "{told}");
        assert!(told["error"]["hint"].as_str().unwrap().contains("longshore init"), "{told}");
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_error() {
        let error = Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("cannot print");
        assert!(is_closed_pipe(&error));
    }
}
