//! One type a schema, and what clients want beside it: `items` in an array, `properties` in an object.

use longshore_domain::json_type;
use serde_json::{Map, Value, json};

/// Keywords that concern values of one type only.
const OF_TYPE: [(&str, &[&str]); 4] = [
    ("string", &["minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"]),
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    (
        "array",
        &[
            "items",
            "prefixItems",
            "contains",
            "minContains",
            "maxContains",
            "minItems",
            "maxItems",
            "uniqueItems",
            "unevaluatedItems",
        ],
    ),
    (
        "object",
        &[
            "properties",
            "required",
            "additionalProperties",
            "patternProperties",
            "propertyNames",
            "minProperties",
            "maxProperties",
            "dependentRequired",
            "dependentSchemas",
            "unevaluatedProperties",
        ],
    ),
];

/// Names the type of listed values where all of them are of one.
pub(super) fn name_type_of_enum(fields: &mut Map<String, Value>) {
    if fields.contains_key("type") {
        return;
    }
    if let Some(Value::Array(values)) = fields.get("enum")
        && let Some(first) = values.first()
        && values.iter().all(|value| json_type(value) == json_type(first))
    {
        let kind = json_type(first);
        fields.insert("type".into(), kind.into());
    }
}

/// Writes several types as alternatives of one each, each with the keywords that concern it.
pub(super) fn one_type_each(fields: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = fields.get("type") else { return };
    let mut types: Vec<String> = types.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if types.iter().any(|kind| kind == "number") {
        types.retain(|kind| kind != "integer");
    }
    if let [only] = types.as_slice() {
        let only = only.clone();
        fields.insert("type".into(), only.into());
        return;
    }
    let shared = ["anyOf", "oneOf", "allOf", "not", "if", "const", "$ref"];
    if types.is_empty() || shared.iter().any(|keyword| fields.contains_key(*keyword)) {
        return;
    }
    let values = fields.shift_remove("enum");
    let mut alternatives: Vec<Value> = Vec::new();
    for kind in &types {
        let mut alternative = Map::new();
        alternative.insert("type".into(), kind.as_str().into());
        if let Some(Value::Array(values)) = &values {
            let fits = |value: &&Value| {
                json_type(value) == kind || (kind == "number" && json_type(value) == "integer")
            };
            let fitting: Vec<Value> = values.iter().filter(fits).cloned().collect();
            if fitting.is_empty() {
                continue;
            }
            alternative.insert("enum".into(), fitting.into());
        }
        let of_type = if kind == "integer" { "number" } else { kind };
        for (_, keywords) in OF_TYPE.iter().filter(|(name, _)| *name == of_type) {
            for keyword in *keywords {
                if let Some(value) = fields.get(*keyword) {
                    alternative.insert((*keyword).into(), value.clone());
                }
            }
        }
        complete(&mut alternative);
        alternatives.push(alternative.into());
    }
    for keyword in OF_TYPE.iter().flat_map(|(_, keywords)| keywords.iter()) {
        fields.shift_remove(*keyword);
    }
    fields.shift_remove("type");
    fields.insert("anyOf".into(), alternatives.into());
}

/// Names the types of a field that may be of any: some clients throw on a field without a type.
pub(super) fn name_every_type(field: &mut Value) {
    let Value::Object(fields) = field else { return };
    let says = ["type", "enum", "const", "anyOf", "oneOf", "allOf", "not", "if", "$ref"];
    if !says.iter().any(|keyword| fields.contains_key(*keyword)) {
        fields.insert("type".into(), json!(["string", "number", "boolean", "array", "object"]));
        one_type_each(fields);
    }
}

/// Adds what clients want in an array: they read one without `items` as no schema at all. An object without `properties`
/// is left as it is within an input, because some clients drop whatever an object holds that has an empty list of them.
pub(super) fn complete(fields: &mut Map<String, Value>) {
    if fields.get("type").is_none_or(|kind| kind != "array") {
        return;
    }
    let first: Vec<Value> = match fields.get("prefixItems") {
        Some(Value::Array(first)) => first.clone(),
        _ => Vec::new(),
    };
    // As many items as `prefixItems` has: then what `items` says concerns none, and can be what clients without
    // `prefixItems` have to know.
    if fields.get("items") == Some(&json!(false)) {
        let least =
            fields.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX).min(first.len() as u64);
        fields.insert("maxItems".into(), least.into());
        fields.shift_remove("items");
    }
    let bounded =
        fields.get("maxItems").and_then(Value::as_u64).is_some_and(|most| most <= first.len() as u64);
    if !fields.contains_key("items") || fields.get("items") == Some(&json!(true)) {
        let items = match first.as_slice() {
            [one, rest @ ..] if bounded => {
                let mut different = vec![one.clone()];
                for schema in rest {
                    if !different.contains(schema) {
                        different.push(schema.clone());
                    }
                }
                if different.len() == 1 { one.clone() } else { json!({ "anyOf": different }) }
            }
            _ => json!({}),
        };
        if bounded && items == first.first().cloned().unwrap_or_default() {
            fields.shift_remove("prefixItems");
        }
        fields.insert("items".into(), items);
    }
}
