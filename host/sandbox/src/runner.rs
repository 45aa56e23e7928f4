//! Runs one attempt: instantiate, call, watch, conclude.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use longshore_domain::{
    Code, Failure, Limits, LiveProgress, RunOutcome, RunReport, RunRequest, StopReason, StopSignal, Usage,
    beginning_of,
};

use crate::bindings::longshore::job::types::JobError;
use crate::disk::Directories;
use crate::failure::{Ended, LimitsOf, Wrong, classify};
use crate::guest::{Attempt, Guest};
use crate::host_api::keep_no_secret;
use crate::log::{LogFlusher, TaskLog};
use crate::program::{Place, Program, is_pool_full};
use crate::schema::{DEPTH_MAX, is_too_deep};
use crate::turns::Turn;

/// How long a line of a long-running job's log waits at most before it is kept.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// How much later than the tick a guest is ended from outside. The tick comes first wherever it can, because it leaves
/// a backtrace.
const AFTER_TICK: Duration = Duration::from_millis(100);

/// Characters of a failure, and of what there is to it for the operator. Both may repeat what the job said.
const MESSAGE_CHARS_MAX: usize = 4_000;
const DETAIL_CHARS_MAX: usize = 16_000;

/// How a call into a guest came to its end.
enum Conclusion {
    Returned(Result<String, JobError>),
    Ended(Ended),
    NoRoom,
}

/// Runs an attempt to its end.
pub(crate) async fn run(program: &Program, mut request: RunRequest) -> RunReport {
    let _ticking = program.shared.linkers.engines.ticking();
    let input = std::mem::take(&mut request.claimed.payload);
    let job = Arc::clone(&request.job);
    let limits = &job.policy.limits;
    let limits_of = LimitsOf { job: Some(job.job_type.name.as_str()), limits };
    let progress = Arc::clone(&request.progress);
    let log = Arc::new(TaskLog::new(
        request.claimed.attempt.number,
        limits.log_bytes_max,
        Arc::clone(&program.shared.clock),
    ));
    let attempt = Attempt::new(Arc::clone(&program.shared), request, &log);
    let flusher = Arc::clone(&attempt.flusher);
    let directories = Directories::of(&program.shared, &job.policy.grants.directories, limits_of).await;
    let guest =
        match directories.and_then(|directories| Guest::running(Arc::clone(&log), attempt, directories)) {
            Ok(guest) => guest,
            Err(ended) => return not_begun(ended, &progress),
        };
    let (guest, conclusion) = call(program, guest, &input, limits_of).await;
    let usage = Usage { fuel: guest.meter.used(), memory_bytes: guest.allowance.memory_peak() };
    let mut report = RunReport {
        outcome: RunOutcome::NoRoom,
        usage,
        progress: progress.latest(),
        artifacts: Vec::new(),
        messages: Vec::new(),
    };
    let mut attempt = guest.into_attempt();
    report.outcome = match (conclusion, &mut attempt) {
        (Conclusion::Returned(answer), Some(attempt)) => match conclude(program, attempt, answer).await {
            Ok(result) => match attempt.artifacts.seal().await {
                Ok(artifacts) => {
                    report.artifacts = artifacts;
                    report.messages = attempt.outbox.take_unsaved();
                    RunOutcome::Completed(result)
                }
                Err(ended) => outcome(ended),
            },
            Err(ended) => outcome(ended),
        },
        (Conclusion::Ended(ended), _) => outcome(ended),
        (Conclusion::NoRoom | Conclusion::Returned(_), _) => RunOutcome::NoRoom,
    };
    if let RunOutcome::Failed(failure) = &mut report.outcome {
        let tell = |text: &mut String, chars_max: usize| {
            *text = log.known.hidden(std::mem::take(text));
            text.truncate(beginning_of(text, chars_max).len());
        };
        tell(&mut failure.message, MESSAGE_CHARS_MAX);
        if let Some(detail) = &mut failure.detail {
            tell(detail, DETAIL_CHARS_MAX);
        }
    }
    if let Some(attempt) = attempt
        && !matches!(report.outcome, RunOutcome::Completed(_))
    {
        attempt.artifacts.abandon().await;
    }
    log.close();
    flusher.flush().await;
    report
}

