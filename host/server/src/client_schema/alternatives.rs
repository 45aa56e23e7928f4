//! `anyOf`, `oneOf` and `allOf`: without null, as a list of values, or as what a single one says.

use longshore_domain::json_type;
use serde_json::{Map, Value, json};

/// Keywords that say something to readers and refuse nothing.
const NOTES: [&str; 6] = ["title", "description", "default", "examples", "deprecated", "$comment"];

/// Takes null out of what a field accepts that may be left out instead.
pub(super) fn without_null(fields: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            fields.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = fields.get_mut("enum") {
        // A list without values refuses everything, which no client reads.
        if values.iter().any(|value| !value.is_null()) {
            values.retain(|value| !value.is_null());
        }
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(members)) = fields.get_mut(keyword)
            && members.iter().any(|member| !is_null(member))
        {
            members.retain(|member| !is_null(member));
        }
    }
}

/// Whether a schema accepts null and nothing else.
fn is_null(schema: &Value) -> bool {
    schema.get("type") == Some(&json!("null"))
        || schema.get("const") == Some(&Value::Null)
        || schema.get("enum") == Some(&json!([null]))
}

/// Writes alternatives that are constants as one `enum`, with what each of them says of itself.
pub(super) fn constants_as_enum(fields: &mut Map<String, Value>) {
    if fields.contains_key("enum") || fields.contains_key("const") {
        return;
    }
    for keyword in ["oneOf", "anyOf"] {
        let Some(Value::Array(members)) = fields.get(keyword) else { continue };
        let Some(constants) = members.iter().map(constants).collect::<Option<Vec<_>>>() else { continue };
        let mut values: Vec<Value> = Vec::new();
        for value in constants.iter().flat_map(|(values, _)| values.iter()) {
            if values.contains(value) {
                // Two of `oneOf` that accept a value refuse it together.
                return;
            }
            values.push(value.clone());
        }
        if values.is_empty() {
            continue;
        }
        let said: Vec<String> = constants
            .iter()
            .filter_map(|(values, note)| note.map(|note| format!("{}: {note}", list(values))))
            .collect();
        if !said.is_empty() {
            let own = fields.get("description").and_then(Value::as_str);
            let texts: Vec<&str> = own.into_iter().chain(said.iter().map(String::as_str)).collect();
            fields.insert("description".into(), texts.join("\n").into());
        }
        fields.shift_remove(keyword);
        fields.insert("enum".into(), values.into());
        return;
    }
}

/// The values that a schema names, and its description. None if it says anything else.
fn constants(schema: &Value) -> Option<(Vec<Value>, Option<&str>)> {
    let fields = schema.as_object()?;
    let values = match (fields.get("const"), fields.get("enum")) {
        (Some(value), None) => vec![value.clone()],
        (None, Some(Value::Array(values))) => values.clone(),
        _ => return None,
    };
    let says_more = fields.keys().any(|keyword| {
        !NOTES.contains(&keyword.as_str()) && !["const", "enum", "type"].contains(&keyword.as_str())
    });
    let fits_type = |value: &Value| fields.get("type").is_none_or(|kind| kind == json_type(value));
    if says_more || !values.iter().all(fits_type) {
        return None;
    }
    Some((values, fields.get("description").and_then(Value::as_str)))
}

fn list(values: &[Value]) -> String {
    let texts: Vec<String> =
        values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
    texts.join(", ")
}

/// Writes `oneOf` as `anyOf` where no value fits two of its members.
pub(super) fn any_of_disjoint(fields: &mut Map<String, Value>) {
    let Some(Value::Array(members)) = fields.get("oneOf") else { return };
    let apart = |(index, one): (usize, &Value)| members[..index].iter().all(|other| are_disjoint(one, other));
    if members.iter().enumerate().all(apart)
        && !fields.contains_key("anyOf")
        && let Some(members) = fields.shift_remove("oneOf")
    {
        fields.insert("anyOf".into(), members);
    }
}

/// Whether it is sure that no value fits both: they are of different types, or objects that a field tells apart, which both
/// require and in which they name different values.
fn are_disjoint(one: &Value, other: &Value) -> bool {
    let (Some(kind), Some(other_kind)) = (type_of(one), type_of(other)) else { return false };
    if kind != other_kind {
        return true;
    }
    let tells_apart = |name: &Value| {
        let values = |schema: &Value| {
            constants(schema.get("properties")?.get(name.as_str()?)?).map(|(values, _)| values)
        };
        match (values(one), values(other)) {
            (Some(values), Some(others)) => values.iter().all(|value| !others.contains(value)),
            _ => false,
        }
    };
    let required_by_other = listed(other.get("required"));
    kind == "object"
        && listed(one.get("required"))
            .iter()
            .any(|name| required_by_other.contains(name) && tells_apart(name))
}

