//! `longshore serve-queries`: runs the queries of an attempt in a process that can be killed. The sandbox calls it; people do
//! not.

use std::process::ExitCode;

use anyhow::Result;

use crate::app;

/// Run queries of jobs (called by longshore itself)
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> Result<ExitCode> {
    app::serve_queries()?;
    Ok(ExitCode::SUCCESS)
}
