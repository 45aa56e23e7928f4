//! Names and identifiers, checked once where they enter.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// Why a text is not the name or id it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not valid: {rule}")]
pub struct IdError {
    /// What the text should have been.
    pub what: &'static str,
    /// The text, shortened to 80 characters.
    pub text: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl IdError {
    pub(crate) fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        Self { what, text: text.chars().take(80).collect(), rule }
    }
}

/// Id of a task: a UUID that begins with the time (version 7), 74 bits of which cannot be guessed.
///
/// Ids of one time are side by side in indexes, so that a submission changes no page of a long history. Those of older
/// databases are random (version 4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(Uuid);

impl TaskId {
    /// A new id of a task that is submitted at `now`.
    pub fn at(now: Timestamp) -> Self {
        let (seconds, ms) = (now.ms().div_euclid(1_000), now.ms().rem_euclid(1_000));
        let seconds = u64::try_from(seconds).unwrap_or_default();
        Self(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, ms as u32 * 1_000_000)))
    }

    /// A new random id, such as older versions gave.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The id made of these bytes, as `as_bytes` gave them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The sixteen bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    pub(crate) const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({self})")
    }
}

impl FromStr for TaskId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| {
            IdError::new("job id", text, "job ids are UUIDs, as enqueue_job and list_jobs give them")
        })
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text of it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// Name of a job type: `[a-z][a-z0-9_]{0,62}`, equal to the stem of its component's file and to its tool's name.
    JobTypeName
}

impl FromStr for JobTypeName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let tail_fits = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let head_fits = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        if head_fits && tail_fits && text.len() <= 63 {
            Ok(Self(text.into()))
        } else {
            Err(IdError::new(
                "job type name",
                text,
                "it is 1 to 63 characters of a-z, 0-9 and _, and starts with a letter",
            ))
        }
    }
}

text_id! {
    /// Whose task it is. Every question about tasks is scoped to one owner: the local user over stdio.
    Owner
}

impl Owner {
    /// The owner named `name`.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The owner of everything that is asked for over stdio or on the command line.
    pub fn local() -> Self {
        Self::new("local")
    }
}

text_id! {
    /// The process that runs an attempt; unique for each start of a process.
    WorkerId
}

impl WorkerId {
    /// The worker named `name`.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }
}

text_id! {
    /// SHA-256 of a component's bytes, as 64 lower-case hexadecimal digits: which version ran an attempt.
    ComponentSha
}

impl ComponentSha {
    /// The digest written as `hex`.
    pub fn new(hex: impl Into<Arc<str>>) -> Self {
        Self(hex.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_type_name_is_snake_case() {
        for good in ["a", "export", "bulk_invoice", "v2_x", &"a".repeat(63)] {
            assert_eq!(good.parse::<JobTypeName>().unwrap().as_str(), good);
        }
        for bad in ["", "_a", "1a", "A", "a-b", "a.b", "a/b", "é", &"a".repeat(64)] {
            assert!(bad.parse::<JobTypeName>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_task_id_reads_back_as_it_is_written() {
        let id = TaskId::random();
        assert_eq!(id.to_string().parse::<TaskId>().unwrap(), id);
        assert!("42".parse::<TaskId>().is_err());
    }

    #[test]
    fn ids_are_in_the_order_of_their_times_and_differ() {
        let id = |ms| TaskId::at(Timestamp::from_ms(ms));
        let times = [0, 1, 999, 1_000, 1_700_000_000_000, 1_700_000_000_001];
        assert!(times.windows(2).all(|pair| id(pair[0]) < id(pair[1])));
        let same: std::collections::BTreeSet<_> = (0..1_000).map(|_| id(5)).collect();
        assert_eq!(same.len(), 1_000);
        assert_eq!(id(7).uuid().get_version_num(), 7);
        // A clock may say anything.
        let _ = (id(i64::MIN), id(-1), id(i64::MAX));
    }
}
