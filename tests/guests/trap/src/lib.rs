//! Ends badly, in the way that it is told.

use serde::Deserialize;

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    how: How,
    /// How deep it calls itself; without end if not said.
    depth: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    /// Panics, which writes to standard error and aborts.
    #[default]
    Panic,
    /// Calls `exit`.
    Exit,
    /// Calls itself.
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
                "properties": {"how": {"enum": ["panic", "exit", "overflow", "out_of_bounds"]}, "depth": {"type": "integer"}}
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
            How::Overflow => Ok(deeper(input.depth.unwrap_or(u64::MAX)).to_string()),
            // SAFETY: none, on purpose: the address is far outside of what this guest has.
            How::OutOfBounds => Ok(unsafe { std::ptr::read_volatile(0xffff_0000 as *const u8) }.to_string()),
        }
    }
}

#[inline(never)]
fn fall() -> ! {
    panic!("the floor is gone")
}

#[inline(never)]
fn deeper(left: u64) -> u64 {
    if left == 0 { 1 } else { deeper(std::hint::black_box(left) - 1).wrapping_mul(3) }
}

export!(Component);
