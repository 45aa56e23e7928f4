//! JSON Schemas of inputs and results.
//!
//! They come from plugins, and so do results; inputs come from anybody. A check is bounded in time, memory and stack.
//! But for the stack, its outcome depends on nothing but schema and value: the value counts what the library does with
//! it (`counted.rs`), work that it cannot see is marked in the schema (`mark.rs`), and a schema that could not be
//! compiled within bounds is refused (`survey.rs`, `instrument.rs`).

mod budget;
mod counted;
mod depth;
mod instrument;
mod mark;
mod order;
mod pattern;
mod survey;
mod tell;

use std::sync::Arc;
use std::thread;

use jsonschema::{Draft, PatternOptions, Validator};
use longshore_domain::InputViolation;
use serde_json::Value;
use tokio::sync::{Semaphore, oneshot};

use self::budget::{ErrorCost, Limits, Stopped};
use self::counted::{Counted, Counting};
pub(crate) use self::depth::{DEPTH_MAX, is_too_deep};
use crate::stand_back::stand_back;

/// Violations that are listed; a caller mends a few at a time.
const VIOLATIONS_MAX: usize = 20;

/// What a check may take: half a second, twice if something is wrong, and then a hundred megabytes.
const LIMITS: Limits = Limits { steps: 50_000_000, bytes: 96 << 20 };

/// What a check may take of a thread on which others wait: some two milliseconds. Nearly all of them are done by then.
const QUICK: Limits = Limits { steps: 200_000, bytes: 4 << 20 };

/// Checks that take longer are done one after the other, on a thread of their own.
static LONG_CHECKS: Semaphore = Semaphore::const_new(1);

/// A schema, compiled.
pub(crate) struct Schema {
    validator: Validator<Counting>,
    per_error: ErrorCost,
    /// What it was compiled from, to tell which fields there are.
    source: Value,
}

impl Schema {
    /// Compiles a schema of draft 2020-12. It must be whole: nothing is fetched.
    pub(crate) fn compile(schema: &Value) -> Result<Self, String> {
        let (instrumented, per_error) = instrument::instrumented(schema)?;
        let validator = jsonschema::options_for::<Counting>()
            .with_draft(Draft::Draft202012)
            .offline()
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::regex())
            .with_keyword("pattern", pattern::keyword())
            .build(&instrumented)
            .map_err(|error| match error.instance_path().as_str() {
                "" => tell::cut(error),
                path => tell::cut(format_args!("{error} (at {path})")),
            })?;
        Ok(Self { validator, per_error, source: schema.clone() })
    }

    /// Where `value` does not fit.
    pub(crate) async fn violations(self: &Arc<Self>, value: &Value) -> Vec<InputViolation> {
        if let Ok(violations) = self.violations_if_quick(value) {
            return violations;
        }
        let _turn = LONG_CHECKS.acquire().await;
        let (this, value) = (Arc::clone(self), value.clone());
        let (found, violations) = oneshot::channel();
        let check = move || {
            stand_back();
            let _ = found.send(this.violations_within(LIMITS, &value));
        };
        // If it cannot be started, nothing is ever found.
        let _ = thread::Builder::new().name("longshore-check".into()).spawn(check);
        violations.await.unwrap_or_else(|_| vec![unchecked(Stopped::Broken)])
    }

    /// The same, unless it takes longer than others should wait.
    fn violations_if_quick(&self, value: &Value) -> Result<Vec<InputViolation>, Stopped> {
        let counted = Counted::root(value);
        let fits = budget::within(QUICK, self.per_error, || self.validator.is_valid(counted))?;
        if fits.result && !fits.undecided {
            return Ok(Vec::new());
        }
        let counted = Counted::root(value);
        let listed = budget::within(QUICK, self.per_error, || self.listed(counted))?.result;
        if listed.is_empty() { Err(Stopped::Steps) } else { Ok(listed) }
    }

    fn listed(&self, value: Counted<'_>) -> Vec<InputViolation> {
        let errors = self.validator.iter_errors(value).take(VIOLATIONS_MAX);
        errors.map(|error| tell::violation(&error, &self.source)).collect()
    }

    fn violations_within(&self, limits: Limits, value: &Value) -> Vec<InputViolation> {
        let value = Counted::root(value);
        match budget::within(limits, self.per_error, || self.validator.is_valid(value)) {
            Ok(fits) if fits.result && !fits.undecided => return Vec::new(),
            Ok(_) => {}
            Err(stopped) => return vec![unchecked(stopped)],
        }
        // All that is wrong is collected before the first violation is there.
        let listed = budget::within(limits, self.per_error, || self.listed(value));
        match listed {
            Ok(listed) if listed.result.is_empty() => {
                vec![tell::whole("whether it fits the schema cannot be told: a pattern takes too many steps")]
            }
            Ok(listed) => listed.result,
            Err(Stopped::Steps | Stopped::Bytes) => {
                vec![tell::whole(
                    "it does not fit the schema, and there is too much wrong with it to list it",
                )]
            }
            Err(stopped) => vec![unchecked(stopped)],
        }
    }
}

/// What to say of a value that is not known to fit.
fn unchecked(stopped: Stopped) -> InputViolation {
    tell::whole(match stopped {
        Stopped::Steps | Stopped::Bytes => {
            "checking it against the schema takes too long; a smaller value or a simpler schema is needed"
        }
        Stopped::Stack => "it is nested too deep to be checked against the schema",
        Stopped::Broken => "checking it against the schema failed",
    })
}

#[cfg(test)]
mod bounds;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Value, value: &Value) -> Vec<(String, String)> {
        let schema = Schema::compile(schema).unwrap();
        schema.violations_within(LIMITS, value).into_iter().map(|v| (v.field, v.message)).collect()
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
                ("/city".into(), "7 is not of type \"string\"".into()),
                ("/limit".into(), "there is no such field; the fields are city, month".into()),
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
