//! Signatures of webhooks as a receiver checks them, after the Standard Webhooks specification.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// The signing secret, which the sender is given as text.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) [u8; 32]);

impl Secret {
    /// As it is configured.
    pub(crate) fn text(&self) -> String {
        format!("whsec_{}", BASE64.encode(self.0))
    }

    /// The signature of a message.
    pub(crate) fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        // HMAC takes keys of any length; `new` differs from `new_from_slice` only in the type of its key.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
    }

    /// Whether one of the signatures in the header is that of the message.
    pub(crate) fn has_signed(&self, header: &str, id: &str, timestamp: &str, body: &[u8]) -> bool {
        let signature = self.sign(id, timestamp, body);
        header.split(' ').any(|part| part == signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_signed_is_accepted() {
        let secret = Secret(*b"a secret of exactly 32 bytes, ok");
        let good = "v1,bm9uZQ== v1,dq8q5h/qPQcLsj6ocoWvQNRwai02WWNyzty4NDrCJJw=";
        assert!(secret.has_signed(good, "id", "1700000000", b"body"));
        for (header, id, timestamp, body) in [
            ("v1,bm9uZQ==", "id", "1700000000", "body"),
            (good, "other", "1700000000", "body"),
            (good, "id", "1700000001", "body"),
            (good, "id", "1700000000", "bodY"),
            ("", "id", "1700000000", "body"),
        ] {
            assert!(!secret.has_signed(header, id, timestamp, body.as_bytes()), "{header} {id} {timestamp}");
        }
    }
}
