//! Resolves references, so that a schema needs no definitions.

use serde_json::{Map, Value, json};

/// Values that a resolved schema may have.
const VALUES_MAX: usize = 5_000;
/// Levels of a resolved schema.
const DEPTH_MAX: usize = 60;
/// Levels that a recursive definition is shown to, as far as there is room.
const RECURSION_LEVELS: [usize; 3] = [2, 1, 0];

/// Where definitions stand.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];
/// Keywords whose values are data rather than schemas.
const DATA: [&str; 4] = ["const", "enum", "default", "examples"];
/// Keywords whose values are schemas by name, and the names are not keywords.
const NAMED: [&str; 5] = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];
/// Keywords that refuse nothing.
const NOTES: [&str; 5] = ["title", "description", "default", "examples", "deprecated"];

/// `schema` with every reference resolved. A definition that recurses is shown to a level or two, and as its type below
/// that. `None` if that would become too large, or a reference leads out of the document.
pub(super) fn inlined(schema: &Value) -> Option<Value> {
    RECURSION_LEVELS.into_iter().find_map(|levels| {
        let mut inliner = Inliner { root: schema, levels, open: Vec::new(), values: 0 };
        let mut inlined = inliner.value(schema, 0)?;
        if let Value::Object(root) = &mut inlined {
            for place in DEFINITIONS {
                root.shift_remove(place);
            }
        }
        Some(inlined)
    })
}

struct Inliner<'s> {
    root: &'s Value,
    levels: usize,
    /// The references that are being resolved, the innermost last.
    open: Vec<String>,
    values: usize,
}

impl Inliner<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Option<Value> {
        self.values += 1;
        if self.values > VALUES_MAX || depth > DEPTH_MAX {
            return None;
        }
        Some(match value {
            Value::Object(fields) => Value::Object(self.object(fields, depth)?),
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.value(item, depth + 1)).collect::<Option<_>>()?)
            }
            plain => plain.clone(),
        })
    }

    fn object(&mut self, fields: &Map<String, Value>, depth: usize) -> Option<Map<String, Value>> {
        let mut inlined = Map::new();
        for (keyword, value) in fields {
            let name = keyword.as_str();
            if (depth == 0 && DEFINITIONS.contains(&name)) || name == "$ref" {
                continue;
            }
            let value = match value {
                value if DATA.contains(&name) => value.clone(),
                Value::Object(named) if NAMED.contains(&name) => Value::Object(self.named(named, depth + 1)?),
                value => self.value(value, depth + 1)?,
            };
            inlined.insert(keyword.clone(), value);
        }
        match fields.get("$ref") {
            Some(reference) => self.resolve(reference.as_str()?, inlined, depth),
            None => Some(inlined),
        }
    }

    fn named(&mut self, schemas: &Map<String, Value>, depth: usize) -> Option<Map<String, Value>> {
        let inlined = schemas.iter().map(|(name, schema)| Some((name.clone(), self.value(schema, depth)?)));
        inlined.collect()
    }

    /// What `reference` leads to, with what stood beside it.
    fn resolve(
        &mut self,
        reference: &str,
        mut beside: Map<String, Value>,
        depth: usize,
    ) -> Option<Map<String, Value>> {
        let pointer = reference.strip_prefix('#')?.to_owned();
        let target = self.root.pointer(&pointer)?;
        // The whole document is open from the start.
        let opened =
            self.open.iter().filter(|open| **open == pointer).count() + usize::from(pointer.is_empty());
        let target = if opened > self.levels {
            outline(target)
        } else {
            self.open.push(pointer);
            let target = self.value(target, depth + 1);
            self.open.pop();
            target?
        };
        let mut target = match target {
            Value::Object(target) => target,
            Value::Bool(true) => Map::new(),
            _ => return None,
        };
        for place in DEFINITIONS {
            target.shift_remove(place);
        }
        if beside.keys().all(|keyword| NOTES.contains(&keyword.as_str()) || !target.contains_key(keyword)) {
            target.extend(beside);
            return Some(target);
        }
        let mut all = match beside.shift_remove("allOf") {
            Some(Value::Array(all)) => all,
            _ => Vec::new(),
        };
        all.push(Value::Object(target));
        beside.insert("allOf".into(), all.into());
        Some(beside)
    }
}

/// What a schema is at the least: its type and its description.
fn outline(schema: &Value) -> Value {
    let mut outline = json!({});
    for keyword in ["type", "description"] {
        if let Some(value) = schema.get(keyword) {
            outline[keyword] = value.clone();
        }
    }
    outline
}

/// The fields of a schema that cannot be shown whole, each with its type and its description.
pub(super) fn outlined(schema: &Value) -> Value {
    let fields = schema.get("properties").and_then(Value::as_object);
    let outlines = fields.into_iter().flatten().take(VALUES_MAX / 10).map(|(name, field)| {
        let reference = field.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        let target = reference.and_then(|pointer| schema.pointer(pointer)).unwrap_or(field);
        (name.clone(), outline(target))
    });
    let properties: Map<String, Value> = outlines.collect();
    let mut shown = json!({ "type": "object", "properties": properties });
    for keyword in ["description", "required"] {
        if let Some(value) = schema.get(keyword) {
            shown[keyword] = value.clone();
        }
    }
    shown
}
