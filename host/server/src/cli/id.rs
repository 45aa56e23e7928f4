//! Ids as people give them: whole, by their beginning, or as `last`.

use std::fmt;
use std::str::FromStr;

use anyhow::Result;
use longshore_domain::{IdError, IdPrefix, MessageFilter, OutboxMessage, Owner, Task, TaskFilter, TaskId};
use longshore_scheduler::TaskService;
use uuid::Uuid;

use super::call::longshore;
use super::text;
use crate::view::rfc3339;

/// The word for the newest one.
const LAST: &str = "last";

/// Jobs that are looked at for one whose id ends as it was given.
const NEWEST: u32 = 1_000;

/// Candidates that are listed for a beginning that several ids have.
const CANDIDATES_MAX: usize = 10;

/// What names a job or a message on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IdArg {
    Whole(Uuid),
    Beginning(IdPrefix),
    Last,
}

impl FromStr for IdArg {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text == LAST {
            return Ok(Self::Last);
        }
        Uuid::try_parse(text).map(Self::Whole).or_else(|_| text.parse().map(Self::Beginning))
    }
}

/// No id, or more than one, is meant.
#[derive(Debug)]
pub(super) struct NoSuchId {
    /// The stable code.
    pub(super) code: &'static str,
    message: String,
    /// What to do about it.
    pub(super) hint: String,
}

impl fmt::Display for NoSuchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for NoSuchId {}

/// The id of the job that is meant.
pub(super) async fn job(service: &TaskService, owner: &Owner, id: &IdArg) -> Result<TaskId> {
    match id {
        IdArg::Whole(id) => Ok(TaskId::from_bytes(id.into_bytes())),
        IdArg::Beginning(prefix) => {
            let mut found = service.find(owner, prefix, CANDIDATES_MAX as u32 + 1).await?;
            if found.is_empty() {
                found = ending_with(service, owner, prefix).await?;
            }
            Ok(one(&found, prefix, &JOBS, job_line)?.id)
        }
        IdArg::Last => {
            let filter = TaskFilter { owner: Some(owner.clone()), limit: 1, ..TaskFilter::default() };
            let newest = service.list(filter).await?.tasks.first().map(|task| task.id);
            Ok(newest.ok_or_else(|| JOBS.none("there is no job yet".into()))?)
        }
    }
}

/// Those of the newest jobs whose id ends so. Jobs of one hour begin alike; how their ids end is chance.
async fn ending_with(service: &TaskService, owner: &Owner, digits: &IdPrefix) -> Result<Vec<Task>> {
    let filter = TaskFilter { owner: Some(owner.clone()), limit: NEWEST, ..TaskFilter::default() };
    let ends_so = |task: &Task| {
        let id: String = task.id.to_string().chars().filter(|letter| *letter != '-').collect();
        id.ends_with(&digits.to_string())
    };
    Ok(service.list(filter).await?.tasks.into_iter().filter(ends_so).collect())
}

/// The id of the message that is meant; by `last`, of the dead message that was committed last.
pub(super) async fn dead_message(service: &TaskService, id: &IdArg) -> Result<Uuid> {
    match id {
        IdArg::Whole(id) => Ok(*id),
        IdArg::Beginning(prefix) => {
            let found = service.find_messages(prefix, CANDIDATES_MAX as u32 + 1).await?;
            Ok(one(&found, prefix, &MESSAGES, message_line)?.id)
        }
        IdArg::Last => {
            let filter = MessageFilter { dead: true, limit: 1, after: None };
            let newest = service.list_messages(filter).await?.messages.first().map(|message| message.id);
            Ok(newest.ok_or_else(|| MESSAGES.none("there is no dead message".into()))?)
        }
    }
}

/// How things with ids are spoken of.
struct Things {
    one: &'static str,
    many: &'static str,
    not_found: &'static str,
    list: &'static str,
}

const JOBS: Things = Things { one: "job", many: "jobs", not_found: "job_not_found", list: "task list" };

const MESSAGES: Things =
    Things { one: "message", many: "messages", not_found: "message_not_found", list: "outbox list" };

impl Things {
    fn none(&self, message: String) -> NoSuchId {
        let hint = format!("`{} {}` shows the {} that there are", longshore(), self.list, self.many);
        NoSuchId { code: self.not_found, message, hint }
    }
}

/// The one that was found.
fn one<'a, T>(
    found: &'a [T],
    prefix: &IdPrefix,
    things: &Things,
    line: fn(&T) -> String,
) -> Result<&'a T, NoSuchId> {
    match found {
        [one] => Ok(one),
        [] => Err(things.none(format!("there is no {} whose id begins or ends with {prefix}", things.one))),
        several => {
            let shown = several.iter().take(CANDIDATES_MAX).map(line).collect::<Vec<_>>().join("\n");
            let more = if several.len() > CANDIDATES_MAX { "\nand more" } else { "" };
            let message = format!("several {} have ids with {prefix}:\n{shown}{more}", things.many);
            Err(NoSuchId { code: "ambiguous_id", message, hint: "give more of the id".into() })
        }
    }
}

fn job_line(task: &Task) -> String {
    let created = text::time(&rfc3339(task.created_at));
    format!("{}  {}  {}  {created}", task.id, task.job_type, task.state.as_str())
}

fn message_line(message: &OutboxMessage) -> String {
    let created = text::time(&rfc3339(message.created_at));
    format!("{}  {}  {}  {created}", message.id, message.message.channel, message.state.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_whole_a_beginning_or_the_last() {
        let whole = "5f0e9a2c-3f44-4f07-9a63-5d2f4a8f7c11";
        assert_eq!(whole.parse(), Ok(IdArg::Whole(whole.parse().unwrap())));
        assert_eq!("5F0E-9".parse(), Ok(IdArg::Beginning("5f0e9".parse().unwrap())));
        assert_eq!("last".parse(), Ok(IdArg::Last));
        for (text, rule) in [("5f0", "at least 4 digits"), ("latest", "hexadecimal"), ("", "hexadecimal")] {
            let error = text.parse::<IdArg>().unwrap_err().to_string();
            assert!(error.contains(rule), "{text}: {error}");
        }
    }

    #[test]
    fn of_several_each_is_shown() {
        let found: Vec<u32> = (0..11).collect();
        let prefix: IdPrefix = "5f0e".parse().unwrap();
        let told = |found: &[u32]| {
            one(found, &prefix, &JOBS, u32::to_string).map_err(|error| error.to_string()).copied()
        };
        assert_eq!(told(&found[3..4]), Ok(3));
        assert_eq!(told(&[]), Err("there is no job whose id begins or ends with 5f0e".into()));
        assert_eq!(told(&found[..2]), Err("several jobs have ids with 5f0e:\n0\n1".into()));
        assert!(told(&found).unwrap_err().ends_with("\n8\n9\nand more"));
    }
}
