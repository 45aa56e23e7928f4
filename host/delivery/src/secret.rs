//! Secrets, which are never in the configuration: it names where they are.

use std::collections::BTreeMap;
use std::env::VarError;
use std::path::PathBuf;

use async_trait::async_trait;
use longshore_domain::{DeliveryError, Secret, SecretError, Secrets};

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In an environment variable of this name.
    Env(String),
    /// In this file, without the line ends at its end.
    File(PathBuf),
}

impl SecretSource {
    /// Reads the secret, for each try anew: it may be put in place, or replaced, while the host runs. So its absence is
    /// a failure that another try may mend.
    pub(crate) async fn read(&self) -> Result<Secret, DeliveryError> {
        let (text, place) = match self {
            Self::Env(name) => {
                let place = format!("the environment variable {name}");
                let text = std::env::var(name)
                    // Its own words may have the value in them.
                    .map_err(|error| match error {
                        VarError::NotPresent => DeliveryError::transient(format!("{place} is not set")),
                        VarError::NotUnicode(_) => DeliveryError::transient(format!("{place} is not UTF-8")),
                    })?;
                (text, place)
            }
            Self::File(path) => {
                let place = format!("the file {}", path.display());
                let text = tokio::fs::read_to_string(path)
                    .await
                    .map_err(|error| DeliveryError::transient(format!("{place} cannot be read: {error}")))?;
                (text, place)
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(DeliveryError::transient(format!("{place} is empty; it should have the secret")));
        }
        Ok(Secret::new(text))
    }
}

/// The secrets that the configuration names.
#[derive(Clone, Debug, Default)]
pub struct NamedSecrets(BTreeMap<String, SecretSource>);

impl NamedSecrets {
    /// Those secrets, by name.
    pub fn new(sources: BTreeMap<String, SecretSource>) -> Self {
        Self(sources)
    }
}

#[async_trait]
impl Secrets for NamedSecrets {
    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    async fn read(&self, name: &str) -> Result<Secret, SecretError> {
        let source = self.0.get(name);
        let source = source.ok_or_else(|| SecretError(format!("longshore.toml has no [secrets.{name}]")))?;
        source.read().await.map_err(|error| {
            tracing::warn!("the secret {name:?} cannot be read: {error}");
            SecretError(format!(
                "the secret {name:?} is not where the operator said; `longshore doctor` tells more"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_is_read_where_it_is_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let source = SecretSource::File(path.clone());
        let missing = source.read().await.unwrap_err();
        assert!(missing.retryable && missing.message.contains("password"), "{missing}");
        std::fs::write(&path, "\n").unwrap();
        assert!(source.read().await.unwrap_err().message.contains("empty"));
        std::fs::write(&path, "two words \n").unwrap();
        let secret = source.read().await.unwrap();
        assert_eq!((secret.expose(), format!("{secret:?}").as_str()), ("two words ", "Secret"));
        let variable = SecretSource::Env("CARGO_PKG_NAME".into()).read().await.unwrap();
        assert_eq!(variable.expose(), "longshore-delivery");
        let unset = SecretSource::Env("LONGSHORE_NO_SUCH_VARIABLE".into()).read().await.unwrap_err();
        assert!(unset.message.contains("LONGSHORE_NO_SUCH_VARIABLE"), "{unset}");
    }
}
