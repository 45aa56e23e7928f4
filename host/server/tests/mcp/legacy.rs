//! Clients that open a session: revisions 2024-11-05 to 2025-11-25.

use std::time::Duration;

use serde_json::json;

use crate::support::{Era, World};

const ERA: Era = Era::Legacy("2025-11-25");

#[tokio::test]
async fn a_session_is_offered_nothing_of_the_other_era() {
    let world = World::new();
    let mut client = world.client(Era::Bare).await;
    let params = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": { "extensions": { "io.modelcontextprotocol/tasks": {} }, "tasks": {} },
        "clientInfo": { "name": "c", "version": "1" },
    });
    let session = client.request("initialize", params).await;
    assert!(session["capabilities"].get("extensions").is_none(), "{session}");
    assert!(session["capabilities"].get("tasks").is_none(), "{session}");
    assert_eq!(session["capabilities"]["tools"]["listChanged"], true);
    assert_eq!(session["serverInfo"]["name"], "longshore");
    // It declared the extension, but its era does not have it.
    assert_eq!(client.tool("script", json!({"do": "work"})).await["status"], "completed");
    for method in ["tasks/get", "tasks/list", "tasks/result", "subscriptions/listen", "prompts/list"] {
        let error = client.error(method, json!({"taskId": "x", "notifications": {}})).await;
        assert_eq!(error["code"], -32601, "{method}");
    }
}

#[tokio::test]
async fn an_unknown_revision_is_answered_with_one_that_is_served() {
    let world = World::new();
    let mut client = world.client(Era::Bare).await;
    let params = json!({"protocolVersion": "1999-01-01", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}});
    assert_eq!(client.request("initialize", params).await["protocolVersion"], "2025-11-25");
}

#[tokio::test]
async fn the_oldest_clients_get_no_links() {
    let world = World::new();
    for (version, links) in [("2024-11-05", false), ("2025-03-26", false), ("2025-06-18", true)] {
        let mut client = world.client(Era::Legacy(version)).await;
        let result = client.call("script", json!({"do": "file", "text": "a,b\n"})).await;
        let linked =
            result["content"].as_array().unwrap().iter().any(|block| block["type"] == "resource_link");
        assert_eq!(linked, links, "{version}: {result}");
        assert!(result.get("resultType").is_none() && result.get("_meta").is_none(), "{result}");
    }
}

#[tokio::test]
async fn a_long_job_is_answered_with_a_handle() {
    let world = World::new().with_wait(Duration::ZERO);
    let mut client = world.client(ERA).await;
    let status = client.tool("script", json!({"do": "hold"})).await;
    assert!(["queued", "running"].contains(&status["status"].as_str().unwrap()), "{status}");
    assert!(status["next"].as_str().unwrap().contains("check_job_status"));
    assert!(status["poll_after_ms"].as_u64().unwrap() >= 100);
    client.until(&status["job_id"], |status| status["status"] == "running").await;
    world.open_gate();
    let ended = client.until(&status["job_id"], |status| status["status"] == "completed").await;
    assert_eq!(ended["poll_after_ms"], json!(null));
}

#[tokio::test]
async fn progress_is_told_for_a_token_and_grows() {
    let world = World::new();
    let mut client = world.client(ERA).await;
    let id = client
        .begin(
            "tools/call",
            json!({"name": "script", "arguments": {"do": "hold"}, "_meta": {"progressToken": "tok"}}),
        )
        .await;
    let first = client.told("notifications/progress").await;
    assert_eq!((&first["progressToken"], &first["total"]), (&json!("tok"), &json!(100.0)));
    world.move_on();
    let second = client.told("notifications/progress").await;
    assert!(second["progress"].as_f64() > first["progress"].as_f64(), "{first} {second}");
    world.open_gate();
    assert_eq!(client.answer(id).await["result"]["structuredContent"]["status"], "completed");
    assert!(client.told.iter().all(|told| told["method"] != "notifications/progress"
        || told["params"]["progress"].as_f64() > second["progress"].as_f64()));
}

#[tokio::test]
async fn without_a_token_there_is_no_progress() {
    let world = World::new();
    let mut client = world.client(ERA).await;
    let call = client.begin("tools/call", json!({"name": "script", "arguments": {"do": "hold"}})).await;
    let mut other = world.client(ERA).await;
    let jobs = other.tool("list_jobs", json!({})).await;
    let id = if let Some(job) = jobs["jobs"].get(0) {
        job["job_id"].clone()
    } else {
        // The call may not have reached the store yet.
        loop {
            let jobs = other.tool("list_jobs", json!({})).await;
            if let Some(job) = jobs["jobs"].get(0) {
                break job["job_id"].clone();
            }
        }
    };
    other.until(&id, |status| status["progress"]["done"] == 1).await;
    world.open_gate();
    client.answer(call).await;
    assert!(client.told.is_empty(), "{:?}", client.told);
}

#[tokio::test]
async fn a_new_plugin_is_told() {
    let world = World::new();
    let mut client = world.client(ERA).await;
    // Once something was answered after it, the notification that opens the session was read.
    client.request("tools/list", json!({})).await;
    let mut added = 0;
    // The session is told of changes from the moment on which its opening was handled, so the catalog changes until it is.
    while !client.told.iter().any(|told| told["method"] == "notifications/tools/list_changed") {
        added += 1;
        world.add_job_type(&format!("extra{added}"));
        client.request("ping", json!({})).await;
    }
    let tools = client.request("tools/list", json!({})).await;
    assert!(tools["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == "extra1"));
}

#[tokio::test]
async fn links_are_left_out_for_who_takes_them_for_a_failure() {
    let world = World::new();
    for (name, blocks) in [("mcp", 1), ("some client", 2)] {
        let mut client = world.client(Era::Bare).await;
        let initialize = json!({
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": name, "version": "0.1.0"},
        });
        client.request("initialize", initialize).await;
        let result = client.call("script", json!({"do": "file", "text": "x"})).await;
        assert_eq!(result["content"].as_array().unwrap().len(), blocks, "{name}: {result}");
        assert!(result["structuredContent"]["artifacts"][0]["uri"].is_string());
    }
}

#[tokio::test]
async fn a_session_that_has_not_asked_for_tools_is_left_alone_at_first() {
    let world = World::new().with_quiet(Duration::from_secs(3_600));
    let mut client = world.client(ERA).await;
    client.request("ping", json!({})).await;
    for number in 0..20 {
        world.add_job_type(&format!("extra{number}"));
        client.tool("list_jobs", json!({})).await;
    }
    assert!(client.told.is_empty(), "{:?}", client.told);
    let (said, _) = client.close().await;
    assert!(said.is_empty(), "{said:?}");

    let world = World::new().with_quiet(Duration::ZERO);
    let mut client = world.client(ERA).await;
    let mut added = 0;
    while client.told.is_empty() {
        added += 1;
        world.add_job_type(&format!("extra{added}"));
        client.request("ping", json!({})).await;
    }
    assert_eq!(client.told[0]["method"], "notifications/tools/list_changed");
}
