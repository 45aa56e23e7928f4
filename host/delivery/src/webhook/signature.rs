//! Signatures after the Standard Webhooks specification, version 1: HMAC with SHA-256.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, STANDARD_NO_PAD as UNPADDED};
use hmac::{Hmac, Mac as _};
use longshore_domain::DeliveryError;
use sha2::Sha256;

/// What the specification asks of a secret, in bytes.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A key that signs.
pub(super) struct Key(Vec<u8>);

impl Key {
    /// Reads a secret of the form `whsec_BASE64`. What is wrong with one is told without it.
    pub(super) fn parse(secret: &str) -> Result<Self, DeliveryError> {
        let wrong =
            |why: String| DeliveryError::transient(format!("the signing secret cannot be used: {why}"));
        let secret = secret.trim();
        // With padding or without, as the libraries of the specification take it.
        let key = UNPADDED
            .decode(secret.strip_prefix("whsec_").unwrap_or(secret).trim_end_matches('='))
            .map_err(|_| wrong("it is not of the form whsec_BASE64".into()))?;
        if !BYTES.contains(&key.len()) {
            return Err(wrong(format!(
                "it has {} bytes; {} to {} are asked for",
                key.len(),
                BYTES.start(),
                BYTES.end()
            )));
        }
        Ok(Self(key))
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        // HMAC takes keys of any length; `new` differs from `new_from_slice` only in the type of its key.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
    }
}

/// The header `webhook-signature`: one signature for each key, with spaces between them.
pub(super) fn sign(keys: &[Key], id: &str, timestamp: i64, body: &[u8]) -> String {
    keys.iter().map(|key| key.sign(id, timestamp, body)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the libraries of the specification test themselves with.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let key = Key::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(sign(&[key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body), expected);
    }

    #[test]
    fn each_key_signs() {
        let keys = ["a", "b"].map(|letter| Key::parse(&BASE64.encode(letter.repeat(32))).unwrap());
        let signatures = sign(&keys, "id", 1, b"x");
        let parts: Vec<&str> = signatures.split(' ').collect();
        assert_eq!(parts.len(), 2);
        assert_ne!(parts[0], parts[1]);
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_shown() {
        for secret in ["whsec_not base64", "whsec_c2hvcnQ="] {
            let error = Key::parse(secret).err().unwrap();
            assert!(!error.message.contains(&secret[6..]), "{error}");
        }
    }
}
