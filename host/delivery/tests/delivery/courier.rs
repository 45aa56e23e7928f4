//! The whole way: a message in a SQLite store, the courier, a server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use longshore_delivery::{SecretSource, WebhookBody, WebhookOptions, WebhookSink, WebhookTarget};
use longshore_domain::{
    AttemptRef, ClaimRequest, Clock, ComponentSha, JobTypeClaim, KeptSlots, MessageState, NewTask, Owner,
    Progress, Save, TaskId, TaskStore, Timestamp, WorkerId,
};
use longshore_scheduler::{Channel, ChannelPolicy, Courier};
use longshore_store::{SqliteStore, StoreOptions};

use crate::http::HttpServer;
use crate::kit::{Certificate, NOW, message};

/// A clock that the test moves.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }
}

/// A task that has committed one message for each of these channels.
async fn commit(store: &SqliteStore, channels: &[&str]) -> TaskId {
    let id = TaskId::random();
    let job_type: longshore_domain::JobTypeName = "export".parse().unwrap();
    let task = NewTask {
        id,
        owner: Owner::local(),
        job_type: job_type.clone(),
        payload: "{}".into(),
        idempotency_key: None,
        priority: 0,
        created_at: NOW,
        run_at: None,
        is_delayed: false,
        deadline_at: None,
        ttl_ms: 1_000,
        callback: None,
    };
    store.submit(task).await.unwrap();
    let claim = JobTypeClaim {
        name: job_type,
        component: ComponentSha::new("0".repeat(64)),
        concurrency: None,
        rate: None,
        has_breaker: false,
    };
    let request = ClaimRequest {
        worker: WorkerId::new("one"),
        now: NOW,
        lease_until: NOW.after(Duration::from_secs(600)),
        limit: 1,
        kept: KeptSlots::default(),
        job_types: vec![claim],
    };
    store.claim(request).await.unwrap();
    let new = |channel: &&str| {
        let mut new = message().message;
        new.channel = (*channel).into();
        new.key = (*channel).into();
        new
    };
    let save = Save {
        at: NOW,
        state: Vec::new(),
        progress: Progress::default(),
        artifacts: Vec::new(),
        messages: channels.iter().map(new).collect(),
    };
    longshore_domain::CheckpointStore::save(store, AttemptRef { task: id, number: 1 }, save).await.unwrap();
    id
}

fn webhook(server: &HttpServer, secret: std::path::PathBuf) -> Channel {
    let options = WebhookOptions {
        target: WebhookTarget::Fixed(format!("http://{}/", server.address)),
        secret: SecretSource::File(secret),
        body: WebhookBody::Message,
        allow_private: true,
        ca_file: None,
        permanent_statuses: BTreeSet::new(),
    };
    let policy = ChannelPolicy { timeout: Duration::from_millis(300), ..ChannelPolicy::default() };
    Channel { sink: Arc::new(WebhookSink::new(options).unwrap()), policy }
}

#[tokio::test]
async fn a_dead_server_a_slow_one_and_a_good_one() {
    let files = Certificate::new();
    let secret = files.file("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let store = SqliteStore::open(secret.with_file_name("tasks.db"), StoreOptions::default()).unwrap();
    let task = commit(&store, &["good", "gone", "slow"]).await;
    let good = HttpServer::start(Some("HTTP/1.1 200 OK\r\n\r\n"), None).await;
    let gone = HttpServer::start(Some("HTTP/1.1 410 Gone\r\n\r\n"), None).await;
    let slow = HttpServer::start(None, None).await;
    let channels = [("good", &good), ("gone", &gone), ("slow", &slow)]
        .map(|(name, server)| (name.to_owned(), webhook(server, secret.clone())));
    let clock = Arc::new(Hand(AtomicI64::new(NOW.ms())));
    let courier = Courier::new(
        longshore_domain::WorkerId::new("courier"),
        store.clone(),
        clock.clone(),
        BTreeMap::from(channels),
    );
    assert_eq!(courier.tick(clock.now()).await.unwrap().begun, 3);
    courier.idle().await;
    let messages = store.messages(task).await.unwrap();
    let states: Vec<_> = messages.iter().map(|message| message.state).collect();
    assert_eq!(states, [MessageState::Delivered, MessageState::Dead, MessageState::Pending]);
    assert!(messages[1].last_error.as_ref().unwrap().contains("410 Gone"));
    assert_eq!(messages[2].last_error.as_deref(), Some("no answer within 300ms"));

    // Sent again it has the same id, by which a receiver tells that it knows it.
    store.resend_message(messages[1].id, clock.now()).await.unwrap();
    courier.tick(clock.now()).await.unwrap();
    courier.idle().await;
    let ids: Vec<_> = gone.received().iter().map(|request| request.headers["webhook-id"].clone()).collect();
    assert_eq!(ids, [messages[1].id.to_string(), messages[1].id.to_string()]);
    clock.0.fetch_add(60_000, Ordering::SeqCst);
    assert_eq!(courier.tick(clock.now()).await.unwrap().begun, 1, "the slow one is tried again");
    courier.finish(Duration::ZERO).await;
}
