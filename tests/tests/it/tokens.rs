//! What a model pays for what it is shown, in tokens of o200k.

use serde_json::{Value, json};

use crate::support::{Era, Project};

/// An id of 30 tokens. By chance they cost from 16 to 30.
const DEAR_ID: &str = "01a230c7-21b4-7f1f-a2d9-3a4d6a2f2ed6";

/// Tokens of a value as clients pass it on: JSON without spaces.
fn tokens(value: &Value) -> usize {
    tiktoken_rs::o200k_base_singleton().encode_ordinary(&value.to_string()).len()
}

#[test]
fn a_fresh_project_costs_a_model_little() {
    let project = Project::with_shop();
    let mut client = project.serve(Era::Legacy);
    let list = client.request("tools/list", json!({}));
    let tools = list["tools"].as_array().unwrap();
    assert!(tools.iter().any(|tool| tool["name"] == "export"), "{list}");
    let each: Vec<String> =
        tools.iter().map(|tool| format!("{} {}", tokens(tool), tool["name"].as_str().unwrap())).collect();
    let all = tokens(&list["tools"]);
    assert!(all <= 2_500, "{all} tokens: {}", each.join(", "));
    println!("{all} tokens: {}", each.join(", "));
}

#[test]
fn a_handle_and_a_row_of_a_list_cost_a_model_little() {
    let project = Project::with_guests(&["spin", "trivial", "trap"], "[mcp]\nwait_seconds = 0\n");
    let mut client = project.serve(Era::Legacy);
    let handle = client.tool("spin", json!({}));
    let id = handle["job_id"].as_str().unwrap().to_owned();
    let running = client.until(&id, |status| status["status"] == "running");
    let later = json!({"job_type": "trivial", "payload": {}, "delay_seconds": 600, "idempotency_key": "k"});
    let scheduled = client.tool("enqueue_job", later.clone());
    let again = client.tool("enqueue_job", later);
    for status in [handle, running, scheduled, again] {
        let cost = tokens(&status);
        assert!(cost <= 120, "{cost} tokens: {status}");
        println!("{cost} tokens: {status}");
    }
    for job_type in ["trivial", "trap"] {
        let ended = client.enqueue(job_type, json!({}));
        client.ended(&ended);
    }
    client.tool("cancel_job", json!({ "job_id": id }));
    client.ended(&id);
    let jobs = client.tool("list_jobs", json!({}));
    let rows = jobs["jobs"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        let mut row = row.clone();
        row["job_id"] = DEAR_ID.into();
        let cost = tokens(&row);
        assert!(cost <= 60, "{cost} tokens: {row}");
        println!("{cost} tokens: {row}");
    }
}
