//! Large messages.

use serde_json::json;

use crate::support::{Era, World};

#[tokio::test]
async fn a_large_payload_is_refused_by_the_service() {
    let world = World::new();
    let mut client = world.client(Era::Modern).await;
    let error = client.refused("script", json!({"do": "work", "text": "x".repeat(10 << 20)})).await;
    assert_eq!(error["code"], "payload_too_large");
    assert!(error["message"].as_str().unwrap().contains("1048576"), "{error}");
    assert_eq!(client.tool("script", json!({"do": "work"})).await["status"], "completed");
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_by_the_line() {
    let world = World::new();
    let mut client = world.client(Era::Bare).await;
    let mut left = 33_usize;
    client.bytes(br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":""#).await;
    while left > 0 {
        client.bytes(&vec![b'x'; 1 << 20]).await;
        left -= 1;
    }
    client.bytes(b"\"}}\n").await;
    let answer = client.message().await.unwrap();
    assert_eq!(answer["error"]["code"], -32600);
    assert_eq!(answer["error"]["data"]["bytes_max"], 32 << 20);
    client.line(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#).await;
    assert_eq!(client.message().await.unwrap()["id"], 2);
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    let world = World::new();
    let mut client = world.client(Era::Bare).await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    client
        .line(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"script","arguments":{{"a":{deep}}}}}}}"#
        ))
        .await;
    let answer = client.message().await.unwrap();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(1), &json!(-32602)));
}
