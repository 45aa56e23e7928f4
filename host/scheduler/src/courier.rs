//! Delivers the messages of the outbox.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use longshore_domain::{
    Clock, DeliveryError, MessageClaim, OutboxMessage, StoreError, TaskStore, Timestamp, WorkerId,
};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::channel::{ChannelPolicy, Channels};

/// What one look at the outbox came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CourierTick {
    /// Messages whose delivery began.
    pub begun: u32,
    /// When the rate of a channel lets through what it held back.
    pub next_at: Option<Timestamp>,
}

/// Takes messages out of the outbox and hands them to their sinks, at least once, each with its stable id.
///
/// Each channel has places of its own, so that one that is slow or dead holds up no other.
pub struct Courier {
    lanes: Arc<Lanes>,
    // Dropping it ends what is under way; such messages are tried again when their lease is over.
    under_way: Mutex<JoinSet<()>>,
}

/// What the deliveries that are under way share.
struct Lanes {
    worker: WorkerId,
    store: Arc<dyn TaskStore>,
    clock: Arc<dyn Clock>,
    channels: Channels,
    /// What holds for messages whose channel is not configured any more.
    unknown: ChannelPolicy,
    /// Messages under way by channel; a channel without any is left out.
    taken: Mutex<BTreeMap<String, u32>>,
    /// Counts the deliveries that ended.
    ended: watch::Sender<u64>,
}

impl Courier {
    /// A courier of this worker that knows these channels.
    pub fn new(
        worker: WorkerId,
        store: Arc<dyn TaskStore>,
        clock: Arc<dyn Clock>,
        channels: Channels,
    ) -> Self {
        let lanes = Lanes {
            worker,
            store,
            clock,
            channels,
            unknown: ChannelPolicy::default(),
            taken: Mutex::default(),
            ended: watch::Sender::new(0),
        };
        Self { lanes: Arc::new(lanes), under_way: Mutex::default() }
    }

    /// Begins to deliver what is due, as far as each channel has places. It waits for no delivery.
    pub async fn tick(&self, now: Timestamp) -> Result<CourierTick, StoreError> {
        let mut tick = CourierTick { begun: 0, next_at: None };
        for channel in self.lanes.store.due_channels(now).await? {
            let policy = self.lanes.policy(&channel);
            let limit = policy.concurrency.max(1).saturating_sub(self.lanes.under_way(&channel));
            if limit == 0 {
                continue;
            }
            let claim = MessageClaim {
                worker: self.lanes.worker.clone(),
                channel,
                now,
                // Twice the timeout, so that a try is over, and noted, before anybody else may begin one.
                lease_until: now.after(policy.timeout * 2),
                limit,
                rate: policy.rate,
            };
            let claimed = self.lanes.store.claim_messages(claim).await?;
            tick.next_at = tick.next_at.into_iter().chain(claimed.next_at).min();
            tick.begun += claimed.messages.len() as u32;
            for message in claimed.messages {
                self.begin(message);
            }
        }
        Ok(tick)
    }

    /// Tells of deliveries that end: places are free again then.
    pub fn ended(&self) -> watch::Receiver<u64> {
        self.lanes.ended.subscribe()
    }

    /// Resolves once nothing is under way.
    pub async fn idle(&self) {
        let mut ended = self.ended();
        loop {
            // Looked at before the question, so that an end between the two is not missed.
            ended.borrow_and_update();
            if self.lanes.taken().is_empty() || ended.changed().await.is_err() {
                return;
            }
        }
    }

    /// Lets what is under way end by itself for that long, and then breaks it off.
    pub async fn finish(&self, grace: Duration) {
        let _ = tokio::time::timeout(grace, self.idle()).await;
        self.under_way().abort_all();
    }

    fn begin(&self, message: OutboxMessage) {
        let place = Place::take(&self.lanes, &message.message.channel);
        let lanes = Arc::clone(&self.lanes);
        let mut under_way = self.under_way();
        while under_way.try_join_next().is_some() {}
        under_way.spawn(async move {
            let _place = place;
            let id = message.id;
            if let Err(error) = lanes.deliver(message).await {
                tracing::error!(message_id = %id, %error, "what became of a message was not noted; it is tried again");
            }
        });
    }

    fn under_way(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    fn policy(&self, channel: &str) -> &ChannelPolicy {
        self.channels.get(channel).map_or(&self.unknown, |channel| &channel.policy)
    }

    fn under_way(&self, channel: &str) -> u32 {
        self.taken().get(channel).copied().unwrap_or_default()
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn deliver(&self, message: OutboxMessage) -> Result<(), StoreError> {
        let name = &message.message.channel;
        let policy = self.policy(name);
        let delivered = match self.channels.get(name) {
            Some(channel) => {
                let delivery = channel.sink.deliver(&message, self.clock.now());
                let too_long = |_| DeliveryError::transient(format!("no answer within {:?}", policy.timeout));
                tokio::time::timeout(policy.timeout, delivery).await.map_err(too_long).flatten()
            }
            None => Err(DeliveryError::transient(format!(
                "no channel {name:?} is configured; add [channels.{name}] to longshore.toml"
            ))),
        };
        let now = self.clock.now();
        let Err(error) = delivered else { return self.store.message_delivered(message.id, now).await };
        let retry_at = policy.next_try(&error, message.tries, now, fastrand::f64());
        tracing::warn!(
            message_id = %message.id,
            job_id = %message.task,
            channel = name,
            tries = message.tries,
            gives_up = retry_at.is_none(),
            %error,
            "a message was not delivered"
        );
        self.store.message_failed(message.id, message.tries, error.message, retry_at).await
    }
}

/// A place of a channel, free again when it is dropped, whatever became of the delivery.
struct Place {
    lanes: Arc<Lanes>,
    channel: String,
}

impl Place {
    fn take(lanes: &Arc<Lanes>, channel: &str) -> Self {
        *lanes.taken().entry(channel.to_owned()).or_default() += 1;
        Self { lanes: Arc::clone(lanes), channel: channel.to_owned() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut taken = self.lanes.taken();
            if let Some(count) = taken.get_mut(&self.channel) {
                *count -= 1;
                if *count == 0 {
                    taken.remove(&self.channel);
                }
            }
        }
        self.lanes.ended.send_modify(|ended| *ended += 1);
    }
}
