//! What a line is, by its JSON-RPC envelope alone: the parameters are found but not read.

use longshore_domain::beginning_of;
use rmcp::model::{ErrorData, RequestId};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

/// A line that is a JSON-RPC message.
#[derive(Debug)]
pub(super) enum Envelope<'a> {
    /// Asks for an answer.
    Request {
        /// What the answer refers to.
        id: RequestId,
        /// What is asked.
        method: String,
        /// JSON text of an object.
        params: &'a str,
    },
    /// Tells something.
    Notification {
        /// What is told.
        method: String,
        /// JSON text of an object.
        params: &'a str,
    },
    /// Answers something. This server asks nothing, so there is nothing to do with it.
    Response,
}

/// A line that cannot be taken, and what is answered.
#[derive(Debug)]
pub(super) struct Rejection {
    /// The request, if it could be read.
    pub(super) id: Option<RequestId>,
    /// The answer.
    pub(super) error: Box<ErrorData>,
}

impl Rejection {
    /// The answer `error` to the request `id`.
    pub(super) fn new(id: Option<RequestId>, error: ErrorData) -> Self {
        Self { id, error: Box::new(error) }
    }

    fn invalid(id: Option<RequestId>, message: impl Into<String>) -> Self {
        Self::new(id, ErrorData::invalid_request(message.into(), None))
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Wire<'a> {
    #[serde(default)]
    jsonrpc: Option<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(default)]
    method: Option<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

/// A field that is there, even if it is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Reads the envelope of a line.
pub(super) fn read(line: &str) -> Result<Envelope<'_>, Rejection> {
    if line.starts_with('[') {
        return Err(Rejection::invalid(
            None,
            "batches are not part of MCP; send one message a line, as many as you like at once",
        ));
    }
    let wire: Wire<'_> = serde_json::from_str(line).map_err(|error| match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => {
            Rejection::new(None, ErrorData::parse_error(format!("the line is not JSON: {error}"), None))
        }
        Category::Data => {
            Rejection::invalid(id_of(line), format!("the line is JSON but no JSON-RPC message: {error}"))
        }
    })?;
    let id = match wire.id {
        Some(raw) => Some(request_id(raw).ok_or_else(|| {
            Rejection::invalid(
                None,
                format!("id must be a string or an integer, not {}", beginning_of(raw.get(), 40)),
            )
        })?),
        None => None,
    };
    if wire.jsonrpc.as_deref() != Some("2.0") {
        return Err(Rejection::invalid(id, "jsonrpc must be \"2.0\""));
    }
    let Some(method) = wire.method else {
        return if wire.result.is_some() || wire.error.is_some() {
            Ok(Envelope::Response)
        } else {
            Err(Rejection::invalid(id, "a message has a method, or it answers with a result or an error"))
        };
    };
    let params = wire.params.map_or("{}", RawValue::get);
    // Null parameters are none, as some clients write it.
    let params = if params == "null" { "{}" } else { params };
    match id {
        Some(id) if params.starts_with('{') => Ok(Envelope::Request { id, method, params }),
        Some(id) => {
            Err(Rejection::new(Some(id), ErrorData::invalid_params("params must be an object", None)))
        }
        None => Ok(Envelope::Notification { method, params }),
    }
}

/// The id of a line whose other fields are wrong: who sent it waits for an answer to it.
fn id_of(line: &str) -> Option<RequestId> {
    #[derive(Deserialize)]
    struct OnlyId<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
    }
    request_id(serde_json::from_str::<OnlyId<'_>>(line).ok()?.id)
}

/// The id, if it is one: a string, or an integer within 64 bits.
fn request_id(raw: &RawValue) -> Option<RequestId> {
    match raw.get().as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(raw.get()).ok().map(|text| RequestId::String(text.into())),
        _ => serde_json::from_str::<i64>(raw.get()).ok().map(RequestId::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(line: &str) -> (i32, Option<RequestId>, String) {
        let rejection = read(line).unwrap_err();
        (rejection.error.code.0, rejection.id, rejection.error.message.into_owned())
    }

    #[test]
    fn what_is_not_json_is_a_parse_error() {
        for line in ["{", "hello", "{\"jsonrpc\":\"2.0\",}", "{\"a\":1}}", "{\"a\":\"\u{1}\"}"] {
            assert_eq!(rejected(line).0, -32700, "{line}");
        }
    }

    #[test]
    fn what_is_json_but_no_message_is_an_invalid_request() {
        for line in ["[]", "[1]", "3", "null", "{}", r#"{"jsonrpc":"2.0"}"#, r#"{"jsonrpc":"2.0","id":4}"#] {
            assert_eq!(rejected(line).0, -32600, "{line}");
        }
        assert!(rejected("[{}]").2.contains("batches"));
        for line in [r#"{"jsonrpc":"1.0","id":4,"method":"ping"}"#, r#"{"jsonrpc":"2.0","id":4,"method":5}"#]
        {
            let (code, id, _) = rejected(line);
            assert_eq!((code, id), (-32600, Some(RequestId::Number(4))), "{line}");
        }
        assert!(rejected("5").2.contains("expected an object"));
    }

    #[test]
    fn an_id_is_a_string_or_an_integer() {
        for id in ["null", "1.5", "{}", "[1]", "true", "99999999999999999999"] {
            let line = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
            assert_eq!(rejected(&line).0, -32600, "{id}");
        }
        let Envelope::Request { id, .. } = read(r#"{"jsonrpc":"2.0","id":"a\nb","method":"ping"}"#).unwrap()
        else {
            panic!("no request");
        };
        assert_eq!(id, RequestId::String("a\nb".into()));
    }

    #[test]
    fn parameters_are_found_and_not_read() {
        let line =
            r#"{"method":"tools/call","params":{"name":"x","arguments":{"a":[1,2]}},"jsonrpc":"2.0","id":7}"#;
        let Envelope::Request { id, method, params } = read(line).unwrap() else { panic!("no request") };
        assert_eq!((id, method.as_str()), (RequestId::Number(7), "tools/call"));
        assert_eq!(params, r#"{"name":"x","arguments":{"a":[1,2]}}"#);
        assert_eq!(rejected(r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#).0, -32602);
    }

    #[test]
    fn answers_and_notifications_are_told_apart() {
        assert!(matches!(read(r#"{"jsonrpc":"2.0","id":1,"result":null}"#), Ok(Envelope::Response)));
        assert!(matches!(read(r#"{"jsonrpc":"2.0","error":{}}"#), Ok(Envelope::Response)));
        let note = read(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        assert!(matches!(note, Ok(Envelope::Notification { params: "{}", .. })));
    }
}
