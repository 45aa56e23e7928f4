//! The command line, as people and scripts use it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Era, Project, guest, sha256};

#[test]
fn init_is_deterministic_and_overwrites_nothing() {
    let (one, two) = (Project::with_shop(), Project::with_shop());
    for file in [
        "longshore.toml",
        "shop.db",
        "plugins/export.wasm",
        "plugins/export.toml",
        "plugins/bulk_invoice.wasm",
    ] {
        assert_eq!(sha256(&one.path(file)), sha256(&two.path(file)), "{file} differs");
    }
    fs::write(one.path("longshore.toml"), "# mine\n").unwrap();
    assert!(!one.longshore(&["init", "."]).status.success());
    assert_eq!(fs::read_to_string(one.path("longshore.toml")).unwrap(), "# mine\n");
}

#[test]
fn run_runs_one_job_and_says_where_the_files_are() {
    let project = Project::with_shop();
    let payload = r#"{"table": "branches", "format": "csv"}"#;
    let status = project.json(&["run", "export", "--payload", payload, "--json"]);
    assert_eq!(status["status"], "completed");
    let path = status["artifacts"][0]["path"].as_str().unwrap();
    assert!(fs::read_to_string(path).unwrap().contains("DEL"));

    fs::write(project.path("payload.json"), payload).unwrap();
    let output = project.longshore(&["run", "export", "--payload", "@payload.json"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("branches.csv"));

    let output = project.longshore(&["run", "export", "--payload", r#"{"table": 5}"#]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("/table"), "the field is named");
}

#[test]
fn tasks_can_be_seen_and_cancelled_from_another_process() {
    let project = Project::with_guests(&["steps"], "");
    project.add_guest("spin", "[limits]\nfuel = 1000000000000000\n");
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("spin", json!({}));
    client.until(&id, |status| status["status"] == "running");
    let listed = project.json(&["task", "list", "--json"]);
    assert!(listed.to_string().contains(&id), "{listed}");
    project.json(&["task", "cancel", &id, "--json"]);
    assert_eq!(client.ended(&id)["status"], "cancelled");
    let shown = project.json(&["task", "show", &id, "--json"]);
    assert_eq!(shown["status"], "cancelled");
}

#[test]
fn a_mistake_is_told_with_what_to_do() {
    let project = Project::with_guests(&[], "[wroker]\nconcurrency = 5\n");
    let output = project.longshore(&["task", "list"]);
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("wroker") && error.contains("longshore.toml"), "{error}");
}

#[test]
fn who_asks_for_json_is_told_of_errors_in_json() {
    let project = Project::with_guests(&[], "");
    let unknown = "7b0c2f5e-1a52-4d0e-9c53-6c1f4a0f3b11";
    for (arguments, code, exit) in [
        (&["task", "show", unknown, "--json"][..], "job_not_found", 1),
        (&["run", "nothing", "--json"], "unknown_job_type", 1),
        (&["run", "nothing", "--payload", "{", "--json"], "usage", 2),
        (&["task", "list", "--nonsense", "--json"], "usage", 2),
        (&["plugin", "inspect", "nothing", "--json"], "missing", 1),
        (&["task", "list", "--json", "-C", "nowhere"], "no_project", 1),
    ] {
        let output = project.longshore(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {told}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let told: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        assert_eq!(told["error"]["code"], code, "{told}");
        assert!(!told["error"]["message"].as_str().unwrap().is_empty(), "{told}");
    }
}

#[test]
fn a_file_that_is_not_accepted_is_not_run_to_be_looked_at() {
    let (file, digest) = (guest("probe"), sha256(&guest("probe")));
    let inspect = ["plugin", "inspect", file.to_str().unwrap(), "--json"];
    let project = Project::with_guests(&[], "[plugins]\naccept = []\n");
    let output = project.longshore(&inspect);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(told["error"]["code"], "untrusted", "{told}");
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("\"sha256:{digest}\"")) && message.contains("`accept`"), "{message}");

    let project = Project::with_guests(&[], &format!("[plugins]\naccept = [\"sha256:{digest}\"]\n"));
    assert_eq!(project.json(&inspect)["name"], "probe");
    let project = Project::with_guests(&[], "");
    assert_eq!(project.json(&inspect)["name"], "probe", "a project without `accept` takes what it is given");
}

/// An operator had moved the data away. A look made a new database in its place, which said that there were no jobs and was in
/// the way of what was moved back.
#[test]
fn who_only_looks_makes_no_database() {
    let project = Project::with_shop();
    for look in [&["task", "list"][..], &["plugin", "list"], &["outbox", "list"], &["schedule", "list"]] {
        let output = project.longshore(look);
        assert!(output.status.success(), "{look:?}");
        assert!(!project.path("data").exists(), "{look:?}");
        let says_so = String::from_utf8(output.stderr).unwrap().contains("there is no database at");
        assert_eq!(says_so, look != ["plugin", "list"], "{look:?}");
    }
}

#[test]
fn what_jobs_keep_is_for_nobody_else() {
    let project = Project::with_shop();
    let run = ["run", "export", "--payload", r#"{"table": "suppliers", "format": "csv"}"#];
    assert!(project.longshore(&run).status.success());
    let mode = fs::metadata(project.path("data")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

/// A folder with a space made `init` print a `cd` that led nowhere.
#[test]
fn what_init_prints_can_be_pasted() {
    let project = Project::with_guests(&[], "");
    for name in ["my shop", "it's $HOME; `id` \"x\"", "-n", "दुकान", "tab\there"] {
        let output = project.longshore(&["init", "--no-sample", "--", name]);
        assert!(output.status.success(), "{name}: {output:?}");
        let told = String::from_utf8(output.stdout).unwrap();
        let enter = told.lines().find_map(|line| line.strip_prefix("  cd ")).unwrap();
        let script = format!("cd {enter} && cat longshore.toml");
        let read = Command::new("bash").args(["-c", &script]).current_dir(project.path("")).output().unwrap();
        assert!(read.status.success(), "{script}: {read:?}");
        assert_eq!(read.stdout, fs::read(project.path(name).join("longshore.toml")).unwrap());
        let snippet = &told[told.find("\n{").unwrap()..];
        let snippet: Value = serde_json::from_str(snippet).unwrap();
        let dir = snippet["mcpServers"]["longshore"]["args"][2].as_str().unwrap();
        assert_eq!(fs::canonicalize(dir).unwrap(), fs::canonicalize(project.path(name)).unwrap());
    }
}

#[test]
fn a_job_is_named_by_the_beginning_of_its_id_or_as_the_last() {
    let project = Project::with_guests(&["trivial"], "");
    let run = || project.json(&["run", "trivial", "--json"])["job_id"].as_str().unwrap().to_owned();
    let (first, second) = (run(), run());
    let shown = |id: &str| project.json(&["task", "show", id, "--json"])["job_id"].clone();
    assert_eq!(shown(&first[..13]), *first);
    assert_eq!(shown(&first.to_uppercase()[..13]), *first);
    assert_eq!(shown("last"), *second);
    assert!(
        project.longshore(&["job", "log", &second[..13]]).status.success(),
        "`job` is the same as `task`"
    );

    let refused = |arguments: &[&str]| {
        let output = project.longshore(&[arguments, &["--json"]].concat());
        let told: Value = serde_json::from_slice(&output.stderr).unwrap();
        (output.status.code().unwrap(), told["error"]["code"].clone(), told["error"].to_string())
    };
    // A version 4 UUID has no such beginning by chance: all of its thirteenth digits are a 4.
    let (exit, code, _) = refused(&["task", "show", "00000000-0000-0"]);
    assert_eq!((exit, code), (1, json!("job_not_found")));
    let (exit, code, told) = refused(&["task", "cancel", "5f0"]);
    assert!(exit == 2 && code == "usage" && told.contains("at least 4 digits"), "{told}");
    let (exit, code, _) = refused(&["outbox", "retry", "last"]);
    assert_eq!((exit, code), (1, json!("message_not_found")));

    // Two jobs of one beginning do not come by chance.
    let database = rusqlite::Connection::open(project.path("data/longshore.db")).unwrap();
    let twins = ["abcd0000000040008000000000000001", "abcd0000000040008000000000000002"];
    for (id, twin) in [&first, &second].into_iter().zip(twins) {
        let rename = format!("UPDATE tasks SET id = x'{twin}' WHERE id = x'{}'", id.replace('-', ""));
        assert_eq!(database.execute(&rename, []).unwrap(), 1);
    }
    drop(database);
    let (exit, code, told) = refused(&["task", "show", "abcd"]);
    assert_eq!((exit, code), (1, json!("ambiguous_id")));
    for twin in ["abcd0000-0000-4000-8000-000000000001", "abcd0000-0000-4000-8000-000000000002"] {
        assert!(told.contains(twin), "{told}");
    }
}

#[test]
fn it_is_told_until_when_files_are_kept() {
    let project = Project::with_shop();
    let run = ["run", "export", "--payload", r#"{"table": "branches", "format": "csv"}"#];
    let told = String::from_utf8(project.longshore(&run).stdout).unwrap();
    let shown = project.json(&["task", "show", "last", "--json"]);
    let (ended, until) = (&shown["completed_at"], shown["kept_until"].as_str().unwrap());
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    assert_eq!(at(until) - at(ended.as_str().unwrap()), 24 * 60 * 60, "as ttl_ms says");
    let for_people = format!("{}Z", until[..19].replace('T', " "));
    assert!(told.contains(&format!("Kept until {for_people}")), "{told}");
    let shown = String::from_utf8(project.longshore(&["task", "show", "last"]).stdout).unwrap();
    assert!(shown.contains(&format!("Kept until {for_people}")), "{shown}");
}

#[test]
fn a_job_that_did_not_stop_in_its_grace_says_so() {
    let project = Project::with_guests(&[], "");
    project.add_guest("spin", "[limits]\nfuel = 1000000000000000\ncancel_grace_ms = 50\n");
    let mut client = project.serve(Era::Modern);
    let id = client.enqueue("spin", json!({}));
    client.until(&id, |status| status["status"] == "running");
    project.json(&["task", "cancel", &id, "--json"]);
    assert_eq!(client.ended(&id)["status"], "cancelled");
    let shown = project.json(&["task", "show", &id, "--json"]);
    let attempt = &shown["attempt_history"][0];
    assert_eq!(attempt["outcome"], "cancelled");
    let why =
        "interrupted: it was told to stop and did not in its grace period (limits.cancel_grace_ms = 50)";
    assert_eq!(attempt["message"], why);
    let shown = String::from_utf8(project.longshore(&["task", "show", &id]).stdout).unwrap();
    assert!(shown.contains(&format!("cancelled ({why})")), "{shown}");
}

#[test]
fn each_problem_of_a_plugin_is_told_once() {
    let project = Project::with_guests(&["trivial"], "");
    project.add_component("broken", b"no component", "");
    fs::write(project.path("plugins/lone.toml"), "[limits]\nfuel = 1000\n").unwrap();
    let output = project.longshore(&["plugin", "list", "--wait"]);
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert_eq!(told.matches("not WebAssembly").count(), 1, "{told}");
    assert_eq!(told.matches("a policy without its component").count(), 1, "{told}");
    let listed = project.json(&["plugin", "list", "--wait", "--json"]);
    let states: Vec<_> =
        listed["plugins"].as_array().unwrap().iter().map(|plugin| &plugin["state"]).collect();
    assert_eq!(states, ["broken", "missing", "ready"]);
    let other = project.longshore(&["task", "list"]);
    assert!(!String::from_utf8(other.stderr).unwrap().contains("WebAssembly"), "is beside the point there");
    let inspected = project.longshore(&["plugin", "inspect", "broken"]);
    assert_eq!(String::from_utf8(inspected.stderr).unwrap().matches("not WebAssembly").count(), 1);
}

#[test]
fn a_grant_of_a_table_that_is_not_there_is_told_of() {
    let project = Project::with_shop();
    let policy = project.path("plugins/export.toml");
    let granted =
        fs::read_to_string(&policy).unwrap() + "\n[grants.tables.shop]\nordrs = \"*\"\norders = \"*\"\n";
    fs::write(&policy, granted).unwrap();
    let listed = project.json(&["plugin", "list", "--wait", "--json"]);
    let export =
        listed["plugins"].as_array().unwrap().iter().find(|plugin| plugin["name"] == "export").unwrap();
    assert_eq!(export["state"], "ready", "it works with what is there");
    assert!(export["warning"].as_str().unwrap().contains("\"ordrs\""), "{export}");
    // Without a database a checkup starts no host, which would make one.
    project.json(&["run", "export", "--payload", r#"{"table": "orders", "format": "csv"}"#, "--json"]);
    let findings = project.json(&["doctor", "--json"])["findings"].clone();
    let found =
        findings.as_array().unwrap().iter().any(|finding| finding["code"] == "plugin_unmatched_grant");
    assert!(found, "{findings}");
}

#[test]
fn a_new_plugin_is_written_once() {
    let project = Project::with_shop();
    let output = project.longshore(&["plugin", "new", "late_orders", "mine/late", "--lang", "python"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("python3 -m unittest"));
    let job = fs::read_to_string(project.path("mine/late/app.py")).unwrap();
    assert!(job.contains("name=\"late_orders\"") && !job.contains("word_count"), "{job}");

    for (name, dir) in [("late_orders", "mine/late"), ("Late-Orders", "other")] {
        let output = project.longshore(&["plugin", "new", name, dir]);
        assert_eq!(output.status.code(), Some(2), "{name} in {dir}");
    }
    assert!(!project.path("other").exists());
}

#[test]
fn a_job_that_is_left_to_others_is_kept_even_in_a_new_project() {
    let project = Project::with_shop();
    assert!(
        !project.path("data").exists(),
        "the submission is to be the first thing that needs the database"
    );
    let payload = r#"{"table": "branches"}"#;
    let submitted = project.json(&["run", "export", "--payload", payload, "--detach", "--json"]);
    let shown = project.json(&["task", "show", submitted["job_id"].as_str().unwrap(), "--json"]);
    // A worker stays behind for it, so it may have ended by now.
    assert_eq!(shown["job_id"], submitted["job_id"], "{shown}");
}
