//! Marks in a schema for work that the library does without asking the value.
//!
//! A mark stands as a constant where the library compares it with the value before the keywords that apply other
//! schemas. It is equal to every value, and the comparison takes its price from the budget.

use serde_json::{Map, Value, json};

use super::budget;

const NAME: &str = "\u{0}longshore work";

/// Every type, in an order in which nobody else writes them. A schema that asks for no type asks for these, so that
/// none is applied without asking the value.
const TYPES: [&str; 6] = ["null", "string", "number", "boolean", "object", "array"];

/// What a schema costs each time it is applied, besides what the value counts: for the value itself, for each of its
/// elements or members, and for each byte of a member's name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) value: u64,
    pub(super) element: u64,
    pub(super) member: u64,
    pub(super) name_byte: u64,
}

/// Puts the marks into a schema of its own.
pub(super) fn put(schema: &mut Map<String, Value>, work: Work) -> Result<(), String> {
    if work != Work::default() {
        let mark = json!({NAME: [work.value, work.element, work.member, work.name_byte]});
        if !schema.contains_key("enum") {
            schema.insert("enum".to_owned(), json!([mark]));
        } else if !schema.contains_key("const") {
            schema.insert("const".to_owned(), mark);
        } else {
            return Err(
                "a schema with \"enum\" and \"const\" cannot have patternProperties, unevaluated* or many \
                        boolean alternatives beside them"
                    .to_owned(),
            );
        }
    }
    if !schema.contains_key("type") {
        schema.insert("type".to_owned(), json!(TYPES));
    }
    Ok(())
}

/// Takes the price of a mark; false if `expected` is none. A plugin that writes a mark itself gets what it says.
#[inline]
pub(super) fn charged(value: &Value, expected: &Value) -> bool {
    match expected {
        Value::Object(mark) if mark.len() == 1 => mark.get(NAME).is_some_and(|work| charge(value, work)),
        _ => false,
    }
}

fn charge(value: &Value, work: &Value) -> bool {
    let price = |n: usize| work.get(n).and_then(Value::as_u64).unwrap_or_default();
    let times = |price: u64, count: usize| price.saturating_mul(count as u64);
    budget::charge(price(0));
    match value {
        Value::Array(elements) => budget::charge(times(price(1), elements.len())),
        Value::Object(members) if price(2) > 0 => {
            for name in members.keys() {
                budget::charge(price(2).saturating_add(times(price(3), name.len())));
            }
        }
        _ => {}
    }
    true
}

/// A schema as its author wrote it, for the message that shows it.
pub(super) fn without(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let own = members.iter().filter(|(name, value)| !is_mark(name, value));
            Value::Object(own.map(|(name, value)| (name.clone(), without(value))).collect())
        }
        Value::Array(elements) => Value::Array(elements.iter().map(without).collect()),
        _ => schema.clone(),
    }
}

fn is_mark(name: &str, value: &Value) -> bool {
    match name {
        "type" => value.as_array().is_some_and(|types| types.iter().eq(TYPES.iter())),
        "enum" => value.get(0).is_some_and(|value| value.get(NAME).is_some()),
        "const" => value.get(NAME).is_some(),
        _ => false,
    }
}
