//! What happened to a job, in the order in which it happened.

use longshore_domain::{AttemptRecord, LogLine, Task, TaskState, Timestamp};

use crate::cli::call::longshore;
use crate::cli::text;
use crate::terminal;

/// Lines of the log that are told; more would hide everything else.
const LOG_LINES_MAX: usize = 40;
/// Columns up to where the text of an event begins.
const INDENT: usize = 46;

/// One thing that happened.
struct Event {
    at: Timestamp,
    what: String,
    text: String,
}

/// The story of a job: its submission, each attempt, what it logged, and its end. Messages and files have tables of
/// their own.
pub(super) fn story(task: &Task, attempts: &[AttemptRecord], log: &[LogLine]) -> String {
    let mut events = vec![submission(task)];
    for attempt in attempts {
        events.push(beginning(attempt));
        events.extend(attempt.ended_at.map(|ended_at| end(attempt, ended_at)));
    }
    let left_out = log.len().saturating_sub(LOG_LINES_MAX);
    events.extend(log[left_out..].iter().map(logged));
    if let Some(at) = task.finished_at {
        events.push(Event { at, what: task.state.as_str().into(), text: reason(task) });
    }
    // Stable, so that what has one time stays in the order of its making.
    events.sort_by_key(|event| event.at);
    if let Some(due_at) = task.due_at.filter(|_| task.state == TaskState::Scheduled) {
        events.push(Event { at: due_at, what: "due".into(), text: "its next attempt may begin".into() });
    }
    let mut lines = vec!["STORY".to_owned()];
    lines.extend(events.iter().map(line));
    if left_out > 0 {
        let earlier = text::counted(left_out as u64, "earlier line");
        lines.push(format!("({earlier} of the log: {} task log {})", longshore(), task.id));
    }
    lines.join("\n")
}

fn submission(task: &Task) -> Event {
    let mut parts = vec![format!("by {}", task.owner.as_str())];
    if let Some(schedule) = &task.schedule {
        parts.push(format!("by the schedule {schedule:?}"));
    }
    if task.priority != 0 {
        parts.push(format!("priority {}", task.priority));
    }
    if let Some(key) = &task.idempotency_key {
        parts.push(format!("idempotency key {key:?}"));
    }
    if let Some(deadline) = task.deadline_at {
        parts.push(format!("to be given up at {}", time(deadline)));
    }
    Event { at: task.created_at, what: "submitted".into(), text: parts.join(", ") }
}

fn beginning(attempt: &AttemptRecord) -> Event {
    Event {
        at: attempt.started_at,
        what: format!("attempt {} began", attempt.number),
        text: format!("by {}\nwith component {}", attempt.worker.as_str(), attempt.component.as_str()),
    }
}

fn end(attempt: &AttemptRecord, at: Timestamp) -> Event {
    let outcome = attempt.outcome.as_deref().unwrap_or("ended");
    let took = text::span(at.since(attempt.started_at));
    let mut used = format!("{outcome} after {took}");
    if attempt.usage.fuel > 0 || attempt.usage.memory_bytes > 0 {
        let (fuel, memory) = (text::count(attempt.usage.fuel), text::size(attempt.usage.memory_bytes));
        used = format!("{used}, {fuel} fuel, {memory} at most");
    }
    used = format!("{used}, {}", text::counted(attempt.saves.into(), "save"));
    let more = attempt.message.iter().chain(&attempt.detail);
    Event {
        at,
        what: format!("attempt {} ended", attempt.number),
        text: more.fold(used, |text, more| format!("{text}\n{more}")),
    }
}

fn logged(line: &LogLine) -> Event {
    Event { at: line.at, what: format!("log {}", line.level.as_str()), text: line.message.clone() }
}

fn reason(task: &Task) -> String {
    match &task.failure {
        Some(failure) => format!("{}: {}", failure.code.as_str(), failure.message),
        None => String::new(),
    }
}

fn line(event: &Event) -> String {
    let text = terminal::hanging(&event.text, INDENT);
    format!("{}  {:<18}  {text}", time(event.at), event.what).trim_end().to_owned()
}

/// To the millisecond, since many things happen within one second.
fn time(at: Timestamp) -> String {
    at.rfc3339().replace('T', " ")
}

#[cfg(test)]
mod tests {
    use longshore_domain::{Code, ComponentSha, Failure, LogLevel, Owner, Progress, TaskId, Usage, WorkerId};

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(1_772_323_200_000 + ms)
    }

    fn attempt(number: u32, started: i64, ended: i64, outcome: &str, saves: u32) -> AttemptRecord {
        AttemptRecord {
            number,
            worker: WorkerId::new("worker-7"),
            component: ComponentSha::new("ab".repeat(32)),
            started_at: at(started),
            ended_at: Some(at(ended)),
            outcome: Some(outcome.into()),
            message: Some("it broke".into()),
            detail: Some("wasm backtrace:\n  0: job!run".into()),
            usage: Usage { fuel: 1_234, memory_bytes: 65_536 },
            saves,
        }
    }

    #[test]
    fn everything_is_told_in_the_order_of_time() {
        let task = Task {
            id: TaskId::random(),
            owner: Owner::local(),
            job_type: "export".parse().unwrap(),
            payload: "{}".into(),
            idempotency_key: Some("march".into()),
            priority: 5,
            state: TaskState::Failed,
            created_at: at(0),
            updated_at: at(9_000),
            due_at: None,
            started_at: Some(at(1_000)),
            finished_at: Some(at(9_000)),
            deadline_at: None,
            ttl_ms: 0,
            attempts: 2,
            cancel_requested: false,
            progress: Progress::default(),
            result: None,
            failure: Some(Failure::new(Code::Trap, "it broke")),
            artifacts: Vec::new(),
            schedule: None,
            paused_since: None,
        };
        let attempts = [attempt(1, 1_000, 3_500, "worker_lost", 2), attempt(2, 5_000, 9_000, "trap", 1)];
        let logged = |ms, message: &str| LogLine {
            attempt: 1,
            at: at(ms),
            level: LogLevel::Warn,
            message: message.into(),
        };
        let told = story(&task, &attempts, &[logged(2_000, "half way"), logged(6_000, "again")]);
        let sha = "ab".repeat(32);
        let expected = format!(
            "STORY
2026-03-01 00:00:00.000Z  submitted           by local, priority 5, idempotency key \"march\"
2026-03-01 00:00:01.000Z  attempt 1 began     by worker-7
                                              with component {sha}
2026-03-01 00:00:02.000Z  log warn            half way
2026-03-01 00:00:03.500Z  attempt 1 ended     worker_lost after 2.5 s, 1,234 fuel, 64.0 KiB at most, 2 saves
                                              it broke
                                              wasm backtrace:
                                                0: job!run
2026-03-01 00:00:05.000Z  attempt 2 began     by worker-7
                                              with component {sha}
2026-03-01 00:00:06.000Z  log warn            again
2026-03-01 00:00:09.000Z  attempt 2 ended     trap after 4.0 s, 1,234 fuel, 64.0 KiB at most, 1 save
                                              it broke
                                              wasm backtrace:
                                                0: job!run
2026-03-01 00:00:09.000Z  failed              trap: it broke"
        );
        assert_eq!(told, expected);
        let long: Vec<LogLine> = (0..50).map(|ms| logged(2_000 + ms, "line")).collect();
        assert!(story(&task, &[], &long).contains("(10 earlier lines of the log: longshore task log"));
    }
}
