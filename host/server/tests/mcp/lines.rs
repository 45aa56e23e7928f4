//! What is no message, and what comes at the wrong time.

use std::time::Duration;

use serde_json::json;

use crate::support::{Era, World};

const META: &str = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

#[tokio::test]
async fn garbage_is_answered_and_the_connection_goes_on() {
    let world = World::new();
    let mut client = world.client(Era::Bare).await;
    client.line("{nonsense").await;
    assert_eq!(client.message().await.unwrap()["error"]["code"], -32700);
    client.bytes(b"\xff\xff\n").await;
    assert_eq!(client.message().await.unwrap()["error"]["code"], -32700);
    client.line("[]").await;
    assert_eq!(client.message().await.unwrap()["error"]["code"], -32600);
    client.line(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
    assert_eq!(client.message().await.unwrap()["error"]["code"], -32602);
    client
        .line(&format!(r#"{{"jsonrpc":"2.0","id":2,"method":"made/up","params":{{"_meta":{META}}}}}"#))
        .await;
    assert_eq!(client.message().await.unwrap()["error"]["code"], -32601);
    client
        .line(&format!(r#"{{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{{"_meta":{META}}}}}"#))
        .await;
    assert!(client.message().await.unwrap()["result"]["tools"].is_array());
}

#[tokio::test]
async fn notifications_first_do_no_harm() {
    let world = World::new();
    let mut client = world.client(Era::Bare).await;
    client
        .line(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"probe"}}"#)
        .await;
    client.line(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    client.line(r#"{"jsonrpc":"2.0","id":9,"result":{}}"#).await;
    client
        .line(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{{"_meta":{META}}}}}"#
        ))
        .await;
    assert_eq!(client.message().await.unwrap()["result"]["resultType"], "complete");
}

#[tokio::test]
async fn both_eras_are_served_on_one_pipe() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    assert!(client.request("tools/list", json!({})).await["ttlMs"].is_number());
    client.line(r#"{"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#).await;
    let session = client.message().await.unwrap();
    assert_eq!(session["result"]["protocolVersion"], "2025-11-25");
    client.line(r#"{"jsonrpc":"2.0","id":"l","method":"tools/list"}"#).await;
    let legacy = client.message().await.unwrap();
    assert!(legacy["result"].get("ttlMs").is_none() && legacy["result"].get("resultType").is_none());
    assert_eq!(client.request("tools/list", json!({})).await["resultType"], "complete");
}

#[tokio::test]
async fn the_end_of_the_input_is_the_end_at_once() {
    let world = World::new();
    let mut client = world.client(Era::Tasks).await;
    let listening =
        client.begin("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}})).await;
    client.told("notifications/subscriptions/acknowledged").await;
    let handle = client.call("script", json!({"do": "hold"})).await;
    let id = handle["taskId"].clone();
    client.until(&id, |status| status["status"] == "running").await;
    let waiting = client
        .begin(
            "tools/call",
            json!({"name": "check_job_status", "arguments": {"job_id": id, "wait_seconds": 50}}),
        )
        .await;
    let (said, took) = client.close().await;
    assert!(took < Duration::from_secs(1), "it took {took:?}");
    let answer = |id: i64| said.iter().find(|message| message["id"] == id).cloned().unwrap_or_default();
    assert_eq!(answer(listening)["result"]["resultType"], "complete", "{said:?}");
    assert_eq!(answer(waiting)["result"]["structuredContent"]["status"], "running", "{said:?}");

    // The job goes on, whoever asks.
    let mut other = world.client(Era::Legacy("2025-11-25")).await;
    assert_eq!(other.tool("check_job_status", json!({"job_id": id})).await["status"], "running");
}

#[tokio::test]
async fn a_last_line_without_its_end_is_answered() {
    let world = World::new();
    let mut client = world.client(Era::Bare).await;
    let line = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"_meta":{META}}}}}"#);
    client.bytes(line.as_bytes()).await;
    let (said, _) = client.close().await;
    assert_eq!(said.len(), 1);
    assert!(said[0]["result"]["tools"].is_array());
}
