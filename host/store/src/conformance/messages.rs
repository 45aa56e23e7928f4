//! Cases of the outbox.

use longshore_domain::{
    Code, MessageClaim, MessageFilter, MessageState, Next, OutboxMessage, RateLimit, ResendAnswer, TaskId,
    WorkerId, message_id,
};
use uuid::Uuid;

use super::Open;
use super::kit::{Kit, at, completed, end, failure, message, save};

/// Asks for messages of the channel `email`.
pub(super) fn claim(now: i64, until: i64, limit: u32) -> MessageClaim {
    MessageClaim {
        worker: WorkerId::new("worker-1"),
        channel: "email".into(),
        now: at(now),
        lease_until: at(until),
        limit,
        rate: None,
    }
}

pub(super) async fn claimed(kit: &Kit, claim: MessageClaim) -> Vec<OutboxMessage> {
    kit.store.claim_messages(claim).await.unwrap().messages
}

/// A completed task that sent messages with these keys through these channels.
async fn sent(kit: &Kit, messages: &[(&str, &str)]) -> TaskId {
    let attempt = kit.running().await.attempt;
    let mut finish = end(attempt, at(10), completed(), Next::End);
    for (channel, key) in messages {
        let mut new = message(key);
        new.channel = (*channel).into();
        finish.messages.push(new);
    }
    kit.finish(finish).await;
    attempt.task
}

/// Messages exist from the save, or the successful end, that committed them; never from a failed attempt.
pub async fn messages_become_real_with_the_save(open: Open) {
    let kit = Kit::new(&open);
    let first = kit.running().await.attempt;
    let mut saved = save(at(2), b"x");
    saved.messages = vec![message("saved")];
    kit.save(first, saved).await;
    let mut lost = end(first, at(3), failure(Code::JobRetry), Next::RetryAt(at(3)));
    lost.messages = vec![message("lost")];
    kit.finish(lost).await;
    let second = kit.claim_one(at(4)).await.attempt;
    let mut finish = end(second, at(5), completed(), Next::End);
    finish.messages = vec![message("at the end")];
    kit.finish(finish).await;
    let messages = kit.store.messages(first.task).await.unwrap();
    let keys: Vec<_> = messages.iter().map(|message| message.message.key.as_str()).collect();
    assert_eq!(keys, ["saved", "at the end"]);
    assert_eq!(messages[0].message, message("saved"));
    assert_eq!(messages[0].id, message_id(first.task, "saved"));
    assert_eq!((messages[0].task, messages[0].created_at), (first.task, at(2)));
    assert_eq!((messages[0].state, messages[0].tries), (MessageState::Pending, 0));
}

