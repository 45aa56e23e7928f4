//! Imports an interface of WASI that the host does not have, as some languages' runtimes do, and calls it when it is
//! told to.

wit_bindgen::generate!({
    path: ["wit", "../../../wit"],
    inline: "
        package guest:wants-more;

        world wants-more {
            include longshore:job/job@0.1.0;
            import wasi:keyvalue/store@0.2.0;
        }
    ",
    world: "guest:wants-more/wants-more",
    generate_all,
});

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "wants_more".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Wants more".into(),
            description: "Imports an interface that the host does not have.".into(),
            input_schema: r#"{"type": "object", "properties": {"call": {"type": "boolean"}}}"#.into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn run(input: String) -> Result<String, JobError> {
        if input.contains("true") {
            return Ok(wasi::keyvalue::store::count().to_string());
        }
        Ok("{}".into())
    }
}

export!(Component);
