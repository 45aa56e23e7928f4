//! The first start of all: plugins are compiled, and nobody waits for that who need not.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{Client, Era, Project, until};

/// The command with a cache of its own, in which nothing is.
fn uncached(project: &Project) -> Command {
    let mut command = project.command(&["serve"]);
    command.env("XDG_CACHE_HOME", project.path("cache"));
    command
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn tools(client: &mut Client) -> Vec<String> {
    let listed = client.request("tools/list", json!({}));
    let tools = listed["tools"].as_array().unwrap().iter();
    tools.map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_client_is_answered_while_plugins_compile_and_told_when_they_are_there() {
    let project = Project::with_guests(&["compute"], "");
    // The compiler waits here for as long as the test likes.
    let making = project.path("cache/longshore/compiled/making");
    let mut first = Client::connect(uncached(&project), Era::Legacy, Stdio::inherit());
    until("a compiler to begin", || names(&making).iter().any(|name| name.contains(".wasm")));
    until("a compiler", || compilers(&project).len() == 1);
    let compiler = compilers(&project)[0];
    signal("STOP", compiler);

    let mut client = Client::connect(uncached(&project), Era::Legacy, Stdio::inherit());
    let listed = tools(&mut client);
    assert!(
        listed.contains(&"enqueue_job".to_owned()) && !listed.contains(&"compute".to_owned()),
        "{listed:?}"
    );
    let types = client.tool("list_job_types", json!({}));
    assert_eq!(types["problems"][0]["code"], "loading", "{types}");
    for (tool, arguments) in
        [("compute", json!({})), ("enqueue_job", json!({"job_type": "compute", "payload": {}}))]
    {
        let error = client.tool_error(tool, arguments);
        assert_eq!(error["code"], "plugin_loading", "{error}");
        assert_eq!(error["retryable"], true, "{error}");
    }

    signal("CONT", compiler);
    for client in [&mut first, &mut client] {
        client.notification("notifications/tools/list_changed");
        assert!(tools(client).contains(&"compute".to_owned()));
    }
    let left = names(&making);
    assert!(
        left.iter().all(|name| name.starts_with("place-")),
        "compiled once, and nothing is left: {left:?}"
    );
}

#[test]
fn what_is_compiled_when_a_client_gives_up_is_there_for_the_next() {
    let project = Project::with_guests(&["compute"], "");
    let cache = project.path("cache/longshore/compiled");
    let has = |end: &str| {
        let names = [names(&cache), names(&cache.join("making"))].concat();
        names.iter().any(|name| name.ends_with(end))
    };
    for _ in 0..3 {
        let client = Client::connect(uncached(&project), Era::Legacy, Stdio::inherit());
        until("a compiler to begin", || has(".wasm") || has(".made") || has(".code"));
        assert!(compilers(&project).len() <= 1, "they do not pile up");
        client.kill();
    }
    until("the compiler to end", || compilers(&project).is_empty());
    assert!(has(".made") || has(".code"), "what it made is kept although nobody asks for it any more");
    let mut client = Client::connect(uncached(&project), Era::Legacy, Stdio::inherit());
    client.until_loaded();
    assert!(tools(&mut client).contains(&"compute".to_owned()));
    assert!(!has(".made"), "it is in the cache");
}

/// The compilers that work for the project: they have its cache among their arguments.
fn compilers(project: &Project) -> Vec<u32> {
    let cache = project.path("cache").to_string_lossy().into_owned();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok());
    pids.filter(|pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        line.contains("compile-component") && line.contains(&cache)
    })
    .collect()
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}
