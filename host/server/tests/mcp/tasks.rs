//! The Tasks extension.

use serde_json::{Value, json};

use crate::support::{Client, Era, World};

async fn ended(client: &mut Client, id: &Value) -> Value {
    client.until(id, |status| status["completed_at"].is_string()).await;
    client.request("tasks/get", json!({ "taskId": id })).await
}

#[tokio::test]
async fn a_job_tool_answers_with_a_handle_that_lives_as_long_as_its_job() {
    let world = World::new();
    let mut client = world.client(Era::Tasks).await;
    let handle = client.call("script", json!({"do": "hold"})).await;
    assert_eq!((&handle["resultType"], &handle["status"]), (&json!("task"), &json!("working")));
    assert_eq!(handle["ttlMs"], json!(null));
    assert!(handle["pollIntervalMs"].as_u64().unwrap() >= 100);
    let id = &handle["taskId"];
    client.until(id, |status| status["status"] == "running").await;
    let task = client.request("tasks/get", json!({ "taskId": id })).await;
    assert_eq!((&task["resultType"], &task["status"]), (&json!("complete"), &json!("working")));
    world.open_gate();
    let task = ended(&mut client, id).await;
    assert_eq!(task["status"], "completed");
    assert_eq!(task["result"]["isError"], false);
    assert_eq!(task["result"]["structuredContent"]["job_id"], *id);
    assert!(task["ttlMs"].as_u64().unwrap() >= 24 * 60 * 60 * 1_000);
    assert!(task.get("pollIntervalMs").is_none());
}

#[tokio::test]
async fn a_job_that_failed_is_a_completed_task() {
    let world = World::new();
    let mut client = world.client(Era::Tasks).await;
    let handle = client.call("script", json!({"do": "fail"})).await;
    let task = ended(&mut client, &handle["taskId"]).await;
    assert_eq!((&task["status"], &task["result"]["isError"]), (&json!("completed"), &json!(true)));
    assert_eq!(task["result"]["structuredContent"]["error"]["code"], "job_failed");
    assert!(task["statusMessage"].as_str().unwrap().contains("printer"));
}

#[tokio::test]
async fn a_cancel_is_acknowledged_and_takes_effect() {
    let world = World::new();
    let mut client = world.client(Era::Tasks).await;
    let handle = client.call("script", json!({"do": "hold"})).await;
    let id = &handle["taskId"];
    for _ in 0..2 {
        let ack = client.request("tasks/cancel", json!({ "taskId": id })).await;
        assert_eq!(ack["resultType"], "complete");
        assert!(ack.as_object().unwrap().keys().all(|key| key == "resultType" || key == "_meta"), "{ack}");
    }
    assert_eq!(ended(&mut client, id).await["status"], "cancelled");
    client.request("tasks/cancel", json!({ "taskId": id })).await;
    client.request("tasks/update", json!({ "taskId": id, "inputResponses": {"never": 1} })).await;
}

#[tokio::test]
async fn what_names_no_task_is_an_invalid_parameter() {
    let world = World::new();
    let mut client = world.client(Era::Tasks).await;
    for id in ["00000000-0000-4000-8000-000000000000", "42", ""] {
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            let error = client.error(method, json!({"taskId": id, "inputResponses": {}})).await;
            assert_eq!(error["code"], -32602, "{method} {id}");
        }
    }
    for params in [json!({}), json!({"taskId": 4})] {
        let error = client.error("tasks/get", params).await;
        assert_eq!(error["code"], -32602);
    }
    for method in ["tasks/list", "tasks/result"] {
        assert_eq!(client.error(method, json!({"taskId": "x"})).await["code"], -32601);
    }
}

#[tokio::test]
async fn listeners_are_told_of_their_tasks() {
    let world = World::new();
    let mut client = world.client(Era::Tasks).await;
    let handle = client.call("script", json!({"do": "hold"})).await;
    let id = handle["taskId"].clone();
    client.until(&id, |status| status["status"] == "running").await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    let listening = client
        .begin("subscriptions/listen", json!({"notifications": {"taskIds": [id, unknown, "junk"]}}))
        .await;
    let acknowledged = client.told("notifications/subscriptions/acknowledged").await;
    assert_eq!(acknowledged["notifications"], json!({"taskIds": [id]}));
    let first = client.told("notifications/tasks").await;
    assert_eq!((&first["taskId"], &first["status"]), (&id, &json!("working")));
    assert_eq!(first["_meta"]["io.modelcontextprotocol/subscriptionId"], listening);
    world.open_gate();
    let last = loop {
        let told = client.told("notifications/tasks").await;
        if told["status"] != "working" {
            break told;
        }
    };
    assert_eq!((&last["status"], &last["result"]["isError"]), (&json!("completed"), &json!(false)));
    let asked = client.request("tasks/get", json!({ "taskId": id })).await;
    assert_eq!(asked["result"], last["result"], "a notification carries what tasks/get answers");
}

#[tokio::test]
async fn who_listens_too_late_is_told_as_well() {
    let world = World::new();
    let mut client = world.client(Era::Tasks).await;
    let handle = client.call("script", json!({"do": "work"})).await;
    ended(&mut client, &handle["taskId"]).await;
    client.begin("subscriptions/listen", json!({"notifications": {"taskIds": [handle["taskId"]]}})).await;
    assert_eq!(client.told("notifications/tasks").await["status"], "completed");
}

#[tokio::test]
async fn wrong_input_is_a_tool_error_and_no_task() {
    let world = World::new();
    let mut client = world.client(Era::Tasks).await;
    let error = client.refused("script", json!({"od": "work"})).await;
    assert_eq!((&error["code"], &error["violations"][0]["field"]), (&json!("invalid_input"), &json!("/do")));
}

#[tokio::test]
async fn enqueue_job_answers_with_a_job_id_in_every_era() {
    let world = World::new();
    for era in [Era::Tasks, Era::Modern, Era::Legacy("2025-06-18")] {
        let mut client = world.client(era).await;
        let job = client.tool("enqueue_job", json!({"job_type": "script", "payload": {"do": "work"}})).await;
        client.until(&job["job_id"], |status| status["status"] == "completed").await;
    }
}
