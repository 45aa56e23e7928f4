//! What some clients cannot read in a schema, even as they are shown it.

use serde_json::{Map, Value};

/// Places that are named; a schema with more needs another look anyway.
const NOTES_MAX: usize = 20;
/// Levels that are looked at.
const DEPTH_MAX: usize = 100;
/// Longest name of a field that the interfaces of all models take.
const NAME_CHARS_MAX: usize = 64;

/// Keywords that some clients ignore or refuse, and why that matters.
const KEYWORDS: [(&str, &str); 11] = [
    ("const", "is dropped by some clients; use enum with one value"),
    ("allOf", "is refused or ignored by some clients; write its parts as one schema"),
    ("not", "is ignored by some clients; the host still checks it"),
    ("if", "is ignored by some clients; the host still checks it"),
    ("patternProperties", "is refused or ignored by some clients"),
    ("propertyNames", "is refused or ignored by some clients"),
    ("dependentSchemas", "is refused or ignored by some clients"),
    ("dependentRequired", "is refused or ignored by some clients"),
    ("prefixItems", "is refused or ignored by some clients; use an object with named fields"),
    ("contains", "is refused or ignored by some clients"),
    ("unevaluatedProperties", "is ignored by some clients; use additionalProperties"),
];

/// What some clients cannot read of `schema`, although it is shown to them as [`super::for_clients`] says it: a sentence
/// for each place. Empty if every client reads all of it.
pub fn unreadable(schema: &Value) -> Vec<String> {
    let shown = &super::for_clients(schema);
    let mut notes = Notes { found: Vec::new() };
    if super::inline::inlined(schema).is_none() {
        notes.add(
            "",
            "is too large or refers to other documents; clients are shown the names and types of its fields",
        );
    } else if recurses(schema) {
        notes.add("", "a definition refers to itself; clients are shown two levels of it at most");
    }
    for keyword in ["anyOf", "oneOf", "enum"] {
        if shown.get(keyword).is_some() {
            notes.add(
                "",
                &format!("{keyword} at the root of a tool's input is refused by some models' interfaces"),
            );
        }
    }
    notes.schema(shown, "", 0);
    notes.found
}

/// Whether a reference leads into a definition from within itself.
fn recurses(schema: &Value) -> bool {
    fn within<'s>(root: &'s Value, value: &'s Value, open: &mut Vec<&'s str>, steps: &mut u32) -> bool {
        *steps += 1;
        if *steps > 20_000 {
            return true;
        }
        let referred = value.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        if let Some(pointer) = referred {
            if pointer.is_empty() || open.contains(&pointer) {
                return true;
            }
            let Some(target) = root.pointer(pointer) else { return false };
            open.push(pointer);
            let found = within(root, target, open, steps);
            open.pop();
            return found;
        }
        match value {
            Value::Object(fields) => {
                let own =
                    fields.iter().filter(|(name, _)| !["$defs", "definitions"].contains(&name.as_str()));
                own.into_iter().any(|(_, value)| within(root, value, open, steps))
            }
            Value::Array(items) => items.iter().any(|item| within(root, item, open, steps)),
            _ => false,
        }
    }
    within(schema, schema, &mut Vec::new(), &mut 0)
}

struct Notes {
    found: Vec<String>,
}

impl Notes {
    fn add(&mut self, at: &str, what: &str) {
        let at = if at.is_empty() { "/" } else { at };
        let note = format!("{at}: {what}");
        if self.found.len() < NOTES_MAX && !self.found.contains(&note) {
            self.found.push(note);
        }
    }

    fn schema(&mut self, schema: &Value, at: &str, depth: usize) {
        let Value::Object(fields) = schema else { return };
        if depth > DEPTH_MAX {
            self.add(at, "is nested deeper than clients read");
            return;
        }
        for (keyword, why) in KEYWORDS {
            if fields.contains_key(keyword) {
                self.add(at, &format!("{keyword} {why}"));
            }
        }
        self.alternatives(fields, at);
        if let Some(Value::Array(values)) = fields.get("enum")
            && values.iter().any(|value| !value.is_string())
        {
            self.add(at, "lists values that are no texts; some models' interfaces take texts only");
        }
        if fields.get("items").is_some_and(|items| items.as_object().is_some_and(Map::is_empty)) {
            self.add(at, "says nothing of its items; some models' interfaces want their type");
        }
        for (keyword, member) in fields {
            match (keyword.as_str(), member) {
                ("properties" | "$defs" | "definitions" | "patternProperties", Value::Object(named)) => {
                    for (name, schema) in named {
                        let at = format!("{at}/{name}");
                        if keyword == "properties" {
                            self.name(name, &at);
                        }
                        self.schema(schema, &at, depth + 1);
                    }
                }
                ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(members)) => {
                    for schema in members {
                        self.schema(schema, at, depth + 1);
                    }
                }
                ("items", schema) => self.schema(schema, &format!("{at}/items"), depth + 1),
                ("additionalProperties", schema) => self.schema(schema, &format!("{at}/*"), depth + 1),
                _ => {}
            }
        }
    }

    fn alternatives(&mut self, fields: &Map<String, Value>, at: &str) {
        for keyword in ["anyOf", "oneOf"] {
            let Some(Value::Array(members)) = fields.get(keyword) else { continue };
            if members.iter().any(|member| member.get("type").is_some_and(|kind| kind == "null")) {
                self.add(at, "is required and may be null; some clients cannot say null: make it optional");
            } else if keyword == "oneOf" {
                self.add(at, "oneOf is refused or ignored by some clients; use anyOf");
            }
        }
        if fields.get("type").is_some_and(Value::is_array) {
            self.add(at, "has several types beside alternatives; clients read one type a schema");
        }
    }

    fn name(&mut self, name: &str, at: &str) {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || !name.chars().all(plain) {
            self.add(
                at,
                &format!(
                    "some models' interfaces take names of 1 to {NAME_CHARS_MAX} letters, digits, '_', '-' and '.' only"
                ),
            );
        }
    }
}
