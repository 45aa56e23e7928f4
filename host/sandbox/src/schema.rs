//! JSON Schemas of inputs and results.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use longshore_domain::InputViolation;
use serde_json::Value;

/// Violations that are listed; a caller mends a few at a time.
const VIOLATIONS_MAX: usize = 20;
const MESSAGE_CHARS_MAX: usize = 300;

/// Backtracking steps of a pattern. Schemas come from plugins, and a pattern could be made to run for ages.
const PATTERN_STEPS_MAX: usize = 100_000;

/// A schema, compiled.
pub(crate) struct Schema(Validator);

impl Schema {
    /// Compiles a schema of draft 2020-12. It must be whole: nothing is fetched.
    pub(crate) fn compile(schema: &Value) -> Result<Self, String> {
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .offline()
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(PATTERN_STEPS_MAX))
            .build(schema)
            .map(Self)
            .map_err(|error| match error.instance_path().as_str() {
                "" => error.to_string(),
                path => format!("{error} (at {path})"),
            })
    }

    /// Where `value` does not fit.
    pub(crate) fn violations(&self, value: &Value) -> Vec<InputViolation> {
        self.0.iter_errors(value).take(VIOLATIONS_MAX).map(|error| violation(&error)).collect()
    }
}

fn violation(error: &ValidationError<'_>) -> InputViolation {
    let at = error.instance_path().as_str();
    let (field, message) = match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            (format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), "is required".to_owned())
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let names: Vec<String> = unexpected.iter().map(|name| format!("{name:?}")).collect();
            let fields = if names.len() == 1 { "there is no field" } else { "there are no fields" };
            (at.to_owned(), format!("{fields} {}", names.join(", ")))
        }
        kind => (at.to_owned(), none_of(kind, error.instance()).unwrap_or_else(|| error.to_string())),
    };
    InputViolation { field, message: message.chars().take(MESSAGE_CHARS_MAX).collect() }
}

/// What to say when one of several values was wanted, each with a description of its own: the values, since their
/// schemas (`oneOf` with a `const` each) mean nothing to the caller. The same for one of several types.
fn none_of(kind: &ValidationErrorKind, value: &Value) -> Option<String> {
    let shown: String = value.to_string().chars().take(MESSAGE_CHARS_MAX / 4).collect();
    if let Some(types) = types_wanted(kind) {
        return Some(format!("{shown} is not of type {}", types.join(" or ")));
    }
    let values = wanted(kind)?;
    (values.len() > 1).then(|| format!("{shown} is none of {}", values.join(", ")))
}

/// The types that alternatives want; none when one of them wants more than a type.
fn types_wanted(kind: &ValidationErrorKind) -> Option<Vec<String>> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = kind
    else {
        return None;
    };
    let wanted = context.iter().flatten().map(|error| match error.kind() {
        ValidationErrorKind::Type { kind: TypeKind::Single(wanted) } => Some(format!("\"{wanted}\"")),
        _ => None,
    });
    wanted.collect()
}

/// The values that alternatives want; none when one of them wants more than a value.
fn wanted(kind: &ValidationErrorKind) -> Option<Vec<String>> {
    match kind {
        ValidationErrorKind::Constant { expected_value } => Some(vec![expected_value.to_string()]),
        ValidationErrorKind::Enum { options } => {
            Some(options.as_array()?.iter().map(ToString::to_string).collect())
        }
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            let mut values = Vec::new();
            for error in context.iter().flatten() {
                match error.kind() {
                    // The alternative of an optional field that is null.
                    ValidationErrorKind::Type { .. } => {}
                    kind => values.extend(wanted(kind)?),
                }
            }
            (!values.is_empty()).then_some(values)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Value, value: &Value) -> Vec<(String, String)> {
        let schema = Schema::compile(schema).unwrap();
        schema.violations(value).into_iter().map(|v| (v.field, v.message)).collect()
    }

    #[test]
    fn alternatives_are_told_by_their_values() {
        let format = json!({"oneOf": [{"const": "csv", "description": "x"}, {"enum": ["json", "jsonl"]}]});
        let schema =
            json!({"properties": {"format": format, "other": {"anyOf": [format, {"type": "null"}]}}});
        let said = "\"xlsx\" is none of \"csv\", \"json\", \"jsonl\"";
        let told = check(&schema, &json!({"format": "xlsx", "other": "xlsx"}));
        assert_eq!(told, [("/format".into(), said.to_owned()), ("/other".into(), said.to_owned())]);
    }

    #[test]
    fn alternatives_are_told_by_their_types() {
        let schema = json!({"anyOf": [{"type": "string"}, {"type": "null"}]});
        assert_eq!(
            check(&schema, &json!(5)),
            [(String::new(), "5 is not of type \"string\" or \"null\"".into())]
        );
    }

    #[test]
    fn violations_name_the_field() {
        let schema = json!({
            "type": "object",
            "properties": {"city": {"type": "string"}, "month": {"type": "string", "pattern": "^\\d{4}-\\d{2}$"}},
            "required": ["city", "month"],
            "additionalProperties": false
        });
        assert_eq!(check(&schema, &json!({"city": "Delhi", "month": "2026-03"})), []);
        let mut violations = check(&schema, &json!({"city": 7, "limit": 1}));
        violations.sort();
        assert_eq!(
            violations,
            [
                (String::new(), "there is no field \"limit\"".into()),
                ("/city".into(), "7 is not of type \"string\"".into()),
                ("/month".into(), "is required".into()),
            ]
        );
    }

    #[test]
    fn a_long_list_of_violations_is_cut() {
        let schema = json!({"type": "array", "items": {"type": "string"}});
        assert_eq!(check(&schema, &json!(vec![1; 100])).len(), VIOLATIONS_MAX);
    }

    #[test]
    fn nothing_is_fetched() {
        assert!(Schema::compile(&json!({"$ref": "https://example.com/schema.json"})).is_err());
        assert!(Schema::compile(&json!({"$ref": "file:///etc/passwd"})).is_err());
    }

    #[test]
    fn a_wrong_schema_says_where() {
        let error = Schema::compile(&json!({"properties": {"a": {"type": "strin"}}})).err().unwrap();
        assert!(error.contains("/properties/a/type"), "{error}");
    }

    #[test]
    fn a_pattern_that_backtracks_for_ages_is_given_up() {
        let schema = json!({"type": "string", "pattern": "^(?=a)(a+)+\\1$"});
        let violations = check(&schema, &json!("a".repeat(64) + "b"));
        assert_eq!(violations.len(), 1);
    }
}
