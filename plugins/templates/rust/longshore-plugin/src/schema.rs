//! The schemas of a job, made of its types in the form that every client takes.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// The schema of what a job takes.
pub(crate) fn input<T: JsonSchema>() -> String {
    schema::<T>(SchemaSettings::draft2020_12())
}

/// The schema of what a job returns.
pub(crate) fn output<T: JsonSchema>() -> String {
    schema::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn schema<T: JsonSchema>(settings: SchemaSettings) -> String {
    let mut schema = settings
        .with(|settings| {
            // Some clients that show a tool's schema to a model do not follow `$ref`, and models need no title.
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .into_generator()
        .into_root_schema_for::<T>();
    RecursiveTransform(plain).transform(&mut schema);
    RecursiveTransform(optional_fields).transform(&mut schema);
    schema.as_value().to_string()
}

/// Says one schema in the words that clients read.
fn plain(schema: &mut Schema) {
    let Some(fields) = schema.as_object_mut() else { return };
    fields.remove("title");
    integer_bounds(fields);
    constants_as_enum(fields);
    one_type_each(fields);
    if fields.get("type") == Some(&json!("object")) {
        fields.entry("properties").or_insert_with(|| json!({}));
    }
    if fields.get("type") == Some(&json!("array")) {
        fields.entry("items").or_insert_with(|| json!({}));
    }
}

/// Replaces the formats of Rust's integers, which no reader knows, by their bounds, so that a number that is too large
/// is refused before there is a job. Those of 8 and 16 bits have their bounds already; `usize` has 32 bits in a component.
fn integer_bounds(fields: &mut Map<String, Value>) {
    let Some(format) = fields.get("format").and_then(Value::as_str) else { return };
    let (least, most) = match format {
        "int32" | "int" => (json!(i32::MIN), json!(i32::MAX)),
        "uint32" | "uint" => (json!(0), json!(u32::MAX)),
        "int64" => (json!(i64::MIN), json!(i64::MAX)),
        "uint64" => (json!(0), json!(u64::MAX)),
        "int8" | "uint8" | "int16" | "uint16" | "float" | "double" => {
            fields.remove("format");
            return;
        }
        _ => return,
    };
    fields.remove("format");
    fields.entry("minimum").or_insert(least);
    fields.entry("maximum").or_insert(most);
}

/// Writes the variants of an enum as one list of values, with what is said of each.
fn constants_as_enum(fields: &mut Map<String, Value>) {
    if let Some(Value::Array(variants)) = fields.get("oneOf") {
        let mut values = Vec::new();
        let mut texts: Vec<String> =
            fields.get("description").and_then(Value::as_str).map(str::to_owned).into_iter().collect();
        for variant in variants {
            let named = match (variant.get("const"), variant.get("enum")) {
                (Some(value), None) => vec![value.clone()],
                (None, Some(Value::Array(values))) => values.clone(),
                _ => return,
            };
            if let Some(text) = variant.get("description").and_then(Value::as_str) {
                let names: Vec<_> =
                    named.iter().map(|name| name.as_str().map_or(name.to_string(), Into::into)).collect();
                texts.push(format!("{}: {text}", names.join(", ")));
            }
            values.extend(named);
        }
        if !texts.is_empty() {
            fields.insert("description".into(), texts.join("\n").into());
        }
        fields.remove("oneOf");
        if values.iter().all(Value::is_string) {
            fields.insert("type".into(), "string".into());
        }
        fields.insert("enum".into(), values.into());
    } else if let Some(value) = fields.remove("const") {
        fields.insert("enum".into(), json!([value]));
    }
}

/// Writes several types as alternatives of one each, an array with its items. Clients that turn a tool's schema into
/// that of a model often know only schemas of one type, and drop the others.
fn one_type_each(fields: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = fields.get("type").cloned() else { return };
    if fields.contains_key("anyOf") || is_nullable(&types) {
        return;
    }
    let items = fields.remove("items");
    let alternatives = types.iter().map(|kind| match kind.as_str() {
        Some("array") => json!({ "type": "array", "items": items.clone().unwrap_or_else(|| json!({})) }),
        _ => json!({ "type": kind }),
    });
    let alternatives: Vec<Value> = alternatives.collect();
    fields.remove("type");
    fields.insert("anyOf".into(), alternatives.into());
}

/// Whether the types are one and null, as those of an `Option`.
fn is_nullable(types: &[Value]) -> bool {
    types.len() == 2 && types.contains(&json!("null"))
}

/// Writes the fields of an object that may be left out as what they are when they are there: the host reads null as
/// absent, so nobody needs to be told of it.
fn optional_fields(schema: &mut Schema) {
    let Some(fields) = schema.as_object_mut() else { return };
    let required: Vec<String> = match fields.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(Into::into).collect(),
        _ => Vec::new(),
    };
    let Some(Value::Object(properties)) = fields.get_mut("properties") else { return };
    for (name, property) in properties {
        if let Value::Object(property) = property
            && !required.contains(name)
        {
            without_null(property);
        }
    }
}

fn without_null(field: &mut Map<String, Value>) {
    if field.get("default") == Some(&Value::Null) {
        field.remove("default");
    }
    if let Some(Value::Array(values)) = field.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(types)) = field.get("type") {
        let mut kinds = types.iter().filter(|kind| *kind != "null");
        if let (Some(only), None) = (kinds.next().cloned(), kinds.next()) {
            field.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(members)) = field.get_mut("anyOf") {
        members.retain(|member| member.get("type") != Some(&json!("null")));
        if let [Value::Object(only)] = members.as_slice() {
            let only = only.clone();
            field.remove("anyOf");
            for (keyword, value) in only {
                field.entry(keyword).or_insert(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Nested {
        /// How many.
        count: u32,
    }

    /// How it is written.
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    enum Format {
        /// With commas.
        Csv,
        Json,
        /// One a line.
        Jsonl,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Input {
        items: Vec<Nested>,
        /// Left out for all.
        limit: Option<u64>,
        format: Option<Format>,
        nested: Option<Nested>,
        names: Option<Vec<String>>,
        signed: i64,
        length: usize,
        must: Format,
        tags: std::collections::BTreeMap<String, i32>,
    }

    fn shown() -> Value {
        serde_json::from_str(&input::<Input>()).unwrap()
    }

    #[test]
    fn doc_comments_are_there_and_titles_are_not() {
        let schema = shown();
        assert_eq!(schema["properties"]["items"]["items"]["properties"]["count"]["description"], "How many.");
        let text = schema.to_string();
        for word in ["$schema", "$ref", "\"title\"", "format\":\"uint", "null"] {
            assert!(!text.contains(word), "{word}: {schema:#}");
        }
    }

    #[test]
    fn an_optional_field_is_its_plain_type() {
        let fields = &shown()["properties"];
        assert_eq!(
            fields["limit"],
            json!({"type": "integer", "minimum": 0, "maximum": u64::MAX, "description": "Left out for all."})
        );
        assert_eq!(fields["names"], json!({"type": "array", "items": {"type": "string"}}));
        assert_eq!(fields["nested"]["properties"]["count"]["maximum"], u32::MAX);
        assert_eq!(fields["nested"]["type"], "object");
        assert_eq!(fields["signed"], json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX}));
        assert_eq!(fields["length"]["maximum"], u32::MAX, "a component has 32 bits");
    }

    #[test]
    fn the_variants_of_an_enum_are_values() {
        let expected = json!({
            "type": "string",
            "enum": ["Json", "Csv", "Jsonl"],
            "description": "How it is written.\nCsv: With commas.\nJsonl: One a line.",
        });
        let fields = &shown()["properties"];
        assert_eq!(fields["must"], expected);
        assert_eq!(fields["format"], expected);
    }
}
