//! The unit for systemd that the document for operators gives, tried.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Project, until};

fn unit() -> String {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/operations.md");
    let document = fs::read_to_string(document).unwrap();
    let unit = document.split("```ini\n[Unit]").nth(1).unwrap().split("```").next().unwrap();
    format!("[Unit]{unit}")
}

#[test]
fn the_unit_is_one_and_runs_a_worker_that_ends_when_it_is_stopped() {
    let project = Project::with_guests(&["sleeper"], "");
    let unit = unit();
    let setting = |name: &str| {
        unit.lines()
            .find_map(|line| line.strip_prefix(&format!("{name}=")))
            .unwrap_or_else(|| panic!("no {name}"))
    };
    let command: Vec<&str> = setting("ExecStart").split_whitespace().collect();
    assert_eq!((command[0], setting("KillSignal")), ("/usr/local/bin/longshore", "SIGTERM"));
    let program = env!("CARGO_BIN_EXE_longshore-under-test");
    let file = project.path("longshore.service");
    let here = unit.replace(command[0], program).replace("User=longshore", "User=root");
    fs::write(&file, here).unwrap();
    if let Ok(output) =
        Command::new("systemd-analyze").args(["verify", "--recursive-errors=no"]).arg(&file).output()
    {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("longshore.service"), "{said}");
    }
    let folder = project.path(".");
    let arguments: Vec<&str> = command[1..]
        .iter()
        .map(|word| if *word == "/srv/shop" { folder.to_str().unwrap() } else { *word })
        .collect();
    let mut worker = project.command(&arguments).spawn().unwrap();
    until("the worker", || project.path("data/longshore.db.working").exists());
    let stopped = Command::new("kill").args(["-TERM", &worker.id().to_string()]).status().unwrap();
    assert!(stopped.success() && worker.wait().unwrap().success());
}
