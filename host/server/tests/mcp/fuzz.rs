//! Lines that no client would write.

use std::path::Path;

use longshore_fuzz::Corpus;
use serde_json::json;

use crate::support::{Era, World};

/// Whatever was said before, the host answers what is said next, and says nothing but MCP.
#[test]
fn after_any_lines_the_host_goes_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let world = World::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/lines");
    Corpus::read(&folder).fuzz(500, |lines| {
        runtime.block_on(async {
            let mut client = world.client(Era::Bare).await;
            // The pipe takes so much before somebody has to read.
            for line in lines[..lines.len().min(1 << 19)].split(|byte| *byte == b'\n') {
                client.bytes(line).await;
                client.bytes(b"\n").await;
            }
            client.line(r#"{"jsonrpc":"2.0","id":"the last","method":"ping"}"#).await;
            loop {
                let message = client.message().await.expect("the host closed the pipe");
                assert_eq!(message["jsonrpc"], "2.0", "{message}");
                if message["id"] == "the last" && message.get("method").is_none() {
                    assert_eq!(message["result"], json!({}), "{message}");
                    break;
                }
            }
        });
    });
}
