//! Who this server is and what it can do, by era.

use std::time::Duration;

use rmcp::model::{Implementation, InitializeResult, ProtocolVersion, ServerCapabilities, ServerConfig};

/// Name, title and version, as every client is told with every result.
pub(super) fn server_info() -> Implementation {
    Implementation::new("longshore", env!("CARGO_PKG_VERSION")).with_title("Longshore")
}

/// What is offered to a client of revision 2026-07-28.
pub(super) fn modern(wait: Duration) -> ServerConfig {
    let capabilities = ServerCapabilities::builder()
        .enable_tools()
        .enable_tool_list_changed()
        .enable_resources()
        .enable_tasks()
        .build();
    config(capabilities, ProtocolVersion::LATEST, wait)
}

/// What is offered to a client that opens a session, in `version`. The Tasks extension belongs to the other era, and the
/// experimental tasks of 2025-11-25 are not served, so neither is named.
pub(super) fn legacy(version: ProtocolVersion, wait: Duration) -> InitializeResult {
    let capabilities =
        ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_resources().build();
    config(capabilities, version, wait)
}

fn config(capabilities: ServerCapabilities, version: ProtocolVersion, wait: Duration) -> ServerConfig {
    ServerConfig::new(capabilities)
        .with_server_info(server_info().with_description("Runs plugins as durable background jobs"))
        .with_protocol_version(version)
        .with_instructions(instructions(wait))
}

/// What an agent has to know before it calls anything.
fn instructions(wait: Duration) -> String {
    format!(
        "Longshore runs jobs that survive restarts. Each job type is a tool of its own.\n\
         - A job tool answers with the result if the job ends within {} s. Otherwise it answers with a job_id, and the job \
         runs on by itself: do not start it again. Call check_job_status with the job_id and wait_seconds 30, or less if \
         your calls time out sooner.\n\
         - enqueue_job starts a job of any type without waiting for it, also at a later time, and is safe to repeat with an \
         idempotency_key. schedule_job starts one again and again.\n\
         - `next` in an answer says what to do. list_jobs finds a job_id that got lost.\n\
         - Files that a job made are in its status under artifacts, each with its path on disk and its uri as a resource.",
        wait.as_secs_f64()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_modern_era_is_offered_tasks() {
        assert!(modern(Duration::from_secs(3)).capabilities.supports_tasks());
        let legacy =
            serde_json::to_value(legacy(ProtocolVersion::V_2025_11_25, Duration::from_secs(3))).unwrap();
        assert!(legacy["capabilities"].get("extensions").is_none());
        assert!(legacy["capabilities"].get("tasks").is_none());
        assert!(legacy["instructions"].as_str().unwrap().contains("within 3 s"));
    }
}
