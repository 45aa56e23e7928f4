//! Telling an operator that too many attempts of a job type fail.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{FailureWindow, HOST_KEY_PREFIX, JobTypeName, NewMessage, Share, Timestamp};

/// When too many failures are told, and where besides the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertPolicy {
    /// Share of failed attempts, from 0 to 1, from which on it is told.
    pub failure_rate: Share,
    /// Attempts that must have ended within the window before their share says anything.
    pub min_attempts: u32,
    /// Attempts are counted over so long, and then anew, in milliseconds. It is told once in a window.
    pub window_ms: u64,
    /// The channel that a message goes through; none but the log when absent.
    pub channel: Option<String>,
    /// Recipient of that message: an address of email, empty for a channel that has one receiver.
    pub recipient: String,
}

impl Default for AlertPolicy {
    fn default() -> Self {
        Self {
            failure_rate: Share::new(0.5),
            min_attempts: 10,
            window_ms: 5 * 60_000,
            channel: None,
            recipient: String::new(),
        }
    }
}

/// What is remembered of the failures of a job type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertState {
    /// The attempts.
    pub window: FailureWindow,
    /// Whether they were told.
    pub raised: bool,
}

impl AlertPolicy {
    /// The state once another attempt has ended. It is raised by a failure only.
    #[must_use]
    pub fn after(&self, state: AlertState, failed: bool, now: Timestamp) -> AlertState {
        let is_over = state.window.is_over(Duration::from_millis(self.window_ms), now);
        let state =
            if is_over { AlertState { window: FailureWindow::beginning(now), raised: false } } else { state };
        let window = state.window.with(failed);
        let raised = state.raised || (failed && window.reaches(self.failure_rate, self.min_attempts));
        AlertState { window, raised }
    }

    /// The message that tells of the failures in `window`, where there is a channel for it.
    pub fn message(
        &self,
        job_type: &JobTypeName,
        window: &FailureWindow,
        now: Timestamp,
    ) -> Option<NewMessage> {
        let body = json!({
            "type": "job_type.failing",
            "timestamp": now.rfc3339(),
            "data": {
                "job_type": job_type.as_str(),
                "attempts": window.attempts,
                "failures": window.failures,
                "since": window.started_at.rfc3339(),
            },
        });
        Some(NewMessage {
            channel: self.channel.clone()?,
            key: format!("{HOST_KEY_PREFIX}failing.{}", window.started_at.ms()),
            recipient: self.recipient.clone(),
            subject: format!("{} of {} attempts of {job_type} failed", window.failures, window.attempts),
            content_type: "application/json".into(),
            body: body.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(1_800_000_000_000 + ms)
    }

    fn policy() -> AlertPolicy {
        AlertPolicy { min_attempts: 4, window_ms: 1_000, ..AlertPolicy::default() }
    }

    /// How often it is raised.
    fn raised(ends: &[(i64, bool)]) -> usize {
        let mut state = AlertState::default();
        let mut count = 0;
        for (ms, failed) in ends {
            let next = policy().after(state, *failed, at(*ms));
            count += usize::from(
                next.raised && (!state.raised || next.window.started_at != state.window.started_at),
            );
            state = next;
        }
        count
    }

    #[test]
    fn it_is_raised_when_enough_attempts_failed_and_once_a_window() {
        assert_eq!(raised(&[(0, true), (1, true), (2, true)]), 0, "too few to tell");
        assert_eq!(raised(&[(0, true), (1, false), (2, false), (3, false), (4, false)]), 0);
        assert_eq!(raised(&[(0, true), (1, true), (2, false), (3, false)]), 0, "a success raises nothing");
        let failing: Vec<_> = (0..10).map(|ms| (ms, true)).collect();
        assert_eq!(raised(&failing), 1);
        let still_failing: Vec<_> = (0..20).map(|step| (step * 100, true)).collect();
        assert_eq!(raised(&still_failing), 2, "the next window tells again");
    }

    #[test]
    fn a_message_is_made_where_there_is_a_channel() {
        let window = FailureWindow { started_at: at(0), attempts: 20, failures: 15 };
        let export = "export".parse().unwrap();
        assert_eq!(policy().message(&export, &window, at(5)), None);
        let told = AlertPolicy { channel: Some("ops".into()), ..policy() };
        let message = told.message(&export, &window, at(5)).unwrap();
        assert_eq!(message.subject, "15 of 20 attempts of export failed");
        assert!(message.body.contains(r#""failures":15"#), "{}", message.body);
        assert_eq!(told.message(&export, &window, at(9)).unwrap().key, message.key, "one a window");
    }
}
