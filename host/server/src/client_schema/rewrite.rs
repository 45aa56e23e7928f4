//! Goes through a schema and says each part of it in the words that all clients read.

use serde_json::{Map, Value, json};

use super::{alternatives, one_type};

/// Formats that every client knows.
const FORMATS: [&str; 2] = ["date", "date-time"];
/// Formats of JSON Schema that some clients throw on, so that the description names them. Others name types of
/// programming languages, of which nobody else makes anything.
const NAMED_FORMATS: [&str; 17] = [
    "time",
    "duration",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "iri",
    "iri-reference",
    "uuid",
    "uri-template",
    "json-pointer",
    "relative-json-pointer",
    "regex",
];

/// Beyond it, a JavaScript client has no integers, and no model counts so far: bounds there are those of a type.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// Keywords whose value is a schema.
const ONE: [&str; 12] = [
    "items",
    "contains",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "not",
    "if",
    "then",
    "else",
    "contentSchema",
    "additionalItems",
];
/// Keywords whose value is a list of schemas.
const LISTS: [&str; 4] = ["prefixItems", "allOf", "anyOf", "oneOf"];
/// Keywords whose value is an object of schemas by name.
const NAMED: [&str; 5] = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];

/// The schema in other words. References have been resolved.
pub(super) fn rewritten(schema: &Value) -> Value {
    let mut shown = reworded(schema, false, true);
    // At the root it would be every type, which the arguments of a tool are not.
    if let Value::Object(root) = &mut shown
        && schema.get("type").is_none()
    {
        root.insert("type".into(), "object".into());
    }
    shown
}

/// Where the schema is that of an `optional` field, null stands for an absent one, and nothing has to be said of it.
fn rewrite(schema: &Value, optional: bool) -> Value {
    reworded(schema, optional, false)
}

fn reworded(schema: &Value, optional: bool, is_root: bool) -> Value {
    let mut fields = match schema {
        Value::Object(fields) => fields.clone(),
        Value::Bool(false) => return json!({ "not": {} }),
        _ => return json!({}),
    };
    // OpenAPI's, not JSON Schema's: it repeats what the alternatives say, and some clients want it in a form of their own.
    fields.shift_remove("discriminator");
    parts(&mut fields, optional);
    name_format(&mut fields);
    drop_what_says_nothing(&mut fields);
    alternatives::merge_all(&mut fields);
    alternatives::merge_independent(&mut fields);
    if optional {
        alternatives::without_null(&mut fields);
    }
    alternatives::constants_as_enum(&mut fields);
    alternatives::flatten_any_of(&mut fields);
    alternatives::merge_single(&mut fields);
    if let Some(value) = fields.shift_remove("const") {
        let values = fields.entry("enum").or_insert_with(|| json!([value]));
        if !values.as_array().is_some_and(|values| values.len() == 1 && values[0] == value) {
            fields.insert("const".into(), value);
        }
    }
    // No form of alternatives is read by all at the root, where `plugin inspect` names them.
    if !is_root {
        alternatives::any_of_disjoint(&mut fields);
    }
    one_type::name_type_of_enum(&mut fields);
    one_type::one_type_each(&mut fields);
    one_type::complete(&mut fields);
    Value::Object(fields)
}

/// Rewrites the schemas within a schema.
fn parts(fields: &mut Map<String, Value>, optional: bool) {
    let required: Vec<String> = match fields.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    for keyword in ONE {
        // `true` and `false` are read by all clients where they may stand here.
        if let Some(schema) = fields.get_mut(keyword)
            && schema.is_object()
        {
            *schema = rewrite(schema, false);
        }
    }
    for keyword in LISTS {
        if let Some(Value::Array(members)) = fields.get_mut(keyword) {
            let same_field = optional && keyword != "prefixItems";
            for member in members {
                *member = rewrite(member, same_field);
            }
        }
    }
    for keyword in NAMED {
        if let Some(Value::Object(members)) = fields.get_mut(keyword) {
            for (name, member) in members {
                let is_field = keyword == "properties";
                *member = rewrite(member, is_field && !required.contains(name));
                if is_field {
                    one_type::name_every_type(member);
                }
            }
        }
    }
}

/// Says a format in the description that clients do not take as a keyword.
fn name_format(fields: &mut Map<String, Value>) {
    let Some(format) = fields.get("format").and_then(Value::as_str) else { return };
    if NAMED_FORMATS.contains(&format) {
        let own = fields.get("description").and_then(Value::as_str).map(|text| format!("{text}\n"));
        let text = format!("{}Format: {format}.", own.unwrap_or_default());
        fields.insert("description".into(), text.into());
    }
}

fn drop_what_says_nothing(fields: &mut Map<String, Value>) {
    for keyword in ["$schema", "$id", "$comment", "title"] {
        fields.shift_remove(keyword);
    }
    fields.retain(|keyword, value| match keyword.as_str() {
        "default" => !value.is_null(),
        "required" => value.as_array().is_none_or(|names| !names.is_empty()),
        "additionalProperties" | "unevaluatedProperties" => {
            value.as_object().is_some_and(|some| !some.is_empty())
        }
        "format" => value.as_str().is_some_and(|format| FORMATS.contains(&format)),
        "description" => value.as_str().is_some_and(|text| !text.is_empty()),
        "minimum" | "maximum" => value.as_f64().is_none_or(|bound| bound.abs() < INTEGER_MAX),
        _ => true,
    });
}
