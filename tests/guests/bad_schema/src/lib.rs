//! Describes itself with a schema that is none.

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "bad_schema".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Bad schema".into(),
            description: "Describes itself with a schema that is none.".into(),
            input_schema: r#"{"type": "object", "properties": {"a": {"type": "strin"}}}"#.into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn run(_: String) -> Result<String, JobError> {
        Ok("{}".into())
    }
}

export!(Component);
