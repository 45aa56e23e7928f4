//! What a schema is made of, before the library sees it.
//!
//! The library compiles what a `$ref` leads to wherever that is, and some keywords anew for each way that leads to
//! them. So every place where a schema stands is listed, references may lead to these places only, and what would
//! have no end, or one that is too far away, is refused.

use std::collections::{HashMap, HashSet};

use longshore_domain::beginning_of;
use serde_json::{Map, Value};

use super::pattern;

/// Schemas in a schema.
const PLACES_MAX: usize = 20_000;
/// Bytes of the paths of all keywords and schemas. The library keeps several copies, and names can be long.
const PATHS_BYTES_MAX: usize = 16 << 20;
/// What all patterns may take, about: ten megabytes.
const PATTERNS_MAX: u64 = 100_000;

/// Characters of a pattern, or a reference, that are repeated in an error.
const SHOWN_CHARS_MAX: usize = 100;

/// How a keyword has schemas.
pub(super) enum Holds {
    One,
    List,
    Named,
}

/// How the keyword has schemas, and whether they are applied to the very value that the keyword is applied to.
pub(super) fn holds(keyword: &str) -> Option<(Holds, bool)> {
    Some(match keyword {
        "allOf" | "anyOf" | "oneOf" => (Holds::List, true),
        "not" | "if" | "then" | "else" => (Holds::One, true),
        "dependentSchemas" | "dependencies" => (Holds::Named, true),
        "prefixItems" => (Holds::List, false),
        "items"
        | "additionalItems"
        | "contains"
        | "additionalProperties"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contentSchema" => (Holds::One, false),
        "properties" | "patternProperties" | "$defs" | "definitions" => (Holds::Named, false),
        _ => return None,
    })
}

/// A place where a schema stands.
pub(super) struct Place<'a> {
    pub(super) schema: &'a Value,
    /// The places of the schemas that are written within it.
    pub(super) within: Vec<usize>,
    /// The places that its references lead to.
    pub(super) referred: Vec<usize>,
    /// The places, of both kinds, whose schemas are applied to the same value.
    pub(super) alongside: Vec<usize>,
    pub(super) path_bytes: usize,
}

/// All places of a schema.
#[derive(Default)]
pub(super) struct Survey<'a> {
    pub(super) places: Vec<Place<'a>>,
    /// The most that an error copies from the schema, in bytes.
    pub(super) error_bytes: u64,
    /// The longest list of alternatives.
    pub(super) alternatives: usize,
    by_address: HashMap<usize, usize>,
    anchors: HashMap<&'a str, usize>,
    references: Vec<(usize, &'a str)>,
    patterns: HashSet<&'a str>,
    patterns_size: u64,
    paths_bytes: usize,
}

impl<'a> Survey<'a> {
    pub(super) fn of(root: &'a Value) -> Result<Self, String> {
        let mut survey = Self::default();
        survey.place(root, 0)?;
        let id = root.get("$id").and_then(Value::as_str).unwrap_or_default();
        for (from, reference) in std::mem::take(&mut survey.references) {
            let to = survey.target(root, id, reference)?;
            survey.places[from].referred.push(to);
            survey.places[from].alongside.push(to);
        }
        Ok(survey)
    }

    /// The place of a schema in the value that was surveyed.
    pub(super) fn index(&self, schema: &Value) -> Option<usize> {
        self.by_address.get(&std::ptr::from_ref(schema).addr()).copied()
    }

    fn place(&mut self, schema: &'a Value, path_bytes: usize) -> Result<usize, String> {
        let index = self.places.len();
        if index == PLACES_MAX {
            return Err(format!("it consists of more than {PLACES_MAX} schemas"));
        }
        self.path(path_bytes)?;
        let (within, referred, alongside) = Default::default();
        self.places.push(Place { schema, within, referred, alongside, path_bytes });
        self.by_address.insert(std::ptr::from_ref(schema).addr(), index);
        if let Value::Object(members) = schema {
            self.names(members, index)?;
            for (keyword, value) in members {
                self.keyword(index, keyword, value)?;
            }
        }
        Ok(index)
    }

    fn names(&mut self, members: &'a Map<String, Value>, index: usize) -> Result<(), String> {
        if index > 0 && members.contains_key("$id") {
            return Err("\"$id\" may stand at the root of a schema only".to_owned());
        }
        let anchors = ["$anchor", "$dynamicAnchor"].map(|anchor| members.get(anchor).and_then(Value::as_str));
        for anchor in anchors.into_iter().flatten() {
            if self.anchors.insert(anchor, index).is_some_and(|other| other != index) {
                return Err(format!("the anchor {anchor:?} is there twice"));
            }
        }
        Ok(())
    }

