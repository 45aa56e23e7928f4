//! Delivers the messages of the outbox.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use longshore_domain::{Clock, DeliveryError, MessageSink, OutboxMessage, StoreError, TaskStore, Timestamp};

use crate::settle::message_backoff;

/// Where each channel delivers to, by its name.
pub type Channels = BTreeMap<String, Arc<dyn MessageSink>>;

/// How a courier works.
#[derive(Clone, Debug)]
pub struct CourierOptions {
    /// Messages that are delivered at once.
    pub batch: u32,
    /// How long one try may take; afterwards another process may try.
    pub timeout: Duration,
}

impl Default for CourierOptions {
    fn default() -> Self {
        Self { batch: 32, timeout: Duration::from_secs(30) }
    }
}

/// Takes messages out of the outbox and hands them to their sinks, at least once, each with its stable id.
pub struct Courier {
    store: Arc<dyn TaskStore>,
    clock: Arc<dyn Clock>,
    channels: Channels,
    options: CourierOptions,
}

impl Courier {
    /// A courier that knows these channels.
    pub fn new(
        store: Arc<dyn TaskStore>,
        clock: Arc<dyn Clock>,
        channels: Channels,
        options: CourierOptions,
    ) -> Self {
        Self { store, clock, channels, options }
    }

    /// Tries one batch of what is due, and says how many messages that were.
    pub async fn tick(&self, now: Timestamp) -> Result<u32, StoreError> {
        // The lease is twice the timeout, so that a try is over, and noted, before anybody else may begin one.
        let lease_until = now.after(self.options.timeout * 2);
        let messages = self.store.claim_messages(now, lease_until, self.options.batch).await?;
        let count = messages.len() as u32;
        for settled in join_all(messages.into_iter().map(|message| self.deliver(message))).await {
            settled?;
        }
        Ok(count)
    }

    async fn deliver(&self, message: OutboxMessage) -> Result<(), StoreError> {
        let delivered = match self.channels.get(&message.message.channel) {
            Some(sink) => match tokio::time::timeout(self.options.timeout, sink.deliver(&message)).await {
                Ok(delivered) => delivered,
                Err(_elapsed) => Err(DeliveryError {
                    message: format!("no answer within {} s", self.options.timeout.as_secs()),
                    retryable: true,
                }),
            },
            None => Err(DeliveryError {
                message: format!(
                    "no channel {:?} is configured; add [channels.{}] to longshore.toml",
                    message.message.channel, message.message.channel
                ),
                retryable: true,
            }),
        };
        let now = self.clock.now();
        match delivered {
            Ok(()) => self.store.message_delivered(message.id, now).await,
            Err(error) => {
                let retry_at = message_backoff(message.tries, fastrand::f64())
                    .filter(|_| error.retryable)
                    .map(|backoff| now.after(backoff));
                tracing::warn!(
                    message_id = %message.id,
                    job_id = %message.task,
                    channel = message.message.channel,
                    tries = message.tries,
                    gives_up = retry_at.is_none(),
                    %error,
                    "a message was not delivered"
                );
                self.store.message_failed(message.id, error.message, retry_at).await
            }
        }
    }
}
