//! Clients that do not read: neither what a server logs, nor what it answers.

use std::fs;
use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Client, Era, Project, until};

/// What a server may grow by for a client that does not read its answers: 64 MiB of answers that are made or wait, what
/// making one more takes, and what a debug build takes for itself.
const GROWTH_BYTES_MAX: u64 = 320 << 20;

#[test]
fn a_log_that_nobody_reads_keeps_nothing_from_going_on_or_ending() {
    let project = Project::with_guests(&["steps"], "");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = project.command(&["serve"]);
    // Far more than a pipe takes.
    command.env("LONGSHORE_LOG", "trace");
    let mut client = Client::start_logging(command, Era::Modern, writer.into());
    for _ in 0..20 {
        let id = client.enqueue("steps", json!({"steps": 20}));
        assert_eq!(client.ended(&id)["status"], "completed");
    }
    let (status, took) = client.close();
    assert!(status.success() && took < Duration::from_secs(5), "{status} after {took:?}");
    drop(reader);
}

/// A server whose client only writes.
struct Unread {
    server: Child,
    input: Option<ChildStdin>,
}

impl Unread {
    fn start(project: &Project) -> Self {
        let mut command = project.command(&["serve"]);
        let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        Self { input: server.stdin.take(), server }
    }

    /// Writes these requests, again and again, for as long as anybody takes them.
    fn flood(&mut self, requests: String) {
        let mut input = self.input.take().unwrap();
        thread::spawn(move || while input.write_all(requests.as_bytes()).is_ok() {});
    }

    /// Bytes of memory that the server has.
    fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn request(id: usize, method: &str, mut params: Value) -> String {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    format!("{}\n", json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
}

/// A project with a completed job that has an artifact of 16 MiB and a result of half a MiB.
fn with_large_answers() -> (Project, String) {
    // Only the server that is tested can do the jobs.
    let project = Project::with_guests(&["sleeper"], "[worker]\nstay_behind = false\n");
    project.add_guest("probe", "[limits]\nresult_bytes_max = 1048576\n");
    let mut client = project.serve(Era::Modern);
    let calls = json!([
        {"write": {"name": "large.txt", "bytes": 1 << 20, "times": 16}},
        {"answer": {"text": format!("[\"{}\"]", "x".repeat(1 << 19))}},
    ]);
    let id = client.enqueue("probe", json!({ "calls": calls }));
    let status = client.ended(&id);
    assert_eq!(status["status"], "completed", "{status}");
    assert_eq!(status["artifacts"][0]["bytes"], 16 << 20, "{status}");
    (project, id)
}

#[test]
fn a_client_that_does_not_read_its_answers_costs_a_bounded_memory_and_stops_no_job() {
    let (project, id) = with_large_answers();
    let uri = format!("longshore://jobs/{id}/artifacts/large.txt");
    let read = |number| request(number, "resources/read", json!({"uri": uri}));
    let check = |number| {
        let arguments = json!({"job_id": id});
        request(number, "tools/call", json!({"name": "check_job_status", "arguments": arguments}))
    };
    let list = |number| request(number, "tools/list", json!({}));
    for requests in [
        (0..2_000).map(read).collect::<String>(),
        (0..2_000).map(check).collect(),
        (0..3_000).map(|n| [list(3 * n), check(3 * n + 1), read(3 * n + 2)].concat()).collect(),
    ] {
        let mut unread = Unread::start(&project);
        unread.input.as_mut().unwrap().write_all(list(1_000_000).as_bytes()).unwrap();
        until("the server to answer", || unread.resident() > 0);
        let before = unread.resident();
        unread.flood(requests);
        let job = project.json(&["run", "sleeper", "--payload", r#"{"ms": 2000}"#, "--detach", "--json"]);
        let job = job["job_id"].as_str().unwrap();
        let mut most = before;
        until("the job to be done although nobody reads", || {
            project.json(&["task", "show", job, "--json"])["status"] == "completed"
        });
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) {
            most = most.max(unread.resident());
            thread::sleep(Duration::from_millis(5));
        }
        assert!(most < before + GROWTH_BYTES_MAX, "{} MiB over {} MiB", (most - before) >> 20, before >> 20);

        let sent = Command::new("kill").args(["-TERM", &unread.server.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let began = Instant::now();
        assert!(unread.server.wait().unwrap().success());
        assert!(began.elapsed() < Duration::from_secs(3), "it took {:?} to end", began.elapsed());
    }
}

#[test]
fn a_client_that_reads_nothing_and_closes_its_end_ends_the_server() {
    let (project, id) = with_large_answers();
    let uri = format!("longshore://jobs/{id}/artifacts/large.txt");
    let mut unread = Unread::start(&project);
    let mut input = unread.input.take().unwrap();
    // Two answers are too many at once, and what follows them stays in the pipe.
    for number in 0..100 {
        input.write_all(request(number, "resources/read", json!({"uri": uri})).as_bytes()).unwrap();
    }
    drop(input);
    let began = Instant::now();
    assert!(unread.server.wait().unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(20), "it took {:?} to end", began.elapsed());
}
