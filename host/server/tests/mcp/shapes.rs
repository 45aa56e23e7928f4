//! The shapes on the wire, whole.

use std::time::Duration;

use serde_json::json;

use crate::support::{Client, Era, World, check};

async fn common(world: &World, client: &mut Client, prefix: &str) {
    check(&format!("{prefix}_tools"), &client.request("tools/list", json!({})).await);
    check(&format!("{prefix}_refused"), &client.call("script", json!({"od": 1})).await);
    check(
        &format!("{prefix}_enqueued_later"),
        &client
            .call(
                "enqueue_job",
                json!({
                    "job_type": "script", "payload": {"do": "work"}, "delay_seconds": 3600
                }),
            )
            .await,
    );
    let held = client.tool("enqueue_job", json!({"job_type": "script", "payload": {"do": "hold"}})).await;
    client.until(&held["job_id"], |status| status["progress"]["done"] == 1).await;
    check(
        &format!("{prefix}_running"),
        &client.call("check_job_status", json!({"job_id": held["job_id"]})).await,
    );
    world.open_gate();
}

#[tokio::test]
async fn legacy() {
    let world = World::new();
    let mut client = world.client(Era::Bare).await;
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}});
    check("legacy_initialize", &client.request("initialize", params).await);
    common(&world, &mut client, "legacy").await;
    check("legacy_completed", &client.call("script", json!({"do": "file", "text": "a\n"})).await);
    check("legacy_failed", &client.call("script", json!({"do": "fail"})).await);
}

#[tokio::test]
async fn modern() {
    let world = World::new().with_wait(Duration::from_secs(5));
    let mut client = world.client(Era::Modern).await;
    check("modern_discover", &client.request("server/discover", json!({})).await);
    common(&world, &mut client, "modern").await;
    check("modern_completed", &client.call("script", json!({"do": "file", "text": "a\n"})).await);
    check("modern_resources", &client.request("resources/list", json!({})).await);
}

#[tokio::test]
async fn tasks() {
    let world = World::new();
    let mut client = world.client(Era::Tasks).await;
    let handle = client.call("script", json!({"do": "file", "text": "a\n"})).await;
    check("tasks_handle", &handle);
    client.until(&handle["taskId"], |status| status["status"] == "completed").await;
    check("tasks_completed", &client.request("tasks/get", json!({"taskId": handle["taskId"]})).await);
    check("tasks_cancel", &client.request("tasks/cancel", json!({"taskId": handle["taskId"]})).await);
    let failing = client.call("script", json!({"do": "fail"})).await;
    client.until(&failing["taskId"], |status| status["status"] == "failed").await;
    check("tasks_failed", &client.request("tasks/get", json!({"taskId": failing["taskId"]})).await);
}
