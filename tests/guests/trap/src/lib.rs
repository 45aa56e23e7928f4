//! Ends badly, in the way that it is told.

use serde::Deserialize;

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    how: How,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    /// Panics, which writes to standard error and aborts.
    #[default]
    Panic,
    /// Calls `exit`.
    Exit,
    /// Calls itself without end.
    Overflow,
    /// Reads outside of its memory.
    OutOfBounds,
}

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "trap".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Trap".into(),
            description: "Ends badly, in the way that it is told.".into(),
            input_schema: r#"{
                "type": "object",
                "properties": {"how": {"enum": ["panic", "exit", "overflow", "out_of_bounds"]}}
            }"#
            .into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn run(input: String) -> Result<String, JobError> {
        let input: Input =
            serde_json::from_str(&input).map_err(|error| JobError::InvalidInput(error.to_string()))?;
        match input.how {
            How::Panic => fall(),
            How::Exit => std::process::exit(1),
            How::Overflow => Ok(deeper(0).to_string()),
            // SAFETY: none, on purpose: the address is far outside of what this guest has.
            How::OutOfBounds => Ok(unsafe { std::ptr::read_volatile(0xffff_0000 as *const u8) }.to_string()),
        }
    }
}

#[inline(never)]
fn fall() -> ! {
    panic!("the floor is gone")
}

#[expect(unconditional_recursion, reason = "it is to overflow its stack")]
#[inline(never)]
fn deeper(depth: u64) -> u64 {
    deeper(std::hint::black_box(depth) + 1).wrapping_mul(3)
}

export!(Component);
