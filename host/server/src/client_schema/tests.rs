//! What is shown of schemas as people write them, and as libraries make them.

use serde_json::{Value, json};

use super::*;

/// What is shown of a field with this schema that may be left out.
fn optional(schema: &Value) -> Value {
    for_clients(&json!({"type": "object", "properties": {"field": schema}}))["properties"]["field"].clone()
}

/// What is shown of a field with this schema that has to be there.
fn required(schema: &Value) -> Value {
    let object = json!({"type": "object", "properties": {"field": schema}, "required": ["field"]});
    for_clients(&object)["properties"]["field"].clone()
}

#[test]
fn an_optional_field_is_its_plain_type() {
    for schema in [
        json!({"type": ["string", "null"], "default": null, "title": "Name"}),
        json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
        json!({"oneOf": [{"type": "null"}, {"type": "string"}]}),
        json!({"allOf": [{"anyOf": [{"type": "string"}, {"const": null}]}]}),
    ] {
        assert_eq!(optional(&schema), json!({"type": "string"}), "{schema}");
    }
    let choice =
        json!({"anyOf": [{"oneOf": [{"const": "a"}, {"const": "b"}]}, {"type": "null"}], "description": "x"});
    assert_eq!(optional(&choice), json!({"description": "x", "enum": ["a", "b"], "type": "string"}));
    assert_eq!(optional(&json!({"enum": ["a", null]})), json!({"enum": ["a"], "type": "string"}));
}

#[test]
fn null_stays_where_it_cannot_be_left_out() {
    let schema = json!({"anyOf": [{"type": "string"}, {"type": "null"}]});
    assert_eq!(required(&schema), schema);
    assert_eq!(
        required(&json!({"type": ["string", "null"], "minLength": 1})),
        json!({
            "anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]
        })
    );
    assert_eq!(optional(&json!({"type": "array", "items": schema.clone()}))["items"], schema);
}

#[test]
fn constants_are_an_enum_with_what_each_says() {
    let schema = json!({
        "description": "Format.",
        "oneOf": [
            {"const": "csv", "description": "With a header."},
            {"enum": ["json", "jsonl"], "type": "string"},
            {"const": "parquet", "title": "Parquet", "description": "Typed."},
        ],
    });
    assert_eq!(
        required(&schema),
        json!({
            "description": "Format.\ncsv: With a header.\nparquet: Typed.",
            "enum": ["csv", "json", "jsonl", "parquet"],
            "type": "string",
        })
    );
    assert_eq!(required(&json!({"const": 5})), json!({"enum": [5], "type": "integer"}));
    assert!(required(&json!({"oneOf": [{"const": "a"}, {"type": "integer"}]})).get("anyOf").is_some());
    // What would accept more is left as it is.
    for same in [
        json!({"oneOf": [{"const": "a"}, {"const": "a"}]}),
        json!({"oneOf": [{"type": "integer"}, {"type": "number"}]}),
    ] {
        assert!(required(&same).get("oneOf").is_some(), "{same}");
    }
}

