//! Takes memory without end.

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "hog".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Hog".into(),
            description: "Takes memory without end.".into(),
            input_schema: r#"{"type": "object"}"#.into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn run(_: String) -> Result<String, JobError> {
        let mut taken = Vec::new();
        loop {
            taken.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        }
    }
}

export!(Component);
