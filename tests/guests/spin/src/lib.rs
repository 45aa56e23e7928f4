//! Computes for ever and never looks whether it should stop.

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "spin".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Spin".into(),
            description: "Computes for ever and never looks whether it should stop.".into(),
            input_schema: r#"{"type": "object"}"#.into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn run(_: String) -> Result<String, JobError> {
        let mut turns = 0_u64;
        loop {
            turns = std::hint::black_box(turns.wrapping_add(1));
        }
    }
}

export!(Component);
