//! From the typed trait to the component's two exports.

use crate::bindings::Guest;
use crate::bindings::longshore::job::types as wit;
use crate::component::ComponentHost;
use crate::{Context, Job, JobError, Result, schema};
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
        input_schema: schema::input::<J::Input>(),
        output_schema: Some(schema::output::<J::Output>()),
        permissions: J::permissions().into_iter().map(permission).collect(),
    }
}

/// Runs one attempt: reads the input, runs the job, hands over what its artifacts still hold, writes the result.
pub(crate) fn run<J: Job>(ctx: &Context<J::State>, input: &str) -> Result<String> {
    let output = J::run(ctx, parse_input(input)?)?;
    ctx.hand_over_artifacts("the end of the job")?;
    Ok(serde_json::to_string(&output)?)
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
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Nested {
        count: u32,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Input {
        items: Vec<Nested>,
        limit: Option<u32>,
    }

    #[test]
    fn a_bad_input_names_the_field() {
        let error = parse_input::<Input>(r#"{"items": [{"count": 1}, {"count": "two"}]}"#).unwrap_err();
        let JobError::InvalidInput(message) = error else { panic!("{error}") };
        assert!(message.starts_with("items[1].count: invalid type: string \"two\""), "{message}");
    }
}
