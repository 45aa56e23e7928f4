//! What a caller is told of a value that does not fit.

use std::borrow::Cow;
use std::fmt::{self, Display, Write};

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use longshore_domain::{InputViolation, beginning_of};
use serde_json::{Map, Value};

use super::mark;

const MESSAGE_CHARS_MAX: usize = 300;
const VALUE_CHARS_MAX: usize = MESSAGE_CHARS_MAX / 4;

/// A path has the names of the value, and these may be as long as the value.
const FIELD_CHARS_MAX: usize = 1_000;

/// What is wrong, by an error of the check against `schema`.
pub(super) fn violation(error: &ValidationError<'_>, schema: &Value) -> InputViolation {
    let at = error.instance_path().as_str();
    let (field, message) = match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            (Cow::Owned(field_of(at, name)), "is required".to_owned())
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let known = known_fields(schema, error.schema_path().as_str());
            if let [name] = unexpected.as_slice() {
                return InputViolation {
                    field: beginning_of(&field_of(at, name), FIELD_CHARS_MAX).to_owned(),
                    message: cut(format_args!("there is no such field{known}")),
                };
            }
            let names =
                listed(unexpected.iter().map(|name| format!("{:?}", beginning_of(name, MESSAGE_CHARS_MAX))));
            (Cow::Borrowed(at), format!("there are no fields {names}{known}"))
        }
        ValidationErrorKind::Not { schema } => {
            let instance = error.instance();
            let message = cut(format_args!("{} is not allowed for {instance}", mark::without(schema)));
            (Cow::Borrowed(at), message)
        }
        kind => (Cow::Borrowed(at), none_of(kind, error.instance()).unwrap_or_else(|| cut(error))),
    };
    InputViolation { field: beginning_of(&field, FIELD_CHARS_MAX).to_owned(), message: cut(message) }
}

/// The path (RFC 6901) of the field `name` of the object at `at`.
fn field_of(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The fields that an object may have, for who sent another one. `keyword` leads to what refused it.
fn known_fields(schema: &Value, keyword: &str) -> String {
    let object = keyword.rsplit_once('/').and_then(|(object, _)| schema.pointer(object));
    match object.and_then(|object| object.get("properties")).and_then(Value::as_object) {
        Some(known) if known.is_empty() => "; it takes no fields".to_owned(),
        Some(known) => format!("; the fields are {}", listed(known.keys().map(String::clone))),
        None => String::new(),
    }
}

/// A violation of the value as a whole.
pub(super) fn whole(message: &str) -> InputViolation {
    InputViolation { field: String::new(), message: message.to_owned() }
}

/// What to say when one of several values was wanted, each with a description of its own: the values, since their
/// schemas (`oneOf` with a `const` each) mean nothing to the caller. The same for one of several types.
fn none_of(kind: &ValidationErrorKind, value: &Value) -> Option<String> {
    let shown = cut(value);
    let shown = beginning_of(&shown, VALUE_CHARS_MAX);
    if let Some(types) = types_wanted(kind) {
        return Some(format!("{shown} is not of type {}", types.join(" or ")));
    }
    let values = wanted(kind)?;
    (values.len() > 1).then(|| format!("{shown} is none of {}", listed(values.iter().map(cut))))
}

/// The types that alternatives want; none when one of them wants more than a type.
fn types_wanted(kind: &ValidationErrorKind) -> Option<Vec<String>> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = kind
    else {
        return None;
    };
    let wanted = context.iter().flatten().map(|error| match error.kind() {
        ValidationErrorKind::Type { kind: TypeKind::Single(wanted) } => Some(format!("\"{wanted}\"")),
        _ => None,
    });
    wanted.collect()
}

/// The values that alternatives want, as many as fit a message; none when one of them wants more than a value.
fn wanted(kind: &ValidationErrorKind) -> Option<Vec<&Value>> {
    match kind {
        ValidationErrorKind::Constant { expected_value } => Some(vec![expected_value]),
        ValidationErrorKind::Enum { options } => {
            Some(options.as_array()?.iter().take(MESSAGE_CHARS_MAX).collect())
        }
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            let mut values = Vec::new();
            for error in context.iter().flatten() {
                match error.kind() {
                    // The alternative of an optional field that is null.
                    ValidationErrorKind::Type { .. } => {}
                    kind => {
                        values.extend(wanted(kind)?);
                        values.truncate(MESSAGE_CHARS_MAX);
                    }
                }
            }
            (!values.is_empty()).then_some(values)
        }
        _ => None,
    }
}