    fn keyword(&mut self, index: usize, keyword: &'a str, value: &'a Value) -> Result<(), String> {
        let path_bytes = self.places[index].path_bytes + keyword.len() + 1;
        self.path(path_bytes)?;
        let copied = match (keyword, value) {
            ("$ref" | "$dynamicRef", Value::String(reference)) => {
                self.references.push((index, reference));
                0
            }
            ("pattern", Value::String(pattern)) => {
                self.pattern(pattern)?;
                pattern.len() as u64
            }
            ("patternProperties", Value::Object(patterns)) => {
                for pattern in patterns.keys() {
                    self.pattern(pattern)?;
                    if !pattern::is_plain(pattern) {
                        let shown = beginning_of(pattern, SHOWN_CHARS_MAX);
                        return Err(format!(
                            "in patternProperties, {shown:?} is no pattern without lookaround and back-references"
                        ));
                    }
                }
                0
            }
            ("not", schema) => memory(schema),
            ("required" | "dependentRequired" | "dependencies" | "format", names) => longest_text(names),
            _ => 0,
        };
        self.error_bytes = self.error_bytes.max(copied);
        let Some((holds, alongside)) = holds(keyword) else { return Ok(()) };
        let parts: Vec<(usize, &Value)> = match (holds, value) {
            (Holds::Named, Value::Object(named)) => {
                named.iter().map(|(name, schema)| (name.len() + 1, schema)).collect()
            }
            (Holds::List, Value::Array(list)) => {
                if alongside {
                    self.alternatives = self.alternatives.max(list.len());
                }
                list.iter().map(|schema| (6, schema)).collect()
            }
            (Holds::One, schema) => vec![(0, schema)],
            // Wrong, which the library says better.
            _ => return Ok(()),
        };
        for (name_bytes, schema) in parts {
            if schema.is_object() || schema.is_boolean() {
                let part = self.place(schema, path_bytes + name_bytes)?;
                self.places[index].within.push(part);
                if alongside {
                    self.places[index].alongside.push(part);
                }
            }
        }
        Ok(())
    }

    fn path(&mut self, bytes: usize) -> Result<(), String> {
        self.paths_bytes += bytes;
        if self.paths_bytes > PATHS_BYTES_MAX {
            return Err("its names are too long for as many schemas as they are names of".to_owned());
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &'a str) -> Result<(), String> {
        if self.patterns.insert(pattern) {
            self.patterns_size = self.patterns_size.saturating_add(pattern::measure(pattern).compiled);
        }
        if self.patterns_size > PATTERNS_MAX {
            return Err("its patterns are too large; mind that repetitions multiply".to_owned());
        }
        Ok(())
    }

    /// The place that a reference leads to.
    fn target(&self, root: &'a Value, id: &str, reference: &str) -> Result<usize, String> {
        let shown = beginning_of(reference, SHOWN_CHARS_MAX);
        let fragment = reference
            .strip_prefix(id.trim_end_matches('#'))
            .or(Some(reference))
            .and_then(|rest| if rest.is_empty() { Some("") } else { rest.strip_prefix('#') });
        let Some(fragment) = fragment else {
            return Err(format!("the reference {shown:?} leads out of the schema, and nothing is fetched"));
        };
        let name = percent_decoded(fragment);
        let place = match name.as_deref() {
            Some(pointer) if pointer.is_empty() || pointer.starts_with('/') => {
                root.pointer(pointer).and_then(|schema| self.index(schema))
            }
            Some(anchor) => self.anchors.get(anchor).copied(),
            None => None,
        };
        place.ok_or_else(|| format!("the reference {shown:?} does not lead to a place where a schema stands"))
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            (digit()? * 16 + digit()?) as u8
        } else {
            byte
        });
    }
    String::from_utf8(decoded).ok()
}

/// About what a value takes in memory.
fn memory(value: &Value) -> u64 {
    size_of::<Value>() as u64
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => 16 + text.len() as u64,
            Value::Array(elements) => 16 + elements.iter().map(memory).sum::<u64>(),
            Value::Object(members) => {
                let member = |(name, member): (&String, &Value)| 80 + name.len() as u64 + memory(member);
                members.iter().map(member).sum()
            }
        }
}

fn longest_text(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Array(elements) => elements.iter().map(longest_text).max().unwrap_or_default(),
        Value::Object(members) => members.values().map(longest_text).max().unwrap_or_default(),
        _ => 0,
    }
}
