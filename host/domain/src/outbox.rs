//! Messages that a job wants delivered.

use serde::Serialize;
use uuid::Uuid;

use crate::{TaskId, Timestamp};

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
}

/// The id of the message named `key` of `task`: a UUID (version 5) of both, so that every attempt, on every machine,
/// comes to the same.
pub fn message_id(task: TaskId, key: &str) -> Uuid {
    Uuid::new_v5(&task.uuid(), key.as_bytes())
}
