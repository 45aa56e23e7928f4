//! What an answer carries by its era: in revision 2026-07-28 each result says which server it comes from.

use std::sync::OnceLock;

use rmcp::model::{JsonRpcMessage, MetaObject, ServerJsonRpcMessage, ServerResult};
use serde_json::Value;

use crate::mcp::identity;

/// Where a result names its server.
const SERVER_INFO_KEY: &str = "io.modelcontextprotocol/serverInfo";

/// Puts the server's name and version into the result of a modern request.
pub(super) fn modern(message: &mut ServerJsonRpcMessage) {
    let JsonRpcMessage::Response(response) = message else { return };
    let meta = match &mut response.result {
        ServerResult::CallToolResult(result) => &mut result.meta,
        ServerResult::CreateTaskResult(result) => &mut result.meta,
        ServerResult::GetTaskResult(result) => &mut result.meta,
        ServerResult::TaskAckResult(result) => &mut result.meta,
        ServerResult::ListToolsResult(result) => &mut result.meta,
        ServerResult::ListResourcesResult(result) => &mut result.meta,
        ServerResult::ListResourceTemplatesResult(result) => &mut result.meta,
        ServerResult::ReadResourceResult(result) => &mut result.meta,
        ServerResult::CustomResult(result) => {
            if let Some(object) = result.0.as_object_mut()
                && let Value::Object(meta) =
                    object.entry("_meta").or_insert_with(|| Value::Object(serde_json::Map::new()))
            {
                meta.entry(SERVER_INFO_KEY).or_insert_with(|| server_info().clone());
            }
            return;
        }
        // Discovery says it by itself, and nothing else is answered to a modern request.
        _ => return,
    };
    let meta = meta.get_or_insert_with(MetaObject::default);
    meta.0.entry(SERVER_INFO_KEY).or_insert_with(|| server_info().clone());
}

fn server_info() -> &'static Value {
    static INFO: OnceLock<Value> = OnceLock::new();
    INFO.get_or_init(|| serde_json::to_value(identity::server_info()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CallToolResult, CustomResult, RequestId, TaskAckResult};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_result_names_the_server_and_keeps_its_own_metadata() {
        for result in [
            ServerResult::CallToolResult(CallToolResult::structured(json!({}))),
            ServerResult::TaskAckResult(TaskAckResult::new()),
            ServerResult::CustomResult(CustomResult(json!({"_meta": {"mine": 1}}))),
        ] {
            let mut message = ServerJsonRpcMessage::response(result, RequestId::Number(1));
            modern(&mut message);
            let value = serde_json::to_value(&message).unwrap();
            assert_eq!(value["result"]["_meta"][SERVER_INFO_KEY]["name"], "longshore");
            assert!(value["result"]["_meta"].get("mine").is_none_or(|mine| mine == 1));
        }
    }
}
