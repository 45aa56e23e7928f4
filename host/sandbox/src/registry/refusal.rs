//! Why a file is not served.

use longshore_domain::beginning_of;

/// Characters of why a file is not served, which may repeat what the file says.
const REFUSAL_CHARS_MAX: usize = 2_000;

/// Why a file is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Whether this machine, not the file, was the reason, so that it may be loaded later.
    pub(crate) is_of_machine: bool,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        let end = beginning_of(&message, REFUSAL_CHARS_MAX).len();
        if end < message.len() {
            message.truncate(end);
            message.push('…');
        }
        Self { code, message, is_of_machine: false }
    }
}

impl Refusal {
    /// A refusal for what this machine lacked.
    pub(crate) fn of_machine(code: &'static str, message: impl Into<String>) -> Self {
        Self { is_of_machine: true, ..Self::new(code, message) }
    }

    /// A refusal that was kept, or sent by another process. A code that is not known is that of any fault.
    pub(crate) fn kept(code: &str, message: String) -> Self {
        let known = CODES_KEPT.into_iter().find(|known| *known == code);
        Self::new(known.unwrap_or("compile_failed"), message)
    }
}

/// Codes of what is found out about a component.
const CODES_KEPT: [&str; 5] =
    ["invalid_component", "compile_failed", "wrong_world", "describe_failed", "invalid_schema"];

/// Runs `work` where it may take its time.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Refusal::of_machine("compile_failed", format!("the host failed to load it: {error}"))
    })
}
