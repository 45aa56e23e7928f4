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

impl types::Host for Guest {}

fn host_error(code: &str, message: impl Into<String>) -> HostError {
    HostError { code: code.to_owned(), message: message.into() }
}

/// What to answer a job at a moment when it reports.
fn signal(attempt: &Attempt) -> Signal {
    if attempt.stop_reason().is_some() { Signal::Stop } else { Signal::Proceed }
}

/// Ends the attempt for reaching for `target`, and says which line of its policy would have let it.
fn not_granted(job: &str, grants: &Grants, kind: &str, did: &str, target: &str) -> wasmtime::Error {
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
