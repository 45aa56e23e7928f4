//! Write a Longshore job in Rust.
//!
//! A job is a type that implements [`Job`]: what it takes, what it gives, what it remembers between attempts, and
//! one function that does the work. [`export!`] makes a component of it.
//!
//! ```
//! use longshore_plugin::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Input {
//!     /// Whom to greet.
//!     names: Vec<String>,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Output {
//!     greeted: usize,
//! }
//!
//! struct Greeting;
//!
//! impl Job for Greeting {
//!     const NAME: &'static str = "greeting";
//!     const VERSION: &'static str = env!("CARGO_PKG_VERSION");
//!     const TITLE: &'static str = "Greeting";
//!     const DESCRIPTION: &'static str = "Writes a greeting for each name.";
//!     type Input = Input;
//!     type Output = Output;
//!     type State = usize; // how many names are done
//!
//!     fn run(ctx: &Context<usize>, input: Input) -> Result<Output> {
//!         let mut done = ctx.load()?.unwrap_or(0);
//!         let mut file = ctx.artifact("greetings.txt", "text/plain")?;
//!         for name in input.names.iter().skip(done) {
//!             writeln!(file, "Hello, {name}!")?;
//!             done += 1;
//!             ctx.progress(done, input.names.len(), "greeting")?; // `?` ends the job when it is cancelled
//!             ctx.save(&done)?; // commits the file and the count together
//!         }
//!         Ok(Output { greeted: done })
//!     }
//! }
//!
//! longshore_plugin::export!(Greeting);
//! ```
//!
//! # Effects are committed together
//!
//! What a job writes and sends becomes real at [`Context::save`] and at its successful end, and only there. When
//! a host is killed, the next attempt calls [`Job::run`] again: [`Context::load`] gives the state saved last, the
//! artifacts are cut back to what they were then, and messages sent since then never existed. So a job that makes
//! its next step depend only on its input, its state and its data gives the same files however often it is
//! interrupted.
//!
//! # Testing
//!
//! With the feature `testing`, [`testing`] has a host in memory with real SQLite sources. It runs a job natively,
//! and interrupts it at every call where that can happen.

mod adapter;
mod artifact;
#[doc(hidden)]
pub mod bindings;
mod component;
mod context;
pub mod csv;
mod data;
mod error;
mod host;
mod job;
mod log;
mod schema;
#[cfg(feature = "testing")]
pub mod testing;

pub use artifact::{Artifact, ArtifactWriter};
pub use bindings::longshore::job::outbox::Message;
pub use bindings::longshore::job::task::TaskInfo;
pub use context::{Context, Total};
pub use data::{Batch, Cell, Cells, Column, Cursor, FromCell, Row, RowDigest, Source, Span, Value};
pub use error::{HostError, JobError, Result};
pub use job::{Job, Permission, StateFormat};
pub use log::Level;

/// What nearly every job needs: `use longshore_plugin::prelude::*;`.
pub mod prelude {
    pub use crate::{Context, Job, JobError, Message, Permission, Result, Value, debug, error, info, warn};
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use std::io::Write as _;
}

/// What the macros of this crate expand to. Not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::adapter::Adapter;
    pub use crate::bindings;
}
