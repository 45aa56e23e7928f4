//! The operator's policy of one job type: `NAME.toml` over the host's defaults.

use longshore_domain::Policy;
use serde::Deserialize as _;
use toml::{Table, Value};

use crate::engine::POOL_TABLE_ELEMENTS;
use crate::registry::described::{DESCRIPTION_CHARS_MAX, PERMISSIONS_MAX, SCHEMA_BYTES_MAX};

const MEMORY_BYTES_MIN: u64 = 64 * 1024;
/// What a 32-bit guest can address.
const MEMORY_BYTES_MAX: u64 = 1 << 32;
/// A component that calls nothing deeply needs some of it all the same.
const STACK_BYTES_MIN: u64 = 64 * 1024;
const STACK_BYTES_MAX: u64 = 64 << 20;
const TIMEOUT_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1_000;
const CALL_BYTES_MAX: u64 = 1 << 30;
const RANDOM_BYTES_MAX: u64 = 1 << 26;
/// What is made there is deleted one by one.
const SCRATCH_ENTRIES_MAX: u64 = 1_000_000;
const TABLE_ELEMENTS_MAX: u64 = POOL_TABLE_ELEMENTS as u64;
/// For each the host keeps some bytes.
const RESOURCES_MAX: u64 = 100_000;
/// Each takes up to a megabyte of the host's memory.
const OF_A_COMPONENT_MAX: u64 = 10_000;
/// Each is a file that is open.
const ARTIFACTS_MAX: u64 = 10_000;
/// Each is a connection.
const HTTP_IN_FLIGHT_MAX: u64 = 256;
/// Each has a thread.
const CURSORS_MAX: u64 = 256;

/// Reads a policy file. What it leaves out is as in `defaults`.
pub(crate) fn parse(text: &str, defaults: &Policy) -> Result<Policy, String> {
    // Read for its own sake first: an error of this reading knows its line.
    let _: Policy = toml::from_str(text).map_err(|error| told(text, &error))?;
    let mut merged = Table::try_from(defaults).map_err(|error| error.to_string())?;
    merge(&mut merged, text.parse().map_err(|error: toml::de::Error| error.to_string())?);
    let policy = Policy::deserialize(Value::Table(merged)).map_err(|error| error.to_string())?;
    check(&policy)?;
    Ok(policy)
}

/// Where a text is wrong and how, without the text: clients are told, and a value of a header may be a secret.
fn told(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let key = text.lines().nth(line - 1).and_then(|line| line.split_once('='));
    let key = key.map(|(key, _)| format!(" ({})", key.trim())).unwrap_or_default();
    let mut message = error.message().to_owned();
    // What serde quotes of a value is between a kind and what was expected.
    if let Some(start) = message.find("string \"")
        && let Some(end) = message.rfind("\", expected")
    {
        message.replace_range(start..=end, "a text");
    }
    format!("line {line}, column {column}{key}: {message}")
}

