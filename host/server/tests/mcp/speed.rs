//! How fast the front is, with a real store and jobs that do nothing: `cargo test --release -p longshore --test mcp speed
//! -- --ignored --nocapture`. The client shares the processor, so the host alone is faster.

use std::time::Instant;

use longshore::mcp::{McpOptions, serve};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines, WriteHalf};

use crate::support::World;

const TASKS: usize = 20_000;
/// Requests that have no answer yet.
const WINDOW: usize = 256;

type Input = WriteHalf<tokio::io::DuplexStream>;
type Output<R> = Lines<BufReader<R>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures, and says nothing in a debug build"]
async fn tasks_a_second() {
    let world = World::new();
    let (near, far) = tokio::io::duplex(1 << 20);
    let (input, output) = tokio::io::split(far);
    let host = tokio::spawn(serve(world.service.clone(), McpOptions::default(), input, output));
    let (from_host, mut to_host) = tokio::io::split(near);
    let mut from_host = BufReader::with_capacity(1 << 16, from_host).lines();

    let begin = Instant::now();
    let calls = vec![json!({"name": "script", "arguments": {"do": "work"}}); TASKS];
    let ids = run(&mut to_host, &mut from_host, "tools/call", calls).await;
    let submitted = begin.elapsed();
    let mut open: Vec<String> = ids.iter().map(|line| field(line, "taskId")).collect();
    let mut gets = 0;
    while !open.is_empty() {
        gets += open.len();
        let asked = open.iter().map(|id| json!({ "taskId": id })).collect();
        let told = run(&mut to_host, &mut from_host, "tasks/get", asked).await;
        open = told
            .iter()
            .filter(|line| field(line, "status") == "working")
            .map(|line| field(line, "taskId"))
            .collect();
    }
    let all = begin.elapsed();
    // Once more, now that nothing else runs.
    let asked = ids.iter().map(|line| json!({ "taskId": field(line, "taskId") })).collect();
    let calm = Instant::now();
    run(&mut to_host, &mut from_host, "tasks/get", asked).await;
    let calm = calm.elapsed();
    to_host.shutdown().await.unwrap();
    host.await.unwrap().unwrap();
    let rate = |time: std::time::Duration, count: usize| count as f64 / time.as_secs_f64();
    println!("submitted: {:.0}/s", rate(submitted, TASKS));
    println!("tasks/get while jobs run: {:.0}/s", rate(all.saturating_sub(submitted), gets));
    println!("tasks/get of ended jobs: {:.0}/s", rate(calm, TASKS));
    println!("tasks seen at their end: {:.0}/s ({gets} times tasks/get)", rate(all, TASKS));
}

/// Sends one request for each of `params`, some at once, and gives the lines of the answers.
async fn run<R: tokio::io::AsyncRead + Unpin>(
    to_host: &mut Input,
    from_host: &mut Output<R>,
    method: &str,
    params: Vec<Value>,
) -> Vec<String> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "speed", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
    });
    let total = params.len();
    let mut waiting = params.into_iter().enumerate();
    let mut answers = Vec::with_capacity(total);
    let mut sent = 0;
    while answers.len() < total {
        let mut lines = String::new();
        while sent - answers.len() < WINDOW {
            let Some((id, mut params)) = waiting.next() else { break };
            params["_meta"] = meta.clone();
            lines += &json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string();
            lines.push('\n');
            sent += 1;
        }
        to_host.write_all(lines.as_bytes()).await.unwrap();
        // Half a window at a time, so that requests come in groups as they do from a busy client.
        for _ in 0..(sent - answers.len()).min(WINDOW / 2) {
            answers.push(from_host.next_line().await.unwrap().unwrap());
        }
    }
    answers
}

/// The first text of that name in a line.
fn field(line: &str, name: &str) -> String {
    let key = format!("\"{name}\":\"");
    let from = line.find(&key).unwrap_or_else(|| panic!("no {name} in {line}")) + key.len();
    line[from..].split('"').next().unwrap().to_owned()
}
