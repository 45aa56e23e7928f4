//! Schedules: each time comes once, whatever the clocks, the processes and the jobs do.

use std::time::Duration;

use longshore_domain::{
    BreakerPolicy, Clock, Fired, Overlap, Owner, Policy, Schedule, Share, Task, TaskFilter, TaskState,
    Timestamp,
};
use longshore_scheduler::{ScheduleRequest, ServiceError};
use serde_json::json;

use crate::support::{Process, World};

const HOUR: i64 = 3_600_000;

fn request(name: &str, cron: &str, zone: &str) -> ScheduleRequest {
    ScheduleRequest {
        name: name.into(),
        job_type: "job".into(),
        payload: json!({"do": "complete"}),
        cron: cron.into(),
        time_zone: zone.into(),
        ..ScheduleRequest::default()
    }
}

fn time(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

impl World {
    /// A world in which it is that time, in RFC 3339.
    fn at(text: &str) -> Self {
        let world = Self::new();
        world.go_to(text);
        world
    }

    fn go_to(&self, text: &str) {
        self.clock.turn(time(text) - self.clock.now().ms());
    }
}

impl Process {
    async fn schedule(&self, request: ScheduleRequest) -> Schedule {
        self.service.schedule_job(&Owner::local(), request).await.unwrap().status.schedule
    }

    /// Sees to what is due, and says to how many.
    async fn tick(&self) -> u32 {
        self.timekeeper.tick(self.parts.clock.now()).await.unwrap()
    }

    /// The one schedule that there is.
    async fn the_schedule(&self) -> Schedule {
        let mut all = self.service.list_schedules(&Owner::local()).await.unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0).schedule
    }

    /// What came of the one schedule last.
    async fn outcome(&self) -> Fired {
        self.the_schedule().await.last.unwrap().outcome
    }

    async fn refused_with(&self) -> String {
        match self.outcome().await {
            Fired::Refused(refusal) => refusal.code,
            other => panic!("not refused: {other:?}"),
        }
    }

    async fn tasks(&self) -> Vec<Task> {
        self.service.list(TaskFilter { limit: 1_000, ..TaskFilter::default() }).await.unwrap().tasks
    }

    async fn refusal(&self, request: ScheduleRequest) -> ServiceError {
        self.service.schedule_job(&Owner::local(), request).await.unwrap_err()
    }
}

/// When the jobs of a schedule are submitted between two times, by a process that looks each minute.
async fn submitted(cron: &str, zone: &str, from: &str, until: &str) -> Vec<String> {
    let world = World::at(from);
    let process = world.process("one", 1);
    process.schedule(request("it", cron, zone)).await;
    while world.clock.now().ms() < time(until) {
        world.clock.advance(Duration::from_secs(60));
        process.tick().await;
        process.claim_and_run().await;
    }
    let mut times: Vec<i64> = process.tasks().await.iter().map(|task| task.created_at.ms()).collect();
    times.sort_unstable();
    times.iter().map(|ms| jiff::Timestamp::from_millisecond(*ms).unwrap().to_string()).collect()
}

