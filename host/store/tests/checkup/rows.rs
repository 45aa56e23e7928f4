//! Rows that break the rules of the store.

use longshore_store::checkup::{LISTED_MAX, Report, Severity};
use longshore_store::fill_history;

use super::kit::{Place, codes, tell};

/// A folder with a task in each state, and the report after `sql` was run.
async fn after(sql: &str) -> Report {
    let mut place = Place::new();
    place.completed().await;
    place.schedule().await;
    let attempt = place.running().await;
    place.save(attempt, &mut *place.write(attempt)).await;
    place.submit().await;
    assert_eq!(codes(&place.examine()), [""; 0]);
    place.close();
    place.sql(sql);
    place.examine()
}

macro_rules! damages {
    ($($name:ident: $sql:expr => [$($code:literal),*];)*) => {
        $(#[tokio::test]
        async fn $name() {
            let report = after($sql).await;
            assert_eq!(codes(&report), [$($code),*], "{report:?}");
        })*
    };
}

damages! {
    a_task_without_a_state: "DELETE FROM ready" => ["task_nowhere"];
    a_task_that_lost_its_schedule: "DELETE FROM scheduled" => ["task_nowhere"];
    a_task_in_two_states:
        "INSERT INTO scheduled (seq, job_type, due_at, attempts, counted, since)
         SELECT seq, job_type, 9000000000000, attempts, 0, since FROM ready" => ["task_in_several_places"];
    a_queued_row_without_task: "DELETE FROM tasks WHERE seq IN (SELECT seq FROM ready)" => ["row_without_task"];
    a_scheduled_row_without_task:
        "DELETE FROM tasks WHERE seq IN (SELECT seq FROM scheduled);
         DELETE FROM attempts WHERE seq IN (SELECT seq FROM scheduled)" => ["row_without_task"];
    a_running_row_without_task:
        "UPDATE running SET id = zeroblob(16), seq = 99" => ["row_without_task", "task_nowhere"];
    a_rank_that_is_not_the_tasks: "UPDATE ready SET rank = rank + 1" => ["rank_differs"];
    a_job_type_that_is_not_the_tasks: "UPDATE ready SET job_type = 'other'" => ["row_differs"];
    a_schedule_for_another_job_type: "UPDATE scheduled SET job_type = 'other'" => ["row_differs"];
    a_running_attempt_of_another_job_type: "UPDATE running SET job_type = 'other'" => ["row_differs"];
    a_finished_task_of_another_owner: "UPDATE finished SET owner = 'other'" => ["row_differs"];
    a_number_that_was_used: "UPDATE scheduled SET attempts = 0, counted = 0" => ["attempt_number_used"];
    an_expired_lease: "UPDATE running SET lease_until = 5" => ["lease_expired"];
    a_lease_that_does_not_end: "UPDATE running SET lease_until = 9000000000000" => ["lease_far_ahead"];
    a_checkpoint_of_a_completed_task:
        "INSERT INTO checkpoints (seq, attempt, saves, messages, done, message, state)
         SELECT seq, 1, 1, 0, 0, '', x'00' FROM finished WHERE state = 'completed'" => ["checkpoint_left"];
    a_message_that_nothing_sends: "DELETE FROM deliveries" => ["message_not_queued"];
    a_message_that_is_sent_again:
        "UPDATE outbox SET state = 'delivered', delivered_at = 1" => ["delivery_differs"];
    a_message_in_another_channel: "UPDATE deliveries SET channel = 'other'" => ["delivery_differs"];
    dead_messages: "UPDATE outbox SET state = 'dead'; DELETE FROM deliveries" => ["dead_messages"];
    a_retry_of_a_clock_that_was_ahead:
        "UPDATE scheduled SET since = 9000000000000, is_delay = 1" => ["clock_ahead"];
    a_message_of_a_clock_that_was_ahead: "UPDATE deliveries SET noted_at = 9000000000000" => ["clock_ahead"];
    an_orphan: "INSERT INTO task_log VALUES (4711, 0, 1, 1, 'info', 'hello')" => ["row_without_parent"];
}

#[tokio::test]
async fn a_state_with_other_bytes_is_found_by_a_deep_checkup() {
    let mut place = Place::new();
    let attempt = place.running().await;
    place.save(attempt, &mut *place.write(attempt)).await;
    place.close();
    assert_eq!(codes(&place.examine_deep()), [""; 0]);
    place.sql("UPDATE checkpoints SET state = zeroblob(length(state) + 1)");
    assert_eq!(codes(&place.examine()), [""; 0], "a quick one reads no states");
    assert_eq!(codes(&place.examine_deep()), ["checkpoint_corrupt"]);
    place.sql("UPDATE checkpoints SET sha256 = NULL");
    assert_eq!(codes(&place.examine_deep()), [""; 0], "one that was saved before there were digests");
}

#[tokio::test]
async fn a_failed_task_is_not_to_be_published() {
    let mut place = Place::new();
    let attempt = place.running().await;
    place.fail(attempt).await;
    place.close();
    place.sql("INSERT INTO unpublished SELECT seq FROM finished");
    assert_eq!(codes(&place.examine()), ["unpublished_unfinished"]);
}

#[tokio::test]
async fn the_worst_comes_first_and_names_its_task() {
    let mut place = Place::new();
    let attempt = place.running().await;
    let queued = place.submit().await;
    place.close();
    place.sql("UPDATE running SET lease_until = 5; DELETE FROM ready");
    let report = place.examine();
    assert_eq!(codes(&report), ["task_nowhere", "lease_expired"]);
    assert_eq!(report.findings[0].subject, queued.to_string());
    assert_eq!(report.findings[1].subject, attempt.task.to_string());
    assert!(report.findings[1].message.contains("1970-01-01T00:00:00.005Z"));
    assert_eq!(report.worst(), Some(Severity::Error));
    assert!(!report.is_fixable());
}

#[test]
fn many_damages_are_counted_and_only_some_told() {
    let mut place = Place::new();
    place.close();
    fill_history(place.database(), 5_000).unwrap();
    let mut stages = Vec::new();
    let healthy = place.checkup(false).examine(&mut |progress| stages.push(progress));
    assert!(healthy.findings.iter().all(|finding| finding.code.as_str() == "disk_low"), "{healthy:?}");
    assert!(stages.iter().any(|progress| progress.stage == "tasks" && progress.done == 5_000), "{stages:?}");

    place.sql("DELETE FROM finished");
    let report = tell(&place.checkup(false));
    assert_eq!(report.findings.len() as u64, LISTED_MAX);
    assert_eq!(report.left_out.values().copied().collect::<Vec<_>>(), [5_000 - LISTED_MAX]);
}
