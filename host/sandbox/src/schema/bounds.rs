//! Tests of what is refused, stopped or cut.

use serde_json::{Map, json};

use super::*;

/// So small that a test does not wait for its end, and far more than what the values of these tests should take.
const SMALL: Limits = Limits { steps: 200_000, bytes: 1 << 20 };

/// A pattern that has more ways through many an `a` than anybody can try.
const ENDLESS: &str = "^(?:(a|aa)+)\\1c$";

const TOO_LONG: &str = "takes too long";
const TOO_MUCH: &str = "too much wrong";

fn told(limits: Limits, schema: &Value, value: &Value) -> String {
    let schema = Schema::compile(schema).unwrap();
    schema.violations_within(limits, value).into_iter().map(|violation| violation.message).collect()
}

fn refused(schema: &Value) -> String {
    Schema::compile(schema).err().unwrap()
}

/// Schemas of which each has the previous one twice.
fn doubled(times: usize, first: &Value, twice: impl Fn(Value) -> Value) -> Value {
    let mut schemas = Map::new();
    schemas.insert("0".to_owned(), first.clone());
    for n in 0..times {
        schemas.insert((n + 1).to_string(), twice(json!({"$ref": format!("#/$defs/{n}")})));
    }
    json!({"$defs": schemas, "$ref": format!("#/$defs/{times}")})
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!([]), |inner, _| json!([inner]))
}

#[test]
fn schemas_that_double_are_stopped() {
    for first in [json!({}), json!({"type": "integer"}), json!({"description": "any"})] {
        let schema = doubled(60, &first, |inner| json!({"allOf": [inner, inner]}));
        assert!(told(SMALL, &schema, &json!(1)).contains(TOO_LONG));
    }
}

#[test]
fn alternatives_that_double_are_refused() {
    let schema = doubled(60, &json!({}), |inner| json!({"anyOf": [inner, inner]}));
    assert!(refused(&schema).contains("again and again"));
    let unevaluated = doubled(60, &json!({}), |inner| json!({"allOf": [inner, inner]}));
    let schema = json!({"$defs": unevaluated["$defs"], "$ref": "#/$defs/60", "unevaluatedProperties": false});
    assert!(refused(&schema).contains("again and again"));
}

#[test]
fn schemas_that_double_with_each_level_of_the_value_are_stopped() {
    for (keyword, last) in [("allOf", "array"), ("anyOf", "string")] {
        let schema = doubled(
            60,
            &json!({"type": last}),
            |inner| json!({keyword: [{"items": inner}, {"items": inner}]}),
        );
        assert!(told(SMALL, &schema, &nested(60)).contains(TOO_LONG), "{keyword}");
    }
}

#[test]
fn alternatives_that_do_not_look_at_the_value_count() {
    for alternatives in [json!(vec![false; 5_000]), json!(vec![json!({"not": {}}); 5_000])] {
        let schema = json!({"items": {"anyOf": alternatives}, "maxItems": 1});
        let message = told(SMALL, &json!({"allOf": [{"not": schema}]}), &json!(vec![1; 1_000]));
        assert_eq!(message, "", "the first item decides");
        let schema = json!({"items": {"not": {"anyOf": alternatives}}});
        assert!(told(SMALL, &schema, &json!(vec![1; 1_000])).contains(TOO_LONG));
    }
}

#[test]
fn errors_of_all_alternatives_count() {
    let schema = json!({"anyOf": vec![json!({"type": "object"}); 5_000]});
    assert!(told(SMALL, &schema, &json!(vec![1; 1_000])).contains(TOO_MUCH));
    let schema = json!({"items": {"type": "string"}});
    assert!(told(SMALL, &schema, &json!(vec![1; 5_000])).contains(TOO_MUCH));
    assert!(told(LIMITS, &schema, &json!(vec![1; 5_000])).contains("1 is not of type"));
}

#[test]
fn errors_count_with_their_paths() {
    let schema = json!({"additionalProperties": {"items": {"type": "string"}}});
    let value = json!({"x".repeat(100_000): vec![1; 100]});
    assert!(told(SMALL, &schema, &value).contains(TOO_MUCH));
}

#[test]
fn errors_that_copy_the_schema_count_with_the_copy() {
    let schema = json!({"items": {"not": {"enum": vec![1; 5_000]}}});
    assert!(told(SMALL, &schema, &json!([1, 1, 1, 1, 1])).contains(TOO_MUCH));
}

