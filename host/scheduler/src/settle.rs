//! What becomes of a task when an attempt of it ends. Pure: time and chance are passed in.

use std::time::Duration;

use longshore_domain::{
    AttemptRef, Claimed, Code, Failure, Finish, LostAttempt, Next, Outcome, Policy, Recovery, RunOutcome,
    RunReport, StopReason, Timestamp, Usage,
};

/// How long a task is tried again at least whose attempts fail by the machine, such as a full disk.
const MACHINE_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Longest wait between attempts that fail so, unless the policy wants every wait to be longer.
const MACHINE_BACKOFF_MAX: Duration = Duration::from_secs(30);

/// Losses of a task without a save that are not held against it because it was not the only one.
const SHARED_LOSSES_MAX: u32 = 10;

/// How often a task has been tried, as far as its retry policy counts.
#[derive(Clone, Copy, Debug)]
struct Tries {
    counted: u32,
    first_started_at: Timestamp,
    deadline_at: Option<Timestamp>,
}

/// The end of an attempt that ran here; none when it lost its lease, for then nothing it did counts.
pub(crate) fn settle_report(
    report: RunReport,
    claimed: &Claimed,
    policy: &Policy,
    now: Timestamp,
    random: f64,
) -> Option<Finish> {
    let tries = Tries {
        counted: claimed.attempts_counted,
        first_started_at: claimed.first_started_at,
        deadline_at: claimed.deadline_at,
    };
    let (outcome, next) = match report.outcome {
        RunOutcome::Completed(result) => (Outcome::Completed { result }, Next::End),
        RunOutcome::Failed(mut failure) => {
            let wait = wait_after(&failure, tries.counted, policy, random);
            let next = next_after(&mut failure, tries, policy, now, wait);
            (Outcome::Failed(failure), next)
        }
        RunOutcome::Stopped(StopReason::Cancelled) => (Outcome::Cancelled, Next::End),
        RunOutcome::Stopped(StopReason::Drain) | RunOutcome::NoRoom => (Outcome::Cancelled, Next::Release),
        RunOutcome::Interrupted(StopReason::Cancelled) => (interrupted(policy), Next::End),
        RunOutcome::Interrupted(StopReason::Drain) => (interrupted(policy), Next::Release),
        RunOutcome::Stopped(StopReason::DeadlineExceeded)
        | RunOutcome::Interrupted(StopReason::DeadlineExceeded) => {
            (Outcome::Failed(deadline_exceeded()), Next::End)
        }
        RunOutcome::Stopped(StopReason::Fenced) | RunOutcome::Interrupted(StopReason::Fenced) => return None,
    };
    Some(Finish {
        attempt: claimed.attempt,
        at: now,
        outcome,
        next,
        usage: report.usage,
        progress: report.progress,
        artifacts: report.artifacts,
        messages: report.messages,
        recovery: None,
    })
}

/// The end of an attempt that was lost with its worker.
///
/// A loss is held against the task only where it saved nothing since the loss before, and where no other that was lost with
/// the worker is as suspect (`is_shared`): a job that ends its worker each time comes to its end so, for their waits take
/// the others apart from it, and those that ran beside it go on. Without the policy of its job type nobody can say whether it
/// was the last: the task is queued again and waits for its plugin.
pub(crate) fn settle_lost(
    lost: &LostAttempt,
    recovery: Recovery,
    is_shared: bool,
    policy: Option<&Policy>,
    now: Timestamp,
    random: f64,
) -> Finish {
    let tries = Tries {
        counted: lost.attempts_counted,
        first_started_at: lost.first_started_at,
        deadline_at: lost.deadline_at,
    };
    let how = how_lost(lost, &recovery);
    let (outcome, next) = if lost.cancel_requested {
        (Outcome::Interrupted(format!("interrupted: {how}")), Next::End)
    } else {
        let is_shared = is_shared && lost.losses < SHARED_LOSSES_MAX;
        let counts = if lost.has_saved {
            "it had saved since it began or was last lost, so this is not held against the job"
        } else if is_shared {
            "others that had saved nothing were lost with it, so this is not held against the job"
        } else {
            "it had saved nothing since it began or was last lost"
        };
        let mut failure = Failure::new(Code::WorkerLost, format!("{how}; {counts}"));
        let next = match policy {
            // Its time is over: it is given up as any that waits beyond its deadline.
            _ if tries.deadline_at.is_some_and(|deadline| deadline <= now) => Next::RetryAt(now),
            _ if lost.has_saved => Next::ResumeAt(now),
            None => Next::RetryAt(now),
            Some(policy) if is_shared => {
                let wait = match lost.losses {
                    0 => Duration::ZERO,
                    losses => policy.retry.delay(losses, random, None),
                };
                Next::ResumeAt(now.after(wait))
            }
            Some(policy) => {
                // The first retry need not wait; a task that ends its worker each time backs off like any other.
                let wait = match tries.counted {
                    0 | 1 => Duration::ZERO,
                    counted => policy.retry.delay(counted, random, None),
                };
                next_after(&mut failure, tries, policy, now, wait)
            }
        };
        (Outcome::Failed(failure), next)
    };
    Finish {
        attempt: lost.attempt,
        at: now,
        outcome,
        next,
        usage: Usage::default(),
        progress: lost.progress.clone(),
        artifacts: Vec::new(),
        messages: Vec::new(),
        recovery: Some(recovery),
    }
}

