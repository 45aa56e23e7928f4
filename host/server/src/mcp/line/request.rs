//! Reads the parameters of a request into rmcp's types, once.
//!
//! rmcp reads a message as an untagged union: it buffers the whole and tries one type after the other, which costs more
//! than everything else on the way in, and a wrong parameter ends as "method not found". Here the method chooses the type,
//! so a wrong parameter is answered by its name. Only methods that Longshore serves are known; every other one becomes a
//! custom request, which the handler answers with -32601.

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CancelTaskRequest, ClientRequest, CustomRequest, DiscoverRequest,
    DiscoverRequestParams, ErrorData, GetMeta as _, GetTaskRequest, InitializeRequest, InputResponses,
    PaginatedRequestParams, PingRequest, ProtocolVersion, ReadResourceRequest, Request, RequestMetaObject,
    RequestOptionalParam, UpdateTaskParams, UpdateTaskRequest,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Where a request names its protocol version.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";

/// A request in rmcp's types.
#[derive(Debug)]
pub(super) struct TypedRequest {
    /// The request, with its metadata where rmcp looks for it.
    pub(super) request: ClientRequest,
    /// Whether it names its own protocol version, as revision 2026-07-28 demands.
    pub(super) modern: bool,
}

#[derive(Default, Deserialize)]
struct OnlyMeta {
    #[serde(rename = "_meta", default)]
    meta: Option<RequestMetaObject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateFields {
    task_id: String,
    // Nobody asks anything yet, so any answers are ignored, whatever their form; but they must be there.
    #[serde(rename = "inputResponses")]
    _input_responses: serde_json::Map<String, serde_json::Value>,
}

/// Reads a request. `params` is the text of a JSON object.
pub(super) fn typed(method: &str, params: &str) -> Result<TypedRequest, ErrorData> {
    if method == "tools/call" {
        // Arguments may be large, so they are read together with the metadata instead of once for each.
        let mut call: CallToolRequestParams = read(method, params)?;
        let meta = call.meta.take().unwrap_or_default();
        return Ok(with_meta(ClientRequest::CallToolRequest(CallToolRequest::new(call)), meta));
    }
    let meta = read::<OnlyMeta>(method, params)?.meta.unwrap_or_default();
    let modern = is_modern(&meta);
    let request = match method {
        "initialize" => ClientRequest::InitializeRequest(plain(method, params, InitializeRequest::new)?),
        // Its type refuses unknown fields, `_meta` among them.
        "server/discover" => ClientRequest::DiscoverRequest(DiscoverRequest::new(DiscoverRequestParams {})),
        "ping" => ClientRequest::PingRequest(PingRequest::default()),
        "tools/list" => ClientRequest::ListToolsRequest(paged(method, params)?),
        "resources/list" => ClientRequest::ListResourcesRequest(paged(method, params)?),
        "resources/templates/list" => ClientRequest::ListResourceTemplatesRequest(paged(method, params)?),
        "resources/read" => {
            ClientRequest::ReadResourceRequest(plain(method, params, ReadResourceRequest::new)?)
        }
        // The three names mean something else in revision 2025-11-25, whose tasks are not served.
        "tasks/get" if modern => ClientRequest::GetTaskRequest(plain(method, params, GetTaskRequest::new)?),
        "tasks/cancel" if modern => {
            ClientRequest::CancelTaskRequest(plain(method, params, CancelTaskRequest::new)?)
        }
        "tasks/update" if modern => {
            let fields: UpdateFields = read(method, params)?;
            let params = UpdateTaskParams::new(fields.task_id, InputResponses::default());
            ClientRequest::UpdateTaskRequest(UpdateTaskRequest::new(params))
        }
        _ => ClientRequest::CustomRequest(CustomRequest::new(method, Some(read(method, params)?))),
    };
    Ok(with_meta(request, meta))
}

/// The metadata that a request must carry when no `initialize` came before it, as far as it is missing.
pub(super) fn missing_metadata(request: &ClientRequest) -> Vec<&'static str> {
    request.get_meta().missing_required_keys(&ProtocolVersion::V_2026_07_28)
}

