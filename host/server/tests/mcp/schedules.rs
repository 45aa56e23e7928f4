//! Jobs that come again.

use longshore_domain::Owner;
use longshore_scheduler::ScheduleRequest;
use serde_json::{Value, json};

use crate::support::{Era, World};

fn nightly() -> Value {
    json!({
        "name": "nightly", "job_type": "script", "payload": {"do": "work"},
        "cron": "30 2 * * MON-FRI", "time_zone": "asia/kolkata"
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut arguments = nightly();
    arguments[field] = value;
    arguments
}

#[tokio::test]
async fn a_schedule_is_kept_listed_and_deleted() {
    let world = World::idle();
    let mut client = world.client(Era::Modern).await;
    let made = client.tool("schedule_job", nightly()).await;
    assert_eq!((&made["existed"], &made["origin"]), (&json!(false), &json!("agent")));
    assert_eq!(
        (&made["time_zone"], &made["overlap"], &made["last"]),
        (&json!("Asia/Kolkata"), &json!("skip"), &json!(null))
    );
    assert!(made["next_at"].as_str().unwrap().ends_with("T21:00:00.000Z"), "{made}");
    assert!(made["next"].as_str().unwrap().contains("list_schedules"));
    assert_eq!(client.tool("schedule_job", nightly()).await["existed"], true);

    // Another connection sees the same.
    let mut other = world.client(Era::Legacy("2025-11-25")).await;
    let listed = other.tool("list_schedules", json!({})).await;
    assert_eq!(listed["schedules"][0]["cron"], "30 2 * * MON-FRI");
    assert!(listed["schedules"][0].get("payload").is_none(), "payloads are shown one at a time");
    let shown = other.tool("list_schedules", json!({"name": "nightly"})).await;
    assert_eq!(shown["schedules"][0]["payload"], json!({"do": "work"}));

    assert_eq!(client.tool("delete_schedule", json!({"name": "nightly"})).await["deleted"], true);
    assert_eq!(client.tool("list_schedules", json!({})).await["schedules"], json!([]));
    for tool in ["delete_schedule", "list_schedules"] {
        let gone = client.refused(tool, json!({"name": "nightly"})).await;
        assert_eq!(gone["code"], "schedule_not_found", "{tool}");
    }
}

#[tokio::test]
async fn a_schedule_starts_jobs_that_name_it() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let every_second = json!({
        "name": "often", "job_type": "script", "payload": {"do": "work"}, "cron": "* * * * * *"
    });
    client.tool("schedule_job", every_second).await;
    let job = loop {
        let listed = client.tool("list_schedules", json!({})).await;
        if listed["schedules"][0]["last"]["outcome"] == "started" {
            break listed["schedules"][0]["last_job_id"].clone();
        }
    };
    client.tool("delete_schedule", json!({"name": "often"})).await;
    let status = client.until(&job, |status| status["status"] == "completed").await;
    assert_eq!(status["schedule"], "often");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let world = World::idle();
    let mut client = world.client(Era::Modern).await;
    for (arguments, code, field) in [
        (json!({"name": "nightly"}), "invalid_arguments", "/job_type"),
        (with("cron", json!("0 25 * * *")), "invalid_cron", "/cron"),
        (with("cron", json!("0 0 31 2 *")), "cron_never_comes", "/cron"),
        (with("time_zone", json!("Mars/Olympus")), "unknown_time_zone", "/time_zone"),
        (with("overlap", json!("wait")), "invalid_arguments", "/overlap"),
        (with("payload", json!({"od": 1})), "invalid_input", "/payload/do"),
        (with("every", json!(5)), "invalid_arguments", "/every"),
    ] {
        let error = client.refused("schedule_job", arguments.clone()).await;
        assert_eq!(
            (&error["code"], &error["violations"][0]["field"]),
            (&json!(code), &json!(field)),
            "{arguments}: {error}"
        );
        assert!(error["next"].is_string() && error["retryable"] == false);
    }
    assert_eq!(
        client.refused("schedule_job", with("job_type", json!("none"))).await["code"],
        "unknown_job_type"
    );
    assert_eq!(client.refused("schedule_job", with("name", json!(" "))).await["code"], "invalid_arguments");
    client.tool("schedule_job", nightly()).await;
    let taken = client.refused("schedule_job", with("cron", json!("@daily"))).await;
    assert_eq!(taken["code"], "schedule_exists");
    assert!(taken["next"].as_str().unwrap().contains("list_schedules"));
}

#[tokio::test]
async fn a_schedule_of_the_operator_is_shown_and_stays() {
    let world = World::idle();
    let declared = ScheduleRequest {
        name: "nightly".into(),
        job_type: "script".into(),
        payload: json!({"do": "work"}),
        cron: "@daily".into(),
        time_zone: "UTC".into(),
        ..ScheduleRequest::default()
    };
    world.service.follow_config(&Owner::local(), vec![declared]).await.unwrap();
    let mut client = world.client(Era::Modern).await;
    let listed = client.tool("list_schedules", json!({})).await;
    assert_eq!(listed["schedules"][0]["origin"], "config");
    let refused = client.refused("delete_schedule", json!({"name": "nightly"})).await;
    assert_eq!(refused["code"], "schedule_of_config");
    assert!(refused["message"].as_str().unwrap().contains("longshore.toml"));
    assert_eq!(client.refused("schedule_job", nightly()).await["code"], "schedule_exists");
}
