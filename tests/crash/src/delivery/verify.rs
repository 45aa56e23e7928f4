//! Compares what receivers have taken with what the store says was sent: nothing is missing, foreign, altered, or under two ids.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::content;
use super::outlets::{CALLBACKS, MAIL, SPOOL, WEBHOOK};
use super::received::{Copies, Received};
use crate::findings::{Findings, Harm};
use crate::snapshot::{Message, Snapshot, Task};

/// How much was delivered.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivered {
    mails: u64,
    webhooks: u64,
    callbacks: u64,
    /// Copies beyond the first, which "at least once" allows.
    redelivered: u64,
}

impl Delivered {
    pub(crate) fn report(&self, report: &mut Map<String, Value>) {
        report.insert("mails".into(), self.mails.into());
        report.insert("webhooks".into(), self.webhooks.into());
        report.insert("callbacks".into(), self.callbacks.into());
        report.insert("redelivered".into(), self.redelivered.into());
    }
}

/// Checks that receivers have every message, as it was saved, and nothing else.
pub(crate) fn verify(snapshot: &Snapshot, mut received: Received, findings: &mut Findings) -> Delivered {
    for problem in received.problems.drain(..) {
        findings.add(Harm::Mismatched, problem);
    }
    let mut delivered = Delivered::default();
    for task in snapshot.tasks.values() {
        callbacks(task, findings);
        let messages = task.messages.iter().chain(&task.callbacks);
        for (key, message) in messages.filter(|(_, message)| message.channel() != SPOOL) {
            let copies = received.by_id.remove(&message.id);
            delivered.redelivered += copies.as_ref().map_or(0, |copies| copies.count - 1);
            *match message.channel() {
                MAIL => &mut delivered.mails,
                CALLBACKS => &mut delivered.callbacks,
                _ => &mut delivered.webhooks,
            } += u64::from(copies.is_some());
            one(task, key, message, copies, findings);
        }
    }
    foreign(snapshot, received, findings);
    delivered
}

/// Checks that a message is delivered, in the store and at its receiver.
fn one(task: &Task, key: &str, message: &Message, copies: Option<Copies>, findings: &mut Findings) {
    let name = format!("the message {key} of {} {} to {}", task.job_type, task.id, message.channel());
    if message.state != "delivered" {
        findings.add(Harm::Lost, format!("{name} is {}", message.state));
    }
    match copies {
        None => findings.add(Harm::Lost, format!("{name} is {} and was not received", message.state)),
        Some(Copies { first, .. }) if !content::is_of(task, key, message, &first) => {
            findings.add(Harm::Mismatched, format!("{name} is {message:?} and was received as {first}"));
        }
        Some(_) => {}
    }
}

/// Checks that the end of a task is told once if somebody asked for it, and never otherwise; and that what is told is so.
fn callbacks(task: &Task, findings: &mut Findings) {
    let name = format!("the end of {} {}", task.job_type, task.id);
    let (asked, told) = (usize::from(task.callback_url.is_some()), task.callbacks.len());
    if told != asked {
        let harm = if told < asked { Harm::Lost } else { Harm::Duplicated };
        findings.add(harm, format!("{name} was asked for {asked} times and is told {told} times"));
    }
    for message in task.callbacks.values() {
        let event: Value = serde_json::from_str(&message.fields[4]).unwrap_or_default();
        let data = &event["data"];
        let is_right = task.end.as_ref().is_some_and(|end| {
            let result = end.result.as_deref().and_then(|result| serde_json::from_str::<Value>(result).ok());
            event["type"] == format!("job.{}", end.state)
                && data["status"] == end.state.as_str()
                && data["attempts"] == end.attempts
                && data.get("result") == result.as_ref()
        });
        let artifacts = data["artifacts"].as_array().into_iter().flatten();
        let artifacts: BTreeSet<&str> = artifacts.filter_map(|artifact| artifact["name"].as_str()).collect();
        let is_right = is_right
            && data["job_id"] == task.id.as_str()
            && Some(&message.fields[1]) == task.callback_url.as_ref()
            && artifacts == task.artifacts.keys().map(String::as_str).collect();
        if !is_right {
            findings.add(Harm::Mismatched, format!("{name} is told as {message:?}"));
        }
    }
}