/// The report of an attempt whose guest was never there.
fn not_begun(ended: Ended, progress: &LiveProgress) -> RunReport {
    RunReport {
        outcome: outcome(ended),
        usage: Usage::default(),
        progress: progress.latest(),
        artifacts: Vec::new(),
        messages: Vec::new(),
    }
}

fn outcome(ended: Ended) -> RunOutcome {
    match ended {
        Ended::Failed(failure) => RunOutcome::Failed(failure),
        Ended::Stopped(reason) => RunOutcome::Stopped(reason),
        Ended::Interrupted(reason) => RunOutcome::Interrupted(reason),
    }
}

/// Runs a guest, and ends it when its time is over.
async fn call(program: &Program, mut guest: Guest, input: &str, limits: LimitsOf<'_>) -> (Guest, Conclusion) {
    let deadline = guest.deadline;
    let Some(attempt) = guest.attempt_if_any() else { return (guest, Conclusion::NoRoom) };
    let (stop, flusher) = (Arc::clone(&attempt.request.stop), Arc::clone(&attempt.flusher));
    let log = Arc::clone(&guest.log);
    if let Some(reason @ (StopReason::Fenced | StopReason::Cancelled)) = stop.reason() {
        return (guest, Conclusion::Ended(Ended::Stopped(reason)));
    }

    let turn = Turn::new(program.shared.linkers.engines.ticks());
    let mut place = match program.linked.code(limits.limits).await {
        Ok(code) => Place::new(code, guest, limits.limits, turn.clone()),
        Err(error) => return (guest, no_room(limits, &format!("{error:#}"))),
    };
    let mut instance = watch(pin!(place.instantiate()), &stop, &flusher, deadline, limits).await;
    if matches!(&instance, Ok(Err(error)) if is_pool_full(error)) {
        match program.linked.code_outside_the_pool(limits.limits).await {
            Ok(code) => place = place.moved_to(code, limits.limits),
            Err(error) => return (place.store.into_data(), no_room(limits, &format!("{error:#}"))),
        }
        instance = watch(pin!(place.instantiate()), &stop, &flusher, deadline, limits).await;
    }
    let mut store = place.store;
    let called = match instance {
        Ok(Ok(instance)) => {
            let call = pin!(turn.of(instance.call_run(&mut store, input)));
            watch(call, &stop, &flusher, deadline, limits).await
        }
        Ok(Err(error)) => Ok(Err(error)),
        Err(ended) => Err(ended),
    };
    if let Ok(left) = store.get_fuel() {
        store.data_mut().meter.note(left);
    }
    // What was decided beside the guest is why it ended, however it then did; unless it was told to stop.
    let decided = store.data().verdict.hold().err().filter(|_| stop.reason().is_none());
    if let Some(ended) = decided {
        log.close();
        return (store.into_data(), Conclusion::Ended(ended));
    }
    let conclusion = match called {
        Ok(Ok(answer)) => Conclusion::Returned(answer),
        Ok(Err(error)) => {
            log.close();
            match classify(&error, limits, &store.data().allowance, &log.last_words()) {
                Wrong::Ended(ended) => Conclusion::Ended(ended),
                Wrong::PoolFull => Conclusion::NoRoom,
                Wrong::NoRoom(why) => no_room(limits, &why),
            }
        }
        Err(ended) => Conclusion::Ended(ended),
    };
    (store.into_data(), conclusion)
}

fn no_room(limits: LimitsOf<'_>, why: &str) -> Conclusion {
    tracing::warn!(job_type = limits.job, "no room to run an attempt: {why}");
    Conclusion::NoRoom
}

/// Waits for `call`, but no longer than the attempt may take. A guest that computes is interrupted at a tick, which
/// tells where it was; this here ends one that waits inside a host call.
async fn watch<T>(
    call: std::pin::Pin<&mut impl Future<Output = T>>,
    stop: &StopSignal,
    flusher: &LogFlusher,
    deadline: Instant,
    limits: LimitsOf<'_>,
) -> Result<T, Ended> {
    let keeping_log = pin!(async {
        loop {
            tokio::time::sleep(FLUSH_EVERY).await;
            flusher.flush().await;
        }
    });
    // Most jobs are done at the first poll of their call: the rest is not even looked at then.
    let ended = tokio::select! {
        biased;
        done = call => return Ok(done),
        () = tokio::time::sleep_until((deadline + AFTER_TICK).into()) => None,
        reason = told_to_stop(stop, limits.limits) => Some(reason),
        () = keeping_log => None,
    };
    Err(match ended.or_else(|| stop.reason()) {
        Some(reason) => Ended::interrupted(reason),
        None => Ended::Failed(limits.timeout()),
    })
}

