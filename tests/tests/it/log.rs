//! What goes to stderr: in a JSON log, nothing but objects, one a line.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Client, Era, Project};

/// The lines of a JSON log, each of which must be an object with these three fields.
fn lines(text: &str) -> Vec<Value> {
    let read = |line: &str| -> Value {
        let object: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}\n{text}"));
        for field in ["timestamp", "level", "message"] {
            assert!(object[field].is_string(), "no {field}: {line}");
        }
        object
    };
    text.lines().map(read).collect()
}

/// Ends badly, and says why on the last line of its log.
fn complaint(mut command: Command) -> (Option<i32>, Value) {
    let output = command.output().unwrap();
    assert!(output.stdout.is_empty());
    let told = lines(&String::from_utf8(output.stderr).unwrap()).pop().expect("it says why");
    assert_eq!(told["level"], "ERROR", "{told}");
    (output.status.code(), told)
}

#[test]
fn an_error_is_a_line_of_a_json_log_from_the_first() {
    let project = Project::with_guests(&[], "");
    let mut by_environment = project.command(&["worker", "--nonsense"]);
    by_environment.env("LONGSHORE_LOG_FORMAT", "json");
    for command in [project.command(&["worker", "--log-format=json", "--nonsense"]), by_environment] {
        let (exit, told) = complaint(command);
        assert_eq!((exit, &told["code"]), (Some(2), &json!("usage")), "{told}");
        assert!(told["message"].as_str().unwrap().contains("--nonsense"), "{told}");
    }
    let nowhere = tempfile::tempdir().unwrap();
    for subcommand in ["worker", "serve"] {
        let mut command = project.command(&["--log-format", "json", subcommand]);
        command.current_dir(nowhere.path());
        assert_eq!(complaint(command).1["code"], "no_project");
    }
    fs::write(project.path("longshore.toml"), "[worker]\nconcurency = 5\n").unwrap();
    for subcommand in ["worker", "serve"] {
        let (exit, told) = complaint(project.command(&["--log-format", "json", subcommand]));
        assert_eq!((exit, &told["code"]), (Some(1), &json!("invalid_config")), "{told}");
        assert!(told["hint"].as_str().unwrap().contains("did you mean"), "{told}");
    }
    // Whoever asks for JSON as the answer gets it, whatever the log.
    let output = project.longshore(&["--log-format", "json", "task", "list", "--json"]);
    let told: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(told["error"]["code"], "invalid_config");
}

#[test]
fn a_worker_logs_its_start_its_jobs_and_its_end() {
    let project = Project::with_guests(&["trivial"], "");
    let status = project.json(&["run", "trivial", "--detach", "--json"]);
    let mut child = project
        .command(&["worker", "--log-format", "json"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    // The worker that `run --detach` left may be the one that runs it.
    while !text.contains("Working on the jobs of") {
        assert!(log.read_line(&mut text).unwrap() > 0, "{text}");
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    log.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    let all = lines(&text);
    assert!(all.iter().any(|line| line["message"].as_str().unwrap().starts_with("Ending")), "{text}");
    assert!(status["job_id"].is_string());
}

#[test]
fn each_job_that_ends_is_one_line_of_the_log() {
    let project = Project::with_guests(&["trivial", "trap"], "");
    let log = project.path("serve.log");
    for format in ["json", "human"] {
        let command = project.command(&["serve", "--log-format", format]);
        let stderr = Stdio::from(fs::File::create(&log).unwrap());
        let mut client = Client::start_logging(command, Era::Modern, stderr);
        let good = client.enqueue("trivial", json!({}));
        client.ended(&good);
        let bad = client.enqueue("trap", json!({}));
        client.ended(&bad);
        client.close();
        let text = fs::read_to_string(&log).unwrap();
        for (id, level, what) in [(&good, "INFO", "job completed"), (&bad, "ERROR", "job failed")] {
            let of_its_end: Vec<&str> = text.lines().filter(|line| line.contains(what)).collect();
            let [line] = of_its_end.as_slice() else { panic!("{what}: {text}") };
            assert!(line.contains(id.as_str()) && line.contains(level), "{line}");
            if format == "human" {
                assert!(line.contains("queued_ms=") && line.contains("run_ms="), "{line}");
            }
        }
        if format == "json" {
            let all = lines(&text);
            let end = all.iter().find(|line| line["job_id"] == bad).unwrap();
            assert_eq!((&end["job_type"], &end["code"]), (&json!("trap"), &json!("trap")), "{end}");
            assert!(end["queued_ms"].is_u64() && end["run_ms"].is_u64(), "{end}");
        }
    }
}
