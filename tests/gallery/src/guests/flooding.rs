//! Guests that give the host more than it should take.

use super::Guest;

/// What only goes on until its time is over does so for two seconds rather than ten minutes.
const SHORT: &str = "[limits]\nfuel = 1_000_000_000_000_000\ntimeout_ms = 2000";

pub(super) const GUESTS: &[Guest] = &[
    // What is too much of the log is left out, so nothing but the time ends this one and the next two.
    Guest::runs("floods_log", "timeout", &["limits.timeout_ms"]).under(SHORT),
    Guest::runs("floods_standard_output", "timeout", &["limits.timeout_ms"]).under(SHORT),
    Guest::runs("floods_progress", "timeout", &["limits.timeout_ms"]).under(SHORT),
    Guest::runs("floods_outbox", "limit_exceeded", &["10000", "limits.messages_max in floods_outbox.toml"])
        .under("[grants]\noutbox = [\"email\"]"),
    // Ten thousand of them would be 2.5 GiB in the memory of the host.
    Guest::runs(
        "fills_the_outbox",
        "limit_exceeded",
        &["16777216", "limits.unsaved_message_bytes_max in fills_the_outbox.toml"],
    )
    .under("[grants]\noutbox = [\"email\"]"),
    Guest::runs(
        "floods_artifacts",
        "limit_exceeded",
        &["100", "limits.artifacts_max in floods_artifacts.toml"],
    ),
    // The default is a gigabyte, which not every disk has to spare.
    Guest::runs("fills_the_disk", "limit_exceeded", &["limits.artifact_bytes_max in fills_the_disk.toml"])
        .under("[limits]\nartifact_bytes_max = 268_435_456"),
    Guest::runs("floods_checkpoints", "timeout", &["limits.timeout_ms"]).under(SHORT),
    Guest::runs("floods_saves", "timeout", &["limits.timeout_ms"]).under(SHORT),
    Guest::runs("keeps_headers", "limit_exceeded", &["1000", "limits.resources_max in keeps_headers.toml"]),
    Guest::runs("keeps_requests", "job_failed", &["all was refused"]),
    Guest::runs("leaks_cursors", "limit_exceeded", &["16", "limits.cursors_max in leaks_cursors.toml"])
        .under("[grants]\ndata = [\"shop\"]"),
    Guest::runs(
        "leaks_resources",
        "limit_exceeded",
        &["1000", "limits.resources_max in leaks_resources.toml"],
    ),
];