/// The one type that a schema names. Every integer is a number.
fn type_of(schema: &Value) -> Option<&str> {
    let kind = schema.get("type")?.as_str()?;
    Some(if kind == "integer" { "number" } else { kind })
}

/// Keywords that refuse values each by itself, whatever else a schema says.
const INDEPENDENT: [&str; 13] = [
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
];

/// Writes `allOf` as one schema where its members say different things of one value.
pub(super) fn merge_independent(fields: &mut Map<String, Value>) {
    let Some(Value::Array(members)) = fields.get("allOf") else { return };
    let mut merged = fields.clone();
    merged.shift_remove("allOf");
    for member in members {
        let Value::Object(member) = member else { return };
        for (keyword, value) in member {
            let is_note = NOTES.contains(&keyword.as_str());
            if !is_note && !INDEPENDENT.contains(&keyword.as_str()) {
                return;
            }
            match merged.get(keyword) {
                Some(own) if own != value && !is_note => return,
                Some(_) => {}
                None => drop(merged.insert(keyword.clone(), value.clone())),
            }
        }
    }
    *fields = merged;
}

/// Writes `allOf` as one schema where its members say of different fields what they are.
pub(super) fn merge_all(fields: &mut Map<String, Value>) {
    const PLAIN: [&str; 4] = ["type", "properties", "required", "description"];
    let Some(Value::Array(members)) = fields.get("allOf") else { return };
    let mut properties = named(fields.get("properties"));
    let mut required = listed(fields.get("required"));
    for member in members {
        let Value::Object(member) = member else { return };
        let is_object = member.get("type").is_none_or(|kind| kind == "object");
        if !is_object || member.keys().any(|keyword| !PLAIN.contains(&keyword.as_str())) {
            return;
        }
        for (name, schema) in named(member.get("properties")) {
            if properties.get(&name).is_some_and(|own| *own != schema) {
                return;
            }
            properties.insert(name, schema);
        }
        required.extend(listed(member.get("required")));
    }
    let is_object = fields.get("type").is_some_and(|kind| kind == "object")
        || members.iter().any(|member| member.get("type").is_some());
    if !is_object || fields.contains_key("additionalProperties") {
        return;
    }
    fields.shift_remove("allOf");
    fields.insert("type".into(), "object".into());
    fields.insert("properties".into(), properties.into());
    let mut seen = Vec::new();
    required.retain(|name| {
        !seen.contains(name) && {
            seen.push(name.clone());
            true
        }
    });
    if !required.is_empty() {
        fields.insert("required".into(), required.into());
    }
}

fn named(schemas: Option<&Value>) -> Map<String, Value> {
    schemas.and_then(Value::as_object).cloned().unwrap_or_default()
}

fn listed(names: Option<&Value>) -> Vec<Value> {
    names.and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Writes alternatives of alternatives as one list.
pub(super) fn flatten_any_of(fields: &mut Map<String, Value>) {
    let Some(Value::Array(members)) = fields.get_mut("anyOf") else { return };
    let nested = |member: &Value| {
        let member = member.as_object()?;
        let says_more = member.keys().any(|keyword| keyword != "anyOf" && !NOTES.contains(&keyword.as_str()));
        member.get("anyOf").filter(|_| !says_more)?.as_array().cloned()
    };
    *members =
        members.iter().flat_map(|member| nested(member).unwrap_or_else(|| vec![member.clone()])).collect();
}

/// Puts what a single alternative says into the schema that it is an alternative of.
pub(super) fn merge_single(fields: &mut Map<String, Value>) {
    for keyword in ["anyOf", "oneOf", "allOf"] {
        let Some(Value::Array(members)) = fields.get(keyword) else { continue };
        let [Value::Object(only)] = members.as_slice() else { continue };
        // What it replaces is not there any more.
        let repeats = |(name, value): (&String, &Value)| {
            NOTES.contains(&name.as_str())
                || name == keyword
                || fields.get(name).is_none_or(|own| own == value)
        };
        if !only.iter().all(repeats) {
            continue;
        }
        let only = only.clone();
        fields.shift_remove(keyword);
        for (name, value) in only {
            fields.entry(name).or_insert(value);
        }
    }
}
