//! Calls the web as it is told, and says what came back.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use wasip2::http::outgoing_handler::{FutureIncomingResponse, handle};
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

#[derive(Deserialize)]
struct Input {
    calls: Vec<Call>,
    /// Whether all calls are under way before the first is waited for.
    #[serde(default)]
    at_once: bool,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default = "get")]
    method: String,
    scheme: Option<String>,
    authority: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    send_bytes: usize,
    first_byte_ms: Option<u64>,
    /// Whether to panic where nothing comes of it.
    #[serde(default)]
    or_panic: bool,
    between_bytes_ms: Option<u64>,
}

fn get() -> String {
    "GET".into()
}

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "fetch".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Fetch".into(),
            description: "Calls the web as it is told, and says what came back.".into(),
            input_schema: r#"{"type": "object", "required": ["calls"]}"#.into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn run(input: String) -> Result<String, JobError> {
        let input: Input =
            serde_json::from_str(&input).map_err(|error| JobError::InvalidInput(error.to_string()))?;
        let answers: Vec<Value> = if input.at_once {
            let begun: Vec<_> = input.calls.iter().map(begin).collect();
            begun.into_iter().map(finish).collect()
        } else {
            let call = |call: &Call| {
                let answer = finish(begin(call));
                assert!(!call.or_panic || answer["error"].is_null(), "{answer}");
                answer
            };
            input.calls.iter().map(call).collect()
        };
        Ok(Value::Array(answers).to_string())
    }
}

/// Sends a call, with all of its body.
fn begin(call: &Call) -> Result<FutureIncomingResponse, String> {
    let headers = Fields::new();
    for (name, value) in &call.headers {
        headers.append(name, &value.clone().into_bytes()).map_err(|error| format!("header: {error:?}"))?;
    }
    let request = OutgoingRequest::new(headers);
    let method = match call.method.as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        other => Method::Other(other.into()),
    };
    let scheme = match call.scheme.as_deref() {
        None | Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        Some(other) => Scheme::Other(other.into()),
    };
    let set = request.set_method(&method).is_ok()
        && request.set_scheme(Some(&scheme)).is_ok()
        && request.set_authority(Some(&call.authority)).is_ok()
        && request.set_path_with_query(Some(&call.path)).is_ok();
    if !set {
        return Err("the request is none".into());
    }
    let options = RequestOptions::new();
    let _ = options.set_first_byte_timeout(call.first_byte_ms.map(|ms| ms * 1_000_000));
    let _ = options.set_between_bytes_timeout(call.between_bytes_ms.map(|ms| ms * 1_000_000));
    if call.send_bytes == 0 {
        return handle(request, Some(options)).map_err(code);
    }
    let body = request.body().map_err(|()| "no body".to_owned())?;
    let answer = handle(request, Some(options)).map_err(code)?;
    let sent = (|| {
        let stream = body.write()?;
        let mut left = call.send_bytes;
        while left > 0 {
            stream.subscribe().block();
            let room = stream.check_write().map_err(drop)?.min(left as u64) as usize;
            stream.write(&vec![b'x'; room]).map_err(drop)?;
            left -= room;
        }
        stream.flush().map_err(drop)
    })();
    if sent.is_ok() {
        let _ = OutgoingBody::finish(body, None);
    }
    Ok(answer)
}

/// Waits for an answer, and reads all of it.
fn finish(begun: Result<FutureIncomingResponse, String>) -> Value {
    match begun.and_then(read) {
        Ok(answer) => answer,
        Err(error) => json!({"error": error}),
    }
}

fn read(answer: FutureIncomingResponse) -> Result<Value, String> {
    answer.subscribe().block();
    let answer = answer.get().expect("it is ready").expect("it is taken once").map_err(code)?;
    let headers: BTreeMap<String, String> = answer
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
        .collect();
    let status = answer.status();
    let body = answer.consume().map_err(|()| "no body".to_owned())?;
    let stream = body.stream().map_err(|()| "no stream".to_owned())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(read) => bytes.extend(read),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(format!("after {} bytes: {}", bytes.len(), error.to_debug_string()));
            }
        }
    }
    drop(stream);
    let _ = IncomingBody::finish(body);
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4_000)]).into_owned();
    Ok(json!({"status": status, "headers": headers, "bytes": bytes.len(), "text": text}))
}

fn code(error: ErrorCode) -> String {
    format!("{error:?}")
}

export!(Component);
