//! `longshore serve`: an MCP server over stdio.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use anyhow::Result;

use super::output::say;
use super::signals::Signals;
use super::{Global, snippet};
use crate::app::{DRAIN, HAND_OVER, Host, Role, Shutdown};
use crate::mcp::{self, McpOptions};

const AFTER_HELP: &str = "\
Examples:
  longshore serve --project ~/shop    what an MCP client's configuration names

Speaks MCP over stdin and stdout, and works on the project's jobs meanwhile. Ends when its client closes stdin. Jobs that
have not ended go on in another process of the project; where there is none, a worker stays behind until they have.";

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
    // Before anything takes time: a client may give up at any moment.
    let mut signals = Signals::listen()?;
    let mut host = Host::start(&config, Role::Serve).await?;
    let options = McpOptions { wait: config.mcp.wait, ..McpOptions::default() };
    let serving = mcp::serve_stdio(host.service(), options);
    let (served, left_by_client) = tokio::select! {
        served = serving => (served, true),
        _ = signals.next() => (Ok(()), false),
    };
    // First, so that it starts while this process ends.
    let is_handed_over = host.leave_a_worker(&config).await;
    let grace = if left_by_client || is_handed_over { HAND_OVER } else { DRAIN };
    host.shutdown(Shutdown::Grace(grace)).await;
    served?;
    Ok(ExitCode::SUCCESS)
}
