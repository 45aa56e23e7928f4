//! Delivery of messages.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use longshore_domain::{
    AttemptRef, Clock, DeliveryError, LOST_TRIES_MAX, MessageClaim, MessageSink, MessageState, NewMessage,
    OutboxMessage, Owner, Progress, RateLimit, RetryPolicy, Save, Share, TaskId, Timestamp, message_id,
};
use longshore_scheduler::{Channel, ChannelPolicy, Channels, Courier};
use tokio::sync::Semaphore;

use crate::support::{Process, World};

/// A sink that does what its script says, and keeps the ids of what it was given.
struct Scripted {
    /// Tries that fail before one does not, with this error.
    failures: AtomicU32,
    error: DeliveryError,
    /// Deliveries wait for one of these.
    let_through: Semaphore,
    seen: Mutex<Vec<uuid::Uuid>>,
}

impl Scripted {
    fn failing(failures: u32, error: DeliveryError) -> Arc<Self> {
        let let_through = Semaphore::new(1_000);
        Arc::new(Self { failures: AtomicU32::new(failures), error, let_through, seen: Mutex::default() })
    }

    fn good() -> Arc<Self> {
        Self::failing(0, DeliveryError::transient("never"))
    }

    /// Lets nothing through until it is told to.
    fn slow() -> Arc<Self> {
        let sink = Self::good();
        sink.let_through.forget_permits(1_000);
        sink
    }

