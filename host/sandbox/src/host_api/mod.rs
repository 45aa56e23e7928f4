//! The host's side of `longshore:job`, one file an interface.

#[allow(unreachable_pub, reason = "the generated bindings re-export its handle as public")]
pub mod artifacts;
mod checkpoint;
mod data;
mod log;
pub(crate) mod outbox;
mod progress;
mod task;

use longshore_domain::{Code, Grants};

use crate::bindings::longshore::job::types::{self, HostError, Signal};
use crate::failure::Ended;
use crate::guest::{Attempt, Guest};

/// Characters of a name that are repeated in an error.
const SHOWN_CHARS_MAX: usize = 100;

impl types::Host for Guest {}

fn host_error(code: &str, message: impl Into<String>) -> HostError {
    HostError { code: code.to_owned(), message: message.into() }
}

/// What to answer a job at a moment when it reports.
fn signal(attempt: &Attempt) -> Signal {
    if attempt.stop_reason().is_some() { Signal::Stop } else { Signal::Proceed }
}

/// The beginning of a text that a job made up, which is to fill neither the record of its task nor a log.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

/// Ends the attempt for reaching for `target`, and says which line of its policy would have let it.
fn not_granted(job: &str, grants: &Grants, kind: &str, did: &str, target: &str) -> wasmtime::Error {
    let target = &shown(target);
    let line = grants.line(kind, target).unwrap_or_default();
    wasmtime::Error::new(Ended::failed(
        Code::PermissionDenied,
        format!("the job {did} {target:?}, which it is not granted; to grant it, write {line} in {job}.toml"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_not_repeated_in_full() {
        let error = not_granted("x", &Grants::default(), "outbox", "sent through", &"n".repeat(1 << 20));
        assert!(error.to_string().len() < 500, "{} bytes", error.to_string().len());
    }

    #[test]
    fn what_is_not_granted_names_the_line_to_add() {
        let grants = Grants { outbox: vec!["spool".into()], ..Grants::default() };
        let error = not_granted("notify", &grants, "outbox", "sent a message through", "email");
        let Some(Ended::Failed(failure)) = error.downcast_ref::<Ended>() else { panic!("{error:?}") };
        assert_eq!(failure.code, Code::PermissionDenied);
        assert_eq!(
            failure.message,
            "the job sent a message through \"email\", which it is not granted; to grant it, write `outbox = \
             [\"spool\", \"email\"]` under [grants] in notify.toml"
        );
    }
}
