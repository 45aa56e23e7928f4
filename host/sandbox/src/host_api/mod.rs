//! The host's side of `longshore:job`, one file an interface.

#[allow(unreachable_pub, reason = "the generated bindings re-export its handle as public")]
pub mod artifacts;
mod checkpoint;
mod data;
mod log;
pub(crate) mod outbox;
mod progress;
mod secrets;
mod task;

use longshore_domain::{Code, Grants, beginning_of};

pub(crate) use self::checkpoint::Paces;

use crate::bindings::longshore::job::types::{self, HostError, Signal};
use crate::failure::Ended;
use crate::guest::{Attempt, Guest};
use crate::log::TaskLog;

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
pub(crate) fn shown(text: &str) -> String {
    beginning_of(text, SHOWN_CHARS_MAX).to_owned()
}

/// Ends the attempt for reaching for `target`, which is what the job says it is.
fn not_granted(job: &str, grants: &Grants, kind: &str, did: &str, target: &str) -> wasmtime::Error {
    denied(job, grants, kind, did, &shown(target)).into()
}

/// The end of an attempt that reached for `target`, with the line of its policy that would have let it.
pub(crate) fn denied(job: &str, grants: &Grants, kind: &str, did: &str, target: &str) -> Ended {
    let advice = match grants.line(kind, target) {
        Ok(line) => format!("to grant it, write {line} in {job}.toml"),
        Err(why) => format!("nobody can grant it: {why}"),
    };
    Ended::failed(
        Code::PermissionDenied,
        format!("the job {did} {target:?}, which it is not granted; {advice}"),
    )
}

/// Refuses to keep what has a secret in it that the job was told.
pub(crate) fn keep_no_secret(log: &TaskLog, bytes: &[u8], what: &str) -> Result<(), Ended> {
    match log.known.found_in(bytes) {
        None => Ok(()),
        Some(name) => Err(Ended::failed(
            Code::PermissionDenied,
            format!("the job put the secret {name:?} into {what}, where it would be kept"),
        )),
    }
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