#[test]
fn several_types_are_alternatives_with_their_own_keywords() {
    let schema = json!({
        "type": ["string", "number", "integer", "array", "null"], "items": {"type": "string"}, "minimum": 0, "description": "x",
    });
    assert_eq!(
        optional(&schema),
        json!({"description": "x", "anyOf": [
            {"type": "string"}, {"type": "number", "minimum": 0}, {"type": "array", "items": {"type": "string"}},
        ]})
    );
    assert_eq!(
        required(&json!({"type": ["string", "integer"], "enum": ["a", 1]})),
        json!({"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "integer", "enum": [1]}]})
    );
}

#[test]
fn bounds_beyond_the_integers_of_all_clients_are_left_out() {
    let exact = json!({"type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_i64});
    assert_eq!(required(&exact), exact);
    let wide = json!({"type": "integer", "minimum": i64::MIN, "maximum": u64::MAX});
    assert_eq!(required(&wide), json!({"type": "integer"}));
}

#[test]
fn arrays_have_items_and_objects_properties() {
    assert_eq!(required(&json!({"type": "array"})), json!({"type": "array", "items": {}}));
    assert_eq!(required(&json!({"type": "array", "items": true})), json!({"type": "array", "items": {}}));
    assert_eq!(required(&json!({"type": "object"})), json!({"type": "object"}));
    let pair =
        json!({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "integer"}], "items": false});
    assert_eq!(required(&pair), json!({"type": "array", "maxItems": 2, "items": {"type": "integer"}}));
    let mixed =
        json!({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": false});
    assert_eq!(
        required(&mixed),
        json!({
            "type": "array",
            "prefixItems": [{"type": "integer"}, {"type": "string"}],
            "maxItems": 2,
            "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        })
    );
    assert_eq!(for_clients(&json!({})), json!({"type": "object", "properties": {}}));
    assert_eq!(for_clients(&json!(true)), json!({"type": "object", "properties": {}}));
}

#[test]
fn references_are_resolved_unless_they_recurse() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Input",
        "properties": {
            "title": {"$ref": "#/$defs/Text", "description": "The title."},
            "tree": {"$ref": "#/$defs/Node"},
        },
        "$defs": {
            "Text": {"type": "string", "title": "Text", "description": "Any text."},
            "Node": {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}},
            "Unused": {"type": "string"},
        },
    });
    let level = |children: Value| json!({"type": "object", "properties": {"children": {"type": "array", "items": children}}});
    assert_eq!(
        for_clients(&schema),
        json!({
            "properties": {
                "title": {"type": "string", "description": "The title."},
                "tree": level(level(level(json!({"type": "object"})))),
            },
            "type": "object",
        })
    );
    let itself = json!({"type": "object", "properties": {"n": {"type": "integer"}, "next": {"$ref": "#"}}});
    let next = &for_clients(&itself)["properties"]["next"];
    assert_eq!(
        next["properties"]["next"],
        json!({"properties": {"n": {"type": "integer"}, "next": {"type": "object"}}, "type": "object"})
    );
}

#[test]
fn of_a_schema_that_would_become_too_large_the_fields_are_shown() {
    let mut definitions = serde_json::Map::new();
    definitions.insert("d0".into(), json!({"type": "string"}));
    for level in 1..40 {
        let below = json!({"$ref": format!("#/$defs/d{}", level - 1)});
        definitions
            .insert(format!("d{level}"), json!({"type": "object", "properties": {"a": below, "b": below}}));
    }
    let schema = json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/d39"}, "y": {"$ref": "other.json"}},
        "required": ["x"], "$defs": definitions});
    let shown = for_clients(&schema);
    assert_eq!((&shown["properties"]["x"], &shown["required"]), (&json!({"type": "object"}), &json!(["x"])));
    assert!(shown["properties"]["y"]["anyOf"].is_array());
}

#[test]
fn every_field_names_its_types() {
    let any = json!([
        {"type": "string"}, {"type": "number"}, {"type": "boolean"}, {"type": "array", "items": {}}, {"type": "object"},
    ]);
    for schema in [json!(true), json!({}), json!({"title": "Any"})] {
        assert_eq!(optional(&schema), json!({"anyOf": any}), "{schema}");
    }
    let bounded = required(&json!({"minLength": 2, "description": "x"}));
    assert_eq!(
        (&bounded["anyOf"][0], &bounded["description"]),
        (&json!({"type": "string", "minLength": 2}), &json!("x"))
    );
}

#[test]
fn what_the_host_checks_anyway_is_left_out() {
    let schema = json!({"type": "object", "properties": {
        "count": {"type": "integer", "format": "uint32"},
        "mail": {"type": "string", "format": "email", "description": "Whom to tell."},
        "day": {"type": "string", "format": "date"},
        "map": {"type": "object", "additionalProperties": {"type": "integer"}},
    }, "additionalProperties": false});
    assert_eq!(
        for_clients(&schema),
        json!({"type": "object", "properties": {
            "count": {"type": "integer"},
            "mail": {"type": "string", "description": "Whom to tell.\nFormat: email."},
            "day": {"type": "string", "format": "date"},
            "map": {"type": "object", "additionalProperties": {"type": "integer"}},
        }})
    );
}

#[test]
fn parts_of_one_object_are_put_together() {
    let schema = json!({"allOf": [
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        {"properties": {"b": {"type": "integer"}}, "required": ["b", "a"]},
    ]});
    assert_eq!(
        for_clients(&schema),
        json!({
            "type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "b"],
        })
    );
    let clash = json!({"type": "object", "allOf": [
        {"properties": {"a": {"type": "string"}}}, {"properties": {"a": {"minLength": 2}}},
    ]});
    assert!(for_clients(&clash)["allOf"].is_array());
}

