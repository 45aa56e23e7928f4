//! Who works on a project, and what a checkup says when nobody does.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Era, Project, until};

/// A worker that ends with the test, however that ends.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn codes(project: &Project) -> Vec<String> {
    let output = project.longshore(&["doctor", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let codes = findings.map(|finding| finding["code"].as_str().unwrap().to_owned());
    codes.filter(|code| code != "disk_low").collect()
}

#[test]
fn each_process_is_shown_with_what_it_runs() {
    let project = Project::with_guests(&["sleeper"], "[worker]\nstay_behind = false\n");
    let ps = || project.json(&["ps", "--json"]);
    assert_eq!(ps()["processes"], json!([]));
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("sleeper", json!({"ms": 600_000}));
    client.until(&id, |status| status["status"] == "running");
    let mut command = project.command(&["worker", "--concurrency", "3"]);
    let worker = Worker(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    until("both processes", || ps()["processes"].as_array().unwrap().len() == 2);
    let shown = ps();
    let of_role = |role: &str| {
        let mut of_role = shown["processes"].as_array().unwrap().iter().filter(|one| one["role"] == role);
        of_role.next().unwrap_or_else(|| panic!("no {role}: {shown}")).clone()
    };
    let (serve, idle) = (of_role("serve"), of_role("worker"));
    assert_eq!(
        (&serve["jobs"][0]["job_id"], &serve["jobs"][0]["attempt"]),
        (&json!(id), &json!(1)),
        "{serve}"
    );
    assert_eq!((&idle["slots"], &idle["jobs"], &idle["pid"]), (&json!(3), &json!([]), &json!(worker.0.id())));
    assert_eq!(shown["running_elsewhere"], 0, "{shown}");
    let text = String::from_utf8(project.longshore(&["ps"]).stdout).unwrap();
    assert!(text.contains(&id) && text.contains("0 of 3") && !text.contains("outdated"), "{text}");
    assert_eq!(codes(&project), Vec::<String>::new(), "another number of slots is no other configuration");

    // A process that began with another configuration is told apart.
    let config = project.path("longshore.toml");
    let before = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, before + "\n[secrets.another]\nenv = \"PATH\"\n").unwrap();
    assert!(
        codes(&project).iter().all(|code| code == "configuration_differs") && !codes(&project).is_empty()
    );
    drop(worker);
    until("the end of the worker", || ps()["processes"].as_array().unwrap().len() == 1);
}

#[test]
fn a_checkup_tells_that_nobody_works_and_that_nothing_can_be_written() {
    let project = Project::with_guests(&["trivial"], "[worker]\nstay_behind = false\n");
    project.json(&["run", "trivial", "--detach", "--json"]);
    assert_eq!(codes(&project), ["nobody_works"]);
    let holder = rusqlite::Connection::open(project.path("data/longshore.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(codes(&project).contains(&"database_unwritable".to_owned()));
    holder.execute_batch("ROLLBACK").unwrap();
    drop(holder);
    project.json(&["task", "cancel", "--status", "queued", "--yes", "--json"]);
    assert_eq!(codes(&project), Vec::<String>::new());
}

/// Root may look everywhere, so the command runs as somebody else there.
fn as_a_stranger(mut command: Command) -> Command {
    if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        command.uid(65_534).gid(65_534);
    }
    command
}

#[test]
fn a_folder_that_cannot_be_looked_into_is_not_one_without_a_project() {
    let project = Project::with_guests(&[], "");
    let closed = project.path(".");
    let permissions = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(&closed, permissions(0o000)).unwrap();
    let mut command = project.command(&["--project", closed.to_str().unwrap(), "task", "list", "--json"]);
    command.current_dir("/");
    let output = as_a_stranger(command).output();
    std::fs::set_permissions(&closed, permissions(0o700)).unwrap();
    let output = output.unwrap();
    let told: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(told["error"]["code"], "project_unreadable", "{told}");
    assert!(told["error"]["message"].as_str().unwrap().contains("ermission denied"), "{told}");
}

#[test]
fn a_database_that_cannot_be_looked_at_is_not_missing() {
    let project = Project::with_guests(&["trivial"], "");
    project.json(&["run", "trivial", "--json"]);
    let permissions = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    let (root, data) = (project.path("."), project.path("data"));
    // All but the data can be looked at.
    std::fs::set_permissions(&root, permissions(0o755)).unwrap();
    std::fs::set_permissions(&data, permissions(0o000)).unwrap();
    let output = as_a_stranger(project.command(&["task", "list", "--json"])).output();
    std::fs::set_permissions(&data, permissions(0o700)).unwrap();
    let told = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(told.contains("ermission denied") && !told.contains("there is no database"), "{told}");
}
