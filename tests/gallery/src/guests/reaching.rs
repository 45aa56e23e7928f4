//! Guests that reach for what they were not granted. Where the host answers them with an error, they try all they know, and
//! end as `job_failed` when each was refused.

use super::Guest;

const SHOP: &str = "[grants]\ndata = [\"shop\"]";
/// All that they tried was refused.
const REFUSED: &[&str] = &["all was refused"];
const REFUSED_BY_THE_SOURCE: &[&str] = &["all was refused", "query_failed"];

pub(super) const GUESTS: &[Guest] = &[
    Guest::runs(
        "reaches_for_a_source",
        "permission_denied",
        &["`data = [\"shop\"]`", "reaches_for_a_source.toml"],
    ),
    Guest::runs("reaches_for_a_table", "job_failed", REFUSED_BY_THE_SOURCE)
        .under("[grants]\ndata = [\"shop\"]\n\n[grants.tables.shop]\ncustomers = [\"id\", \"city\"]"),
    Guest::runs(
        "reaches_for_a_channel",
        "permission_denied",
        &["`outbox = [\"email\"]`", "reaches_for_a_channel.toml"],
    ),
    Guest::runs("reaches_for_a_recipient", "job_failed", &["all was refused", "recipient_not_granted"])
        .under("[grants]\noutbox = [\"email\"]\n\n[grants.recipients]\nemail = [\"*@example.com\"]"),
    Guest::runs("reaches_for_files", "job_failed", REFUSED),
    Guest::runs("reaches_for_sockets", "job_failed", REFUSED),
    Guest::runs("reaches_for_the_environment", "job_failed", REFUSED),
    Guest::runs(
        "reaches_for_http",
        "permission_denied",
        &["GET http://169.254.169.254/", "`http = [{ url = ", "[grants] in reaches_for_http.toml"],
    ),
    Guest::runs(
        "reaches_for_a_secret",
        "permission_denied",
        &["`secrets = [\"crm_token\"]`", "reaches_for_a_secret.toml"],
    ),
    Guest::runs("uses_wasi_that_is_not_there", "permission_denied", &["wasi:nn"]),
    Guest::runs("climbs_out_of_its_folder", "job_failed", &["all was refused", "invalid_name"]),
    Guest::runs("attaches_databases", "job_failed", REFUSED_BY_THE_SOURCE).under(SHOP),
    Guest::runs("writes_in_sql", "job_failed", REFUSED_BY_THE_SOURCE).under(SHOP),
    Guest::runs("loads_extensions", "job_failed", REFUSED_BY_THE_SOURCE).under(SHOP),
    // The default lets a source work for five minutes.
    Guest::runs(
        "queries_for_ever",
        "limit_exceeded",
        &["2000", "limits.query_timeout_ms in queries_for_ever.toml"],
    )
    .under("[grants]\ndata = [\"shop\"]\n\n[limits]\nquery_timeout_ms = 2000"),
    // Nothing interrupts a step of the database. So none takes long: this one is answered at once.
    Guest::runs("queries_in_one_step", "completed", &[])
        .under("[grants]\ndata = [\"shop\"]\n\n[limits]\ntimeout_ms = 20_000"),
];
