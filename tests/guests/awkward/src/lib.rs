//! Returns its input, and describes itself as a block of its own bytes says. A test overwrites that block in the built
//! component, so one build yields a job type for each schema in `schemas.json`.
//!
//! The block is `MARK`, the name, a line feed, the input schema, and spaces up to its fixed length.

use std::hint::black_box;

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

const MARK: &str = "awkward-shape:";
const DEFAULT: &str = "awkward-shape:awkward\n{\"type\": \"object\"}";

static SHAPE: [u8; 16384] = {
    let mut shape = [b' '; 16384];
    let mut at = 0;
    while at < DEFAULT.len() {
        shape[at] = DEFAULT.as_bytes()[at];
        at += 1;
    }
    shape
};

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        // Without the black box the compiler would read the block, and overwriting it would change nothing.
        let shape = String::from_utf8_lossy(black_box(&SHAPE));
        let (name, schema) = shape[MARK.len()..].split_once('\n').unwrap_or((&shape, ""));
        JobType {
            name: name.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Awkward".into(),
            description: "Returns its input.".into(),
            input_schema: schema.trim_end().into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn run(input: String) -> Result<String, JobError> {
        Ok(format!(r#"{{"given": {input}}}"#))
    }
}

export!(Component);