/// Gives an attempt back unharmed, for a host that goes down.
pub(crate) fn release(attempt: AttemptRef, now: Timestamp) -> Finish {
    Finish {
        attempt,
        at: now,
        outcome: Outcome::Interrupted("interrupted: its process ended before it had stopped".into()),
        next: Next::Release,
        usage: Usage::default(),
        progress: longshore_domain::Progress::default(),
        artifacts: Vec::new(),
        messages: Vec::new(),
        recovery: None,
    }
}

/// The end of an attempt that was told to stop and did not.
fn interrupted(policy: &Policy) -> Outcome {
    Outcome::Interrupted(format!(
        "interrupted: it was told to stop and did not in its grace period (limits.cancel_grace_ms = {})",
        policy.limits.cancel_grace_ms
    ))
}

/// How long the next attempt waits. After a fault of the machine not for long: it is mended by people, and the task should
/// go on soon after that.
fn wait_after(failure: &Failure, counted: u32, policy: &Policy, random: f64) -> Duration {
    let wait = policy.retry.delay(counted, random, failure.retry_after);
    if failure.code.is_fault_of_the_machine() {
        wait.min(MACHINE_BACKOFF_MAX.max(Duration::from_millis(policy.retry.min_backoff_ms)))
    } else {
        wait
    }
}

/// What follows a failure: another attempt after `wait`, if the policy and the deadline allow one. If they do not, the
/// failure says so, for the code alone would let people expect another.
fn next_after(failure: &mut Failure, tries: Tries, policy: &Policy, now: Timestamp, wait: Duration) -> Next {
    let retryable = failure.code.is_retryable() || (failure.code == Code::Trap && policy.retry.retry_traps);
    if !retryable {
        return Next::End;
    }
    let age = now.since(tries.first_started_at);
    // The machine's faults say nothing against the task, so it is not given up before people had time to mend them.
    let waits_for_people = failure.code.is_fault_of_the_machine() && age < MACHINE_PATIENCE;
    if !(waits_for_people || policy.retry.allows_another(tries.counted, age)) {
        failure.message = format!(
            "{}; max_attempts = {} allows no other attempt",
            failure.message, policy.retry.max_attempts
        );
        return Next::End;
    }
    let at = now.after(wait);
    match tries.deadline_at {
        Some(deadline) if at >= deadline => {
            failure.message += "; another attempt would begin after max_wait_seconds are over";
            Next::End
        }
        _ => Next::RetryAt(at),
    }
}

fn how_lost(lost: &LostAttempt, recovery: &Recovery) -> String {
    let why = match recovery {
        Recovery::LeaseExpired(_) => "its process ended or stopped answering",
        Recovery::WorkerGone(_) => "its process ended",
    };
    format!("attempt {} was lost with its worker {}: {why}", lost.attempt.number, lost.worker)
}

fn deadline_exceeded() -> Failure {
    Failure::new(
        Code::DeadlineExceeded,
        "the job did not end within the time that it may take (max_wait_seconds, or max_wait_ms of its policy), and was given up",
    )
}

#[cfg(test)]
mod tests {
    use longshore_domain::{Limits, Owner, Progress, RetryPolicy, TaskId, WorkerId};
    use proptest::prelude::*;

    use super::*;

    fn claimed(attempts_counted: u32) -> Claimed {
        Claimed {
            attempt: AttemptRef { task: TaskId::random(), number: 7 },
            attempts_counted,
            owner: Owner::local(),
            job_type: "export".parse().unwrap(),
            payload: "{}".into(),
            created_at: Timestamp::from_ms(0),
            queued_at: Timestamp::from_ms(0),
            first_started_at: Timestamp::from_ms(0),
            deadline_at: None,
            checkpoint: None,
        }
    }

    fn report(outcome: RunOutcome) -> RunReport {
        RunReport {
            outcome,
            usage: Usage::default(),
            progress: Progress::default(),
            artifacts: Vec::new(),
            messages: Vec::new(),
        }
    }

    fn next(outcome: RunOutcome, claimed: &Claimed, policy: &Policy) -> Option<Next> {
        settle_report(report(outcome), claimed, policy, Timestamp::from_ms(10_000), 0.0)
            .map(|finish| finish.next)
    }