/// A message that was handed out is nobody else's until the time is over.
pub async fn a_message_is_handed_out_to_one_at_a_time(open: Open) {
    let kit = Kit::new(&open);
    let attempt = kit.running().await.attempt;
    let mut finish = end(attempt, at(10), completed(), Next::End);
    finish.messages = vec![message("one"), message("two")];
    kit.finish(finish).await;
    let claim = async |now, until, limit| claimed(&kit, claim(now, until, limit)).await;
    let first = claim(10, 100, 1).await;
    assert_eq!((first.len(), first[0].message.key.as_str(), first[0].tries), (1, "one", 1));
    let second = claim(11, 100, 5).await;
    assert_eq!((second.len(), second[0].message.key.as_str()), (1, "two"));
    assert!(claim(99, 200, 5).await.is_empty());
    // Whoever had them is gone.
    let again = claim(100, 200, 5).await;
    assert_eq!(again.iter().map(|message| message.tries).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(again[0].id, first[0].id);
}

/// A delivered message is never handed out again.
pub async fn a_delivered_message_is_done(open: Open) {
    let kit = Kit::new(&open);
    let attempt = kit.running().await.attempt;
    let mut finish = end(attempt, at(10), completed(), Next::End);
    finish.messages = vec![message("one")];
    kit.finish(finish).await;
    let id = claimed(&kit, claim(10, 20, 5)).await[0].id;
    for _ in 0..2 {
        kit.store.message_delivered(id, at(15)).await.unwrap();
    }
    // The word of a second deliverer, whose time was over, changes nothing any more.
    kit.store.message_failed(id, 1, "late".into(), Some(at(16))).await.unwrap();
    assert!(claimed(&kit, claim(1_000, 2_000, 5)).await.is_empty());
    let message = kit.store.messages(attempt.task).await.unwrap().remove(0);
    assert_eq!((message.state, message.tries, message.last_error), (MessageState::Delivered, 1, None));
    kit.store.message_delivered(message_id(attempt.task, "unknown"), at(15)).await.unwrap();
}

/// A failed try is followed by another at its time, or by none.
pub async fn a_failed_delivery_is_tried_again_or_given_up(open: Open) {
    let kit = Kit::new(&open);
    let attempt = kit.running().await.attempt;
    let mut finish = end(attempt, at(10), completed(), Next::End);
    finish.messages = vec![message("one")];
    kit.finish(finish).await;
    let id = claimed(&kit, claim(10, 20, 5)).await[0].id;
    kit.store.message_failed(id, 1, "refused".into(), Some(at(50))).await.unwrap();
    assert!(claimed(&kit, claim(49, 60, 5)).await.is_empty());
    let again = claimed(&kit, claim(50, 60, 5)).await.remove(0);
    assert_eq!((again.tries, again.last_error.as_deref()), (2, Some("refused")));
    kit.store.message_failed(id, 2, "no such address".into(), None).await.unwrap();
    assert!(claimed(&kit, claim(1_000, 2_000, 5)).await.is_empty());
    let dead = kit.store.messages(attempt.task).await.unwrap().remove(0);
    assert_eq!((dead.state, dead.tries), (MessageState::Dead, 2));
    assert_eq!(dead.last_error.as_deref(), Some("no such address"));
}

/// Who was slower than its lease does not speak for whoever tries now.
pub async fn a_late_failure_leaves_the_next_try_alone(open: Open) {
    let kit = Kit::new(&open);
    let task = sent(&kit, &[("email", "a")]).await;
    let id = claimed(&kit, claim(10, 20, 5)).await[0].id;
    assert_eq!(claimed(&kit, claim(20, 40, 5)).await[0].tries, 2);
    kit.store.message_failed(id, 1, "no answer".into(), None).await.unwrap();
    let message = kit.store.messages(task).await.unwrap().remove(0);
    assert_eq!((message.state, message.last_error), (MessageState::Pending, None));
    assert!(claimed(&kit, claim(39, 60, 5)).await.is_empty(), "it is still being tried");
    assert_eq!(claimed(&kit, claim(40, 60, 5)).await[0].tries, 3);
}

/// Messages are told and handed out in the order of their commit.
pub async fn messages_keep_the_order_of_their_commit(open: Open) {
    let kit = Kit::new(&open);
    let one = kit.running().await.attempt;
    let two = kit.running().await.attempt;
    for (attempt, keys) in [(one, ["z", "y"]), (two, ["b", "a"]), (one, ["x", "w"])] {
        let mut saved = save(at(5), b"");
        saved.messages = keys.map(message).to_vec();
        kit.save(attempt, saved).await;
    }
    assert_eq!(kit.store.sent_messages(one.task).await.unwrap().keys, ["z", "y", "x", "w"]);
    let messages = claimed(&kit, claim(5, 50, 10)).await;
    let keys: Vec<_> = messages.iter().map(|message| message.message.key.as_str()).collect();
    assert_eq!(keys, ["z", "y", "b", "a", "x", "w"]);
}

/// A key that the task has committed is that message; a second one of it is not sent.
pub async fn a_key_is_committed_once(open: Open) {
    let kit = Kit::new(&open);
    let attempt = kit.running().await.attempt;
    let mut saved = save(at(2), b"");
    saved.messages = vec![message("one")];
    kit.save(attempt, saved).await;
    let mut finish = end(attempt, at(5), completed(), Next::End);
    let mut repeated = message("one");
    repeated.body = "another body".into();
    finish.messages = vec![repeated, message("two")];
    kit.finish(finish).await;
    let messages = kit.store.messages(attempt.task).await.unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].message, message("one"));
    assert_eq!(claimed(&kit, claim(9, 50, 10)).await.len(), 2);
}

