//! What the misbehaving guests of `examples/` share: the bindings, what a guest says of itself, and how it tells that it
//! was refused.
//!
//! A guest that reaches for something ends as `failed` where the host held it off, and says how. One that got through ends
//! well and says what it got, which no test expects.

mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "job",
        pub_export_macro: true,
        export_macro_name: "export_guest",
        default_bindings_module: "gallery",
    });
}

use bindings::longshore::job::data::{self, Cursor, HostError};
pub use bindings::*;

/// Makes the guest of an example: what it does, in words, and the function that does it.
///
/// With a third argument, `describe` is that function; it takes what would be a sound description.
#[macro_export]
macro_rules! guest {
    ($does:literal, $run:expr) => {
        $crate::guest!($does, $run, std::convert::identity);
    };
    ($does:literal, $run:expr, $describe:expr) => {
        struct Component;

        impl $crate::Guest for Component {
            fn describe() -> $crate::JobType {
                ($describe)($crate::described(env!("CARGO_CRATE_NAME"), $does))
            }

            fn run(input: String) -> Result<String, $crate::JobError> {
                ($run)(input)
            }
        }

        $crate::export_guest!(Component with_types_in $crate);
    };
}

/// A sound description of a guest that takes any object.
pub fn described(name: &str, does: &str) -> JobType {
    JobType {
        name: name.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        title: name.into(),
        description: does.into(),
        input_schema: r#"{"type": "object"}"#.into(),
        output_schema: None,
        permissions: Vec::new(),
    }
}

/// Tries each of these, none of which the host may allow, and says how it was refused, or what it got after all.
pub fn try_all<T: std::fmt::Display>(
    tries: impl IntoIterator<Item = T>,
    mut attempt: impl FnMut(&T) -> Result<String, String>,
) -> Result<String, JobError> {
    let (mut got, mut refused) = (Vec::new(), Vec::new());
    for one in tries {
        match attempt(&one) {
            Ok(what) => got.push(format!("{one}: {what}")),
            Err(why) => refused.push(format!("{one}: {why}")),
        }
    }
    if got.is_empty() {
        return Err(JobError::Failed(format!("all was refused: {}", refused.join("; "))));
    }
    Ok(format!("{{\"got\": {:?}}}", got.join("; ")))
}

/// Runs that SQL on the source `shop` to its first row, and says what it gave.
pub fn query(sql: &str) -> Result<String, String> {
    let told = |error: HostError| error.code;
    let cursor: Cursor = data::query("shop", sql, &[]).map_err(told)?;
    let rows = cursor.next(1).map_err(told)?;
    Ok(format!("{} rows", rows.len()))
}
