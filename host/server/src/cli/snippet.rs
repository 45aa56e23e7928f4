//! What to add to the configuration of an MCP client.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

/// The `mcpServers` entry that starts this very program for the project.
pub(super) fn mcp_servers(project: &Path) -> Result<String> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let project = std::path::absolute(project).context("cannot tell where the project is")?;
    let servers = json!({"mcpServers": {"longshore": {
        "command": program,
        "args": ["serve", "--project", project],
    }}});
    Ok(format!("{servers:#}"))
}
