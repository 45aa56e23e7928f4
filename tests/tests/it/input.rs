//! Bad input: a structured error that says what to do, and the host goes on.

use serde_json::{Value, json};

use crate::support::{Client, Era, Project};

fn assert_alive(client: &mut Client) {
    let types = client.tool("list_job_types", json!({}));
    assert!(types.to_string().contains("trivial"), "{types}");
}

fn message(error: &Value) -> &str {
    error["message"].as_str().expect("an error has a message")
}

#[test]
fn each_kind_of_bad_input_is_answered_and_the_host_goes_on() {
    let project = Project::with_guests(&["trivial", "steps"], "");
    let mut client = project.serve(Era::Modern);

    let error = client.tool_error("enqueue_job", json!({"job_type": "teleport", "payload": {}}));
    assert_eq!(error["code"], "unknown_job_type");
    assert!(message(&error).contains("trivial"), "it says what there is: {error}");

    let error = client.tool_error("enqueue_job", json!({"job_type": "steps", "payload": {"steps": "many"}}));
    assert_eq!(error["code"], "invalid_input");
    assert!(error.to_string().contains("/steps"), "it names the field: {error}");

    let error = client.tool_error("enqueue_job", json!({"job_type": "steps", "payload": [1]}));
    assert!(["invalid_input", "invalid_arguments"].contains(&error["code"].as_str().unwrap()), "{error}");

    let error = client.tool_error("enqueue_job", json!({"job_type": "trivial", "payload": {}, "priorty": 3}));
    assert_eq!(error["code"], "invalid_arguments");
    assert!(message(&error).contains("priorty"), "{error}");

    let large = "x".repeat(10 << 20);
    let error = client.tool_error("enqueue_job", json!({"job_type": "trivial", "payload": {"text": large}}));
    assert_eq!(error["code"], "payload_too_large");

    for id in ["42", "", "00000000-0000-4000-8000-000000000000"] {
        let error = client.tool_error("check_job_status", json!({"job_id": id}));
        assert!(["job_not_found", "invalid_arguments"].contains(&error["code"].as_str().unwrap()), "{error}");
    }
    assert_alive(&mut client);
}

#[test]
fn broken_lines_are_answered_and_the_host_goes_on() {
    let project = Project::with_guests(&["trivial"], "");
    let mut client = project.serve(Era::Modern);
    for line in ["{", "nonsense", "{\"jsonrpc\":\"2.0\",\"id\":1,", "\u{1}"] {
        client.send_line(line);
        let answer = client.receive();
        assert_eq!(answer["error"]["code"], -32700, "{line:?} was answered by {answer}");
    }
    client.send_line("");
    let error = client.error("no/such/method", json!({}));
    assert_eq!(error["code"], -32601);
    assert_alive(&mut client);
}

#[test]
fn wrong_task_ids_are_protocol_errors_for_the_tasks_extension() {
    let project = Project::with_guests(&["trivial"], "");
    let mut client = project.serve(Era::Tasks);
    for params in
        [json!({"taskId": "42"}), json!({}), json!({"taskId": "00000000-0000-4000-8000-000000000000"})]
    {
        let error = client.error("tasks/get", params.clone());
        assert_eq!(error["code"], -32602, "{params}");
    }
    assert_alive(&mut client);
}

#[test]
fn export_refuses_what_it_cannot_do_and_says_what_it_can() {
    let project = Project::with_shop();
    let mut client = project.serve(Era::Modern);
    let error = client.tool_error("export", json!({"table": "orders", "format": "xlsx"}));
    assert_eq!(error["code"], "invalid_input");
    assert!(message(&error).contains("parquet"), "it lists the formats: {error}");

    for payload in [
        json!({"table": "order", "format": "csv"}),
        json!({"table": "orders", "columns": ["id", "colour"], "format": "csv"}),
        json!({"table": "orders; DROP TABLE orders", "format": "csv"}),
        json!({"table": "orders", "source": "elsewhere", "format": "csv"}),
    ] {
        let result = client.call("export", payload.clone());
        assert_eq!(result["isError"], true, "{payload}: {result}");
        let error = &result["structuredContent"]["error"];
        assert!(error["code"].is_string() && !message(error).is_empty(), "{result}");
    }
    let orders: i64 = rusqlite::Connection::open(project.path("shop.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM orders", [], |row| row.get(0))
        .unwrap();
    assert!(orders > 10_000, "the table is still there");
}
