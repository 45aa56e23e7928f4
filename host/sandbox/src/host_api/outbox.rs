//! `outbox`: messages that the host delivers once they are committed.

use std::collections::HashSet;

use longshore_domain::{Code, HOST_KEY_PREFIX, NewMessage, Recipients, RunRequest};

use crate::bindings::longshore::job::outbox::{Host, Message};
use crate::bindings::longshore::job::types::HostError;
use crate::failure::Ended;
use crate::guest::{Attempt, Guest};
use crate::host_api::{host_error, keep_no_secret, not_granted, shown};

const KEY_CHARS_MAX: usize = 128;
const HEADER_BYTES_MAX: usize = 2_000;

/// The messages of an attempt.
pub(crate) struct Outbox {
    unsaved: Vec<NewMessage>,
    unsaved_bytes: u64,
    /// Messages of the task that are committed.
    committed: u32,
    /// Their bytes, once they were asked for.
    committed_bytes: u64,
    keys: HashSet<String>,
    /// Whether what earlier attempts committed is still to be asked for. Most jobs never send, so that is not done before
    /// the first message.
    is_to_load: bool,
}

impl Outbox {
    pub(crate) fn new(request: &RunRequest) -> Self {
        let committed = request.claimed.checkpoint.as_ref().map_or(0, |saved| saved.messages);
        Self {
            unsaved: Vec::new(),
            unsaved_bytes: 0,
            committed,
            committed_bytes: 0,
            keys: HashSet::new(),
            is_to_load: committed > 0,
        }
    }

    /// The messages sent since the last save, which are committed from now on.
    pub(crate) fn take_unsaved(&mut self) -> Vec<NewMessage> {
        self.committed = self.count();
        self.committed_bytes += std::mem::take(&mut self.unsaved_bytes);
        std::mem::take(&mut self.unsaved)
    }