/// Each channel is asked for by itself, and only those that have something to do are named.
pub async fn channels_are_handed_out_one_by_one(open: Open) {
    let kit = Kit::new(&open);
    sent(&kit, &[("webhook", "a"), ("email", "b"), ("webhook", "c")]).await;
    assert!(kit.store.due_channels(at(9)).await.unwrap().is_empty());
    assert_eq!(kit.store.due_channels(at(10)).await.unwrap(), ["email", "webhook"]);
    let webhook = |now| MessageClaim { channel: "webhook".into(), ..claim(now, 100, 5) };
    let keys: Vec<_> =
        claimed(&kit, webhook(10)).await.into_iter().map(|message| message.message.key).collect();
    assert_eq!(keys, ["a", "c"]);
    assert_eq!(kit.store.due_channels(at(11)).await.unwrap(), ["email"]);
    assert!(claimed(&kit, webhook(11)).await.is_empty());
    assert_eq!(claimed(&kit, claim(11, 100, 5)).await.len(), 1);
    assert!(kit.store.due_channels(at(99)).await.unwrap().is_empty());
    assert_eq!(kit.store.due_channels(at(100)).await.unwrap(), ["email", "webhook"]);
}

/// The rate of a channel holds over all who ask, and leaves other channels alone.
pub async fn a_rate_holds_over_all_handles(open: Open) {
    let kit = Kit::new(&open);
    let other = open();
    sent(&kit, &[("email", "a"), ("email", "b"), ("email", "c"), ("email", "d"), ("webhook", "e")]).await;
    let rate = RateLimit::new(10.0, 2);
    let limited = |now| MessageClaim { rate, ..claim(now, 10_000, 5) };
    let first = kit.store.claim_messages(limited(1_000)).await.unwrap();
    assert_eq!((first.messages.len(), first.next_at), (2, Some(at(1_100))));
    let none = other.claim_messages(limited(1_099)).await.unwrap();
    assert_eq!((none.messages.len(), none.next_at), (0, Some(at(1_100))));
    let second = other.claim_messages(limited(1_100)).await.unwrap();
    assert_eq!((second.messages.len(), second.next_at), (1, Some(at(1_200))));
    let webhook = MessageClaim { channel: "webhook".into(), ..limited(1_100) };
    assert_eq!(kit.store.claim_messages(webhook).await.unwrap().messages.len(), 1);
    let last = kit.store.claim_messages(limited(5_000)).await.unwrap();
    assert_eq!((last.messages.len(), last.next_at), (1, None));
}

/// Messages of all tasks are listed newest first, page by page, and those that were given up by themselves.
pub async fn messages_are_listed_newest_first(open: Open) {
    let kit = Kit::new(&open);
    let one = sent(&kit, &[("email", "a"), ("email", "b")]).await;
    let two = sent(&kit, &[("webhook", "c")]).await;
    for (task, key) in [(one, "a"), (two, "c")] {
        kit.store.message_failed(message_id(task, key), 0, "gone".into(), None).await.unwrap();
    }
    let list = async |dead, limit, after| {
        let page = kit.store.list_messages(MessageFilter { dead, limit, after }).await.unwrap();
        (page.messages.into_iter().map(|message| message.message.key).collect::<Vec<_>>(), page.next)
    };
    let (first, next) = list(false, 2, None).await;
    assert_eq!(first, ["c", "b"]);
    assert_eq!(list(false, 2, next).await, (vec!["a".to_owned()], None));
    let (dead, next) = list(true, 1, None).await;
    assert_eq!(dead, ["c"]);
    assert_eq!(list(true, 1, next).await, (vec!["a".to_owned()], None));
    let bad = MessageFilter { after: Some("nonsense".into()), ..MessageFilter::default() };
    kit.store.list_messages(bad).await.unwrap_err();
}

/// A message that was given up can be sent again, under its id and with its tries counted anew; no other can.
pub async fn a_dead_message_is_sent_again(open: Open) {
    let kit = Kit::new(&open);
    let task = sent(&kit, &[("email", "a"), ("email", "b")]).await;
    let (a, b) = (message_id(task, "a"), message_id(task, "b"));
    assert_eq!(claimed(&kit, claim(10, 20, 5)).await.len(), 2);
    kit.store.message_failed(a, 1, "refused".into(), None).await.unwrap();
    kit.store.message_delivered(b, at(12)).await.unwrap();
    let resend = async |id| kit.store.resend_message(id, at(30)).await.unwrap();
    assert_eq!(resend(a).await, ResendAnswer::Queued);
    assert_eq!(resend(a).await, ResendAnswer::NotDead(MessageState::Pending));
    assert_eq!(resend(b).await, ResendAnswer::NotDead(MessageState::Delivered));
    assert_eq!(resend(Uuid::nil()).await, ResendAnswer::NotFound);
    let again = claimed(&kit, claim(30, 40, 5)).await;
    assert_eq!((again.len(), again[0].id, again[0].tries), (1, a, 1));
    assert_eq!(again[0].last_error.as_deref(), Some("refused"));
    kit.store.message_delivered(a, at(31)).await.unwrap();
    assert_eq!(kit.store.resend_dead(at(32)).await.unwrap(), 0);
}

