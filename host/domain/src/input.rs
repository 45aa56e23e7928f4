//! Reads inputs the way models send them.
//!
//! Models write `5.0` for an integer, `null` for an optional field that they leave out, and an object or a list as
//! JSON text. Each of these has one possible meaning under the schema, so it is read as that before the input is
//! checked. Everything else is left for the check to name.

use std::cell::Cell;

use serde_json::{Map, Number, Value};

/// Steps that reading one input may take; the rest of a larger one is left as it was sent.
const STEPS_MAX: u32 = 2_000_000;
/// Schemas that stand for one position, following references and alternatives.
const ALTERNATIVES_MAX: usize = 64;
/// Levels of references and alternatives that are followed.
const DEPTH_MAX: u32 = 24;

/// Reads `input` as `schema` (JSON Schema 2020-12) asks for it:
///
/// - a number without a fraction becomes an integer where the schema takes integers only;
/// - a text becomes the object or list that it holds as JSON where the schema takes no text;
/// - a field that is null is left out where the schema does not take null.
pub fn read_input(mut input: Value, schema: &Value) -> Value {
    let reader = Reader { root: schema, steps: Cell::new(0) };
    reader.read(&mut input, &[schema]);
    input
}

/// The type that a schema names for `value`: `integer` for a number that is written as one.
pub fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The JSON types that a schema takes, as far as can be told without the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Types(u8);

impl Types {
    const NONE: Self = Self(0);
    const ALL: Self = Self(0x7f);
    const NULL: Self = Self(1);
    const TEXT: Self = Self(1 << 2);
    const INTEGER: Self = Self(1 << 3);
    const FRACTION: Self = Self(1 << 4);
    const ARRAY: Self = Self(1 << 5);
    const OBJECT: Self = Self(1 << 6);

    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self(1 << 1),
            "string" => Self::TEXT,
            "integer" => Self::INTEGER,
            "number" => Self::INTEGER.or(Self::FRACTION),
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self::NONE,
        }
    }

    fn of(value: &Value) -> Self {
        Self::named(json_type(value))
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

struct Reader<'s> {
    root: &'s Value,
    steps: Cell<u32>,
}

