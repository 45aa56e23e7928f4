//! The trait that a job implements.

use crate::{Context, Result};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A job type.
///
/// The constants and the two schemas are what an agent sees before it calls the job; the doc comments on
/// [`Input`](Job::Input)'s fields are part of its schema, so write them for that reader.
pub trait Job: 'static {
    /// Name of the job type: snake_case, and equal to the stem of the component's file name.
    const NAME: &'static str;
    /// Version, for people. `env!("CARGO_PKG_VERSION")` is a good one.
    const VERSION: &'static str;
    /// A short title for people.
    const TITLE: &'static str;
    /// What the job does and when to use it, for the agent that will call it.
    const DESCRIPTION: &'static str;
    /// How checkpoints are written.
    const STATE_FORMAT: StateFormat = StateFormat::Json;

    /// What the job takes: a struct, for an input is a JSON object.
    type Input: DeserializeOwned + JsonSchema;
    /// What the job gives.
    type Output: Serialize + JsonSchema;
    /// What the job must remember to go on after an interruption; `()` for nothing.
    type State: Serialize + DeserializeOwned + 'static;

    /// What the job needs beyond computing. The operator grants each, or the job is not loaded.
    fn permissions() -> Vec<Permission> {
        Vec::new()
    }

    /// Does the work. Called once an attempt; start with [`Context::load`] to go on where the last one was.
    fn run(ctx: &Context<Self::State>, input: Self::Input) -> Result<Self::Output>;
}

/// How checkpoints are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFormat {
    /// JSON: readable, and a newer version of the job can add fields with `#[serde(default)]`.
    Json,
    /// [Postcard](https://postcard.jamesmunns.com): compact, for states with thousands of entries. A change of
    /// the type makes older checkpoints unreadable.
    Compact,
}

/// Something beyond computing that a job needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    pub(crate) kind: &'static str,
    pub(crate) target: &'static str,
    pub(crate) reason: &'static str,
}

impl Permission {
    /// Reading a data source; `*` asks for whichever the operator grants, at least one.
    pub const fn data(target: &'static str, reason: &'static str) -> Self {
        Self { kind: "data", target, reason }
    }

    /// Sending through a channel; `*` asks for whichever the operator grants, at least one.
    pub const fn outbox(target: &'static str, reason: &'static str) -> Self {
        Self { kind: "outbox", target, reason }
    }

    /// Reading a secret; `*` asks for whichever the operator grants, at least one.
    pub const fn secret(target: &'static str, reason: &'static str) -> Self {
        Self { kind: "secrets", target, reason }
    }

    /// Reading a directory, which is `/NAME`; `tmp` is one to write to, which each attempt has for itself.
    pub const fn directory(target: &'static str, reason: &'static str) -> Self {
        Self { kind: "directories", target, reason }
    }

    /// Calling a part of the web by `wasi:http`: `https://api.example.com/v1` with all that is below it, after the methods
    /// unless those are GET and HEAD, as in `GET,POST https://api.example.com/v1`; `*` asks for whatever the operator grants.
    pub const fn http(target: &'static str, reason: &'static str) -> Self {
        Self { kind: "http", target, reason }
    }
}
