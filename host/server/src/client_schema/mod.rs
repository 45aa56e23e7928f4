//! Schemas of inputs in the form that every client takes.
//!
//! Clients turn the schema of a tool into that of a model's function, and many know a part of JSON Schema only: some
//! throw on an array without `items`, some lose the whole list over an optional field that is `anyOf` with null, some
//! drop `const`. [`for_clients`] says the same in the words that all of them read, wherever that changes nothing of
//! what is accepted; [`unreadable`] names what is left. The host still checks inputs against the plugin's own schema,
//! after `longshore_domain::read_input`, for which null is absent.

mod alternatives;
mod inline;
mod one_type;
mod rewrite;
mod unreadable;

use serde_json::{Map, Value, json};

pub use unreadable::unreadable;

/// The schema of an input as clients are shown it. It accepts what `schema` does.
///
/// An optional field is its plain type, constants are an `enum`, an array has `items` and the input `properties`,
/// references are resolved, and `$schema`, `title`, `additionalProperties: false` and formats beyond dates are left out:
/// the host refuses what they refuse, and names what is wrong. A definition that recurses is shown to a level or two. Of
/// a schema that would become too large the fields are shown, each with its type.
pub fn for_clients(schema: &Value) -> Value {
    let inlined = inline::inlined(schema).unwrap_or_else(|| inline::outlined(schema));
    let mut shown = rewrite::rewritten(&inlined);
    if let Value::Object(root) = &mut shown {
        // The arguments of a tool are an object whatever the schema says.
        root.entry("type").or_insert_with(|| "object".into());
        root.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    } else {
        shown = json!({ "type": "object", "properties": {} });
    }
    shown
}

#[cfg(test)]
mod tests;
