//! Input schemas as generators and people write them: which inputs they take, and how they are listed.
//!
//! `tests/guests/awkward/schemas.json` has them; `tests/clients/schemas.py` takes the same through agent frameworks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::{Client, Era, Project, guest};

/// A debug build on a busy machine compiles all cases in less.
const PATIENCE: Duration = Duration::from_secs(120);

/// A schema, and what is true of it.
#[derive(Deserialize)]
struct Case {
    name: String,
    schema: Value,
    /// What of it some clients cannot read, as `plugin inspect` calls it, where there is no other way to express it.
    unportable: Option<String>,
    /// The values of enumerations, by the path of their field.
    enums: Map<String, Value>,
    accepts: Vec<Value>,
    refuses: Vec<Value>,
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/awkward/schemas.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The guest with the name and the schema of a case in place of its own.
fn shaped(case: &Case) -> Vec<u8> {
    const MARK: &str = "awkward-shape:";
    const SHAPE_BYTES: usize = 16_384;
    let mut component = fs::read(guest("awkward")).unwrap();
    let at = component.windows(MARK.len()).position(|bytes| bytes == MARK.as_bytes()).unwrap();
    let shape = format!("{MARK}{}\n{}", case.name, case.schema);
    assert!(shape.len() <= SHAPE_BYTES, "{} does not fit into the guest", case.name);
    component[at..at + SHAPE_BYTES].copy_from_slice(format!("{shape:SHAPE_BYTES$}").as_bytes());
    component
}

fn project(cases: &[Case]) -> Project {
    let project = Project::with_guests(&[], "");
    for case in cases {
        project.add_component(&case.name, &shaped(case), "");
    }
    project
}

/// The input schema of each case as it is listed, once all of them are: so many components take their time to compile.
fn listed(client: &mut Client, cases: &[Case]) -> Vec<Value> {
    let begin = Instant::now();
    loop {
        let tools = client.request("tools/list", json!({}))["tools"].clone();
        let schema = |case: &Case| {
            let tools = tools.as_array().unwrap();
            Some(tools.iter().find(|tool| tool["name"] == case.name.as_str())?["inputSchema"].clone())
        };
        if let Some(schemas) = cases.iter().map(schema).collect() {
            return schemas;
        }
        assert!(begin.elapsed() < PATIENCE, "not all cases are listed after {PATIENCE:?}: {tools}");
    }
}

/// A value without the fields that are null: whether such a field is absent makes no difference.
fn said(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            kept.map(|(name, value)| (name.clone(), said(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(said).collect(),
        plain => plain.clone(),
    }
}

#[test]
fn a_job_gets_what_fits_its_schema_and_nothing_else() {
    let cases = cases();
    let project = project(&cases);
    let mut client = project.serve(Era::Modern);
    listed(&mut client, &cases);
    for case in &cases {
        for input in &case.accepts {
            let id = client.enqueue(&case.name, input.clone());
            let status = client.ended(&id);
            assert_eq!(status["status"], "completed", "{} {input}: {status}", case.name);
            assert_eq!(said(&status["result"]["given"]), said(input), "{}", case.name);
        }
        for input in &case.refuses {
            let error = client.tool_error(&case.name, input.clone());
            assert_eq!(error["code"], "invalid_input", "{} {input}: {error}", case.name);
        }
    }
}

#[test]
fn schemas_are_listed_in_the_form_that_every_client_reads() {
    let cases = cases();
    let project = project(&cases);
    let mut client = project.serve(Era::Modern);
    let listed = listed(&mut client, &cases);
    let mut breaches = Vec::new();
    for (case, schema) in cases.iter().zip(&listed) {
        if schema["type"] != "object" || !schema["properties"].is_object() {
            breaches.push(format!("{} is listed without type or properties: {schema}", case.name));
        }
        if case.unportable.is_none() {
            check(schema, &case.name, &mut breaches);
        }
        for (path, values) in &case.enums {
            let found = path.split('/').fold(schema, |schema, name| match name {
                "items" => &schema["items"],
                name => &schema["properties"][name],
            });
            if sorted(&found["enum"]) != sorted(values) {
                breaches
                    .push(format!("{}: {path} is listed without its values {values}: {found}", case.name));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

fn sorted(values: &Value) -> BTreeSet<String> {
    values.as_array().into_iter().flatten().map(Value::to_string).collect()
}

/// Collects what a client that others wrote fails on; `tests/clients/portable.py` says which one on what.
fn check(schema: &Value, at: &str, breaches: &mut Vec<String>) {
    let Some(fields) = schema.as_object() else {
        breaches.push(format!("{at} is the boolean schema {schema}"));
        return;
    };
    let mut breach = |what: &str| breaches.push(format!("{at} has {what}: {schema}"));
    for keyword in ["$schema", "$id", "$comment", "$defs", "definitions", "$ref", "allOf", "oneOf", "const"] {
        if fields.contains_key(keyword) {
            breach(keyword);
        }
    }
    if fields.get("title").is_some_and(Value::is_string) {
        breach("a title");
    }
    match fields.get("type") {
        None if fields.contains_key("enum") || fields.contains_key("anyOf") || at.ends_with("/items") => {}
        Some(Value::String(_)) => {}
        _ => breach("no single type"),
    }
    if schema["type"] == "array" && !fields.contains_key("items") {
        breach("no items");
    }
    if fields.get("format").is_some_and(|format| format != "date" && format != "date-time") {
        breach("a format that is not known everywhere");
    }
    if fields.get("enum").is_some_and(|values| {
        values.as_array().is_none_or(|values| values.is_empty() || values.contains(&Value::Null))
    }) {
        breach("null among its values, or no value");
    }
    if fields.get("additionalProperties").is_some_and(Value::is_boolean) {
        breach("additionalProperties as a boolean");
    }
    if let Some(items) = fields.get("items").filter(|items| **items != json!({})) {
        check(items, &format!("{at}/items"), breaches);
    }
    for (number, arm) in fields.get("anyOf").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if arm["type"] == "null" && !at.ends_with("/items") {
            breaches.push(format!("{at} is a union with null: {schema}"));
        }
        check(arm, &format!("{at}/anyOf/{number}"), breaches);
    }
    for (name, field) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
        check(field, &format!("{at}/{name}"), breaches);
    }
}

#[test]
fn inspect_names_what_some_clients_cannot_read() {
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.unportable.is_some()).collect();
    let project = project(&cases);
    for case in &cases {
        let output = project.longshore(&["plugin", "inspect", &case.name]);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        // The schema, which is printed as well, has the word, too.
        let section = text.split_once("some clients cannot read").map_or("", |(_, rest)| rest);
        let named: String = section.split("\n\n").take(2).collect();
        assert!(named.contains(case.unportable.as_deref().unwrap()), "{}: {text}", case.name);
    }
}
