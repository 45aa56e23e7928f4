//! Cancels or retries every job that a filter chooses: counted first, and done only when that was confirmed.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _};

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use longshore_domain::{CancelAnswer, Owner, TaskFilter, TaskId, TaskState};
use longshore_scheduler::{ServiceError, TaskService};
use serde_json::json;

use super::filter::Filter;
use crate::cli::call::longshore;
use crate::cli::errors::Usage;
use crate::cli::output::{can_ask, print, print_json, say};
use crate::cli::text;

/// Jobs on a page while they are counted.
const PAGE: u32 = 1_000;
/// Jobs that are changed at once. They share commits.
const AT_ONCE: usize = 64;

/// What is done to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Cancel,
    Retry,
}

impl Deed {
    /// The states that it is possible in, in the order in which jobs go through them.
    const fn states(self) -> &'static [TaskState] {
        match self {
            Self::Cancel => {
                &[TaskState::Scheduled, TaskState::Queued, TaskState::Running, TaskState::InputRequired]
            }
            Self::Retry => &[TaskState::Failed, TaskState::Cancelled],
        }
    }

    /// Those that are meant where none is named. What was cancelled was so on purpose.
    fn usual_states(self) -> &'static [TaskState] {
        match self {
            Self::Cancel => self.states(),
            Self::Retry => &[TaskState::Failed],
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Cancel => "cancelled",
            Self::Retry => "retried",
        }
    }
}

/// How the command is to go about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) yes: bool,
    pub(super) json: bool,
}

/// What became of the jobs.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    changed: u64,
    /// Jobs that run and have been told to stop.
    told: u64,
    /// Jobs to which something else had happened meanwhile.
    left: u64,
}

pub(super) async fn run(service: &TaskService, filter: &Filter, deed: Deed, manner: Manner) -> Result<()> {
    let (verb, owner) = (deed.verb(), Owner::local());
    if filter.is_empty() {
        return Err(usage(
            format!("nothing says which jobs to {verb}"),
            format!(
                "name one by its id, or choose some: --status, --job-type, --code, --since, --until, --schedule; `{} task {verb} --help`",
                longshore()
            ),
        ));
    }
    let chosen = chosen(service, filter, deed).await?;
    if chosen.is_empty() {
        return if manner.json { report(deed, 0, Tally::default()) } else { print("No such job.") };
    }
    let count = text::counted(chosen.len() as u64, "job");
    if !manner.yes {
        if manner.json || !can_ask() {
            return Err(usage(
                format!("{count} would be {}; nothing was done", deed.done()),
                format!(
                    "add --yes to {verb} them; `{} task list` shows them by the same options",
                    longshore()
                ),
            ));
        }
        if !asked(&format!("{verb} {count}? [y/N]")).await? {
            say("Nothing was done.");
            return Ok(());
        }
    }
    let matched = chosen.len() as u64;
    let tally = stream::iter(chosen)
        .map(|id| one(service, &owner, deed, id))
        .buffer_unordered(AT_ONCE)
        .try_fold(Tally::default(), |sum, of_one| async move {
            Ok(Tally {
                changed: sum.changed + of_one.changed,
                told: sum.told + of_one.told,
                left: sum.left + of_one.left,
            })
        })
        .await
        .context("not all jobs were reached; the same command goes on with the rest")?;
    if manner.json {
        return report(deed, matched, tally);
    }
    let mut parts = vec![format!("{} {}", text::counted(tally.changed, "job"), deed.done())];
    if tally.told > 0 {
        parts.push(format!("{} told to stop", text::count(tally.told)));
    }
    if tally.left > 0 {
        parts.push(format!("{} left as they were, because their state had changed", text::count(tally.left)));
    }
    print(&format!("{}.", parts.join(", ")))
}

/// The ids of the jobs that are meant.
async fn chosen(service: &TaskService, filter: &Filter, deed: Deed) -> Result<BTreeSet<TaskId>> {
    let filter = TaskFilter { limit: PAGE, ..filter.at(service.now()) };
    let states = match filter.state {
        None => deed.usual_states().to_vec(),
        Some(state) if deed.states().contains(&state) => vec![state],
        Some(state) => {
            let possible = deed.states().iter().map(|state| state.as_str()).collect::<Vec<_>>().join(", ");
            return Err(usage(
                format!("a job that is {} cannot be {}", state.as_str(), deed.done()),
                format!("states in which it can: {possible}"),
            ));
        }
    };
    let mut chosen = BTreeSet::new();
    for state in states {
        let mut after = None;
        loop {
            let page = TaskFilter { state: Some(state), after, ..filter.clone() };
            let page = service.list(page).await?;
            chosen.extend(page.tasks.iter().map(|task| task.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(chosen)
}

async fn one(service: &TaskService, owner: &Owner, deed: Deed, id: TaskId) -> Result<Tally> {
    let (changed, told, left) = match deed {
        Deed::Cancel => match service.cancel(owner, id).await {
            Ok(CancelAnswer::Cancelled) => (1, 0, 0),
            Ok(CancelAnswer::Requested) => (0, 1, 0),
            Ok(CancelAnswer::AlreadyTerminal(_) | CancelAnswer::NotFound)
            | Err(ServiceError::NotFound { .. }) => (0, 0, 1),
            Err(error) => return Err(error.into()),
        },
        Deed::Retry => match service.retry(owner, id).await {
            Ok(_) => (1, 0, 0),
            Err(ServiceError::NotRetryable { .. } | ServiceError::NotFound { .. }) => (0, 0, 1),
            Err(error) => return Err(error.into()),
        },
    };
    Ok(Tally { changed, told, left })
}

fn report(deed: Deed, matched: u64, tally: Tally) -> Result<()> {
    let Tally { changed, told, left } = tally;
    print_json(&match deed {
        Deed::Cancel => {
            json!({"matched": matched, "cancelled": changed, "told_to_stop": told, "unchanged": left})
        }
        Deed::Retry => json!({"matched": matched, "retried": changed, "unchanged": left}),
    })
}

async fn asked(question: &str) -> Result<bool> {
    say(question);
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let answer = answer.await?.context("cannot read the answer")?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn usage(message: String, hint: String) -> anyhow::Error {
    Usage { message, hint }.into()
}