#[test]
fn patterns_of_names_count() {
    let patterns: Map<_, _> = (0..1_000).map(|n| (format!("x{n}[ab]"), json!(true))).collect();
    let names: Value = (0..1_000).map(|n| (format!("name{n}"), json!(n))).collect::<Map<_, _>>().into();
    assert!(told(SMALL, &json!({"patternProperties": patterns}), &names).contains(TOO_LONG));
    let schema = json!({"allOf": [{"patternProperties": patterns}], "unevaluatedProperties": true});
    assert!(told(SMALL, &schema, &names).contains(TOO_LONG));
    assert!(refused(&json!({"patternProperties": {"^(?!a)": true}})).contains("lookaround"));
}

#[test]
fn a_pattern_counts_with_its_size() {
    let text = json!("01".repeat(5_000));
    assert!(told(SMALL, &json!({"pattern": "[01]*1[01]{500}$"}), &text).contains(TOO_LONG));
    assert_eq!(told(SMALL, &json!({"pattern": "^[01]{1,10}"}), &text), "");
    assert!(refused(&json!({"pattern": "((a{1000}){1000})"})).contains("repetitions"));
}

#[test]
fn patterns_that_backtrack_count() {
    let schema = json!({"items": {"pattern": ENDLESS}});
    let values = json!(vec!["a".repeat(64); 20]);
    assert!(told(SMALL, &schema, &values).contains(TOO_LONG));
}

#[test]
fn an_undecided_pattern_does_not_fit_its_negation() {
    let schema = json!({"not": {"pattern": ENDLESS}});
    assert!(told(LIMITS, &schema, &json!("a".repeat(64))).contains("cannot be told"));
}

#[test]
fn comparisons_count() {
    let values = json!((0..2_000).map(|n| json!({"n": [n]})).collect::<Vec<_>>());
    let schema = json!({"allOf": vec![json!({"uniqueItems": true}); 20]});
    assert!(told(SMALL, &schema, &values).contains(TOO_LONG));
    let options: Vec<_> = (0..2_000).map(|n| json!([n])).collect();
    let schema = json!({"items": {"not": {"enum": options}}});
    assert!(told(SMALL, &schema, &json!(vec![json!([-1]); 1_000])).contains(TOO_LONG));
}

#[test]
fn unevaluated_items_count_for_each_schema_that_may_evaluate_them() {
    let schema = json!({"allOf": vec![json!({"prefixItems": [true]}); 1_000], "unevaluatedItems": true});
    assert!(told(SMALL, &schema, &json!(vec![1; 5_000])).contains(TOO_LONG));
}

#[test]
fn a_schema_that_leads_back_to_itself_is_refused() {
    let around = json!({"$defs": {
        "a": {"allOf": [{"$ref": "#/$defs/b"}]},
        "b": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}
    }, "$ref": "#/$defs/a"});
    let dynamic = json!({"$dynamicAnchor": "n", "not": {"$dynamicRef": "#n"}});
    for schema in [json!({"$ref": "#"}), json!({"not": {"$ref": ""}}), around, dynamic] {
        assert!(refused(&schema).contains("leads back"), "{schema}");
    }
}

#[test]
fn a_schema_that_goes_into_the_value_may_lead_back_to_itself() {
    let alternatives = json!({"anyOf": [{"type": "null"}, {"$ref": "#/$defs/tree"}]});
    let tree = json!({"type": "array", "items": alternatives});
    let schema = json!({"$defs": {"tree": tree}, "$ref": "#/$defs/tree"});
    assert_eq!(told(SMALL, &schema, &nested(30)), "");
    let dynamic = json!({"$dynamicAnchor": "n", "items": {"$dynamicRef": "#n"}, "type": "array"});
    assert_eq!(told(SMALL, &dynamic, &nested(30)), "");
    assert!(told(SMALL, &dynamic, &json!([[1]])).contains("is not of type \"array\""));
}