fn merge(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// Refuses values that cannot be meant.
fn check(policy: &Policy) -> Result<(), String> {
    let (limits, retry) = (&policy.limits, &policy.retry);
    let at_least_one = [
        ("limits.fuel", limits.fuel),
        ("limits.timeout_ms", limits.timeout_ms),
        ("limits.result_bytes_max", limits.result_bytes_max),
        ("limits.query_timeout_ms", limits.query_timeout_ms),
        ("limits.query_rows_max", limits.query_rows_max),
        ("limits.query_value_bytes_max", limits.query_value_bytes_max),
        ("limits.query_memory_bytes_max", limits.query_memory_bytes_max),
        ("limits.tables_max", limits.tables_max.into()),
        ("limits.instances_max", limits.instances_max.into()),
        ("limits.memories_max", limits.memories_max.into()),
        ("limits.resources_max", limits.resources_max.into()),
        ("limits.http_in_flight_max", limits.http_in_flight_max.into()),
        ("limits.http_timeout_ms", limits.http_timeout_ms),
        ("limits.saves_per_second", limits.saves_per_second.into()),
        ("limits.saved_bytes_per_second", limits.saved_bytes_per_second),
        ("limits.description_chars_max", limits.description_chars_max.into()),
        ("limits.schema_bytes_max", limits.schema_bytes_max.into()),
        ("retry.max_attempts", retry.max_attempts.into()),
        ("concurrency", policy.concurrency.unwrap_or(1).into()),
        ("max_wait_ms", policy.max_wait_ms.unwrap_or(1)),
        ("breaker.min_attempts", policy.breaker.as_ref().map_or(1, |breaker| breaker.min_attempts.into())),
        ("alert.min_attempts", policy.alert.as_ref().map_or(1, |alert| alert.min_attempts.into())),
    ];
    for (key, value) in at_least_one {
        if value == 0 {
            return Err(format!("{key} is 0, with which nothing could ever run; it is at least 1"));
        }
    }
    let at_most = [
        ("limits.timeout_ms", limits.timeout_ms, TIMEOUT_MS_MAX),
        ("limits.cancel_grace_ms", limits.cancel_grace_ms, TIMEOUT_MS_MAX),
        ("limits.memory_bytes_max", limits.memory_bytes_max, MEMORY_BYTES_MAX),
        ("limits.stack_bytes_max", limits.stack_bytes_max, STACK_BYTES_MAX),
        ("limits.call_bytes_max", limits.call_bytes_max, CALL_BYTES_MAX),
        ("limits.random_bytes_max", limits.random_bytes_max.into(), RANDOM_BYTES_MAX),
        ("limits.scratch_entries_max", limits.scratch_entries_max.into(), SCRATCH_ENTRIES_MAX),
        ("limits.description_chars_max", limits.description_chars_max.into(), DESCRIPTION_CHARS_MAX as u64),
        ("limits.schema_bytes_max", limits.schema_bytes_max.into(), SCHEMA_BYTES_MAX as u64),
        ("limits.permissions_max", limits.permissions_max.into(), PERMISSIONS_MAX as u64),
        ("limits.result_bytes_max", limits.result_bytes_max, CALL_BYTES_MAX),
        ("limits.checkpoint_bytes_max", limits.checkpoint_bytes_max, CALL_BYTES_MAX),
        ("limits.message_bytes_max", limits.message_bytes_max, CALL_BYTES_MAX),
        ("limits.unsaved_message_bytes_max", limits.unsaved_message_bytes_max, CALL_BYTES_MAX),
        ("limits.query_value_bytes_max", limits.query_value_bytes_max, CALL_BYTES_MAX),
        ("limits.http_timeout_ms", limits.http_timeout_ms, TIMEOUT_MS_MAX),
        ("limits.http_in_flight_max", limits.http_in_flight_max.into(), HTTP_IN_FLIGHT_MAX),
        ("limits.table_elements_max", limits.table_elements_max, TABLE_ELEMENTS_MAX),
        ("limits.tables_max", limits.tables_max.into(), OF_A_COMPONENT_MAX),
        ("limits.instances_max", limits.instances_max.into(), OF_A_COMPONENT_MAX),
        ("limits.memories_max", limits.memories_max.into(), OF_A_COMPONENT_MAX),
        ("limits.resources_max", limits.resources_max.into(), RESOURCES_MAX),
        ("limits.artifacts_max", limits.artifacts_max.into(), ARTIFACTS_MAX),
        ("limits.cursors_max", limits.cursors_max.into(), CURSORS_MAX),
    ];
    for (key, value, max) in at_most {
        if value > max {
            return Err(format!("{key} is {value}; it is at most {max}"));
        }
    }
    if limits.stack_bytes_max < STACK_BYTES_MIN {
        let value = limits.stack_bytes_max;
        return Err(format!("limits.stack_bytes_max is {value}; {STACK_BYTES_MIN} is the least"));
    }
    if limits.memory_bytes_max < MEMORY_BYTES_MIN {
        let value = limits.memory_bytes_max;
        return Err(format!(
            "limits.memory_bytes_max is {value}; one page, {MEMORY_BYTES_MIN}, is the least"
        ));
    }
    if let Some(contradiction) = policy.grants.contradiction() {
        return Err(contradiction);
    }
    if retry.min_backoff_ms > retry.max_backoff_ms {
        return Err(format!(
            "retry.min_backoff_ms ({}) is above retry.max_backoff_ms ({})",
            retry.min_backoff_ms, retry.max_backoff_ms
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_a_policy_or_is_refused_in_words() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/policies");
        longshore_fuzz::Corpus::read(&folder).fuzz(5_000, |bytes| {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            match parse(text, &Policy::default()) {
                // What was understood can be written down, and is understood as the same.
                Ok(policy) => {
                    let written = toml::to_string(&policy).unwrap();
                    assert_eq!(parse(&written, &Policy::default()).as_ref(), Ok(&policy), "{written}");
                    for kind in ["data", "outbox", "secrets", "http", "files"] {
                        let _ = policy.grants.line(kind, "https://a.example/b");
                    }
                }
                Err(why) => assert!(!why.is_empty()),
            }
        });
    }

    #[test]
    fn what_a_file_leaves_out_is_as_the_host_has_it() {
        let mut defaults = Policy::default();
        defaults.limits.fuel = 7;
        defaults.limits.timeout_ms = 8;
        let policy = parse("[limits]\nfuel = 9\n[grants]\ndata = [\"shop\"]\n", &defaults).unwrap();
        assert_eq!((policy.limits.fuel, policy.limits.timeout_ms), (9, 8));
        assert_eq!(policy.grants.data, ["shop"]);
        assert_eq!(parse("", &defaults).unwrap(), defaults);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let error = parse("enabled = true\n[limits]\nfule = 1\n", &Policy::default()).unwrap_err();
        assert!(error.contains("line 3") && error.contains("fule"), "{error}");
        let error = parse("enabled = \"hunter2\"", &Policy::default()).unwrap_err();
        assert_eq!(error, "line 1, column 11 (enabled): invalid type: a text, expected a boolean");
        let literal =
            "[grants]\nhttp = [{ url = \"https://a.example\", headers = { x-key = \"hunter2\", } x }]\n";
        let error = parse(literal, &Policy::default()).unwrap_err();
        assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn values_that_cannot_be_meant_are_refused() {
        for (text, key) in [
            ("[limits]\nfuel = 0", "limits.fuel"),
            ("[limits]\ntimeout_ms = 0", "limits.timeout_ms"),
            ("[limits]\nmemory_bytes_max = 1", "limits.memory_bytes_max"),
            ("[limits]\nmemory_bytes_max = 99999999999", "limits.memory_bytes_max"),
            ("[limits]\nstack_bytes_max = 1000", "limits.stack_bytes_max"),
            ("[limits]\nstack_bytes_max = 99999999999", "limits.stack_bytes_max"),
            ("[limits]\nsaves_per_second = 0", "limits.saves_per_second"),
            ("[limits]\nschema_bytes_max = 99999999", "limits.schema_bytes_max"),
            ("[retry]\nmax_attempts = 0", "retry.max_attempts"),
            ("[retry]\nmin_backoff_ms = 10\nmax_backoff_ms = 9", "retry.min_backoff_ms"),
            ("[limits]\ncursors_max = 10000", "limits.cursors_max"),
            ("[limits]\ntable_elements_max = 99999999999", "limits.table_elements_max"),
            ("concurrency = 0", "concurrency"),
            ("max_wait_ms = 0", "max_wait_ms"),
            ("[breaker]\nmin_attempts = 0", "breaker.min_attempts"),
            ("[alert]\nmin_attempts = 0", "alert.min_attempts"),
            ("[breaker]\nfailure_rate = 2", "failure_rate"),
            ("[rate]\nper_second = 0", "per_second"),
            ("[rate]\nper_second = 1\nburst = 0", "burst"),
        ] {
            let error = parse(text, &Policy::default()).unwrap_err();
            assert!(error.contains(key), "{error}");
        }
    }
}
