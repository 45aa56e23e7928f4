//! Jobs that come again: what a schedule is, and what came of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{JobTypeName, NewTask, Owner, TaskId, Timestamp};

/// Longest name of a schedule, in characters.
const NAME_MAX: usize = 64;

/// What happens when a schedule is due and its last job has not ended yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Nothing, this time.
    #[default]
    Skip,
    /// Another job is submitted all the same.
    Queue,
}

impl Overlap {
    /// Every policy.
    pub const ALL: &[Self] = &[Self::Skip, Self::Queue];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
        }
    }
}

/// Who made a schedule, and so who may take it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The operator, in the configuration file.
    Config,
    /// A client.
    Agent,
}

impl Origin {
    /// Every origin.
    pub const ALL: &[Self] = &[Self::Config, Self::Agent];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Agent => "agent",
        }
    }
}

/// A schedule to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSchedule {
    /// Whose it is, and its jobs.
    pub owner: Owner,
    /// Names it among those of its owner.
    pub name: String,
    /// Who made it.
    pub origin: Origin,
    /// What kind of work comes again.
    pub job_type: JobTypeName,
    /// The input of each job, JSON text of an object.
    pub payload: String,
    /// When, as cron.
    pub cron: String,
    /// In which time zone, as an IANA name.
    pub time_zone: String,
    /// What happens while the last job has not ended.
    pub overlap: Overlap,
    /// Of its jobs; higher runs first.
    pub priority: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is due for the first time.
    pub next_at: Timestamp,
}

impl NewSchedule {
    /// Whether the other one asks for the same, whenever it was made. Payloads are compared as JSON.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let parse = |text| serde_json::from_str::<Value>(text).ok();
        let same_payload = self.payload == other.payload
            || parse(&self.payload).is_some_and(|one| Some(one) == parse(&other.payload));
        let asked = Self {
            payload: other.payload.clone(),
            created_at: other.created_at,
            next_at: other.next_at,
            ..self.clone()
        };
        same_payload && asked == *other
    }

    /// Whether the other one comes at the same times.
    pub fn comes_at_the_same_times(&self, other: &Self) -> bool {
        (&self.cron, &self.time_zone) == (&other.cron, &other.time_zone)
    }
}

/// A schedule as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its number in the store, never used twice.
    pub number: u64,
    /// Grows with each change, so that who acts on what was read can tell that it still holds.
    pub revision: u64,
    /// What was asked for; `next_at` is when it is due next.
    pub asked: NewSchedule,
    /// What came of it last; none when it was not due yet.
    pub last: Option<LastTime>,
    /// The last job that it submitted, which may be over and forgotten.
    pub last_task: Option<TaskId>,
}

/// The last time that a schedule was due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastTime {
    /// When somebody saw to it; later than it was due when nobody was there.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Fired,
}

/// What came of a schedule that was due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fired {
    /// A job was submitted.
    Started(TaskId),
    /// Nothing: the last job had not ended.
    Skipped,
    /// Nothing: a job as it asks for would not be taken.
    Refused(Refusal),
}

impl Fired {
    /// Its name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Skipped => "skipped",
            Self::Refused(_) => "refused",
        }
    }
}

/// Why a job was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The code that a client would have seen.
    pub code: String,
    /// What was wrong, and what to do.
    pub message: String,
}

/// Sees to a schedule that is due.
#[derive(Clone, Debug)]
pub struct Fire {
    /// Number of the schedule.
    pub number: u64,
    /// Its revision as it was read. When it has changed since, by whoever saw to it first too, nothing happens.
    pub revision: u64,
    /// When.
    pub at: Timestamp,
    /// When it is due again.
    pub next_at: Timestamp,
    /// The job to submit, or why there is none.
    pub task: Result<NewTask, Refusal>,
}

/// What became of seeing to a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FireAnswer {
    /// It is durable, and this came of it.
    Noted(Fired),
    /// The schedule has changed or is gone. Nothing was written.
    Stale,
}

/// What became of a schedule to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddScheduleAnswer {
    /// It is durable.
    Added(Schedule),
    /// There is one of that name, which may ask for the same.
    Exists(Schedule),
    /// The owner has as many as there may be.
    TooMany,
}

/// What became of a request to delete a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteScheduleAnswer {
    /// It is gone. Its jobs go on.
    Deleted,
    /// It stands in the configuration file, and is deleted there.
    OfConfig,
    /// This owner has no such schedule.
    NotFound,
}

/// What brought the schedules of the configuration file up to date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncedSchedules {
    /// Names of new ones.
    pub added: Vec<String>,
    /// Names of those that changed, an agent's of the same name included.
    pub changed: Vec<String>,
    /// Names of those that are no longer in the file.
    pub removed: Vec<String>,
}

/// Says what is wrong with the name of a schedule.
pub fn check_schedule_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if length == 0 || length > NAME_MAX {
        return Err(format!("a schedule's name has 1 to {NAME_MAX} characters, this one has {length}"));
    }
    if name.trim() != name || name.chars().any(char::is_control) {
        return Err(
            "a schedule's name neither begins nor ends with a space and has no control characters".into()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_can_be_shown() {
        for good in ["a", "nightly export", "रात", &"é".repeat(64)] {
            assert_eq!(check_schedule_name(good), Ok(()));
        }
        for bad in ["", " a", "a ", "a\nb", "\u{7f}", &"a".repeat(65)] {
            assert!(check_schedule_name(bad).is_err(), "{bad:?} was taken");
        }
    }
}
