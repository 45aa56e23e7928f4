//! Messages that a job wants delivered.

use serde::Serialize;
use uuid::Uuid;

use crate::{RateLimit, TaskId, Timestamp, WorkerId};

/// A message as a job sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewMessage {
    /// Channel to send it through.
    pub channel: String,
    /// Names it within its task.
    pub key: String,
    /// Who gets it, in the channel's own form.
    pub recipient: String,
    /// Subject line, or event type.
    pub subject: String,
    /// Media type of the body.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl NewMessage {
    /// Bytes that it takes, all fields together.
    pub fn bytes(&self) -> u64 {
        [&self.channel, &self.key, &self.recipient, &self.subject, &self.content_type, &self.body]
            .iter()
            .map(|field| field.len() as u64)
            .sum()
    }
}

/// Which recipients the channels of this host take. It is asked before a message is accepted, so that a job learns of a
/// recipient that is none while it can still say so, and goes on with the others.
pub trait RecipientCheck: std::fmt::Debug + Send + Sync {
    /// Says why messages to `recipient` can never be delivered through `channel`, as far as can be said without sending one.
    fn check(&self, channel: &str, recipient: &str) -> Result<(), String>;
}

/// Takes every recipient.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyRecipient;

impl RecipientCheck for AnyRecipient {
    fn check(&self, _channel: &str, _recipient: &str) -> Result<(), String> {
        Ok(())
    }
}

/// What a task has committed of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentMessages {
    /// Their keys, in the order of their commit.
    pub keys: Vec<String>,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// Where a message is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// To be delivered, now or at its next try.
    Pending,
    /// Delivered.
    Delivered,
    /// Given up after its last try.
    Dead,
}

impl MessageState {
    /// Its name, as it is shown and stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// A committed message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutboxMessage {
    /// Stable id, the same for every try; receivers tell a repetition by it.
    pub id: Uuid,
    /// The task that sent it.
    pub task: TaskId,
    /// The message.
    pub message: NewMessage,
    /// When it was committed.
    pub created_at: Timestamp,
    /// Where it is on its way.
    pub state: MessageState,
    /// Tries so far, this one included when it was just claimed.
    pub tries: u32,
    /// What the last failed try said.
    pub last_error: Option<String>,
    /// When its delivery was noted.
    pub delivered_at: Option<Timestamp>,
    /// While it is pending: when it may be tried next. Where a try is under way, when it is taken for lost.
    pub next_try_at: Option<Timestamp>,
}

/// How many tries of a message are not counted because their worker ended.
///
/// The end of a process says nothing against a message; one that ends every process that tries it is given up all the
/// same.
pub const LOST_TRIES_MAX: u32 = 10;

/// Asks for messages to deliver.
#[derive(Clone, Debug)]
pub struct MessageClaim {
    /// Who asks.
    pub worker: WorkerId,
    /// Through which channel.
    pub channel: String,
    /// The time of asking.
    pub now: Timestamp,
    /// Nobody else gets them before.
    pub lease_until: Timestamp,
    /// How many at most.
    pub limit: u32,
    /// How many the channel takes, over all processes that share the store.
    pub rate: Option<RateLimit>,
}

/// Messages that are leased to whoever claimed them.
#[derive(Clone, Debug)]
pub struct ClaimedMessages {
    /// The messages, the one that was due first comes first.
    pub messages: Vec<OutboxMessage>,
    /// When the rate lets the next one through, where it held some back.
    pub next_at: Option<Timestamp>,
}

/// Which messages to list.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    /// Only those that were given up.
    pub dead: bool,
    /// How many at most.
    pub limit: u32,
    /// Where the page before ended, as it said in `next`.
    pub after: Option<String>,
}

/// A page of messages, newest first.
#[derive(Clone, Debug)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<OutboxMessage>,
    /// Where the next page begins; none at the end.
    pub next: Option<String>,
}

/// What became of a request to send a message again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResendAnswer {
    /// It is due now, under the same id, with its tries counted anew.
    Queued,
    /// Only messages that were given up can be sent again; this one is in that state.
    NotDead(MessageState),
    /// There is no such message.
    NotFound,
}

/// The id of the message named `key` of `task`: the same for every attempt, on every machine.
///
/// It is a UUID (version 5) of both. Where the task's id begins with the time, it begins so, too (version 8), for the sake
/// of the index.
pub fn message_id(task: TaskId, key: &str) -> Uuid {
    let id = Uuid::new_v5(&task.uuid(), key.as_bytes());
    if task.uuid().get_version_num() != 7 {
        return id;
    }
    let mut bytes = *id.as_bytes();
    bytes[..6].copy_from_slice(&task.as_bytes()[..6]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_one_id_that_begins_as_its_task_does() {
        let task = TaskId::at(Timestamp::from_ms(1_700_000_000_000));
        let id = message_id(task, "a");
        assert_eq!(id, message_id(task, "a"));
        assert_ne!(id, message_id(task, "b"));
        assert_ne!(id, message_id(TaskId::at(Timestamp::from_ms(1_700_000_000_000)), "a"));
        assert_eq!((&id.as_bytes()[..6], id.get_version_num()), (&task.as_bytes()[..6], 8));
    }

    /// What was sent before an upgrade must keep its id after it.
    #[test]
    fn messages_of_older_tasks_keep_their_ids() {
        let task: TaskId = "7b0c2f5e-1a52-4d0e-9c53-6c1f4a0f3b11".parse().unwrap();
        assert_eq!(message_id(task, "a"), Uuid::new_v5(&task.uuid(), b"a"));
    }
}