    #[test]
    fn only_what_another_attempt_may_mend_is_retried() {
        let failed = |code| RunOutcome::Failed(Failure::new(code, "x"));
        for &code in Code::ALL {
            let retried = next(failed(code), &claimed(1), &Policy::default()) != Some(Next::End);
            assert_eq!(retried, code.is_retryable(), "{code:?}");
        }
        assert_eq!(next(failed(Code::JobRetry), &claimed(3), &Policy::default()), Some(Next::End));
    }

    #[test]
    fn the_last_failure_says_why_no_other_attempt_follows() {
        let said = |code, counted, deadline_ms: i64| {
            let task = Claimed { deadline_at: Some(Timestamp::from_ms(deadline_ms)), ..claimed(counted) };
            let failed = report(RunOutcome::Failed(Failure::new(code, "x")));
            let now = Timestamp::from_ms(10_000);
            match settle_report(failed, &task, &Policy::default(), now, 0.0).unwrap().outcome {
                Outcome::Failed(failure) => failure.message,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(said(Code::JobRetry, 1, 60_000), "x");
        assert_eq!(said(Code::JobRetry, 3, 60_000), "x; max_attempts = 3 allows no other attempt");
        assert_eq!(
            said(Code::JobRetry, 1, 10_001),
            "x; another attempt would begin after max_wait_seconds are over"
        );
        assert_eq!(said(Code::JobFailed, 1, 60_000), "x", "its code says so already");
    }

    #[test]
    fn a_job_may_ask_for_a_longer_wait() {
        let mut failure = Failure::new(Code::JobRetry, "busy");
        failure.retry_after = Some(Duration::from_secs(60));
        let next = next(RunOutcome::Failed(failure), &claimed(1), &Policy::default());
        assert_eq!(next, Some(Next::RetryAt(Timestamp::from_ms(70_000))));
    }

    #[test]
    fn a_retry_that_would_come_after_the_deadline_is_not_made() {
        let task = Claimed { deadline_at: Some(Timestamp::from_ms(10_500)), ..claimed(1) };
        let failed = RunOutcome::Failed(Failure::new(Code::Timeout, "x"));
        assert_eq!(next(failed, &task, &Policy::default()), Some(Next::End));
    }

    fn lost(attempts_counted: u32, deadline_at: Option<i64>) -> LostAttempt {
        LostAttempt {
            attempt: AttemptRef { task: TaskId::random(), number: 7 },
            attempts_counted,
            job_type: "export".parse().unwrap(),
            worker: WorkerId::new("lost"),
            started_at: Timestamp::from_ms(0),
            first_started_at: Timestamp::from_ms(0),
            lease_until: Timestamp::from_ms(9_000),
            cancel_requested: false,
            deadline_at: deadline_at.map(Timestamp::from_ms),
            progress: Progress::default(),
            has_saved: false,
            losses: 0,
        }
    }

    fn settled(lost: &LostAttempt, policy: Option<&Policy>) -> Finish {
        let recovery = Recovery::LeaseExpired(lost.lease_until);
        settle_lost(lost, recovery, false, policy, Timestamp::from_ms(10_000), 0.0)
    }

    #[test]
    fn a_loss_after_a_save_is_not_held_against_the_task() {
        let policy = Policy::default();
        for counted in [1, 3, 1_000] {
            let saved = LostAttempt { has_saved: true, ..lost(counted, None) };
            assert_eq!(settled(&saved, Some(&policy)).next, Next::ResumeAt(Timestamp::from_ms(10_000)));
            assert_eq!(settled(&saved, None).next, Next::ResumeAt(Timestamp::from_ms(10_000)));
        }
        let overdue = LostAttempt { has_saved: true, ..lost(1, Some(10_000)) };
        let gives_up = Next::RetryAt(Timestamp::from_ms(10_000));
        assert_eq!(settled(&overdue, Some(&policy)).next, gives_up, "its deadline holds");
        let Outcome::Failed(failure) = settled(&lost(3, None), Some(&policy)).outcome else { panic!() };
        assert!(failure.message.contains("had saved nothing"), "{failure:?}");
    }

    #[test]
    fn a_loss_that_others_share_is_not_held_against_the_task() {
        let now = Timestamp::from_ms(10_000);
        let next = |losses| {
            let lost = LostAttempt { losses, ..lost(3, None) };
            settle_lost(
                &lost,
                Recovery::LeaseExpired(lost.lease_until),
                true,
                Some(&Policy::default()),
                now,
                0.0,
            )
            .next
        };
        let waits = [0, 1, 2, 4].map(|seconds| Next::ResumeAt(now.after(Duration::from_secs(seconds))));
        assert_eq!([next(0), next(1), next(2), next(3)], waits);
        assert_eq!(next(SHARED_LOSSES_MAX), Next::End, "two may end their workers together each time");
    }

    #[test]
    fn the_first_loss_of_a_worker_costs_no_time_and_so_leaves_what_is_left_until_the_deadline() {
        let now = Timestamp::from_ms(10_000);
        let next = |lost| settled(&lost, Some(&Policy::default())).next;
        assert_eq!(next(lost(1, Some(10_500))), Next::RetryAt(now));
        assert_eq!(next(lost(1, Some(10_000))), Next::RetryAt(now), "is given up as any that waits too long");
        assert_eq!(next(lost(2, None)), Next::RetryAt(Timestamp::from_ms(12_000)));
        assert_eq!(next(lost(2, Some(12_000))), Next::End);
        assert_eq!(next(lost(3, None)), Next::End);
    }

    #[test]
    fn a_full_disk_is_waited_for_and_not_held_against_the_task() {
        let full = |counted, first_started_ms| {
            let first_started_at = Timestamp::from_ms(first_started_ms);
            let task = Claimed { first_started_at, ..claimed(counted) };
            next(RunOutcome::Failed(Failure::new(Code::StorageFull, "x")), &task, &Policy::default())
        };
        assert_eq!(full(1, 0), Some(Next::RetryAt(Timestamp::from_ms(11_000))));
        assert_eq!(full(100, 0), Some(Next::RetryAt(Timestamp::from_ms(40_000))), "soon, however often");
        assert_eq!(full(100, 10_000 - 3_600_000), Some(Next::End), "an hour is enough");
    }

    proptest! {
        #[test]
        fn another_attempt_comes_when_the_policy_says_and_before_the_deadline(
            code in prop::sample::select(Code::ALL), counted in 1_u32..8, attempts in 1_u32..8, traps: bool,
            min in 0_u64..5_000, max in 0_u64..50_000, duration in 0_u64..20_000, random in 0.0_f64..=1.0,
            deadline in prop::option::of(0_i64..60_000), asked in prop::option::of(0_u64..60_000),
        ) {
            let retry = RetryPolicy {
                max_attempts: attempts, min_backoff_ms: min, max_backoff_ms: max,
                max_retry_duration_ms: duration, retry_traps: traps, ..RetryPolicy::default()
            };
            let policy = Policy { retry, ..Policy::default() };
            let task = Claimed { deadline_at: deadline.map(Timestamp::from_ms), ..claimed(counted) };
            let asked = asked.map(Duration::from_millis);
            let failure = Failure { retry_after: asked, ..Failure::new(code, "x") };
            let finish = settle_report(
                report(RunOutcome::Failed(failure)), &task, &policy, Timestamp::from_ms(10_000), random,
            ).unwrap();
            let may_help = code.is_retryable() || (code == Code::Trap && traps);
            let failure = Failure { retry_after: asked, ..Failure::new(code, "x") };
            let at = Timestamp::from_ms(10_000).after(wait_after(&failure, counted, &policy, random));
            let follows = may_help
                && (counted < attempts || duration > 10_000 || code.is_fault_of_the_machine())
                && task.deadline_at.is_none_or(|deadline| at < deadline);
            prop_assert_eq!(finish.next, if follows { Next::RetryAt(at) } else { Next::End });
        }
    }

    #[test]
    fn an_attempt_that_did_not_stop_by_itself_says_so() {
        let policy =
            Policy { limits: Limits { cancel_grace_ms: 50, ..Limits::default() }, ..Policy::default() };
        let ended = |outcome| {
            let now = Timestamp::from_ms(10_000);
            let finish = settle_report(report(outcome), &claimed(1), &policy, now, 0.0).unwrap();
            (finish.outcome, finish.next)
        };
        let said =
            "interrupted: it was told to stop and did not in its grace period (limits.cancel_grace_ms = 50)";
        for (reason, next) in [(StopReason::Cancelled, Next::End), (StopReason::Drain, Next::Release)] {
            assert_eq!(ended(RunOutcome::Interrupted(reason)), (Outcome::Interrupted(said.into()), next));
            assert_eq!(ended(RunOutcome::Stopped(reason)), (Outcome::Cancelled, next), "it did stop");
        }
        let lease = LostAttempt { cancel_requested: true, ..lost(1, None) };
        match settled(&lease, Some(&policy)).outcome {
            Outcome::Interrupted(why) => assert!(why.contains("with its worker lost"), "{why}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_drained_attempt_goes_back_and_a_fenced_one_writes_nothing() {
        let policy = Policy::default();
        assert_eq!(next(RunOutcome::Stopped(StopReason::Drain), &claimed(1), &policy), Some(Next::Release));
        assert_eq!(next(RunOutcome::NoRoom, &claimed(1), &policy), Some(Next::Release));
        assert_eq!(next(RunOutcome::Stopped(StopReason::Fenced), &claimed(1), &policy), None);
    }
}