fn is_modern(meta: &RequestMetaObject) -> bool {
    meta.get(VERSION_KEY)
        .and_then(serde_json::Value::as_str)
        .is_some_and(|version| version >= ProtocolVersion::NO_INITIALIZE.as_str())
}

fn with_meta(mut request: ClientRequest, meta: RequestMetaObject) -> TypedRequest {
    let modern = is_modern(&meta);
    *request.get_meta_mut() = meta;
    TypedRequest { request, modern }
}

fn plain<M: Default, P: DeserializeOwned>(
    method: &str,
    params: &str,
    make: impl FnOnce(P) -> Request<M, P>,
) -> Result<Request<M, P>, ErrorData> {
    Ok(make(read(method, params)?))
}

fn paged<M: Default>(
    method: &str,
    params: &str,
) -> Result<RequestOptionalParam<M, PaginatedRequestParams>, ErrorData> {
    Ok(RequestOptionalParam::with_param(read(method, params)?))
}

fn read<T: DeserializeOwned>(method: &str, params: &str) -> Result<T, ErrorData> {
    let mut json = serde_json::Deserializer::from_str(params);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let within = if field == "." { String::new() } else { format!(".{field}") };
        ErrorData::invalid_params(format!("params{within} of {method}: {}", error.into_inner()), None)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn meta() -> serde_json::Value {
        json!({ VERSION_KEY: "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}, "progressToken": 9 })
    }

    #[test]
    fn metadata_is_where_rmcp_looks_for_it() {
        for (method, params) in [
            ("tools/call", json!({"name": "x", "arguments": {"a": 1}, "_meta": meta()})),
            ("tools/list", json!({"_meta": meta()})),
            ("server/discover", json!({"_meta": meta()})),
            ("tasks/get", json!({"taskId": "t", "_meta": meta()})),
            ("subscriptions/listen", json!({"notifications": {}, "_meta": meta()})),
        ] {
            let typed = typed(method, &params.to_string()).unwrap();
            assert!(typed.modern, "{method}");
            assert!(typed.request.get_meta().get_progress_token().is_some(), "{method}");
            assert_eq!(typed.request.method(), method);
            assert!(missing_metadata(&typed.request).is_empty());
        }
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let message = |method: &str, params: serde_json::Value| {
            let error = typed(method, &params.to_string()).unwrap_err();
            assert_eq!(error.code.0, -32602);
            error.message.into_owned()
        };
        assert!(message("tasks/get", json!({"_meta": meta()})).contains("taskId"));
        assert!(message("tasks/update", json!({"taskId": "t", "_meta": meta()})).contains("inputResponses"));
        assert!(message("tools/call", json!({"arguments": {}})).contains("name"));
        assert!(message("tools/call", json!({"name": "x", "arguments": [1]})).contains("expected a map"));
        assert!(message("resources/read", json!({})).contains("uri"));
        assert!(message("tools/list", json!({"cursor": 4})).contains("expected a string"));
    }

    #[test]
    fn legacy_tasks_and_unknown_methods_are_custom_requests() {
        for method in ["tasks/get", "tasks/list", "prompts/list", "made/up"] {
            let typed = typed(method, r#"{"taskId":"t"}"#).unwrap();
            assert!(!typed.modern);
            assert!(matches!(typed.request, ClientRequest::CustomRequest(_)), "{method}");
        }
        assert_eq!(missing_metadata(&typed("tools/list", "{}").unwrap().request).len(), 2);
    }

    #[test]
    fn answers_to_questions_may_have_any_form() {
        let params = json!({"taskId": "t", "inputResponses": {"k": 4, "l": {"x": []}}, "_meta": meta()});
        let typed = typed("tasks/update", &params.to_string()).unwrap();
        assert!(matches!(typed.request, ClientRequest::UpdateTaskRequest(_)));
    }
}