    /// Messages that are not committed, and their bytes.
    pub(crate) fn unsaved(&self) -> u32 {
        u32::try_from(self.unsaved.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn unsaved_bytes(&self) -> u64 {
        self.unsaved_bytes
    }

    fn count(&self) -> u32 {
        self.committed.saturating_add(self.unsaved())
    }
}

impl Host for Guest {
    async fn send(&mut self, message: Message) -> wasmtime::Result<Result<(), HostError>> {
        for text in [&message.key, &message.recipient, &message.subject, &message.content_type, &message.body]
        {
            keep_no_secret(&self.log, text.as_bytes(), "a message")?;
        }
        send(self.attempt()?, message).await
    }
}

/// Ends an attempt that names a channel which nobody could grant: its input is as likely to be wrong as its policy.
fn no_such_channel(granted: &[String], channel: &str) -> Ended {
    let granted = if granted.is_empty() { "none".to_owned() } else { granted.join(", ") };
    Ended::failed(
        Code::PermissionDenied,
        format!("there is no channel {:?}; the job may send messages through: {granted}", shown(channel)),
    )
}

async fn send(attempt: &mut Attempt, message: Message) -> wasmtime::Result<Result<(), HostError>> {
    let grants = &attempt.request.job.policy.grants;
    if !grants.outbox.contains(&message.channel) {
        if !attempt.shared.channels.contains(&message.channel) {
            return Err(no_such_channel(&grants.outbox, &message.channel).into());
        }
        let did = "sent a message through the channel";
        return Err(not_granted(attempt.job_name(), grants, "outbox", did, &message.channel));
    }
    if let Some(recipients) = grants.recipients.get(&message.channel)
        && !recipients.allow(&message.recipient)
    {
        return Ok(Err(not_a_recipient(attempt.job_name(), recipients, &message)));
    }
    if let Err(problem) = check_recipient(&message.recipient) {
        return Ok(Err(host_error("invalid_recipient", problem)));
    }
    if let Err(problem) = check(&message) {
        return Ok(Err(host_error("invalid_message", problem)));
    }
    if !attempt.shared.channels.contains(&message.channel) {
        let problem =
            format!("the channel {:?} is granted, but this host has no such channel", message.channel);
        return Ok(Err(host_error("invalid_message", problem)));
    }
    if let Err(why) = attempt.shared.recipients.check(&message.channel, &message.recipient) {
        let problem = format!("the channel {:?} cannot reach its recipient: {why}", message.channel);
        return Ok(Err(host_error("invalid_recipient", problem)));
    }
    let Message { channel, key, recipient, subject, content_type, body } = message;
    let message = NewMessage { channel, key, recipient, subject, content_type, body };
    let limits = attempt.limits();
    if message.bytes() > limits.message_bytes_max {
        let what = format!("the job sent a message of {} bytes, and a message may have", message.bytes());
        return Err(attempt.limits_of().exceeded(what, limits.message_bytes_max, "message_bytes_max").into());
    }
    if attempt.outbox.is_to_load {
        let task = attempt.request.claimed.attempt.task;
        let sent = attempt.shared.store.sent_messages(task).await;
        let sent =
            sent.map_err(|error| Ended::store_failed("the messages sent before cannot be listed", &error))?;
        attempt.outbox.keys.extend(sent.keys);
        attempt.outbox.committed_bytes = sent.bytes;
        attempt.outbox.is_to_load = false;
    }
    if attempt.outbox.keys.contains(&message.key) {
        return Ok(Err(host_error(
            "duplicate_key",
            format!("this task has a message with the key {:?} already; it is delivered once", message.key),
        )));
    }
    let messages_max = attempt.limits().messages_max;
    if attempt.outbox.count() >= messages_max {
        let what = "the task has sent all the messages that it may";
        return Err(attempt.limits_of().exceeded(what, messages_max.into(), "messages_max").into());
    }
    let unsaved_bytes = attempt.outbox.unsaved_bytes.saturating_add(message.bytes());
    let bytes_max = attempt.limits().unsaved_message_bytes_max;
    if unsaved_bytes > bytes_max {
        let what = "the job sent more bytes of messages without a save than it may";
        return Err(attempt.limits_of().exceeded(what, bytes_max, "unsaved_message_bytes_max").into());
    }
    let all_bytes_max = attempt.limits().all_message_bytes_max;
    if attempt.outbox.committed_bytes.saturating_add(unsaved_bytes) > all_bytes_max {
        let what = "the task sent more bytes of messages than it may";
        return Err(attempt.limits_of().exceeded(what, all_bytes_max, "all_message_bytes_max").into());
    }
    attempt.outbox.unsaved_bytes = unsaved_bytes;
    attempt.outbox.keys.insert(message.key.clone());
    attempt.outbox.unsaved.push(message);
    Ok(Ok(()))
}

/// A recipient comes from data, one of many: so that it is not granted is for the job to report, and does not end it.
fn not_a_recipient(job: &str, recipients: &Recipients, message: &Message) -> HostError {
    let Message { channel, recipient, .. } = message;
    let shown = shown(recipient);
    let list: Vec<String> =
        recipients.patterns().iter().chain([&shown]).map(|pattern| format!("{pattern:?}")).collect();
    host_error(
        "recipient_not_granted",
        format!(
            "the job may not write to {shown:?} through the channel {channel:?}; to grant it, write `{channel} = [{}]` under \
             [grants.recipients] in {job}.toml",
            list.join(", ")
        ),
    )
}

/// Checks what holds for the recipient of every channel.
fn check_recipient(recipient: &str) -> Result<(), String> {
    if recipient.contains(char::is_control) {
        return Err("its recipient contains a control character, such as a line break".into());
    }
    if recipient.len() > HEADER_BYTES_MAX {
        return Err(format!("its recipient has {} bytes; it may have {HEADER_BYTES_MAX}", recipient.len()));
    }
    Ok(())
}

/// Checks the form of a message. Line breaks in what becomes a header would let a job write headers of its own.
fn check(message: &Message) -> Result<(), String> {
    let key_chars = message.key.chars().count();
    if key_chars == 0 || key_chars > KEY_CHARS_MAX {
        return Err(format!("its key has {key_chars} characters; a key has 1 to {KEY_CHARS_MAX}"));
    }
    if message.key.starts_with(HOST_KEY_PREFIX) {
        return Err(format!("its key begins with {HOST_KEY_PREFIX:?}, as only those of the host do"));
    }
    let headers =
        [("key", &message.key), ("subject", &message.subject), ("content type", &message.content_type)];
    for (name, value) in headers {
        if value.contains(char::is_control) {
            return Err(format!("its {name} contains a control character, such as a line break"));
        }
        if value.len() > HEADER_BYTES_MAX {
            return Err(format!("its {name} has {} bytes; it may have {HEADER_BYTES_MAX}", value.len()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_smuggle_headers_in() {
        let good = Message {
            channel: "email".into(),
            key: "order-1".into(),
            recipient: "a@example.com".into(),
            subject: "Naïve café".into(),
            content_type: "text/plain".into(),
            body: "line\nline".into(),
        };
        assert_eq!(check(&good), Ok(()));
        let smuggler = Message { subject: "x\r\nBcc: everyone@example.com".into(), ..good.clone() };
        assert!(check(&smuggler).unwrap_err().contains("subject"));
        assert!(check_recipient("a@example.com\r\nBcc: b@example.com").is_err());
        assert!(check_recipient(&"a".repeat(2_001)).is_err());
        assert_eq!(check_recipient("Änn <a@example.com>"), Ok(()));
        assert!(check(&Message { key: String::new(), ..good.clone() }).is_err());
        assert!(check(&Message { key: "é".repeat(129), ..good }).is_err());
    }
}