/// All messages that were given up can be sent again at once.
pub async fn all_dead_messages_are_sent_again(open: Open) {
    let kit = Kit::new(&open);
    let task = sent(&kit, &[("email", "a"), ("webhook", "b"), ("email", "c")]).await;
    for key in ["a", "b"] {
        kit.store.message_failed(message_id(task, key), 0, "refused".into(), None).await.unwrap();
    }
    assert_eq!(claimed(&kit, claim(10, 20, 5)).await.len(), 1, "only c is left");
    assert_eq!(kit.store.resend_dead(at(15)).await.unwrap(), 2);
    assert_eq!(kit.store.due_channels(at(15)).await.unwrap(), ["email", "webhook"]);
    let states: Vec<_> = kit
        .store
        .messages(task)
        .await
        .unwrap()
        .iter()
        .map(|message| (message.state, message.tries))
        .collect();
    assert_eq!(states, [(MessageState::Pending, 0), (MessageState::Pending, 0), (MessageState::Pending, 1)]);
}

/// A prefix finds messages of such ids.
pub async fn messages_are_found_by_the_beginning_of_their_id(open: Open) {
    let kit = Kit::new(&open);
    let task = sent(&kit, &[("email", "a"), ("email", "b")]).await;
    let id = message_id(task, "b");
    let prefix = id.simple().to_string()[..16].parse().unwrap();
    let found = kit.store.find_messages(&prefix, 10).await.unwrap();
    assert_eq!(found.iter().map(|message| message.id).collect::<Vec<_>>(), [id]);
    let none = "0000000000000000".parse().unwrap();
    assert_eq!(kit.store.find_messages(&none, 10).await.unwrap(), []);
}

/// A pending message says when it is tried next; one that is done says nothing.
pub async fn the_next_try_of_a_message_is_known(open: Open) {
    let kit = Kit::new(&open);
    let task = sent(&kit, &[("email", "a")]).await;
    let next = async || {
        let filter = MessageFilter { dead: false, limit: 10, after: None };
        let listed = kit.store.list_messages(filter).await.unwrap().messages[0].next_try_at;
        assert_eq!(kit.store.messages(task).await.unwrap()[0].next_try_at, listed);
        listed
    };
    assert_eq!(next().await, Some(at(10)));
    let id = claimed(&kit, claim(20, 90, 1)).await[0].id;
    kit.store.message_failed(id, 1, "busy".into(), Some(at(70))).await.unwrap();
    assert_eq!(next().await, Some(at(70)));
    claimed(&kit, claim(70, 90, 1)).await;
    kit.store.message_delivered(id, at(80)).await.unwrap();
    assert_eq!(next().await, None);
}

/// Messages whose try was under way in a worker that ended are due at once, and only those.
pub async fn what_a_worker_tried_that_ended_is_free(open: Open) {
    let kit = Kit::new(&open);
    let task = sent(&kit, &[("email", "a"), ("email", "b"), ("email", "c"), ("email", "d")]).await;
    let by =
        |worker: &str, now, limit| MessageClaim { worker: WorkerId::new(worker), ..claim(now, 9_000, limit) };
    let lost = claimed(&kit, by("lost", 10, 3)).await;
    kit.store.message_failed(lost[0].id, 1, "refused".into(), Some(at(500))).await.unwrap();
    kit.store.message_delivered(lost[1].id, at(12)).await.unwrap();
    assert_eq!(claimed(&kit, by("other", 13, 5)).await.len(), 1);
    assert_eq!(kit.store.free_messages(&WorkerId::new("lost"), at(20)).await.unwrap(), 1);
    assert_eq!(kit.store.free_messages(&WorkerId::new("lost"), at(20)).await.unwrap(), 0);
    let again = claimed(&kit, by("other", 20, 5)).await;
    assert_eq!((again.len(), again[0].id, again[0].tries), (1, lost[2].id, 1));
    // What waits for its next try waits on, and what another tries is its own.
    let tries = kit.store.messages(task).await.unwrap().into_iter().map(|message| message.next_try_at);
    assert_eq!(tries.collect::<Vec<_>>(), [Some(at(500)), None, Some(at(9_000)), Some(at(9_000))]);
}
