//! Describes itself under another name than that of its file.

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "another_name".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Wrong name".into(),
            description: "Describes itself under another name than that of its file.".into(),
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
