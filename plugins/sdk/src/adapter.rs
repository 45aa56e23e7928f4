//! From the typed trait to the component's two exports.

use crate::bindings::Guest;
use crate::bindings::longshore::job::types as wit;
use crate::component::ComponentHost;
use crate::{Context, Job, JobError, Result};
use schemars::JsonSchema;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Value, json};
use std::marker::PhantomData;
use std::rc::Rc;

/// Implements the component's exports for a job.
pub struct Adapter<J>(PhantomData<J>);

impl<J: Job> Guest for Adapter<J> {
    fn describe() -> wit::JobType {
        describe::<J>()
    }

    fn run(input: String) -> Result<String, wit::JobError> {
        let ctx = Context::new(Rc::new(ComponentHost), J::STATE_FORMAT);
        run::<J>(&ctx, &input).map_err(Into::into)
    }
}

pub(crate) fn describe<J: Job>() -> wit::JobType {
    let permission = |p: crate::Permission| wit::Permission {
        kind: p.kind.into(),
        target: p.target.into(),
        reason: p.reason.into(),
    };
    wit::JobType {
        name: J::NAME.into(),
        version: J::VERSION.into(),
        title: J::TITLE.into(),
        description: J::DESCRIPTION.into(),
        input_schema: schema::<J::Input>(SchemaSettings::draft2020_12()),
        output_schema: Some(schema::<J::Output>(SchemaSettings::draft2020_12().for_serialize())),
        permissions: J::permissions().into_iter().map(permission).collect(),
    }
}

/// Runs one attempt: reads the input, runs the job, hands over what its artifacts still hold, writes the result.
pub(crate) fn run<J: Job>(ctx: &Context<J::State>, input: &str) -> Result<String> {
    let output = J::run(ctx, parse_input(input)?)?;
    ctx.flush_artifacts();
    Ok(serde_json::to_string(&output)?)
}

fn schema<T: JsonSchema>(settings: SchemaSettings) -> String {
    // Inlined, because some clients that show a tool's schema to a model do not follow `$ref`.
    settings
        .with(|s| s.inline_subschemas = true)
        .with_transform(RecursiveTransform(one_type_each))
        .into_generator()
        .into_root_schema_for::<T>()
        .as_value()
        .to_string()
}

/// Writes several types as alternatives of one each. Clients that turn a tool's schema into that of a model often know
/// only schemas of one type, and drop the others.
fn one_type_each(schema: &mut Schema) {
    if schema.get("anyOf").is_some() {
        return;
    }
    if let Some(Value::Array(types)) = schema.get("type") {
        let alternatives = types.iter().map(|kind| json!({ "type": kind })).collect::<Vec<_>>();
        schema.remove("type");
        schema.insert("anyOf".to_owned(), alternatives.into());
    }
}

/// The schema has been checked by the host, so what fails here is what a schema cannot say; the path tells where.
fn parse_input<T: serde::de::DeserializeOwned>(input: &str) -> Result<T> {
    let mut json = serde_json::Deserializer::from_str(input);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        match path.as_str() {
            "." => JobError::invalid_input(cause.to_string()),
            _ => JobError::invalid_input(format!("{path}: {cause}")),
        }
    })
}

/// Makes a component of a [`Job`]: `longshore_plugin::export!(MyJob);`, once in the crate's `lib.rs`.
///
/// The crate must be built as a `cdylib` for `wasm32-wasip2`. On other targets the macro expands to nothing, so
/// that the same crate runs its tests natively.
#[macro_export]
macro_rules! export {
    ($job:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type LongshoreJob = $crate::__private::Adapter<$job>;
            $crate::__private::bindings::export_component!(
                LongshoreJob with_types_in $crate::__private::bindings
            );
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[allow(dead_code)]
    struct Nested {
        /// How many.
        count: u32,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[allow(dead_code)]
    struct Input {
        items: Vec<Nested>,
        /// Left out for all.
        limit: Option<u32>,
    }

    #[test]
    fn a_bad_input_names_the_field() {
        let error = parse_input::<Input>(r#"{"items": [{"count": 1}, {"count": "two"}]}"#).unwrap_err();
        let JobError::InvalidInput(message) = error else { panic!("{error}") };
        assert!(message.starts_with("items[1].count: invalid type: string \"two\""), "{message}");
    }

    #[test]
    fn schemas_are_of_draft_2020_12_and_carry_the_doc_comments() {
        let schema = schema::<Input>(SchemaSettings::draft2020_12());
        assert!(schema.contains("https://json-schema.org/draft/2020-12/schema"), "{schema}");
        assert!(schema.contains("How many."), "{schema}");
        assert!(!schema.contains("$ref"), "{schema}");
    }

    #[test]
    fn no_schema_has_several_types() {
        let schema: Value = serde_json::from_str(&schema::<Input>(SchemaSettings::draft2020_12())).unwrap();
        let limit = &schema["properties"]["limit"];
        assert_eq!(limit["anyOf"], json!([{ "type": "integer" }, { "type": "null" }]), "{limit}");
        assert_eq!(limit.get("type"), None);
        assert_eq!(limit["description"], "Left out for all.");
    }
}
