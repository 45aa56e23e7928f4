//! What a receiver's answer means.

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
    /// Whether the message was taken by `origin`. A 4xx says that this message will never be, but for those that say
    /// "later" (408, 429); everything else may pass, a redirect too, which is what a receiver under maintenance may
    /// answer with. `secrets` are not repeated.
    pub(super) fn judge(&self, origin: &str, now: Timestamp, secrets: &[&str]) -> Result<(), DeliveryError> {
        let status = self.status;
        if status.is_success() {
            return Ok(());
        }
        let text = plain(&self.text, secrets);
        let colon = if text.is_empty() { "" } else { ": " };
        let redirect = if status.is_redirection() { " (redirects are not followed)" } else { "" };
        let message = format!("{origin} answered {status}{redirect}{colon}{text}");
        let later = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        if status.is_client_error() && !later {
            return Err(DeliveryError::permanent(message));
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

    fn judge(status: u16, retry_after: Option<&'static str>) -> Result<(), DeliveryError> {
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
            &["/s3cret"],
        )
    }

    #[test]
    fn the_status_says_whether_another_try_may_help() {
        for status in [200, 201, 202, 204, 299] {
            judge(status, None).unwrap();
        }
        for status in [400, 401, 403, 404, 410, 413, 422] {
            assert!(!judge(status, None).unwrap_err().retryable, "{status}");
        }
        for status in [301, 302, 307, 408, 429, 500, 502, 503, 504] {
            assert!(judge(status, None).unwrap_err().retryable, "{status}");
        }
        let told = judge(503, None).unwrap_err().message;
        assert_eq!(told, "https://hooks.example.com answered 503 Service Unavailable: no to ***");
        assert!(judge(302, None).unwrap_err().message.contains("not followed"));
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
