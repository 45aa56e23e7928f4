//! Secrets in `longshore.toml`, which says where they are and never has them.

use std::path::{Path, PathBuf};

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretConfig {
    /// In an environment variable.
    Env(String),
    /// In a file.
    File(PathBuf),
}

impl SecretConfig {
    /// Makes its path absolute, seen from the folder `project`.
    pub(super) fn resolve(&mut self, project: &Path) {
        if let Self::File(path) = self {
            *path = project.join(&path);
        }
    }

    /// From settings of which at most one may be given; `env` and `file` are their names.
    pub(super) fn one_of(
        (env, env_value): (&str, Option<String>),
        (file, file_value): (&str, Option<PathBuf>),
    ) -> Result<Option<Self>, String> {
        match (env_value, file_value) {
            (Some(name), None) => Ok(Some(Self::Env(name))),
            (None, Some(path)) => Ok(Some(Self::File(path))),
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(format!("give {env} or {file}, not both")),
        }
    }
}

/// A table of `[secrets]` as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    env: Option<String>,
    file: Option<PathBuf>,
}

/// A secret that plugins may be granted; its path is as it was written.
#[derive(serde::Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct NamedSecret(pub(super) SecretConfig);

impl TryFrom<Written> for NamedSecret {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let secret = SecretConfig::one_of(("env", written.env), ("file", written.file))?;
        secret.map(Self).ok_or_else(|| "a secret needs env, a variable, or file, where it is".into())
    }
}
