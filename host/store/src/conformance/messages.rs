//! Cases of the outbox.

use longshore_domain::{Code, MessageState, Next, message_id};

use super::Open;
use super::kit::{Kit, at, completed, end, failure, message, save};

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
    let claim = async |now, until, limit| kit.store.claim_messages(at(now), at(until), limit).await.unwrap();
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
    let id = kit.store.claim_messages(at(10), at(20), 5).await.unwrap()[0].id;
    for _ in 0..2 {
        kit.store.message_delivered(id, at(15)).await.unwrap();
    }
    // The word of a second deliverer, whose time was over, changes nothing any more.
    kit.store.message_failed(id, "late".into(), Some(at(16))).await.unwrap();
    assert!(kit.store.claim_messages(at(1_000), at(2_000), 5).await.unwrap().is_empty());
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
    let id = kit.store.claim_messages(at(10), at(20), 5).await.unwrap()[0].id;
    kit.store.message_failed(id, "refused".into(), Some(at(50))).await.unwrap();
    assert!(kit.store.claim_messages(at(49), at(60), 5).await.unwrap().is_empty());
    let again = kit.store.claim_messages(at(50), at(60), 5).await.unwrap().remove(0);
    assert_eq!((again.tries, again.last_error.as_deref()), (2, Some("refused")));
    kit.store.message_failed(id, "no such address".into(), None).await.unwrap();
    assert!(kit.store.claim_messages(at(1_000), at(2_000), 5).await.unwrap().is_empty());
    let dead = kit.store.messages(attempt.task).await.unwrap().remove(0);
    assert_eq!((dead.state, dead.tries), (MessageState::Dead, 2));
    assert_eq!(dead.last_error.as_deref(), Some("no such address"));
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
    assert_eq!(kit.store.message_keys(one.task).await.unwrap(), ["z", "y", "x", "w"]);
    let claimed = kit.store.claim_messages(at(5), at(50), 10).await.unwrap();
    let keys: Vec<_> = claimed.iter().map(|message| message.message.key.as_str()).collect();
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
    assert_eq!(kit.store.claim_messages(at(9), at(50), 10).await.unwrap().len(), 2);
}
