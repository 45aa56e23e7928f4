//! Guests that break the rules of the boundary, which only hand-written ones can.

use super::Guest;

/// They have a gigabyte, which no plugin is likely to be given; so no limit on memory comes first.
const LARGE: &str = "[limits]\nmemory_bytes_max = 2_147_483_648";

pub(super) const GUESTS: &[Guest] = &[
    Guest::runs("lies_about_lengths", "trap", &["out of bounds"]),
    Guest::runs("lies_about_its_result", "trap", &["out of bounds"]),
    Guest::runs("lies_in_realloc", "trap", &["realloc"]),
    Guest::runs("reenters", "trap", &["cannot leave component instance"]),
    Guest::runs("returns_a_gigabyte", "limit_exceeded", &[]).under(LARGE),
    Guest::runs("logs_a_gigabyte", "limit_exceeded", &["in one call"]).under(LARGE),
];
