//! `longshore serve`: an MCP server over stdio.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

use super::output::say;
use super::{Global, snippet};
use crate::app::{DRAIN, Host, Role, Shutdown};
use crate::mcp::{self, McpOptions};

const AFTER_HELP: &str = "\
Examples:
  longshore serve --project ~/shop    what an MCP client's configuration names

Speaks MCP over stdin and stdout, and works on the project's jobs meanwhile. Ends when its client closes stdin; jobs that
have not ended go on in any other process of the project, or with the next start.";

/// Serve the project's jobs to an MCP client, over stdin and stdout
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {}

pub(super) async fn run(global: &Global, Args {}: Args) -> Result<ExitCode> {
    let config = global.config()?;
    if io::stdin().is_terminal() {
        let entry = snippet::mcp_servers(&config.project)?;
        let entry = entry.map(|entry| format!("Add it to your client's configuration:\n\n{entry}"));
        say(&format!(
            "This is an MCP server: it expects a client at its stdin. {}\n\nTo run a job from here, use `longshore run`. \
             Ctrl-C ends.",
            entry.as_deref().unwrap_or(snippet::NOT_UTF_8)
        ));
    }
    let mut terminated = signal(SignalKind::terminate())?;
    let host = Host::start(&config, Role::Serve).await?;
    let options = McpOptions { wait: config.mcp.wait, ..McpOptions::default() };
    let serving = mcp::serve_stdio(host.service(), options);
    let (served, how) = tokio::select! {
        // The client is gone and waits for nothing: what runs here goes on elsewhere.
        served = serving => (served, Shutdown::Now),
        _ = terminated.recv() => (Ok(()), Shutdown::Grace(DRAIN)),
        _ = tokio::signal::ctrl_c() => (Ok(()), Shutdown::Grace(DRAIN)),
    };
    host.shutdown(how).await;
    served?;
    Ok(ExitCode::SUCCESS)
}
