//! `longshore compile-component`: compiles one component in a process that can be killed and capped. The registry calls
//! it; people do not.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::app;

/// Compile one component (called by longshore itself)
#[derive(clap::Args)]
pub(super) struct Args {
    /// The component
    input: PathBuf,
    /// Where the compiled code goes
    output: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    app::compile_component(&args.input, &args.output)?;
    Ok(ExitCode::SUCCESS)
}
