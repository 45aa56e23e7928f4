//! Artifacts as resources.

use serde_json::json;

use crate::support::{Era, World};

#[tokio::test]
async fn artifacts_are_linked_listed_and_read() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let result =
        client.call("script", json!({"do": "file", "name": "März 1.csv", "text": "a,b\n1,2\n"})).await;
    let artifact = &result["structuredContent"]["artifacts"][0];
    let uri = artifact["uri"].as_str().unwrap();
    let link = &result["content"][1];
    assert_eq!((&link["type"], link["uri"].as_str().unwrap()), (&json!("resource_link"), uri));
    assert_eq!((&link["mimeType"], &link["size"]), (&json!("text/csv"), &json!(8)));
    let read = client.request("resources/read", json!({ "uri": uri })).await;
    assert_eq!(read["contents"][0]["text"], "a,b\n1,2\n");
    assert_eq!(
        (&read["contents"][0]["mimeType"], &read["cacheScope"]),
        (&json!("text/csv"), &json!("private"))
    );
    assert_eq!(std::fs::read_to_string(artifact["path"].as_str().unwrap()).unwrap(), "a,b\n1,2\n");
    let listed = client.request("resources/list", json!({})).await;
    assert_eq!(listed["resources"][0]["uri"], uri);
    let templates = client.request("resources/templates/list", json!({})).await;
    assert_eq!(
        templates["resourceTemplates"][0]["uriTemplate"],
        "longshore://jobs/{job_id}/artifacts/{name}"
    );
}

#[tokio::test]
async fn what_is_no_text_is_sent_as_base64() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let status =
        client.tool("script", json!({"do": "file", "text": "PK", "media_type": "application/zip"})).await;
    let read = client.request("resources/read", json!({"uri": status["artifacts"][0]["uri"]})).await;
    assert_eq!(read["contents"][0]["blob"], "UEs=");
}

#[tokio::test]
async fn what_is_too_large_is_answered_with_its_path() {
    let world = World::new().with_resource_max(1_000);
    let mut client = world.client(Era::Modern).await;
    let status = client.tool("script", json!({"do": "file", "bytes": 1_001})).await;
    let error = client.error("resources/read", json!({"uri": status["artifacts"][0]["uri"]})).await;
    assert_eq!(error["data"]["path"], status["artifacts"][0]["path"]);
    assert!(error["message"].as_str().unwrap().contains("1001"), "{error}");
}

#[tokio::test]
async fn what_is_not_there_has_the_code_of_its_era() {
    let world = World::new();
    for (era, code) in [(Era::Modern, -32602), (Era::Legacy("2025-11-25"), -32002)] {
        let mut client = world.client(era).await;
        let status = client.tool("script", json!({"do": "work"})).await;
        let id = status["job_id"].as_str().unwrap();
        for uri in [
            format!("longshore://jobs/{id}/artifacts/none.csv"),
            "longshore://jobs/00000000-0000-4000-8000-000000000000/artifacts/a".into(),
            format!("longshore://jobs/{id}/artifacts/..%2F..%2Fetc%2Fpasswd"),
            "file:///etc/passwd".into(),
        ] {
            let error = client.error("resources/read", json!({ "uri": uri })).await;
            assert_eq!(
                (&error["code"], error["data"]["uri"].as_str().unwrap()),
                (&json!(code), uri.as_str())
            );
        }
        assert_eq!(client.error("resources/list", json!({"cursor": "made up"})).await["code"], -32602);
    }
}

#[tokio::test]
async fn artifacts_are_listed_by_the_hundred_and_no_further_back_than_a_bound() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    // Jobs without files do not show, and make no empty pages.
    for job in 0..1_010 {
        let script = if job % 10 == 0 { json!({"do": "work"}) } else { json!({"do": "file", "text": "x"}) };
        client.tool("script", script).await;
    }
    for _ in 0..101 {
        client.tool("script", json!({"do": "file", "text": "x"})).await;
    }
    let (mut uris, mut pages, mut cursor) = (Vec::new(), 0, json!(null));
    loop {
        let page = client.request("resources/list", json!({ "cursor": cursor })).await;
        let resources = page["resources"].as_array().unwrap();
        assert_eq!(resources.len(), 100);
        uris.extend(resources.iter().map(|resource| resource["uri"].as_str().unwrap().to_owned()));
        pages += 1;
        cursor = page["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    let all = uris.len();
    uris.sort();
    uris.dedup();
    assert_eq!((pages, all, uris.len()), (10, 1_000, 1_000));
    for wrong in ["made up", "5", "-", "1-a1", "x-a1.0"] {
        let error = client.error("resources/list", json!({ "cursor": wrong })).await;
        assert_eq!(error["code"], -32602, "{wrong}");
    }
}
