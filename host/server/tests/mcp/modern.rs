//! Clients of revision 2026-07-28, with and without the Tasks extension.

use std::time::Duration;

use serde_json::json;

use crate::support::{Era, World};

#[tokio::test]
async fn discovery_says_who_this_is() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let found = client.request("server/discover", json!({})).await;
    assert_eq!(found["supportedVersions"].as_array().unwrap().last().unwrap(), "2026-07-28");
    assert!(found["capabilities"]["extensions"]["io.modelcontextprotocol/tasks"].is_object());
    assert!(found["ttlMs"].is_number() && found["cacheScope"].is_string());
    let error = client.error("initialize", json!({})).await;
    assert_eq!(error["code"], -32602);
}

#[tokio::test]
async fn an_unknown_revision_names_those_that_are_served() {
    let world = World::new();
    let mut client = world.client(Era::Bare).await;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2031-01-01",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let error = client.error("tools/list", json!({ "_meta": meta })).await;
    assert_eq!(error["code"], -32022);
    assert!(error["data"]["supported"].to_string().contains("2026-07-28"), "{error}");
}

#[tokio::test]
async fn every_result_names_the_server() {
    let world = World::new();
    let mut client = world.client(Era::Tasks).await;
    let handle = client.call("script", json!({"do": "work"})).await;
    let id = handle["taskId"].clone();
    let mut results = vec![handle];
    for (method, params) in [
        ("server/discover", json!({})),
        ("tools/list", json!({})),
        ("tools/call", json!({"name": "list_jobs"})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("tasks/get", json!({"taskId": id})),
        ("tasks/update", json!({"taskId": id, "inputResponses": {}})),
        ("tasks/cancel", json!({"taskId": id})),
    ] {
        results.push(client.request(method, params).await);
    }
    for result in results {
        assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "longshore", "{result}");
        assert!(result["resultType"].is_string(), "{result}");
    }
}

#[tokio::test]
async fn without_the_extension_there_is_a_bounded_wait_and_no_task() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let result = client.call("script", json!({"do": "work"})).await;
    assert_eq!(result["resultType"], "complete");
    let id = result["structuredContent"]["job_id"].clone();
    for method in ["tasks/get", "tasks/cancel", "tasks/update"] {
        let error = client.error(method, json!({"taskId": id, "inputResponses": {}})).await;
        assert_eq!(error["code"], -32021, "{method}");
        assert!(
            error["data"]["requiredCapabilities"]["extensions"]["io.modelcontextprotocol/tasks"].is_object()
        );
    }
    let error = client.error("subscriptions/listen", json!({"notifications": {"taskIds": [id]}})).await;
    assert_eq!(error["code"], -32021);
}

#[tokio::test]
async fn a_cancelled_call_is_not_answered_and_its_job_is_cancelled() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let call = client
        .begin(
            "tools/call",
            json!({"name": "script", "arguments": {"do": "hold"}, "_meta": {"progressToken": 1}}),
        )
        .await;
    client.told("notifications/progress").await;
    client.cancel(call).await;
    let jobs = client.tool("list_jobs", json!({})).await;
    let id = jobs["jobs"][0]["job_id"].clone();
    let status = client.until(&id, |status| status["completed_at"].is_string()).await;
    assert_eq!(status["status"], "cancelled");
    let (said, _) = client.close().await;
    assert!(said.iter().all(|message| message["id"] != call), "{said:?}");
}

#[tokio::test]
async fn a_cancel_that_comes_after_the_answer_leaves_the_job_alone() {
    let world = World::new().with_wait(Duration::ZERO);
    let mut client = world.client(Era::Modern).await;
    let status = client.tool("script", json!({"do": "hold"})).await;
    for call in 1..=2 {
        client.cancel(call).await;
    }
    world.open_gate();
    let ended = client.until(&status["job_id"], |status| status["completed_at"].is_string()).await;
    assert_eq!(ended["status"], "completed");
}

#[tokio::test]
async fn a_status_that_is_waited_for_comes_with_the_end() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let job = client.tool("enqueue_job", json!({"job_type": "script", "payload": {"do": "hold"}})).await;
    let waiting = client
        .begin(
            "tools/call",
            json!({
                "name": "check_job_status", "arguments": {"job_id": job["job_id"], "wait_seconds": 50},
                "_meta": {"progressToken": 1},
            }),
        )
        .await;
    // By then it has gone from queued to running, which is no end.
    client.told("notifications/progress").await;
    world.open_gate();
    let answer = client.answer(waiting).await;
    assert_eq!(answer["result"]["structuredContent"]["status"], "completed", "{answer}");
}

#[tokio::test]
async fn a_cancelled_look_leaves_the_job_alone() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let job = client.tool("enqueue_job", json!({"job_type": "script", "payload": {"do": "hold"}})).await;
    let id = job["job_id"].clone();
    client.until(&id, |status| status["status"] == "running").await;
    let look = client
        .begin(
            "tools/call",
            json!({"name": "check_job_status", "arguments": {"job_id": id, "wait_seconds": 50}}),
        )
        .await;
    client.cancel(look).await;
    world.open_gate();
    let status = client.until(&id, |status| status["completed_at"].is_string()).await;
    assert_eq!(status["status"], "completed");
    let (said, _) = client.close().await;
    assert!(said.iter().all(|message| message["id"] != look));
}

#[tokio::test]
async fn listeners_are_told_of_tools() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let filter =
        json!({"toolsListChanged": true, "promptsListChanged": true, "resourceSubscriptions": ["x://y"]});
    let id = client.begin("subscriptions/listen", json!({ "notifications": filter })).await;
    let acknowledged = client.told("notifications/subscriptions/acknowledged").await;
    assert_eq!(acknowledged["notifications"], json!({"toolsListChanged": true}));
    assert_eq!(acknowledged["_meta"]["io.modelcontextprotocol/subscriptionId"], id);
    world.add_job_type("extra");
    let told = client.told("notifications/tools/list_changed").await;
    assert_eq!(told["_meta"]["io.modelcontextprotocol/subscriptionId"], id);
    client.cancel(id).await;
    world.add_job_type("another");
    let (said, _) = client.close().await;
    assert!(said.iter().all(|message| message["id"] != id), "a cancelled listen is not answered: {said:?}");
}

#[tokio::test]
async fn listening_needs_a_filter() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    assert_eq!(client.error("subscriptions/listen", json!({})).await["code"], -32602);
}
