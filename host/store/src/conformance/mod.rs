//! The suite that every [`TaskStore`] passes, whatever it is made of.
//!
//! A crate with a store calls [`conformance_tests!`](crate::conformance_tests) with an expression that makes an
//! [`Open`] for an empty store; each case becomes a test of its own. Times are passed in and no case waits.

#![allow(clippy::unwrap_used, reason = "a case fails by a panic")]

mod kit;

pub mod cancelling;
pub mod claiming;
pub mod clocks;
pub mod crowds;
pub mod effects;
pub mod ending;
pub mod handles;
pub mod leases;
pub mod messages;
pub mod pausing;
pub mod pruning;
pub mod questions;
pub mod retrying;
pub mod schedules;
pub mod submitting;
pub mod telling;
pub mod waiting;

use std::sync::Arc;

use longshore_domain::TaskStore;

/// Opens a store: each call gives another handle, as another process would have, on the same store, which is empty
/// at first.
pub type Open = Box<dyn Fn() -> Arc<dyn TaskStore> + Send + Sync>;

/// Makes a test of each case of the suite. `$open` gives an [`Open`](crate::conformance::Open), and is evaluated once
/// a test.
///
/// A store that only one process can have is given as `one handle: $open`, and spared what takes several.
#[macro_export]
macro_rules! conformance_tests {
    (one handle: $open:expr) => {
        $crate::conformance_tests! { $open;
            submitting: [
                a_submitted_task_is_queued,
                a_delayed_task_is_scheduled,
                the_same_key_gives_the_same_task,
                another_payload_under_a_key_is_a_conflict,
                a_key_is_scoped_to_owner_and_job_type,
                a_key_is_kept_when_the_task_has_ended,
                a_failing_submission_takes_no_other_with_it,
            ],
            claiming: [
                higher_priority_comes_first_and_then_age,
                age_makes_up_for_priority,
                job_types_share_the_limit_in_turn,
                slots_are_kept_for_types_that_run_nothing,
                a_job_type_that_is_not_asked_for_waits,
                concurrency_counts_all_workers,
                a_rate_limit_counts_all_workers,
                a_circuit_breaker_holds_for_all_workers,
                an_overdue_task_is_not_claimed,
                a_claim_tells_what_a_worker_needs,
                nothing_is_claimed_twice,
            ],
            ending: [
                a_completed_task_tells_its_result,
                a_failed_task_tells_why,
                a_task_can_end_by_its_own_cancel,
                an_attempt_ends_once,
                a_late_attempt_changes_nothing,
                only_an_expired_lease_is_ended_for_a_lost_worker,
                every_attempt_is_kept,
            ],
            retrying: [
                a_retry_waits_for_its_time,
                a_retry_at_once_is_queued,
                a_released_attempt_does_not_count,
                a_retry_on_request_counts_anew,
                only_failed_and_cancelled_tasks_run_again,
                a_deadline_that_is_over_does_not_stop_a_retry,
            ],
            waiting: [
                due_tasks_are_promoted_oldest_first,
                the_next_due_time_is_known,
                overdue_tasks_fail_while_they_wait,
            ],
            cancelling: [
                a_waiting_task_is_cancelled_at_once,
                a_running_task_is_asked_to_stop,
                an_ended_task_stays_as_it_is,
                a_cancel_ends_what_would_be_tried_again,
                success_counts_more_than_a_cancel,
                another_owner_cannot_cancel_or_retry,
            ],
            leases: [
                a_renewal_extends_and_reports,
                a_renewal_by_a_late_attempt_is_lost,
                expired_leases_are_found_oldest_first,
                attempts_of_a_worker_are_found_with_their_saves,
                renewals_are_answered_in_order,
            ],
            clocks: [
                an_attempt_ends_no_earlier_than_it_began,
                a_task_begins_no_earlier_than_it_was_submitted,
                a_lease_of_a_clock_that_was_ahead_is_over,
                a_sweeper_that_stood_still_ends_no_attempt_that_lives,
                retries_of_a_clock_that_was_ahead_are_brought_forward,
                what_a_clock_delayed_that_was_ahead_is_brought_forward,
                messages_of_a_clock_that_was_ahead_are_brought_forward,
                a_task_is_kept_for_the_time_that_is_lived_through,
                a_circuit_breaker_of_a_clock_that_was_ahead_is_not_kept_open,
            ],
            effects: [
                a_save_is_what_the_next_attempt_starts_from,
                saves_are_counted_and_replace_each_other,
                a_late_save_changes_nothing,
                progress_goes_back_to_the_last_save,
                artifacts_show_when_the_task_is_completed,
                artifacts_are_to_be_published_once,
                artifacts_are_listed_newest_first,
                a_save_tells_of_a_cancel,
            ],
            messages: [
                messages_become_real_with_the_save,
                a_message_is_handed_out_to_one_at_a_time,
                a_delivered_message_is_done,
                a_failed_delivery_is_tried_again_or_given_up,
                a_late_failure_leaves_the_next_try_alone,
                messages_keep_the_order_of_their_commit,
                a_key_is_committed_once,
                channels_are_handed_out_one_by_one,
                a_rate_holds_over_all_handles,
                messages_are_listed_newest_first,
                messages_are_found_by_the_beginning_of_their_id,
                the_next_try_of_a_message_is_known,
                what_a_worker_tried_that_ended_is_free,
                a_dead_message_is_sent_again,
                all_dead_messages_are_sent_again,
            ],
            telling: [
                a_completion_is_told_once,
                every_end_is_told,
                a_second_end_is_told_again,
                too_many_failures_are_told_once,
                nobody_is_told_who_did_not_ask,
            ],
            pausing: [
                a_paused_job_type_is_not_claimed,
                a_pause_is_known_until_it_ends,
                a_task_shows_that_its_type_is_paused,
            ],
            questions: [
                a_task_is_shown_to_its_owner,
                lists_are_newest_first_and_paged,
                lists_are_filtered,
                lists_are_filtered_by_what_no_index_has,
                a_page_marker_is_checked,
                tasks_are_found_by_the_beginning_of_their_id,
                live_tasks_are_counted,
                a_log_is_read_in_parts,
                the_time_of_the_last_change_is_known,
                an_unknown_task_is_nothing,
            ],
            pruning: [
                a_finished_task_is_kept_for_its_time,
                files_of_pruned_tasks_are_remembered,
                a_task_with_a_long_log_ends_a_step,
                pruning_goes_in_steps,
                a_task_that_runs_again_is_kept,
                mail_is_delivered_before_its_task_is_pruned,
            ],
            schedules: [
                a_schedule_is_kept_as_it_was_asked_for,
                a_name_of_a_schedule_is_taken_once,
                schedules_of_an_owner_are_limited,
                a_schedule_is_deleted_by_its_owner,
                due_schedules_are_found_oldest_first,
                a_due_schedule_submits_a_task,
                a_time_is_seen_to_once,
                overlap_is_skipped_or_queued,
                a_pruned_task_does_not_hold_its_schedule,
                a_refusal_is_noted,
                schedules_of_the_file_follow_it,
                a_changed_schedule_of_the_file_keeps_its_history,
                the_file_takes_a_name_over,
            ],
            crowds: [
                a_crowd_claims_each_task_once,
                a_crowd_submits_one_key_once,
                concurrency_holds_in_a_crowd,
                a_dropped_caller_loses_nothing,
            ],
        }
    };
    ($open:expr) => {
        $crate::conformance_tests! { one handle: $open }
        $crate::conformance_tests! { $open;
            handles: [
                another_handle_sees_every_write,
                changes_by_others_are_noticed,
            ],
        }
    };
    ($open:expr; $($group:ident: [$($case:ident,)*],)*) => {
        $(mod $group {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $crate::conformance::$group::$case($open).await;
                }
            )*
        })*
    };
}
