//! What an operator allows a job type, and how it is run.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::{AlertPolicy, BreakerPolicy, Permission, RateLimit, RetryPolicy};

/// The policy of one job type: the file `NAME.toml` beside `NAME.wasm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Whether the job type is offered at all.
    pub enabled: bool,
    /// How many attempts may run at once, over all processes that share the store; no limit but the worker's own
    /// when absent.
    pub concurrency: Option<u32>,
    /// How often its attempts may start, over all processes that share the store; no limit when absent.
    pub rate: Option<RateLimit>,
    /// Longest time from the submission of a task to its end, in milliseconds: what a caller may shorten
    /// (`max_wait_seconds`) and not exceed. No limit when absent.
    pub max_wait_ms: Option<u64>,
    /// How long a finished task and its files are kept, in milliseconds.
    pub ttl_ms: u64,
    /// What the job may reach.
    pub grants: Grants,
    /// What one attempt may use.
    pub limits: Limits,
    /// When a failed task is tried again.
    pub retry: RetryPolicy,
    /// When new work is refused because too much of it fails; never when absent.
    pub breaker: Option<BreakerPolicy>,
    /// When too many failures are told; never when absent.
    pub alert: Option<AlertPolicy>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            enabled: true,
            concurrency: None,
            rate: None,
            max_wait_ms: None,
            ttl_ms: 24 * 60 * 60 * 1_000,
            grants: Grants::default(),
            limits: Limits::default(),
            retry: RetryPolicy::default(),
            breaker: None,
            alert: None,
        }
    }
}

/// What an operator lets a job type reach. Empty unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    /// Names of data sources that it may read.
    pub data: Vec<String>,
    /// Names of outbox channels that it may send through.
    pub outbox: Vec<String>,
}

impl Grants {
    /// What is granted of that kind; none for a kind that is not known.
    pub fn of_kind(&self, kind: &str) -> Option<&[String]> {
        match kind {
            "data" => Some(&self.data),
            "outbox" => Some(&self.outbox),
            _ => None,
        }
    }

    /// Whether `target` of `kind` is granted. For `*`: whether anything of that kind is.
    pub fn allows(&self, kind: &str, target: &str) -> bool {
        self.of_kind(kind).is_some_and(|granted| {
            if target == "*" { !granted.is_empty() } else { granted.iter().any(|name| name == target) }
        })
    }

    /// What is missing to grant all of `asked`, as the text that tells an operator what to add to `file`; none when
    /// nothing is missing.
    pub fn missing(&self, asked: &[Permission], file: &str) -> Option<String> {
        let mut text = String::new();
        for permission in asked.iter().filter(|p| !self.allows(&p.kind, &p.target)) {
            let Permission { kind, target, reason } = permission;
            if !text.is_empty() {
                text.push_str("; ");
            }
            let Some(granted) = self.of_kind(kind) else {
                let _ = write!(
                    text,
                    "it asks for permission {kind:?}, which this version of Longshore does not know"
                );
                continue;
            };
            let wanted = if target == "*" { "NAME" } else { target };
            let list: Vec<String> =
                granted.iter().map(String::as_str).chain([wanted]).map(|name| format!("{name:?}")).collect();
            let _ = write!(
                text,
                "it asks for {kind} {target:?} ({reason}); to grant it, write `{kind} = [{}]` under [grants] in {file}",
                list.join(", ")
            );
        }
        (!text.is_empty()).then_some(text)
    }
}

/// What one attempt may use. A limit that is hit names itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Units of fuel, roughly one for each WebAssembly instruction.
    pub fuel: u64,
    /// Wall time of one attempt, host calls included, in milliseconds.
    pub timeout_ms: u64,
    /// All linear memories of the component together.
    pub memory_bytes_max: u64,
    /// How long a job may go on after it was told to stop, in milliseconds.
    pub cancel_grace_ms: u64,
    /// Artifacts of one task.
    pub artifacts_max: u32,
    /// Bytes of all artifacts of one task.
    pub artifact_bytes_max: u64,
    /// Bytes of the log of one attempt; what comes after is dropped, and the log says so.
    pub log_bytes_max: u64,
    /// Messages of one task.
    pub messages_max: u32,
    /// Bytes of one message.
    pub message_bytes_max: u64,
    /// Bytes of the result.
    pub result_bytes_max: u64,
    /// Bytes of a checkpoint.
    pub checkpoint_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            fuel: 100_000_000_000,
            timeout_ms: 10 * 60 * 1_000,
            memory_bytes_max: 128 * MIB,
            cancel_grace_ms: 5_000,
            artifacts_max: 100,
            artifact_bytes_max: 1_024 * MIB,
            log_bytes_max: MIB,
            messages_max: 10_000,
            message_bytes_max: 256 * 1_024,
            result_bytes_max: MIB,
            checkpoint_bytes_max: 8 * MIB,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(kind: &str, target: &str) -> Permission {
        Permission { kind: kind.into(), target: target.into(), reason: "to read orders".into() }
    }

    #[test]
    fn a_missing_grant_comes_with_the_line_to_add() {
        let grants = Grants { data: vec!["shop".into()], ..Grants::default() };
        let text = grants.missing(&[asks("data", "shop"), asks("data", "crm")], "export.toml").unwrap();
        assert_eq!(
            text,
            "it asks for data \"crm\" (to read orders); to grant it, write `data = [\"shop\", \"crm\"]` under [grants] in \
             export.toml"
        );
        assert_eq!(grants.missing(&[asks("data", "*")], "export.toml"), None);
        assert!(grants.missing(&[asks("outbox", "*")], "x.toml").unwrap().contains("`outbox = [\"NAME\"]`"));
    }

    #[test]
    fn an_unknown_kind_is_never_granted() {
        assert!(!Grants::default().allows("teleport", "*"));
        assert!(
            Grants::default().missing(&[asks("teleport", "*")], "x.toml").unwrap().contains("does not know")
        );
    }
}
