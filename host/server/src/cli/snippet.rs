//! What to add to the configuration of an MCP client.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

/// Why there is no entry for a project.
pub(super) const NOT_UTF_8: &str = "There is no entry for the configuration of an MCP client: the path of the project, or of \
                                    this program, is not UTF-8, and JSON has no other text. Move it to use it from a client.";

/// The `mcpServers` entry that starts this very program for the project. `None` if JSON cannot say one of the paths.
pub(super) fn mcp_servers(project: &Path) -> Result<Option<String>> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let project = std::path::absolute(project).context("cannot tell where the project is")?;
    let (Some(program), Some(project)) = (program.to_str(), project.to_str()) else { return Ok(None) };
    let servers = json!({"mcpServers": {"longshore": {
        "command": program,
        "args": ["serve", "--project", project],
    }}});
    Ok(Some(format!("{servers:#}")))
}
