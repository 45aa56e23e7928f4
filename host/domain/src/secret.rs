//! Secrets, which never print themselves.

use std::fmt;

use async_trait::async_trait;

/// A secret. It does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret of that text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A secret is not where the operator said. The text is for operator and job, and has nothing of a secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(pub String);

/// The secrets that an operator named.
#[async_trait]
pub trait Secrets: fmt::Debug + Send + Sync {
    /// Their names, sorted.
    fn names(&self) -> Vec<String>;

    /// Reads one, where it is now: it may be put in place, or replaced, while the host runs.
    async fn read(&self, name: &str) -> Result<Secret, SecretError>;
}

/// No secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSecrets;

#[async_trait]
impl Secrets for NoSecrets {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    async fn read(&self, name: &str) -> Result<Secret, SecretError> {
        Err(SecretError(format!("there is no secret {name:?}")))
    }
}
