//! A message with everything that belongs to it, for receivers that take more than its body.

use longshore_domain::OutboxMessage;
use serde_json::{Value, json};

/// The message as a JSON object. It is the same for every try.
pub(crate) fn as_json(message: &OutboxMessage) -> Value {
    json!({
        "id": message.id,
        "job_id": message.task,
        "channel": message.message.channel,
        "key": message.message.key,
        "recipient": message.message.recipient,
        "subject": message.message.subject,
        "content_type": message.message.content_type,
        "body": message.message.body,
        "created_at_ms": message.created_at,
    })
}