/// Tells of what was received and is no message of the store: one that has another id there is a duplicate.
fn foreign(snapshot: &Snapshot, received: Received, findings: &mut Findings) {
    for Copies { first, .. } in received.by_id.into_values() {
        let told: Value = serde_json::from_slice(&first.content).unwrap_or_default();
        let task = [&told["job_id"], &told["data"]["job_id"]].into_iter().find_map(Value::as_str);
        let task = task.and_then(|id| snapshot.tasks.get(id));
        let is_second = task.is_some_and(|task| match told["key"].as_str() {
            Some(key) => task.messages.get(key).is_some_and(|message| message.channel() == WEBHOOK),
            None => !task.callbacks.is_empty(),
        });
        let harm = if is_second { Harm::Duplicated } else { Harm::Stray };
        findings.add(harm, format!("{} was received and is no message of the store: {first}", first.id));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::delivery::received::{Delivery, Kind};
    use crate::snapshot::{End, test_task};

    const CALLBACK: &str = "http://127.0.0.1:1/callbacks/job-1";

    /// A project with one task that has sent a webhook, and whose end was told.
    fn snapshot() -> Snapshot {
        let mut task = test_task("t-1");
        let message = |id: &str, fields: [&str; 5]| Message {
            id: id.into(),
            state: "delivered".into(),
            created_at: 7,
            fields: fields.map(str::to_owned),
        };
        let webhook = message("m-1", [WEBHOOK, "a@example.com", "Step", "text/plain", "1"]);
        task.messages.insert("step".into(), webhook);
        let event = json!({
            "type": "job.completed",
            "data": { "job_id": "t-1", "status": "completed", "attempts": 2, "result": {"n": 1}, "artifacts": [] },
        });
        let body = event.to_string();
        let ended = message("m-2", [CALLBACKS, CALLBACK, "job.completed", "application/json", &body]);
        task.callbacks.insert("longshore.ended.1".into(), ended);
        task.callback_url = Some(CALLBACK.into());
        let result = Some(r#"{"n":1}"#.into());
        task.end = Some(End { state: "completed".into(), attempts: 2, result, failure: None });
        let tasks = BTreeMap::from([(task.id.clone(), task)]);
        Snapshot { tasks, integrity: "ok".into(), left: Vec::new() }
    }

    fn webhook(id: &str, path: &str, content: String) -> Delivery {
        let envelope = [("path", path), ("content-type", "application/json")];
        let envelope = envelope.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Delivery { kind: Kind::Webhook, id: id.into(), envelope: envelope.into(), content: content.into() }
    }

    fn step(id: &str, body: &str) -> Delivery {
        let told = json!({
            "id": id, "job_id": "t-1", "key": "step", "channel": WEBHOOK, "recipient": "a@example.com",
            "subject": "Step", "content_type": "text/plain", "body": body, "created_at_ms": 7,
        });
        webhook(id, "/messages", told.to_string())
    }

    fn ended() -> Delivery {
        let body = snapshot().tasks["t-1"].callbacks["longshore.ended.1"].fields[4].clone();
        webhook("m-2", "/callbacks/job-1", body)
    }

    /// What is found when that was received: lost, duplicated, mismatched, stray.
    fn found(snapshot: &Snapshot, deliveries: impl IntoIterator<Item = Delivery>) -> ([u64; 4], Delivered) {
        let (mut received, mut findings) = (Received::default(), Findings::default());
        deliveries.into_iter().for_each(|delivery| received.take(delivery));
        let delivered = verify(snapshot, received, &mut findings);
        let mut report = Map::new();
        findings.report(&mut report);
        let count = |name: &str| report[name].as_u64().unwrap();
        (["lost", "duplicated", "mismatched", "stray_files"].map(count), delivered)
    }

    #[test]
    fn what_came_as_it_was_sent_is_well_however_often_it_came() {
        let (harm, delivered) = found(&snapshot(), [step("m-1", "1"), ended(), step("m-1", "1")]);
        assert_eq!(harm, [0, 0, 0, 0]);
        assert_eq!(delivered, Delivered { mails: 0, webhooks: 1, callbacks: 1, redelivered: 1 });
    }

    #[test]
    fn what_is_missing_altered_foreign_or_under_two_ids_is_found() {
        assert_eq!(found(&snapshot(), [ended()]).0, [1, 0, 0, 0]);
        assert_eq!(found(&snapshot(), [step("m-1", "1")]).0, [1, 0, 0, 0]);
        assert_eq!(found(&snapshot(), [step("m-1", "2"), ended()]).0, [0, 0, 1, 0]);
        assert_eq!(found(&snapshot(), [step("m-1", "1"), ended(), step("m-1", "2")]).0, [0, 0, 1, 0]);
        assert_eq!(found(&snapshot(), [step("m-1", "1"), ended(), step("m-3", "1")]).0, [0, 1, 0, 0]);
        let foreign = webhook("m-3", "/messages", "{}".into());
        assert_eq!(found(&snapshot(), [step("m-1", "1"), ended(), foreign]).0, [0, 0, 0, 1]);
        let again = Delivery { id: "m-3".into(), ..ended() };
        assert_eq!(found(&snapshot(), [step("m-1", "1"), ended(), again]).0, [0, 1, 0, 0]);
    }

    #[test]
    fn what_the_store_gave_up_or_never_told_is_found() {
        let change = |change: fn(&mut Task)| {
            let mut snapshot = snapshot();
            snapshot.tasks.values_mut().for_each(change);
            found(&snapshot, [step("m-1", "1"), ended()]).0
        };
        let give_up = |task: &mut Task| {
            task.messages.values_mut().for_each(|message| message.state = "dead".into());
        };
        assert_eq!(change(give_up), [1, 0, 0, 0]);
        // What was received belongs to nothing then.
        assert_eq!(change(|task| task.callbacks.clear()), [1, 0, 0, 1]);
        assert_eq!(change(|task| task.callback_url = None), [0, 1, 1, 0]);
        assert_eq!(change(|task| task.end.iter_mut().for_each(|end| end.attempts = 3)), [0, 0, 1, 0]);
    }
}