    fn seen(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

#[async_trait]
impl MessageSink for Scripted {
    async fn deliver(&self, message: &OutboxMessage, _now: Timestamp) -> Result<(), DeliveryError> {
        self.seen.lock().unwrap().push(message.id);
        self.let_through.acquire().await.unwrap().forget();
        let left = self.failures.load(Ordering::SeqCst);
        if left == 0 {
            return Ok(());
        }
        self.failures.store(left - 1, Ordering::SeqCst);
        Err(self.error.clone())
    }
}

fn message(channel: &str, key: &str) -> NewMessage {
    NewMessage {
        channel: channel.into(),
        key: key.into(),
        recipient: "orders@supplier.example".into(),
        subject: "Stock".into(),
        content_type: "text/plain".into(),
        body: "Please send more.\n".into(),
    }
}

/// A running task that has committed these messages.
async fn task_with(process: &Process, messages: Vec<NewMessage>) -> TaskId {
    let task = process.submit("job", "wait").await;
    process.claim().await;
    let save = Save {
        at: process.parts.clock.now(),
        state: Vec::new(),
        progress: Progress::default(),
        artifacts: Vec::new(),
        messages,
    };
    process.parts.store.save(AttemptRef { task, number: 1 }, save).await.unwrap();
    task
}

/// A policy without chance in it.
fn policy() -> ChannelPolicy {
    let retry = RetryPolicy { jitter: Share::new(0.0), ..ChannelPolicy::default_retry() };
    ChannelPolicy { retry, ..ChannelPolicy::default() }
}

fn channels(each: &[(&str, Arc<Scripted>, ChannelPolicy)]) -> Channels {
    let channel = |(name, sink, policy): &(&str, Arc<Scripted>, ChannelPolicy)| {
        ((*name).to_owned(), Channel { sink: sink.clone(), policy: policy.clone() })
    };
    each.iter().map(channel).collect()
}

fn courier(world: &World, process: &Process, channels: Channels) -> Courier {
    Courier::new(process.worker.clone(), process.parts.store.clone(), world.clock.clone(), channels)
}

/// Begins what is due, waits for its end, and says how many that were.
async fn deliver(world: &World, courier: &Courier) -> u32 {
    let tick = courier.tick(world.clock.now()).await.unwrap();
    courier.idle().await;
    tick.begun
}

async fn states(process: &Process, task: TaskId) -> Vec<(MessageState, u32)> {
    let messages = process.parts.store.messages(task).await.unwrap();
    messages.iter().map(|message| (message.state, message.tries)).collect()
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_later() {
    let world = World::new();
    let process = world.process("one", 1);
    let task = task_with(&process, vec![message("email", "a")]).await;
    let sink = Scripted::failing(2, DeliveryError::transient("the server said no"));
    let courier = courier(&world, &process, channels(&[("email", sink.clone(), policy())]));
    assert_eq!(deliver(&world, &courier).await, 1);
    world.clock.advance(Duration::from_millis(999));
    assert_eq!(deliver(&world, &courier).await, 0, "not before its backoff");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(deliver(&world, &courier).await, 1);
    world.clock.advance(Duration::from_millis(2_000));
    assert_eq!(deliver(&world, &courier).await, 1);
    assert_eq!(states(&process, task).await, [(MessageState::Delivered, 3)]);
    assert_eq!(*sink.seen.lock().unwrap(), [message_id(task, "a"); 3], "each try has the same id");
}

#[tokio::test]
async fn a_message_is_given_up_after_its_last_try_or_at_once_when_no_other_would_help() {
    let world = World::new();
    let process = world.process("one", 1);
    let task =
        task_with(&process, vec![message("email", "a"), message("webhook", "b"), message("pigeon", "c")])
            .await;
    let busy = Scripted::failing(100, DeliveryError::transient("busy"));
    let gone = Scripted::failing(100, DeliveryError::permanent("gone"));
    let few = ChannelPolicy { retry: RetryPolicy { max_attempts: 3, ..policy().retry }, ..policy() };
    let each = [("email", busy, few), ("webhook", gone, policy())];
    let courier = courier(&world, &process, channels(&each));
    for _ in 0..30 {
        deliver(&world, &courier).await;
        world.clock.advance(Duration::from_secs(3 * 60 * 60));
    }
    let dead = |tries| (MessageState::Dead, tries);
    assert_eq!(states(&process, task).await, [dead(3), dead(1), dead(24)]);
    let messages = process.parts.store.messages(task).await.unwrap();
    assert!(messages[2].last_error.as_ref().unwrap().contains("[channels.pigeon]"));
    // Whoever mended the channel has all of them sent again.
    assert_eq!(process.service.resend_dead().await.unwrap(), 3);
    assert_eq!(deliver(&world, &courier).await, 3);
}

#[tokio::test]
async fn a_receiver_says_when_to_come_back() {
    let world = World::new();
    let process = world.process("one", 1);
    task_with(&process, vec![message("webhook", "a")]).await;
    let error = DeliveryError {
        retry_after: Some(Duration::from_secs(120)),
        ..DeliveryError::transient("too many requests")
    };
    let sink = Scripted::failing(1, error);
    let courier = courier(&world, &process, channels(&[("webhook", sink, policy())]));
    assert_eq!(deliver(&world, &courier).await, 1);
    world.clock.advance(Duration::from_secs(119));
    assert_eq!(deliver(&world, &courier).await, 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(deliver(&world, &courier).await, 1);
}

#[tokio::test]
async fn a_slow_channel_holds_up_no_other() {
    let world = World::new();
    let process = world.process("one", 1);
    let mut messages: Vec<NewMessage> = (0..20).map(|n| message("slow", &format!("s{n}"))).collect();
    messages.extend((0..5).map(|n| message("fast", &format!("f{n}"))));
    task_with(&process, messages).await;
    let (slow, fast) = (Scripted::slow(), Scripted::good());
    let few = ChannelPolicy { concurrency: 3, ..policy() };
    let each = [("slow", slow.clone(), few.clone()), ("fast", fast.clone(), few)];
    let courier = courier(&world, &process, channels(&each));
    let mut ended = courier.ended();
    while fast.seen() < 5 {
        ended.borrow_and_update();
        courier.tick(world.clock.now()).await.unwrap();
        ended.changed().await.unwrap();
    }
    assert_eq!(slow.seen(), 3, "no more at once than it may have");
    slow.let_through.add_permits(1);
    loop {
        ended.borrow_and_update();
        if courier.tick(world.clock.now()).await.unwrap().begun == 1 {
            break;
        }
        ended.changed().await.unwrap();
    }
    courier.finish(Duration::ZERO).await;
    courier.idle().await;
}

#[tokio::test]
async fn a_try_that_takes_too_long_is_broken_off() {
    let world = World::new();
    let process = world.process("one", 1);
    let task = task_with(&process, vec![message("email", "a")]).await;
    let short = ChannelPolicy { timeout: Duration::from_millis(20), ..policy() };
    let courier = courier(&world, &process, channels(&[("email", Scripted::slow(), short)]));
    assert_eq!(deliver(&world, &courier).await, 1);
    let told = process.parts.store.messages(task).await.unwrap().remove(0);
    assert_eq!(told.state, MessageState::Pending);
    assert_eq!(told.last_error.as_deref(), Some("no answer within 20ms"));
}

#[tokio::test]
async fn a_rate_holds_over_all_processes() {
    let world = World::new();
    let (one, two) = (world.process("one", 1), world.process("two", 1));
    task_with(&one, (0..10).map(|n| message("email", &format!("m{n}"))).collect()).await;
    let sink = Scripted::good();
    let limited = ChannelPolicy { rate: RateLimit::new(2.0, 3), ..policy() };
    let each = [("email", sink.clone(), limited)];
    let (first, second) = (courier(&world, &one, channels(&each)), courier(&world, &two, channels(&each)));
    let now = world.clock.now();
    let tick = first.tick(now).await.unwrap();
    assert_eq!((tick.begun, tick.next_at), (3, Some(now.after(Duration::from_millis(500)))));
    assert_eq!(deliver(&world, &second).await, 0);
    first.idle().await;
    for _ in 0..6 {
        world.clock.advance(Duration::from_millis(500));
        assert_eq!(deliver(&world, &second).await + deliver(&world, &first).await, 1);
    }
    assert_eq!(sink.seen(), 9);
}

#[tokio::test]
async fn a_delivery_that_panics_gives_its_place_back() {
    struct Broken;

    #[async_trait]
    impl MessageSink for Broken {
        async fn deliver(&self, _: &OutboxMessage, _: Timestamp) -> Result<(), DeliveryError> {
            panic!("the script says so")
        }
    }

    let world = World::new();
    let process = world.process("one", 1);
    task_with(&process, vec![message("email", "a")]).await;
    let channel = Channel { sink: Arc::new(Broken), policy: ChannelPolicy { concurrency: 1, ..policy() } };
    let courier = courier(&world, &process, BTreeMap::from([("email".to_owned(), channel)]));
    for _ in 0..3 {
        assert_eq!(deliver(&world, &courier).await, 1, "tried again once its lease is over");
        world.clock.advance(Duration::from_secs(60));
    }
}

/// It waited for twice the timeout of its channel.
#[tokio::test]
async fn a_message_whose_courier_ended_is_tried_by_another_at_once() {
    let world = World::new();
    let (ended, other) = (world.process("ended", 1), world.process("other", 1));
    let task = task_with(&ended, vec![message("email", "a")]).await;
    let claim = |worker: &Process| MessageClaim {
        worker: worker.worker.clone(),
        channel: "email".into(),
        now: world.clock.now(),
        lease_until: world.clock.now().after(Duration::from_secs(120)),
        limit: 5,
        rate: None,
    };
    let claimed =
        async |worker: &Process| worker.parts.store.claim_messages(claim(worker)).await.unwrap().messages;
    for lost in 1..=LOST_TRIES_MAX + 1 {
        assert_eq!(claimed(&ended).await[0].tries, 1, "a lost try is not counted");
        assert!(claimed(&other).await.is_empty());
        world.gone.add("ended");
        other.sweeper.recover_gone(world.clock.now()).await.unwrap();
        let told = tokio::time::timeout(Duration::from_secs(5), other.parts.hub.mail()).await;
        assert!(told.is_ok(), "the courier is told, loss {lost}");
    }
    assert_eq!(claimed(&other).await[0].tries, 2, "one that ends its process each time is given up some day");
    assert_eq!(other.service.messages(&Owner::local(), task).await.unwrap().len(), 1);
}