#[test]
fn references_lead_to_schemas_only() {
    let schemas = [
        json!({"const": {"a": {}}, "$ref": "#/const/a"}),
        json!({"x-parts": {"a": {}}, "$ref": "#/x-parts/a"}),
        json!({"$defs": {"a": {}}, "$ref": "#/$defs"}),
        json!({"$ref": "#nowhere"}),
    ];
    for schema in schemas {
        assert!(refused(&schema).contains("does not lead to a place where a schema stands"), "{schema}");
    }
    assert!(refused(&json!({"$defs": {"a": {"$id": "urn:a"}}})).contains("$id"));
    let named =
        json!({"$id": "urn:x", "$defs": {"a~/ b": {"type": "null"}}, "$ref": "urn:x#/$defs/a~0~1%20b"});
    assert_eq!(told(SMALL, &named, &json!(1)), "1 is not of type \"null\"");
}

#[test]
fn a_schema_too_large_to_compile_is_refused() {
    assert!(refused(&json!({"anyOf": vec![json!({}); 20_000]})).contains("more than"));
    let long = json!({"properties": {"x".repeat(50_000): {"allOf": vec![json!({}); 1_000]}}});
    assert!(refused(&long).contains("names are too long"));
    let chain = doubled(200, &json!({}), |inner| inner);
    assert!(refused(&chain).contains("one within the other"));
    let parts: Map<_, _> = (0..9)
        .map(|n| {
            let last = json!({"$ref": format!("#/$defs/{}", n + 1)});
            (n.to_string(), (0..60).fold(last, |inner, _| json!({"items": inner})))
        })
        .chain([("9".to_owned(), json!({}))])
        .collect();
    assert!(refused(&json!({"$defs": parts, "$ref": "#/$defs/0"})).contains("within each other"));
}

/// On a stack as small as those of the runtime: neither compiling nor checking overflows it.
#[test]
fn the_deepest_schemas_and_values_do_not_take_the_stack() {
    let schema = (0..126).fold(json!({"type": "array"}), |inner, _| json!({"not": inner}));
    let chain = doubled(70, &json!({"items": {"$ref": "#"}}), |inner| json!({"allOf": [inner]}));
    let run = move || {
        let _told = told(LIMITS, &schema, &json!(1));
        let message = told(LIMITS, &chain, &nested(126));
        assert!(message.is_empty() || message.contains("too deep"), "{message}");
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn texts_are_cut() {
    let names: Map<_, _> = (0..10_000).map(|n| (format!("{n}"), json!("\n".repeat(50)))).collect();
    let schema =
        json!({"additionalProperties": false, "properties": {"a": true}, "type": ["object", "null"]});
    let message = told(LIMITS, &schema, &names.into());
    assert!(message.starts_with("there are no fields \"0\", \"1\", ") && message.chars().count() == 300);
    let schema = Schema::compile(&json!({"additionalProperties": {"type": "null"}})).unwrap();
    let violations = schema.violations_within(LIMITS, &json!({"n".repeat(100_000): 1}));
    assert_eq!(violations[0].field.chars().count(), 1_000);
}

#[test]
fn marks_are_not_shown() {
    let schema = json!({"not": {"anyOf": [true, {"minimum": 3}]}});
    let message = told(SMALL, &schema, &json!(5));
    assert_eq!(message, "{\"anyOf\":[true,{\"minimum\":3}]} is not allowed for 5");
}

/// A hundred thousand rows, of which a hundred take a thousandth.
#[test]
fn an_honest_payload_is_far_from_the_limit() {
    let number = json!({"type": "integer", "minimum": 0});
    let text = json!({"type": "string", "maxLength": 20, "pattern": "^v[0-9]{1,10}$"});
    let names: Vec<_> = (0..10).map(|n| format!("field{n}")).collect();
    let pick = |n: usize| if n.is_multiple_of(2) { number.clone() } else { text.clone() };
    let fields: Map<_, _> = names.iter().enumerate().map(|(n, name)| (name.clone(), pick(n))).collect();
    let row =
        json!({"type": "object", "properties": fields, "required": names, "additionalProperties": false});
    let value = |n: usize| if n.is_multiple_of(2) { json!(n) } else { json!(format!("v{n}")) };
    let row_value: Map<_, _> = names.iter().enumerate().map(|(n, name)| (name.clone(), value(n))).collect();
    let thousandth = Limits { steps: LIMITS.steps / 1_000, ..LIMITS };
    let schema = json!({"type": "array", "items": row});
    assert_eq!(told(thousandth, &schema, &json!(vec![row_value; 100])), "");
}