#[test]
fn names_of_fields_are_not_keywords() {
    let schema = json!({
        "type": "object",
        "properties": {"title": {"type": "string"}, "$ref": {"type": "string"}, "default": {"type": "integer", "default": 3}},
        "required": ["title", "$ref", "default"],
    });
    assert_eq!(for_clients(&schema), schema);
    let data = json!({"type": "object", "properties": {"o": {"type": "object", "properties": {}, "default": {"title": "t", "$ref": "#/x"}}}});
    assert_eq!(for_clients(&data), data);
}

#[test]
fn what_is_left_for_some_clients_to_stumble_over_is_named() {
    let readable = json!({"type": "object", "properties": {
        "a": {"type": ["string", "null"]}, "b": {"type": "array", "items": {"type": "string"}},
    }});
    assert_eq!(unreadable(&readable), Vec::<String>::new());
    let schema = json!({
        "type": "object",
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        "properties": {
            "a": {"type": "array"},
            "b c": {"type": "string", "not": {"const": "x"}},
            "n": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "tree": {"$ref": "#"},
            "size": {"enum": [1, 2]},
        },
        "required": ["n"],
    });
    let notes = unreadable(&schema);
    for start in [
        "/: anyOf",
        "/a: says nothing of its items",
        "/b c: some models",
        "/b c: not",
        "/n: is required",
        "/: a definition",
    ] {
        assert!(notes.iter().any(|note| note.starts_with(start)), "{start} is not in {notes:#?}");
    }
}

/// As pydantic and serde write tagged unions.
#[test]
fn alternatives_that_a_field_tells_apart_are_any_of() {
    let arm = |tag: Value, field: &str| {
        json!({
            "type": "object",
            "properties": {"kind": tag, field: {"type": "number"}},
            "required": ["kind", field],
        })
    };
    let circle = arm(json!({"const": "circle", "type": "string", "title": "Kind"}), "r");
    let square = arm(json!({"enum": ["square", "box"], "type": "string"}), "side");
    let union =
        json!({"oneOf": [circle, square], "discriminator": {"propertyName": "kind", "mapping": {"a": "b"}}});
    for shown in [required(&union), optional(&json!({"type": "array", "items": union}))["items"].clone()] {
        assert_eq!(shown["anyOf"].as_array().map(Vec::len), Some(2), "{shown}");
        assert!(shown.get("oneOf").is_none() && shown.get("discriminator").is_none(), "{shown}");
        assert_eq!(shown["anyOf"][0]["properties"]["kind"], json!({"type": "string", "enum": ["circle"]}));
    }
    // Where one value may fit both, or the field may be missing, only one of them must.
    let loose = json!({"type": "object", "properties": {"kind": {"const": "circle"}}});
    for other in [loose, arm(json!({"const": "circle"}), "side"), arm(json!({"type": "string"}), "side")] {
        let shown = required(&json!({"oneOf": [circle, other]}));
        assert!(shown.get("oneOf").is_some(), "{shown}");
    }
}

#[test]
fn what_says_different_things_of_one_value_is_one_schema() {
    let shown = required(&json!({"allOf": [{"type": "integer"}, {"minimum": 3}], "maximum": 9}));
    assert_eq!(shown, json!({"maximum": 9, "type": "integer", "minimum": 3}));
    let contradicts = json!({"allOf": [{"minimum": 1}, {"minimum": 3}]});
    assert!(required(&contradicts).get("allOf").is_some());
    let depends = json!({"allOf": [{"type": "array"}, {"prefixItems": [{"type": "string"}]}]});
    assert!(required(&depends).get("allOf").is_some());
}

#[test]
fn alternatives_of_alternatives_are_one_list() {
    let arm =
        |tag: &str| json!({"type": "object", "properties": {"kind": {"const": tag}}, "required": ["kind"]});
    let union = json!({"oneOf": [arm("a"), arm("b")]});
    let shown = optional(&json!({"anyOf": [union, {"type": "null"}], "default": null}));
    assert_eq!(shown["anyOf"].as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!(shown["anyOf"][0]["type"], "object");
    let shown = required(&json!({"anyOf": [union, {"type": "string"}]}));
    assert_eq!(shown["anyOf"].as_array().map(Vec::len), Some(3), "{shown}");
}
