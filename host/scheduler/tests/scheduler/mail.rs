//! Delivery of messages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use longshore_domain::{
    AttemptRef, Clock, DeliveryError, MessageSink, MessageState, NewMessage, OutboxMessage, Progress, Save,
    TaskId, message_id,
};
use longshore_scheduler::{Channels, Courier, CourierOptions, SpoolSink};

use crate::support::{Process, World};

/// Fails so many times before it delivers.
struct Stubborn(AtomicU32);

#[async_trait]
impl MessageSink for Stubborn {
    async fn deliver(&self, _message: &OutboxMessage) -> Result<(), DeliveryError> {
        let left = self.0.load(Ordering::SeqCst);
        if left == 0 {
            return Ok(());
        }
        self.0.store(left - 1, Ordering::SeqCst);
        Err(DeliveryError { message: "the server said no".into(), retryable: true })
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

fn courier(world: &World, process: &Process, channels: Channels) -> Courier {
    Courier::new(process.parts.store.clone(), world.clock.clone(), channels, CourierOptions::default())
}

#[tokio::test]
async fn a_message_becomes_one_file_however_often_it_is_delivered() {
    let world = World::new();
    let process = world.process("one", 1);
    let task = task_with(&process, vec![message("email", "a"), message("email", "b")]).await;
    let sink = Arc::new(SpoolSink::new(world.folder("spool")));
    let channels: Channels = BTreeMap::from([("email".to_owned(), sink.clone() as Arc<dyn MessageSink>)]);
    let courier = courier(&world, &process, channels);
    assert_eq!(courier.tick(world.clock.now()).await.unwrap(), 2);
    assert_eq!(courier.tick(world.clock.now()).await.unwrap(), 0);
    for delivered in process.parts.store.messages(task).await.unwrap() {
        assert_eq!(delivered.state, MessageState::Delivered);
        sink.deliver(&delivered).await.unwrap();
    }
    let mut files: Vec<String> = std::fs::read_dir(world.folder("spool"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut expected = ["a", "b"].map(|key| format!("{}.json", message_id(task, key)));
    expected.sort();
    assert_eq!(files, expected);
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_later_and_given_up_in_the_end() {
    let world = World::new();
    let process = world.process("one", 1);
    let task = task_with(&process, vec![message("email", "a"), message("pigeon", "b")]).await;
    let sink = Arc::new(Stubborn(AtomicU32::new(2))) as Arc<dyn MessageSink>;
    let courier = courier(&world, &process, BTreeMap::from([("email".to_owned(), sink)]));
    assert_eq!(courier.tick(world.clock.now()).await.unwrap(), 2);
    assert_eq!(courier.tick(world.clock.now()).await.unwrap(), 0, "not before its backoff");
    for _ in 0..20 {
        world.clock.advance(Duration::from_secs(900));
        courier.tick(world.clock.now()).await.unwrap();
    }
    let messages = process.parts.store.messages(task).await.unwrap();
    assert_eq!((messages[0].state, messages[0].tries), (MessageState::Delivered, 3));
    assert_eq!(messages[1].state, MessageState::Dead);
    assert!(messages[1].last_error.as_ref().unwrap().contains("[channels.pigeon]"));
}