#[tokio::test]
async fn a_daily_job_is_daily_also_where_clocks_are_changed() {
    // Berlin, 28 March 2027: 2:30 does not come; clocks go on at 1:00 UTC.
    assert_eq!(
        submitted("30 2 * * *", "Europe/Berlin", "2027-03-27T20:00:00Z", "2027-03-29T02:00:00Z").await,
        ["2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"]
    );
    // Berlin, 31 October 2027: 2:30 comes twice, at 0:30 and at 1:30 UTC.
    assert_eq!(
        submitted("30 2 * * *", "Europe/Berlin", "2027-10-30T20:00:00Z", "2027-11-01T02:00:00Z").await,
        ["2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]
    );
    // New York, 14 March and 7 November 2027.
    assert_eq!(
        submitted("15 2 * * *", "America/New_York", "2027-03-14T00:00:00Z", "2027-03-15T12:00:00Z").await,
        ["2027-03-14T07:00:00Z", "2027-03-15T06:15:00Z"]
    );
    assert_eq!(
        submitted("15 1 * * *", "America/New_York", "2027-11-07T00:00:00Z", "2027-11-08T12:00:00Z").await,
        ["2027-11-07T05:15:00Z", "2027-11-08T06:15:00Z"]
    );
    assert_eq!(
        submitted("30 2 * * *", "Asia/Kolkata", "2027-03-27T20:00:00Z", "2027-03-29T02:00:00Z").await,
        ["2027-03-27T21:00:00Z", "2027-03-28T21:00:00Z"]
    );
}

#[tokio::test]
async fn a_job_of_a_schedule_says_so_and_runs() {
    let world = World::at("2027-06-01T01:59:00Z");
    let process = world.process("one", 1);
    let schedule =
        process.schedule(ScheduleRequest { priority: 7, ..request("nightly", "0 2 * * *", "utc") }).await;
    assert_eq!(
        (schedule.asked.next_at.ms(), &*schedule.asked.time_zone),
        (time("2027-06-01T02:00:00Z"), "UTC")
    );
    assert_eq!(process.tick().await, 0);
    world.go_to("2027-06-01T02:00:00Z");
    assert_eq!((process.tick().await, process.tick().await), (1, 0));
    assert_eq!(process.claim_and_run().await, 1);
    let task = process.tasks().await.remove(0);
    assert_eq!(
        (task.state, task.schedule.as_deref(), task.priority),
        (TaskState::Completed, Some("nightly"), 7)
    );
    let schedule = process.the_schedule().await;
    assert_eq!(schedule.last.unwrap().outcome, Fired::Started(task.id));
    assert_eq!(schedule.asked.next_at.ms(), time("2027-06-02T02:00:00Z"));
}

#[tokio::test]
async fn times_that_were_missed_come_once() {
    let world = World::at("2027-06-01T00:00:00Z");
    let process = world.process("one", 1);
    process.schedule(request("hourly", "0 * * * *", "UTC")).await;
    drop(process);
    world.go_to("2027-06-03T12:34:00Z");
    let process = world.process("two", 1);
    assert_eq!((process.tick().await, process.tick().await), (1, 0));
    assert_eq!(process.tasks().await.len(), 1);
    assert_eq!(process.the_schedule().await.asked.next_at.ms(), time("2027-06-03T13:00:00Z"));
}

#[tokio::test]
async fn two_processes_see_to_a_time_once() {
    let world = World::at("2027-06-01T00:00:00Z");
    let (one, two) = (world.process("one", 1), world.process("two", 1));
    let queues = ScheduleRequest { overlap: Overlap::Queue, ..request("hourly", "0 * * * *", "UTC") };
    one.schedule(queues).await;
    for round in 1..=20 {
        world.clock.turn(HOUR);
        let (first, second) = tokio::join!(one.tick(), two.tick());
        assert_eq!(first + second, 1);
        assert_eq!(one.tasks().await.len(), round);
    }
}

#[tokio::test]
async fn a_job_that_goes_on_is_not_joined_by_another_unless_it_shall() {
    let world = World::at("2027-06-01T00:00:00Z");
    let process = world.process("one", 3);
    let waits = ScheduleRequest { payload: json!({"do": "wait"}), ..request("hourly", "0 * * * *", "UTC") };
    process.schedule(waits.clone()).await;
    world.clock.turn(HOUR);
    process.tick().await;
    process.claim().await;
    world.clock.turn(HOUR);
    assert_eq!(process.tick().await, 1);
    assert_eq!(process.outcome().await, Fired::Skipped);
    process.let_one_go();
    process.dispatcher.idle().await;
    world.clock.turn(HOUR);
    process.tick().await;
    assert!(matches!(process.outcome().await, Fired::Started(_)));
    assert_eq!(process.tasks().await.len(), 2);

    // The same with the other policy: what is queued is joined by another.
    process.service.delete_schedule(&Owner::local(), "hourly").await.unwrap();
    process.schedule(ScheduleRequest { overlap: Overlap::Queue, ..waits }).await;
    for _ in 0..3 {
        world.clock.turn(HOUR);
        process.tick().await;
    }
    assert_eq!(process.tasks().await.len(), 5);
}

#[tokio::test]
async fn a_clock_that_goes_back_brings_no_time_again() {
    let world = World::at("2027-06-01T00:30:00Z");
    let process = world.process("one", 1);
    let queues = ScheduleRequest { overlap: Overlap::Queue, ..request("hourly", "0 * * * *", "UTC") };
    process.schedule(queues).await;
    world.go_to("2027-06-01T01:00:01Z");
    assert_eq!(process.tick().await, 1);
    world.go_to("2027-06-01T00:10:00Z");
    for _ in 0..60 {
        assert_eq!(process.tick().await, 0);
        world.clock.advance(Duration::from_secs(60));
    }
    world.go_to("2027-06-01T02:00:00Z");
    assert_eq!(process.tick().await, 1);
}

#[tokio::test]
async fn a_schedule_waits_for_its_plugin() {
    let world = World::at("2027-06-01T00:00:00Z");
    let process = world.process("one", 1);
    process.schedule(request("hourly", "0 * * * *", "UTC")).await;
    process.unload_all();
    world.clock.turn(5 * HOUR);
    assert_eq!(process.tick().await, 0);
    let waiting = process.service.list_schedules(&Owner::local()).await.unwrap().remove(0).waiting;
    assert!(waiting.unwrap().contains("plugin_missing"));
    process.load("job", Policy::default());
    assert_eq!((process.tick().await, process.tick().await), (1, 0));
    let status = process.service.list_schedules(&Owner::local()).await.unwrap().remove(0);
    assert_eq!((status.waiting, process.tasks().await.len()), (None, 1));
}

#[tokio::test]
async fn a_payload_that_no_longer_fits_is_refused_and_noted() {
    let world = World::at("2027-06-01T00:00:00Z");
    let process = world.process("one", 1);
    // The file's schedules are made before plugins are loaded: their payloads are looked at when they are due.
    let wrong = ScheduleRequest { payload: json!([]), ..request("hourly", "0 * * * *", "UTC") };
    process.service.follow_config(&Owner::local(), vec![wrong]).await.unwrap();
    world.clock.turn(HOUR);
    assert_eq!(process.tick().await, 1);
    assert_eq!(process.refused_with().await, "invalid_input");
    assert_eq!((process.tasks().await.len(), process.tick().await), (0, 0), "noted once");
    assert_eq!(process.the_schedule().await.asked.next_at.ms(), time("2027-06-01T02:00:00Z"));
}

#[tokio::test]
async fn a_schedule_of_a_job_type_that_only_fails_is_refused() {
    let world = World::at("2027-06-01T00:00:00Z");
    let process = world.process("one", 1);
    let breaker =
        BreakerPolicy { failure_rate: Share::new(0.5), min_attempts: 1, ..BreakerPolicy::default() };
    process.load("job", Policy { breaker: Some(breaker), ..Policy::default() });
    process.schedule(request("hourly", "0 * * * *", "UTC")).await;
    world.go_to("2027-06-01T00:59:59Z");
    process.submit("job", "fail").await;
    process.claim_and_run().await;
    world.clock.turn(1_000);
    assert_eq!(process.tick().await, 1);
    assert_eq!(process.refused_with().await, "circuit_open");
    world.clock.turn(HOUR);
    process.tick().await;
    assert!(matches!(process.outcome().await, Fired::Started(_)));
}

#[tokio::test]
async fn a_schedule_that_cannot_be_read_is_refused_and_does_not_hold_up_the_others() {
    let world = World::at("2027-06-01T00:00:00Z");
    let process = world.process("one", 1);
    process.schedule(request("good", "0 * * * *", "UTC")).await;
    let mut foreign = process.schedule(request("foreign", "0 * * * *", "UTC")).await.asked;
    process.service.delete_schedule(&Owner::local(), "foreign").await.unwrap();
    foreign.time_zone = "Mars/Olympus".into();
    foreign.next_at = Timestamp::from_ms(0);
    process.parts.store.add_schedule(foreign, 10).await.unwrap();
    world.clock.turn(HOUR);
    assert_eq!((process.tick().await, process.tick().await), (2, 0));
    let all = process.service.list_schedules(&Owner::local()).await.unwrap();
    let outcomes: Vec<_> =
        all.iter().map(|status| status.schedule.last.as_ref().unwrap().outcome.as_str()).collect();
    assert_eq!(outcomes, ["refused", "started"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_schedule_is_told_when_it_is_made() {
    let world = World::at("2027-06-01T00:00:00Z");
    let process = world.process("one", 1);
    let good = request("nightly", "0 2 * * *", "UTC");
    for (wrong, code) in [
        (ScheduleRequest { cron: "0 25 * * *".into(), ..good.clone() }, "invalid_cron"),
        (ScheduleRequest { cron: "0 0 31 2 *".into(), ..good.clone() }, "cron_never_comes"),
        (ScheduleRequest { time_zone: "Mars/Olympus".into(), ..good.clone() }, "unknown_time_zone"),
        (ScheduleRequest { job_type: "none".into(), ..good.clone() }, "unknown_job_type"),
        (ScheduleRequest { payload: json!([]), ..good.clone() }, "invalid_input"),
        (ScheduleRequest { payload: json!("a".repeat(1 << 20)), ..good.clone() }, "payload_too_large"),
        (ScheduleRequest { name: String::new(), ..good.clone() }, "invalid_arguments"),
        (ScheduleRequest { priority: 101, ..good.clone() }, "invalid_arguments"),
        (ScheduleRequest { priority: i32::MIN, ..good.clone() }, "invalid_arguments"),
    ] {
        assert_eq!(process.refusal(wrong).await.code(), code);
    }
    process.schedule(good.clone()).await;
    let again = process.service.schedule_job(&Owner::local(), good.clone()).await.unwrap();
    assert!(again.existed, "asking again for the same gives the same");
    let other = ScheduleRequest { cron: "0 3 * * *".into(), ..good };
    assert_eq!(process.refusal(other).await.code(), "schedule_exists");
}

#[tokio::test]
async fn a_schedule_belongs_to_its_owner() {
    let world = World::at("2027-06-01T00:00:00Z");
    let process = world.process("one", 1);
    process.schedule(request("nightly", "0 2 * * *", "UTC")).await;
    let other = Owner::new("other");
    assert!(process.service.list_schedules(&other).await.unwrap().is_empty());
    let refused = process.service.delete_schedule(&other, "nightly").await.unwrap_err();
    assert_eq!(refused.code(), "schedule_not_found");
    let theirs = request("nightly", "0 4 * * *", "UTC");
    process.service.schedule_job(&other, theirs).await.unwrap();
    process.service.delete_schedule(&Owner::local(), "nightly").await.unwrap();
    world.clock.turn(24 * HOUR);
    assert_eq!(process.tick().await, 1);
    assert_eq!(process.tasks().await.remove(0).owner, other);
}

#[tokio::test]
async fn a_schedule_of_the_file_is_the_operators() {
    let world = World::at("2027-06-01T00:00:00Z");
    let process = world.process("one", 1);
    let owner = Owner::local();
    let declared = request("nightly", "0 2 * * *", "UTC");
    process.service.follow_config(&owner, vec![declared.clone()]).await.unwrap();
    let refused = process.service.delete_schedule(&owner, "nightly").await.unwrap_err();
    assert_eq!(refused.code(), "schedule_of_config");
    let refused = process.refusal(declared).await;
    assert_eq!(refused.code(), "schedule_exists");
    assert!(refused.to_string().contains("longshore.toml"), "{refused}");
    process.service.follow_config(&owner, Vec::new()).await.unwrap();
    assert!(process.service.list_schedules(&owner).await.unwrap().is_empty());
}

/// It was due in a year for a year.
#[tokio::test]
async fn a_schedule_of_a_clock_that_was_ahead_is_computed_anew() {
    let world = World::at("2027-03-01T00:00:00Z");
    let process = world.process("one", 1);
    process.schedule(request("hourly", "0 * * * *", "UTC")).await;
    let bring_forward = async || process.timekeeper.bring_forward(world.clock.now()).await.unwrap();
    let next = async || process.the_schedule().await.asked.next_at.ms();
    world.go_to("2027-03-01T01:00:00Z");
    assert_eq!(process.tick().await, 1);
    // Less than its interval: the time was there, and does not come again.
    world.go_to("2027-03-01T00:30:00Z");
    bring_forward().await;
    assert_eq!(next().await, time("2027-03-01T02:00:00Z"));
    world.go_to("2026-03-01T00:30:00Z");
    bring_forward().await;
    assert_eq!(next().await, time("2026-03-01T01:00:00Z"));
    bring_forward().await;
    world.go_to("2026-03-01T01:00:00Z");
    assert_eq!(process.tick().await, 1);
    assert_eq!(next().await, time("2026-03-01T02:00:00Z"));
}
