//! Guests that misbehave before they are served.

use super::Guest;

pub(super) const GUESTS: &[Guest] = &[
    Guest::refused("traps_in_describe", "describe_failed", &["none of your business"]),
    Guest::refused("spins_in_describe", "describe_failed", &["describe"]),
    Guest::refused("spins_at_start", "describe_failed", &["describe"]),
    Guest::refused("calls_the_host_in_describe", "describe_failed", &["must not call any import"]),
    Guest::refused("describes_ten_thousand_permissions", "describe_failed", &["more than 1000 permissions"]),
    Guest::refused("describes_itself_at_length", "describe_failed", &["1000000"]),
    Guest::refused("names_itself_at_length", "wrong_name", &["it describes the job type"]),
    Guest::refused("nests_its_schema", "invalid_schema", &["48 levels"]),
    Guest::refused("describes_a_huge_schema", "invalid_schema", &["1048576"]),
    Guest::refused("asks_for_more_than_it_is_granted", "blocked", &["`data = [\"shop\"]`"]),
];
