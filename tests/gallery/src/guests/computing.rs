//! Guests that take what there is to compute with, and that do not end.

use super::Guest;

pub(super) const GUESTS: &[Guest] = &[
    // With the default it would compute for a minute.
    Guest::runs("spins", "out_of_fuel", &["3000000000", "limits.fuel in spins.toml"])
        .under("[limits]\nfuel = 3_000_000_000"),
    // Calls use little fuel and much time.
    Guest::runs("spins_in_host_calls", "timeout", &["2000", "limits.timeout_ms in spins_in_host_calls.toml"])
        .under("[limits]\ntimeout_ms = 2000"),
    // Where nothing begins, nothing looks at the time but the host itself.
    Guest::runs("calls_in_a_straight_line", "timeout", &["2000", "limits.timeout_ms"])
        .under("[limits]\ntimeout_ms = 2000"),
    Guest::runs("gives_what_takes_long_to_check", "job_failed", &["takes too long"]),
    Guest::runs("recurses", "limit_exceeded", &["1048576", "limits.stack_bytes_max in recurses.toml"]),
    Guest::runs(
        "allocates_without_end",
        "out_of_memory",
        &["134217728", "limits.memory_bytes_max in allocates_without_end.toml"],
    ),
    // A table that is full does not grow, as a memory does not; the guest gives up then.
    Guest::runs(
        "grows_tables",
        "limit_exceeded",
        &["1048576", "limits.table_elements_max in grows_tables.toml"],
    ),
    Guest::runs("panics_at_length", "trap", &["no way out"]),
    // The default gives it five seconds.
    Guest::cancelled("ignores_cancel").under("[limits]\ncancel_grace_ms = 500"),
    Guest::runs("looks_at_the_host", "completed", &[]),
    Guest::runs("keeps_state", "completed", &[]).tried(3),
];
