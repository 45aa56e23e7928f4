//! How deep a JSON value is nested.

use serde_json::Value;

/// How deep a schema or a result may be nested. Clients are sent it within other objects, and many read 64 levels at most: what
/// is deeper would make the whole message unreadable.
pub(crate) const DEPTH_MAX: usize = 48;

/// Whether a value is nested deeper than that. It was read from a text, which has an end to its depth.
pub(crate) fn is_too_deep(value: &Value) -> bool {
    depth(value) > DEPTH_MAX
}

fn depth(value: &Value) -> usize {
    let below = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        _ => return 0,
    };
    1 + below.unwrap_or(0)
}
