//! What a receiver's answer means.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use hyper::StatusCode;
use hyper::header::{HeaderMap, RETRY_AFTER};
use longshore_domain::{DeliveryError, Timestamp};

use crate::plain::plain;

/// An answer to a webhook.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The beginning of its body, of an answer that says no.
    pub(super) text: String,
}

impl Answer {
    /// Whether `origin` accepted the message, by the rules of Standard Webhooks: 2xx is success, 410 ends the message,
    /// everything else is retried. A 404 or a redirect is what a receiver answers with while it is being deployed, and a
    /// 400 or 401 what it answers with until its own configuration is repaired. `permanent` are the statuses that the
    /// operator added to 410. `secrets` are not repeated.
    pub(super) fn judge(
        &self,
        origin: &str,
        now: Timestamp,
        permanent: &BTreeSet<u16>,
        secrets: &[&str],
    ) -> Result<(), DeliveryError> {
        let status = self.status;
        if status.is_success() {
            return Ok(());
        }
        let text = plain(&self.text, secrets);
        let colon = if text.is_empty() { "" } else { ": " };
        let redirect = if status.is_redirection() { " (redirects are not followed)" } else { "" };
        let message = format!("{origin} answered {status}{redirect}{colon}{text}");
        if status == StatusCode::GONE {
            return Err(DeliveryError::permanent(format!(
                "{message} (410 says that the receiver is gone for good)"
            )));
        }
        if permanent.contains(&status.as_u16()) {
            let rule = "(not retried: permanent_statuses of the channel)";
            return Err(DeliveryError::permanent(format!("{message} {rule}")));
        }
        Err(DeliveryError { retry_after: self.retry_after(now), ..DeliveryError::transient(message) })
    }

    /// How long the receiver asks to wait, in seconds or until a date.
    fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let value = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Timestamp::from_ms(i64::try_from(date.as_millis()).ok()?).since(now))
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn judged(
        status: u16,
        retry_after: Option<&'static str>,
        permanent: &[u16],
    ) -> Result<(), DeliveryError> {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
        }
        let status = StatusCode::from_u16(status).unwrap();
        // Sunday, 6 November 1994, 08:49:00 GMT.
        let now = Timestamp::from_ms(784_111_740_000);
        Answer { status, headers, text: "no\nto /s3cret".into() }.judge(
            "https://hooks.example.com",
            now,
            &permanent.iter().copied().collect(),
            &["/s3cret"],
        )
    }

    fn judge(status: u16, retry_after: Option<&'static str>) -> Result<(), DeliveryError> {
        judged(status, retry_after, &[])
    }

    #[test]
    fn everything_but_success_and_gone_is_retried() {
        for status in 200..300 {
            judge(status, None).unwrap();
        }
        for status in (300..600).filter(|status| *status != 410) {
            assert!(judge(status, None).unwrap_err().retryable, "{status}");
        }
        let gone = judge(410, Some("5")).unwrap_err();
        assert!(!gone.retryable && gone.retry_after.is_none() && gone.message.contains("for good"), "{gone}");
        let told = judge(503, None).unwrap_err().message;
        assert_eq!(told, "https://hooks.example.com answered 503 Service Unavailable: no to ***");
        assert!(judge(302, None).unwrap_err().message.contains("not followed"));
    }

    #[test]
    fn the_operator_may_name_statuses_that_are_not_retried() {
        let refused = judged(422, None, &[404, 422]).unwrap_err();
        assert!(!refused.retryable && refused.message.contains("permanent_statuses"), "{refused}");
        assert!(judged(400, None, &[404, 422]).unwrap_err().retryable);
        assert!(!judged(410, None, &[404]).unwrap_err().retryable);
    }

    #[test]
    fn the_receiver_may_say_when() {
        let after = |value| judge(429, Some(value)).unwrap_err().retry_after;
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(37)));
        assert_eq!(after("Sat, 05 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }
}
