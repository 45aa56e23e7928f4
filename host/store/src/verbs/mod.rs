//! What a store does, one group of verbs a file. Each write runs within a transaction of the writer thread and either
//! succeeds or leaves it to be rolled back.

pub(crate) mod alert;
pub(crate) mod artifacts;
pub(crate) mod attempts;
pub(crate) mod breaker;
pub(crate) mod callback;
pub(crate) mod cancel;
pub(crate) mod checkpoint;
pub(crate) mod claim;
pub(crate) mod counts;
pub(crate) mod deadline;
pub(crate) mod digest;
pub(crate) mod find;
pub(crate) mod finish;
pub(crate) mod finished_artifacts;
pub(crate) mod firing;
pub(crate) mod get;
pub(crate) mod lease;
pub(crate) mod letters;
pub(crate) mod list;
pub(crate) mod lived;
pub(crate) mod log;
pub(crate) mod outbox;
pub(crate) mod pause;
pub(crate) mod places;
#[cfg(test)]
mod plans;
pub(crate) mod prune;
pub(crate) mod publication;
pub(crate) mod rate;
pub(crate) mod retry;
pub(crate) mod save;
pub(crate) mod schedule;
pub(crate) mod schedules;
pub(crate) mod space;
pub(crate) mod submit;

/// Every statement of the store by file and name.
#[cfg(test)]
pub(crate) fn all_statements() -> Vec<(String, &'static str)> {
    let files = [
        ("alert", alert::STATEMENTS),
        ("artifacts", artifacts::STATEMENTS),
        ("attempts", attempts::STATEMENTS),
        ("breaker", breaker::STATEMENTS),
        ("callback", callback::STATEMENTS),
        ("cancel", cancel::STATEMENTS),
        ("checkpoint", checkpoint::STATEMENTS),
        ("claim", claim::STATEMENTS),
        ("counts", counts::STATEMENTS),
        ("deadline", deadline::STATEMENTS),
        ("find", find::STATEMENTS),
        ("finish", finish::STATEMENTS),
        ("finished_artifacts", finished_artifacts::STATEMENTS),
        ("firing", firing::STATEMENTS),
        ("get", get::STATEMENTS),
        ("lease", lease::STATEMENTS),
        ("letters", letters::STATEMENTS),
        ("list", list::STATEMENTS),
        ("lived", lived::STATEMENTS),
        ("log", log::STATEMENTS),
        ("outbox", outbox::STATEMENTS),
        ("pause", pause::STATEMENTS),
        ("places", places::STATEMENTS),
        ("prune", prune::STATEMENTS),
        ("publication", publication::STATEMENTS),
        ("rate", rate::STATEMENTS),
        ("retry", retry::STATEMENTS),
        ("save", save::STATEMENTS),
        ("schedule", schedule::STATEMENTS),
        ("schedules", schedules::STATEMENTS),
        ("submit", submit::STATEMENTS),
    ];
    files
        .into_iter()
        .chain(crate::checkup::STATEMENTS.iter().copied())
        .flat_map(|(file, statements)| {
            statements.iter().map(move |(name, sql)| (format!("{file}::{name}"), *sql))
        })
        .collect()
}
