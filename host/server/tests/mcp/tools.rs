//! The tools.

use longshore_domain::Owner;
use serde_json::json;

use crate::support::{Era, World};

#[tokio::test]
async fn the_list_of_tools_is_always_the_same() {
    let world = World::new();
    world.add_job_type("a_first");
    world.add_job_type("cancel_job");
    let mut names = Vec::new();
    for era in [Era::Modern, Era::Tasks, Era::Legacy("2024-11-05")] {
        let mut client = world.client(era).await;
        let list = client.request("tools/list", json!({})).await;
        let tools = list["tools"].as_array().unwrap();
        for tool in tools {
            assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
            assert!(tool["inputSchema"]["properties"].is_object() && tool["title"].is_string(), "{tool}");
            assert!(tool.get("outputSchema").is_none());
        }
        assert_eq!(client.error("tools/list", json!({"cursor": "made up"})).await["code"], -32602);
        names.push(tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
    }
    let expected = [
        "enqueue_job",
        "check_job_status",
        "cancel_job",
        "retry_job",
        "list_jobs",
        "list_job_types",
        "schedule_job",
        "list_schedules",
        "delete_schedule",
        "a_first",
        "script",
    ];
    assert!(names.iter().all(|names| *names == expected), "{names:?}");
}

#[tokio::test]
async fn an_unknown_tool_is_a_protocol_error_that_helps() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let error = client.error("tools/call", json!({"name": "scritp"})).await;
    assert_eq!(error["code"], -32602);
    assert!(
        error["message"].as_str().unwrap().contains("enqueue_job")
            && error["message"].as_str().unwrap().contains("script")
    );
    let blocked = client.error("tools/call", json!({"name": "broken"})).await;
    assert!(blocked["message"].as_str().unwrap().contains("broken.toml"), "{blocked}");
}

#[tokio::test]
async fn job_types_come_with_their_problems() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let types = client.tool("list_job_types", json!({})).await;
    assert_eq!(types["job_types"][0]["version"], "1.2.3");
    assert_eq!(types["job_types"][0]["permissions"][0]["target"], "email");
    assert_eq!(types["problems"][0]["code"], "blocked");
    let only = client.tool("list_job_types", json!({"job_type": "broken"})).await;
    assert_eq!(only["job_types"], json!([]));
    assert_eq!(client.refused("list_job_types", json!({"job_type": "x"})).await["code"], "unknown_job_type");
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    for (tool, arguments, code, field) in [
        ("enqueue_job", json!({}), "invalid_arguments", "/job_type"),
        ("enqueue_job", json!({"job_type": "script", "paylaod": {}}), "invalid_arguments", "/paylaod"),
        ("enqueue_job", json!({"job_type": "script", "priority": 1000}), "invalid_arguments", "/priority"),
        ("enqueue_job", json!({"job_type": "script", "run_at": "noon"}), "invalid_arguments", "/run_at"),
        ("enqueue_job", json!({"job_type": "script", "payload": {"od": 1}}), "invalid_input", "/payload/do"),
        ("check_job_status", json!({"job_id": "42"}), "invalid_arguments", "/job_id"),
        ("check_job_status", json!({}), "invalid_arguments", "/job_id"),
        ("list_jobs", json!({"status": "done"}), "invalid_arguments", "/status"),
        ("list_jobs", json!({"cursor": "made up"}), "invalid_arguments", "/cursor"),
        ("list_jobs", json!({"limit": 0}), "invalid_arguments", "/limit"),
        ("list_job_types", json!({"verbose": true}), "invalid_arguments", "/verbose"),
    ] {
        let error = client.refused(tool, arguments.clone()).await;
        assert_eq!(
            (&error["code"], &error["violations"][0]["field"]),
            (&json!(code), &json!(field)),
            "{tool} {arguments}: {error}"
        );
        assert!(error["next"].is_string() && error["retryable"] == false);
    }
    let error = client.refused("enqueue_job", json!({"job_type": "scritp"})).await;
    assert_eq!(error["code"], "unknown_job_type");
    for tool in ["check_job_status", "cancel_job", "retry_job"] {
        let error = client.refused(tool, json!({"job_id": "00000000-0000-4000-8000-000000000000"})).await;
        assert_eq!(error["code"], "job_not_found", "{tool}");
    }
}

