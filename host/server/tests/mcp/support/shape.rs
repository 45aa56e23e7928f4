//! Wire shapes, compared with files. Set `UPDATE=1` to write them anew, and read the difference.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Compares `value` with the file `shapes/NAME.json`. What differs from run to run is replaced before.
pub fn check(name: &str, value: &Value) {
    let mut value = value.clone();
    scrub(&mut value);
    let actual = format!("{}\n", serde_json::to_string_pretty(&value).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/mcp/shapes/{name}.json"));
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "the shape {name} changed; run again with UPDATE=1 and read the difference");
}

fn scrub(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(scrub),
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "path" => *value = "<path>".into(),
                    "version" => *value = "<version>".into(),
                    "ttlMs" | "poll_after_ms" | "pollIntervalMs" if value.is_number() => {
                        *value = "<ms>".into();
                    }
                    "text" => scrub_text(value),
                    _ => scrub(value),
                }
            }
        }
        Value::String(text) => *text = words(text),
        _ => {}
    }
}

/// Text that is JSON is scrubbed as JSON.
fn scrub_text(value: &mut Value) {
    let Some(text) = value.as_str() else { return };
    *value = match serde_json::from_str::<Value>(text) {
        Ok(mut inner @ Value::Object(_)) => {
            scrub(&mut inner);
            Value::String(format!("<json> {inner}"))
        }
        _ => Value::String(words(text)),
    };
}

/// Replaces ids and times within a text.
fn words(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(candidate) = rest.get(..36).filter(|id| is_uuid(id)) {
            out.push_str("<id>");
            rest = &rest[candidate.len()..];
        } else if let Some(length) = [24, 20].into_iter().find(|&n| rest.get(..n).is_some_and(is_time)) {
            out.push_str("<time>");
            rest = &rest[length..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(place, byte)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

fn is_time(text: &str) -> bool {
    // To the millisecond or to the second.
    let bytes = text.as_bytes();
    text.ends_with('Z') && bytes[4] == b'-' && bytes[10] == b'T' && [b'.', b'Z'].contains(&bytes[19])
}