/// Resolves when a guest that was told to stop has had its time to do so.
async fn told_to_stop(stop: &StopSignal, limits: &Limits) -> StopReason {
    let reason = stop.stopped().await;
    let grace = tokio::time::sleep(Duration::from_millis(limits.cancel_grace_ms));
    tokio::select! {
        // An attempt that has lost its lease gets no grace, however it was told to stop before.
        () = fenced(stop) => {}
        () = grace => {}
    }
    stop.reason().unwrap_or(reason)
}

/// Resolves when the attempt has lost its lease.
async fn fenced(stop: &StopSignal) {
    poll_fn(|context| {
        // Resolves at once, for there is a reason already, and leaves a waker for the next.
        match ready!(pin!(stop.stopped()).poll(context)) {
            StopReason::Fenced => Poll::Ready(()),
            _ => Poll::Pending,
        }
    })
    .await;
}

/// What a job's own answer means.
async fn conclude(
    program: &Program,
    attempt: &mut Attempt,
    answer: Result<String, JobError>,
) -> Result<String, Ended> {
    let asked_to_stop = attempt.stop_reason();
    if asked_to_stop == Some(StopReason::Fenced) {
        return Err(Ended::Stopped(StopReason::Fenced));
    }
    let failure = match answer {
        Ok(result) => return check_result(program, attempt, result).await,
        Err(JobError::Cancelled) => match asked_to_stop {
            Some(reason) => return Err(Ended::Stopped(reason)),
            None => {
                Failure::new(Code::JobFailed, "the job ended as cancelled, but nobody had told it to stop")
            }
        },
        Err(JobError::InvalidInput(message)) => Failure::new(Code::InvalidInput, said(attempt, message)),
        Err(JobError::Failed(message)) => Failure::new(Code::JobFailed, said(attempt, message)),
        Err(JobError::Retry(retry)) => Failure {
            retry_after: retry.after_ms.map(Duration::from_millis),
            ..Failure::new(Code::JobRetry, said(attempt, retry.message))
        },
    };
    Err(Ended::Failed(failure))
}

/// What a job says of its failure. Secrets are hidden before it is cut, which might leave the half of one.
fn said(attempt: &Attempt, message: String) -> String {
    let message = attempt.log.known.hidden(message);
    if message.trim().is_empty() {
        return "the job failed and did not say why".into();
    }
    beginning_of(&message, MESSAGE_CHARS_MAX).to_owned()
}

async fn check_result(program: &Program, attempt: &mut Attempt, result: String) -> Result<String, Ended> {
    let bytes_max = attempt.limits().result_bytes_max;
    if result.len() as u64 > bytes_max {
        let what = format!("the job gave a result of {} bytes, and may give", result.len());
        return Err(attempt.limits_of().exceeded(what, bytes_max, "result_bytes_max"));
    }
    keep_no_secret(&attempt.log, result.as_bytes(), "its result")?;
    let not_json = |error: serde_json::Error| {
        Ended::failed(Code::JobFailed, format!("the job's result is not JSON: {error}"))
    };
    let value = serde_json::from_str(&result).map_err(not_json)?;
    if is_too_deep(&value) {
        let message = format!("the job's result is nested deeper than {DEPTH_MAX} levels");
        return Err(Ended::failed(Code::JobFailed, message));
    }
    let Some(schema) = &program.output else { return Ok(result) };
    let violations = schema.violations(&value).await;
    if violations.is_empty() {
        return Ok(result);
    }
    let list: Vec<String> = violations
        .into_iter()
        .map(|v| if v.field.is_empty() { v.message } else { format!("{}: {}", v.field, v.message) })
        .collect();
    let message = format!("the job's result does not fit its own output schema: {}", list.join("; "));
    Err(Ended::failed(Code::JobFailed, message))
}