/// Texts with commas between them, as many as a message has room for.
fn listed(texts: impl Iterator<Item = String>) -> String {
    let mut list = String::new();
    for (n, text) in texts.enumerate() {
        if list.len() > 4 * MESSAGE_CHARS_MAX {
            break;
        }
        list.push_str(if n == 0 { "" } else { ", " });
        list.push_str(&text);
    }
    list
}

/// The text of something, up to what a message has room for. No more is made than that.
pub(super) fn cut(text: impl Display) -> String {
    let mut start = Start { text: String::new(), room: MESSAGE_CHARS_MAX };
    // The only failure is that there is no more room.
    let _full = write!(start, "{text}");
    start.text
}

struct Start {
    text: String,
    room: usize,
}

impl Write for Start {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let before = self.text.len();
        self.text.extend(more.chars().take(self.room));
        self.room = self.room.saturating_sub(self.text[before..].chars().count());
        if self.room == 0 { Err(fmt::Error) } else { Ok(()) }
    }
}

/// A value whose text begins like that of `value` for as long as a message can show, and about the bytes that a copy
/// of it takes. Errors keep copies of the values that they are about, and of those of all alternatives.
pub(super) fn beginning(value: &Value) -> (Cow<'_, Value>, u64) {
    let mut copied = Copied { chars: 0, bytes: 0 };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => (Cow::Borrowed(value), 0),
        Value::String(text) if text.len() <= MESSAGE_CHARS_MAX => (Cow::Borrowed(value), text.len() as u64),
        _ => {
            let beginning = copied.beginning(value);
            (Cow::Owned(beginning), copied.bytes)
        }
    }
}

/// How much was copied of a value.
struct Copied {
    chars: usize,
    bytes: u64,
}

impl Copied {
    /// What an element, and a member, takes in memory at most.
    const ELEMENT: u64 = 2 * size_of::<Value>() as u64;
    const MEMBER: u64 = 120 + size_of::<Value>() as u64;

    fn is_enough(&self) -> bool {
        self.chars > MESSAGE_CHARS_MAX
    }

    fn text(&mut self, text: &str) -> String {
        let beginning = beginning_of(text, MESSAGE_CHARS_MAX);
        self.chars += beginning.chars().count() + 2;
        self.bytes += beginning.len() as u64;
        beginning.to_owned()
    }

    fn beginning(&mut self, value: &Value) -> Value {
        self.chars += 1;
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(elements) => {
                let mut beginning = Vec::new();
                for element in elements {
                    if self.is_enough() {
                        break;
                    }
                    self.bytes += Self::ELEMENT;
                    beginning.push(self.beginning(element));
                }
                Value::Array(beginning)
            }
            Value::Object(members) => {
                let mut beginning = Map::new();
                for (name, member) in members {
                    if self.is_enough() {
                        break;
                    }
                    self.bytes += Self::MEMBER;
                    beginning.insert(self.text(name), self.beginning(member));
                }
                Value::Object(beginning)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_beginning_of_a_value_reads_like_the_value_in_a_message() {
        let values = [
            json!("é".repeat(1_000)),
            json!(vec![json!({"name": "x", "list": [1, 2.5, null, [], {}]}); 1_000]),
            json!({"a".repeat(5_000): 1, "b": 2}),
            json!((0..1_000).map(|n| (n.to_string(), json!(n))).collect::<Map<_, _>>()),
            json!({"short": [true]}),
            json!([[[[["\n".repeat(400)]]]]]),
        ];
        for value in values {
            let (beginning, bytes) = beginning(&value);
            assert_eq!(cut(&*beginning), cut(&value));
            assert!(bytes < 64_000, "{bytes}");
        }
    }

    #[test]
    fn no_text_is_made_that_is_not_shown() {
        struct Endless;
        impl Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("and so on ")?;
                }
            }
        }
        assert_eq!(cut(Endless).chars().count(), MESSAGE_CHARS_MAX);
        assert_eq!(listed((0..).map(|n| n.to_string())).chars().take(4).collect::<String>(), "0, 1");
    }
}
