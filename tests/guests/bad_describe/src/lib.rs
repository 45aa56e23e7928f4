//! Calls the host while it describes itself, when there is no task to call it for.

use crate::longshore::job::task;

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "bad_describe".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Bad describe".into(),
            description: format!("Calls the host for task {}.", task::current().id),
            input_schema: r#"{"type": "object"}"#.into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn run(_: String) -> Result<String, JobError> {
        Ok("{}".into())
    }
}

export!(Component);
