//! Which components the operator accepts at all: those with a digest, or a signature, that the configuration names.
//!
//! Signatures are those of minisign: `minisign -S -m NAME.wasm` makes `NAME.wasm.minisig`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use minisign_verify::{PublicKey, Signature};

/// What a signature is called: the component's file name with this after it.
pub(crate) const SIGNATURE_SUFFIX: &str = "minisig";

/// Bytes of a signature file; a real one has some three hundred.
pub(crate) const SIGNATURE_BYTES_MAX: u64 = 16 * 1024;

/// Where the signature of a component is.
pub(crate) fn signature_of(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(".");
    name.push(SIGNATURE_SUFFIX);
    name.into()
}

/// The components that are accepted.
#[derive(Clone, Default)]
pub struct Trust {
    digests: BTreeSet<String>,
    keys: Vec<PublicKey>,
}

/// An entry that is neither a digest nor a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is neither `sha256:` with 64 hexadecimal digits nor `minisign:` with the second line of a public key file"
)]
pub struct NoTrust(String);

impl Trust {
    /// Reads entries such as `sha256:9f86…` and `minisign:RWQ…`.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, NoTrust> {
        let mut trust = Self::default();
        for entry in entries {
            let wrong = || NoTrust(entry.to_owned());
            match entry.split_once(':') {
                Some(("sha256", digest)) if is_digest(digest) => {
                    trust.digests.insert(digest.to_ascii_lowercase());
                }
                Some(("minisign", key)) => {
                    trust.keys.push(PublicKey::from_base64(key).map_err(|_| wrong())?);
                }
                _ => return Err(wrong()),
            }
        }
        Ok(trust)
    }

    /// Whether the configuration names that digest, so that no signature is needed.
    pub(crate) fn names(&self, sha: &str) -> bool {
        self.digests.contains(sha)
    }

    /// Whether the component `bytes` with the digest `sha` is accepted; the error says why not.
    pub(crate) fn check(&self, sha: &str, bytes: &[u8], signature: Option<&str>) -> Result<(), String> {
        if self.names(sha) {
            return Ok(());
        }
        let why = match signature {
            _ if self.keys.is_empty() => "no signatures are accepted",
            None => "it is not signed",
            Some(text) => match Signature::decode(text) {
                Err(_) => "its signature is none of minisign's",
                // Without what minisign calls legacy signatures: their size is not bounded by a hash.
                Ok(signature) if self.keys.iter().any(|key| key.verify(bytes, &signature, false).is_ok()) => {
                    return Ok(());
                }
                Ok(_) => "its signature is of no accepted key, or of other bytes",
            },
        };
        Err(why.to_owned())
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("digests", &self.digests).field("keys", &self.keys.len()).finish()
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::registry::component_file::digest;

    fn signed(bytes: &[u8]) -> (String, String) {
        let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
        let signature = minisign::sign(None, &pair.sk, Cursor::new(bytes), None, None).unwrap();
        (format!("minisign:{}", pair.pk.to_base64()), signature.into_string())
    }

    #[test]
    fn a_digest_or_a_signature_is_enough() {
        let (key, signature) = signed(b"component");
        let accepts = |entries: &[&str], bytes: &[u8], signature: Option<&str>| {
            Trust::parse(entries.iter().copied()).unwrap().check(&digest(bytes), bytes, signature)
        };
        let named = format!("sha256:{}", digest(b"component").to_uppercase());
        assert_eq!(accepts(&[&named], b"component", None), Ok(()));
        assert_eq!(accepts(&[&key], b"component", Some(&signature)), Ok(()));
        assert_eq!(accepts(&[&named, &key], b"component", Some("nonsense")), Ok(()));
        for (entries, bytes, signature, why) in [
            (vec![], b"component", Some(signature.as_str()), "no signatures are accepted"),
            (vec![named.as_str()], b"c0mponent", None, "no signatures are accepted"),
            (vec![&key], b"component", None, "not signed"),
            (vec![&key], b"component", Some("nonsense"), "none of minisign's"),
            (vec![&key], b"c0mponent", Some(&signature), "of other bytes"),
            (vec![&signed(b"").0], b"component", Some(&signature), "of no accepted key"),
        ] {
            let refused = accepts(&entries, bytes, signature).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn what_is_neither_digest_nor_key_is_refused() {
        for wrong in [
            "",
            "sha256:12",
            "md5:0",
            "minisign:",
            "minisign:xyz",
            "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
        ] {
            assert!(Trust::parse([wrong]).unwrap_err().to_string().contains("sha256:"), "{wrong}");
        }
    }
}