#[tokio::test]
async fn arguments_are_read_the_way_models_send_them() {
    let world = World::idle();
    let mut client = world.client(Era::Modern).await;
    let job = client
        .tool(
            "enqueue_job",
            json!({
                "job_type": "script", "payload": r#"{"do": "work", "times": 3.0, "note": null}"#, "priority": 5.0,
                "max_wait_seconds": 60, "delay_seconds": null, "run_at": null,
            }),
        )
        .await;
    let id = job["job_id"].as_str().unwrap().parse().unwrap();
    let task = world.service.status(&Owner::local(), id).await.unwrap().task;
    assert_eq!((task.payload.as_str(), task.priority), (r#"{"do":"work","times":3}"#, 5));
    let listed = client.tool("list_jobs", json!({"limit": 5.0, "status": null, "cursor": null})).await;
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 1);
    client
        .tool("schedule_job", json!({"name": "s", "job_type": "script", "cron": "@daily", "payload": r#"{"do":"work","times":2.0}"#}))
        .await;
    let shown = client.tool("list_schedules", json!({"name": "s"})).await;
    assert_eq!(shown["schedules"][0]["payload"], json!({"do": "work", "times": 2}), "{shown}");
}

#[tokio::test]
async fn a_callback_is_offered_only_where_there_is_a_channel_for_it() {
    for (world, offered) in
        [(World::idle(), false), (World::with_callbacks_below("https://hooks.example.com/"), true)]
    {
        let mut client = world.client(Era::Modern).await;
        let list = client.request("tools/list", json!({})).await;
        let enqueue = &list["tools"][0];
        assert_eq!(enqueue["name"], "enqueue_job");
        assert_eq!(enqueue["inputSchema"]["properties"].get("callback_url").is_some(), offered);
    }
}

#[tokio::test]
async fn a_status_says_what_to_do_next() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let next = |status: &serde_json::Value| status["next"].as_str().unwrap().to_owned();
    let later = client
        .tool("enqueue_job", json!({"job_type": "script", "payload": {"do": "work"}, "delay_seconds": 3600}))
        .await;
    assert!(next(&later).starts_with("It starts at ") && !next(&later).contains("wait_seconds"), "{later}");
    let cancelled = client.tool("cancel_job", json!({"job_id": later["job_id"]})).await;
    assert!(!next(&cancelled).contains("retry"), "{cancelled}");
    let done = client.tool("script", json!({"do": "work"})).await;
    assert_eq!(next(&done), "Give the user the result.");
    let file = client.tool("script", json!({"do": "file", "text": "x"})).await;
    assert!(next(&file).contains("only if you need it"), "{file}");
    // An ended job whose key is sent again, or that is cancelled, is no new job.
    let keyed = json!({"job_type": "script", "payload": {"do": "fail"}, "idempotency_key": "once"});
    let failed = client.tool("enqueue_job", keyed.clone()).await;
    client.tool("check_job_status", json!({"job_id": failed["job_id"], "wait_seconds": 30})).await;
    let again = client.tool("enqueue_job", keyed).await;
    assert!(next(&again).starts_with("Nothing was started") && next(&again).contains("retry_job"), "{again}");
    let stands = client.tool("cancel_job", json!({"job_id": done["job_id"]})).await;
    assert!(next(&stands).starts_with("Nothing was cancelled"), "{stands}");
    let running = client.tool("enqueue_job", json!({"job_type": "script", "payload": {"do": "hold"}})).await;
    assert!(next(&running).contains("check_job_status with wait_seconds 30"), "{running}");
    for status in [&later, &cancelled, &done, &file, &running] {
        assert!(status.as_object().unwrap().values().all(|value| !value.is_null()), "{status}");
    }
}

#[tokio::test]
async fn a_key_makes_a_call_safe_to_repeat() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let ask = |word: &str| json!({"job_type": "script", "payload": {"do": word}, "idempotency_key": "k"});
    let first = client.tool("enqueue_job", ask("work")).await;
    let again = client.tool("enqueue_job", ask("work")).await;
    assert_eq!((&first["job_id"], &first["deduplicated"]), (&again["job_id"], &json!(null)));
    assert_eq!(again["deduplicated"], true);
    let conflict = client.refused("enqueue_job", ask("fail")).await;
    assert_eq!(conflict["code"], "idempotency_conflict");
    assert!(conflict["message"].as_str().unwrap().contains(first["job_id"].as_str().unwrap()));
}

#[tokio::test]
async fn jobs_can_be_delayed_cancelled_and_run_again() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let job = client
        .tool("enqueue_job", json!({"job_type": "script", "payload": {"do": "work"}, "delay_seconds": 3600}))
        .await;
    assert_eq!(job["status"], "scheduled");
    assert!(job["due_at"].is_string());
    let id = job["job_id"].clone();
    let cancelled = client.tool("cancel_job", json!({ "job_id": id })).await;
    assert_eq!((&cancelled["status"], &cancelled["cancel"]), (&json!("cancelled"), &json!("cancelled")));
    assert_eq!(client.tool("cancel_job", json!({ "job_id": id })).await["cancel"], "already_ended");
    client.tool("retry_job", json!({ "job_id": id })).await;
    client.until(&id, |status| status["status"] == "completed").await;
    assert_eq!(client.refused("retry_job", json!({ "job_id": id })).await["code"], "not_retryable");
}

#[tokio::test]
async fn the_end_of_a_job_is_told_only_where_the_operator_allows() {
    let enqueue = |url: &str| json!({"job_type": "script", "payload": {"do": "work"}, "callback_url": url});
    let world = World::with_callbacks_below("https://hooks.example.com/jobs/");
    let mut client = world.client(Era::Modern).await;
    let job = client.tool("enqueue_job", enqueue("https://hooks.example.com/jobs/7")).await;
    let id = job["job_id"].clone();
    client.tool("cancel_job", json!({ "job_id": id })).await;
    let id = id.as_str().unwrap().parse().unwrap();
    let messages = world.service.messages(&Owner::local(), id).await.unwrap();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(message.message.recipient, "https://hooks.example.com/jobs/7");
    for elsewhere in
        ["https://hooks.example.com/", "https://evil.example/jobs/", "http://hooks.example.com/jobs/", "x"]
    {
        let refused = client.refused("enqueue_job", enqueue(elsewhere)).await;
        assert_eq!(
            (&refused["code"], &refused["retryable"]),
            (&json!("callback_not_allowed"), &json!(false))
        );
        assert!(refused["next"].as_str().unwrap().contains("check_job_status"), "{refused}");
    }
    let mut nowhere = World::idle().client(Era::Modern).await;
    let refused = nowhere.refused("enqueue_job", enqueue("https://hooks.example.com/jobs/7")).await;
    assert!(refused["message"].as_str().unwrap().contains("[callbacks]"), "{refused}");
}

#[tokio::test]
async fn jobs_are_listed_in_pages() {
    let world = World::idle();
    let mut client = world.client(Era::Modern).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let job = client.tool("enqueue_job", json!({"job_type": "script", "payload": {"do": "work"}})).await;
        ids.insert(0, job["job_id"].clone());
    }
    let mut listed = Vec::new();
    let mut cursor = json!(null);
    loop {
        let page = client.tool("list_jobs", json!({"limit": 2, "status": "queued", "cursor": cursor})).await;
        listed.extend(page["jobs"].as_array().unwrap().iter().map(|job| job["job_id"].clone()));
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(listed, ids);
    assert_eq!(client.tool("list_jobs", json!({"status": "failed"})).await["jobs"], json!([]));
}

#[tokio::test]
async fn a_failed_job_is_an_error_of_its_tool_but_not_of_who_looks() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let result = client.call("script", json!({"do": "fail"})).await;
    assert_eq!(result["isError"], true);
    assert_eq!(result["structuredContent"]["error"]["code"], "job_failed");
    assert!(result["structuredContent"]["next"].as_str().unwrap().contains("Tell the user"));
    let id = result["structuredContent"]["job_id"].clone();
    let status = client.tool("check_job_status", json!({ "job_id": id })).await;
    assert_eq!(status["error"]["retryable"], false);
}