impl<'s> Reader<'s> {
    /// Reads one value, for which any of `schemas` may speak.
    fn read(&self, value: &mut Value, schemas: &[&'s Value]) {
        if schemas.is_empty() || !self.step() {
            return;
        }
        let taken = schemas.iter().fold(Types::NONE, |types, schema| types.or(self.types(schema, 0)));
        match value {
            Value::Number(number) if taken.has(Types::INTEGER) && !taken.has(Types::FRACTION) => {
                if let Some(integer) = as_integer(number) {
                    *number = integer;
                }
            }
            Value::String(text) if !taken.has(Types::TEXT) => {
                if let Some(held) = held_as_json(text, taken) {
                    *value = held;
                }
            }
            _ => {}
        }
        match value {
            Value::Object(fields) => self.fields(fields, schemas),
            Value::Array(items) => self.items(items, schemas),
            _ => {}
        }
    }

    fn fields(&self, fields: &mut Map<String, Value>, schemas: &[&'s Value]) {
        let objects = self.alternatives(schemas);
        let mut absent = Vec::new();
        for (name, value) in fields.iter_mut() {
            let of_field: Vec<&Value> = objects.iter().filter_map(|object| field(object, name)).collect();
            let takes_null = || of_field.iter().any(|schema| self.types(schema, 0).has(Types::NULL));
            if value.is_null() && !of_field.is_empty() && !takes_null() {
                absent.push(name.clone());
            } else {
                self.read(value, &of_field);
            }
        }
        for name in absent {
            fields.shift_remove(&name);
        }
    }

    fn items(&self, items: &mut [Value], schemas: &[&'s Value]) {
        let lists = self.alternatives(schemas);
        for (index, value) in items.iter_mut().enumerate() {
            let of_item: Vec<&Value> = lists.iter().filter_map(|list| item(list, index)).collect();
            self.read(value, &of_item);
        }
    }

    /// The types that a schema takes. Never fewer than it does.
    fn types(&self, schema: &Value, depth: u32) -> Types {
        let fields = match schema {
            Value::Bool(false) => return Types::NONE,
            Value::Object(fields) if depth < DEPTH_MAX && self.step() => fields,
            _ => return Types::ALL,
        };
        let union = |schemas: &[Value]| {
            schemas.iter().fold(Types::NONE, |types, schema| types.or(self.types(schema, depth + 1)))
        };
        let mut types = match fields.get("type") {
            Some(Value::String(name)) => Types::named(name),
            Some(Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).map(Types::named).fold(Types::NONE, Types::or)
            }
            _ => Types::ALL,
        };
        if let Some(value) = fields.get("const") {
            types = types.and(Types::of(value));
        }
        if let Some(Value::Array(values)) = fields.get("enum") {
            types = types.and(values.iter().map(Types::of).fold(Types::NONE, Types::or));
        }
        if let Some(target) = self.target(fields) {
            types = types.and(self.types(target, depth + 1));
        }
        if let Some(Value::Array(all)) = fields.get("allOf") {
            types = all.iter().fold(types, |types, schema| types.and(self.types(schema, depth + 1)));
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(Value::Array(any)) = fields.get(keyword) {
                types = types.and(union(any));
            }
        }
        types
    }

    /// The schemas that stand for one position: `schemas` and what they refer to, are made of, or choose from.
    fn alternatives(&self, schemas: &[&'s Value]) -> Vec<&'s Map<String, Value>> {
        let mut found: Vec<&Map<String, Value>> = Vec::new();
        let mut open: Vec<(&Value, u32)> = schemas.iter().map(|schema| (*schema, 0)).collect();
        while let Some((schema, depth)) = open.pop() {
            let Value::Object(fields) = schema else { continue };
            if found.len() >= ALTERNATIVES_MAX || depth > DEPTH_MAX || !self.step() {
                break;
            }
            found.push(fields);
            open.extend(self.target(fields).map(|target| (target, depth + 1)));
            for keyword in ["allOf", "anyOf", "oneOf"] {
                if let Some(Value::Array(members)) = fields.get(keyword) {
                    open.extend(members.iter().map(|member| (member, depth + 1)));
                }
            }
            for keyword in ["then", "else"] {
                open.extend(fields.get(keyword).map(|member| (member, depth + 1)));
            }
        }
        found
    }

    /// What `$ref` leads to within the document.
    fn target(&self, fields: &Map<String, Value>) -> Option<&'s Value> {
        let pointer = fields.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    fn step(&self) -> bool {
        self.steps.set(self.steps.get() + 1);
        self.steps.get() < STEPS_MAX
    }
}

/// The schema that `object` has for a field.
fn field<'s>(object: &'s Map<String, Value>, name: &str) -> Option<&'s Value> {
    let named = object.get("properties").and_then(|properties| properties.get(name));
    named.or_else(|| object.get("additionalProperties").filter(|schema| schema.is_object()))
}

/// The schema that `list` has for the item at `index`.
fn item(list: &Map<String, Value>, index: usize) -> Option<&Value> {
    let first = list.get("prefixItems").and_then(|first| first.get(index));
    first.or_else(|| list.get("items").filter(|schema| schema.is_object()))
}

/// The same number as an integer of 64 bits, if it is one. None for a number that is an integer already.
fn as_integer(number: &Number) -> Option<Number> {
    const BEYOND_U64: f64 = 18_446_744_073_709_551_616.0;
    const I64_MIN: f64 = -9_223_372_036_854_775_808.0;
    let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0)?;
    if (0.0..BEYOND_U64).contains(&float) {
        Some(Number::from(float as u64))
    } else if (I64_MIN..=0.0).contains(&float) {
        Some(Number::from(float as i64))
    } else {
        None
    }
}

/// The object or list that a text holds as JSON, if one of the types that are taken is what it holds.
fn held_as_json(text: &str, taken: Types) -> Option<Value> {
    let begins_right = match text.trim_start().as_bytes().first()? {
        b'{' => taken.has(Types::OBJECT),
        b'[' => taken.has(Types::ARRAY),
        _ => false,
    };
    if begins_right { serde_json::from_str(text).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(schema: &Value, input: Value) -> Value {
        read_input(input, schema)
    }

    #[test]
    fn a_number_without_a_fraction_is_an_integer() {
        let schema = json!({"properties": {
            "limit": {"type": "integer"},
            "limits": {"type": "array", "items": {"$ref": "#/$defs/count"}},
            "either": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "rate": {"type": "number"},
            "any": {},
        }, "$defs": {"count": {"type": "integer"}}});
        let sent = json!({"limit": 5.0, "limits": [1.0, -2e3, 0.5], "either": 7.0, "rate": 5.0, "any": 5.0});
        let expected = json!({"limit": 5, "limits": [1, -2000, 0.5], "either": 7, "rate": 5.0, "any": 5.0});
        assert_eq!(read(&schema, sent).to_string(), expected.to_string());
        for same in
            [json!({"limit": 1e30}), json!({"limit": "5"}), json!({"limit": 1.5}), json!({"limit": u64::MAX})]
        {
            assert_eq!(read(&schema, same.clone()), same);
        }
        assert_eq!(read(&schema, json!({"limit": -0.0})).to_string(), r#"{"limit":0}"#);
        assert_eq!(read(&schema, json!({"limit": -9_223_372_036_854_775_808.0})), json!({"limit": i64::MIN}));
    }

    #[test]
    fn objects_and_lists_may_be_sent_as_json_text() {
        let schema = json!({"type": "object", "properties": {
            "columns": {"type": "array", "items": {"type": "string"}},
            "filter": {"type": "object", "properties": {"n": {"type": "integer"}}},
            "text": {"type": "string"},
            "text_or_list": {"type": ["string", "array"]},
        }});
        let sent = json!({
            "columns": " [\"a\", \"[b]\"]", "filter": "{\"n\": 3.0}", "text": "[1]", "text_or_list": "[1]",
        });
        let expected =
            json!({"columns": ["a", "[b]"], "filter": {"n": 3}, "text": "[1]", "text_or_list": "[1]"});
        assert_eq!(read(&schema, sent), expected);
        for same in [
            json!({"columns": "[1"}),
            json!({"columns": "{}"}),
            json!({"filter": "5"}),
            json!({"filter": ""}),
        ] {
            assert_eq!(read(&schema, same.clone()), same);
        }
        assert_eq!(read(&schema, json!("{\"text\": null}")), json!({}));
    }

    #[test]
    fn null_is_absent_unless_the_schema_takes_it() {
        let schema = json!({
            "properties": {
                "source": {"type": "string"},
                "value": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "choice": {"enum": ["a", null]},
                "any": {},
                "never": false,
                "list": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
            },
            "additionalProperties": false,
        });
        let sent = json!({
            "source": null, "value": null, "choice": null, "any": null, "never": null, "unknown": null,
            "list": [{"n": null}, null],
        });
        let expected =
            json!({"value": null, "choice": null, "any": null, "unknown": null, "list": [{}, null]});
        assert_eq!(read(&schema, sent), expected);
    }

    #[test]
    fn references_that_go_in_circles_end() {
        let schema = json!({
            "$ref": "#/$defs/node",
            "$defs": {
                "node": {"allOf": [{"$ref": "#/$defs/node"}], "properties": {"next": {"$ref": "#/$defs/node"}, "n": {"type": "integer"}}},
                "loop": {"$ref": "#/$defs/loop"},
            },
            "properties": {"loop": {"$ref": "#/$defs/loop"}},
        });
        let sent = json!({"n": 1.0, "next": {"n": 2.0, "next": {"n": 3.0, "loop": 1.0}}});
        let expected = json!({"n": 1, "next": {"n": 2, "next": {"n": 3, "loop": 1.0}}});
        assert_eq!(read(&schema, sent).to_string(), expected.to_string());
    }

    proptest! {
        #[test]
        fn what_fits_is_left_as_it_is(columns in prop::collection::vec(".*", 0..4), n in any::<i64>(), x in any::<f64>()) {
            let schema = json!({"properties": {
                "columns": {"type": "array", "items": {"type": "string"}}, "n": {"type": "integer"}, "x": {"type": "number"},
            }});
            let sent = json!({"columns": columns, "n": n, "x": x});
            prop_assert_eq!(read(&schema, sent.clone()), sent);
        }

        #[test]
        fn integers_keep_their_value(n in any::<i32>()) {
            let schema = json!({"type": "integer"});
            prop_assert_eq!(read(&schema, json!(f64::from(n))), json!(n));
        }
    }
}
