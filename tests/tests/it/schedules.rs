//! Schedules of `longshore.toml`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Era, Project};

const EVERY_SECOND: &str = "
[[schedules]]
name = 'often'
job_type = 'trivial'
cron = '* * * * * *'
time_zone = 'Asia/Kolkata'
";

fn append(project: &Project, text: &str) {
    let file = OpenOptions::new().append(true).open(project.path("longshore.toml"));
    file.unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_schedule_of_the_file_runs_and_goes_with_its_entry() {
    let project = Project::with_guests(&["trivial"], "");
    let plain = std::fs::read_to_string(project.path("longshore.toml")).unwrap();
    append(&project, EVERY_SECOND);
    let mut client = project.serve(Era::Modern);
    let begin = Instant::now();
    let schedule = loop {
        let listed = client.tool("list_schedules", json!({}));
        let schedule = &listed["schedules"][0];
        if schedule["last_job_id"].is_string() {
            break schedule.clone();
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "it never came: {listed}");
    };
    assert_eq!((&schedule["name"], &schedule["origin"]), (&json!("often"), &json!("config")));
    let job = schedule["last_job_id"].as_str().unwrap();
    assert_eq!(client.ended(job)["status"], "completed");
    assert_eq!(project.json(&["task", "show", job, "--json"])["schedule"], "often");
    let names = |listed: Value| listed["schedules"][0]["name"].clone();
    assert_eq!(names(project.json(&["schedule", "list", "--json"])), "often");
    let refused = project.longshore(&["schedule", "delete", "often"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("longshore.toml"));
    client.close();

    std::fs::write(project.path("longshore.toml"), plain).unwrap();
    let mut client = project.serve(Era::Modern);
    assert_eq!(client.tool("list_schedules", json!({}))["schedules"], json!([]));
}

#[test]
fn a_mistake_in_an_entry_names_it() {
    let project = Project::with_guests(&[], "");
    append(&project, &EVERY_SECOND.replace("Asia/Kolkata", "Asia/Kolkatta"));
    let output = project.longshore(&["schedule", "list"]);
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("schedule \"often\"") && error.contains("Asia/Kolkatta"), "{error}");
}
