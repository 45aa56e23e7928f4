//! `longshore init`: makes a project.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::errors::Usage;
use super::output::print;
use super::{Global, block_on, snippet, start, text};
use crate::app::{Role, Shutdown};
use crate::config::{Config, FILE_NAME, TEMPLATE};
use crate::embedded::PLUGINS;
use crate::{sample, shell};

const AFTER_HELP: &str = "\
Examples:
  longshore init                      in the working directory
  longshore init shop                 in the folder shop, which is made
  longshore init . --no-sample        without the sample shop

Two projects that the same longshore makes are alike, byte for byte.";

/// Make a project: configuration, the three plugins with their policies, and a sample shop
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Folder of the project [default: that of --project, or the working directory]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Write files that are there already anew
    #[arg(long)]
    force: bool,

    /// Leave out the sample shop and its data source
    #[arg(long)]
    no_sample: bool,
}

/// Loads the plugins once, so that their compiled code is in the cache. The log tells of one that cannot be loaded.
async fn compile_plugins(project: &Path) -> Result<ExitCode> {
    let config = Config::load(project)?;
    let host = start(&config, Role::Inspect).await?;
    host.service().all_loaded(Duration::MAX).await;
    host.shutdown(Shutdown::Now).await;
    Ok(ExitCode::SUCCESS)
}

/// A file that a project has from the start.
struct NewFile {
    /// Its path in the project.
    path: PathBuf,
    /// What it is for, in a few words.
    purpose: &'static str,
    content: Content,
}

enum Content {
    Bytes(Vec<u8>),
    Shop,
}

pub(super) fn run(global: &Global, args: &Args) -> Result<ExitCode> {
    let dir = args.dir.as_ref().or(global.project.as_ref());
    make(dir.map_or(Path::new("."), PathBuf::as_path), args)
}

/// Makes a project in `dir`.
fn make(dir: &Path, args: &Args) -> Result<ExitCode> {
    let files = files(!args.no_sample);
    let there: Vec<String> = files
        .iter()
        .map(|file| dir.join(&file.path))
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    if !there.is_empty() && !args.force {
        let error = Usage {
            message: format!("there is something already, and nothing was written: {}", there.join(", ")),
            hint: "name another folder, or write these files anew with --force".into(),
        };
        return Err(error.into());
    }
    for file in &files {
        write(&dir.join(&file.path), &file.content)?;
    }
    print(&report(dir, &files)?)?;
    // Now, while somebody watches, rather than when a client starts the host and waits for it.
    block_on(compile_plugins(dir))
}

fn files(sample: bool) -> Vec<NewFile> {
    let bytes =
        |path: PathBuf, purpose, text: &[u8]| NewFile { path, purpose, content: Content::Bytes(text.into()) };
    let config = if sample { TEMPLATE.to_owned() } else { without_shop(TEMPLATE) };
    let mut files =
        vec![bytes(FILE_NAME.into(), "configuration, every setting explained", config.as_bytes())];
    for plugin in PLUGINS {
        let path = |extension| Path::new("plugins").join(plugin.name).with_extension(extension);
        // The policy first: a plugin that is seen without it would be blocked for a moment.
        files.push(bytes(path("toml"), "what the plugin is granted", plugin.policy.as_bytes()));
        files.push(bytes(path("wasm"), "the plugin", plugin.component));
    }
    if sample {
        files.push(NewFile {
            path: "shop.db".into(),
            purpose: "sample shop, two years of orders",
            content: Content::Shop,
        });
    }
    files
}

/// The configuration with the table of the sample shop commented out.
fn without_shop(template: &str) -> String {
    let mut in_shop = false;
    let mut text = String::new();
    for line in template.lines() {
        in_shop = line == "[sources.shop]" || (in_shop && !line.is_empty());
        text += if in_shop { "#: " } else { "" };
        text += line;
        text.push('\n');
    }
    text
}

/// Writes a file beside its place and moves it there when it is complete: whoever watches sees it whole or not at all.
fn write(path: &Path, content: &Content) -> Result<()> {
    let in_place = || format!("cannot write {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(in_place)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    match content {
        Content::Bytes(bytes) => fs::write(&new, bytes).with_context(in_place)?,
        Content::Shop => {
            remove(&new).with_context(in_place)?;
            sample::write_shop(&new)?;
        }
    }
    fs::rename(&new, path).with_context(in_place)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn report(project: &Path, files: &[NewFile]) -> Result<String> {
    let width = files.iter().map(|file| file.path.as_os_str().len()).max().unwrap_or_default();
    let mut lines = vec![format!("Made a Longshore project in {}:", std::path::absolute(project)?.display())];
    for file in files {
        let bytes = fs::metadata(project.join(&file.path)).map_or(0, |metadata| metadata.len());
        let path = file.path.display().to_string();
        lines.push(format!("  {path:width$}  {} ({})", file.purpose, text::size(bytes)));
    }
    let is_here = project.components().all(|part| part == Component::CurDir);
    let enter = if is_here { String::new() } else { format!("  cd {}\n", shell::quote_path(project)) };
    let has_shop = files.iter().any(|file| matches!(file.content, Content::Shop));
    let first = if has_shop {
        "  longshore run bulk_invoice --payload '{\"city\":\"Delhi\",\"month\":\"2026-03\"}'\n"
    } else {
        "  # name a data source under [sources] in longshore.toml, and grant it in plugins/export.toml\n"
    };
    lines.push(format!("\nWhat to do next:\n{enter}{first}  longshore plugin list\n"));
    match snippet::mcp_servers(project)? {
        Some(servers) => {
            lines.push("To use it from an MCP client, add this to the client's configuration:\n".into());
            lines.push(servers);
        }
        None => lines.push(snippet::NOT_UTF_8.into()),
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn init(dir: &Path, force: bool) -> Result<ExitCode> {
        make(dir, &Args { dir: None, force, no_sample: true })
    }

    #[test]
    fn nothing_is_overwritten_unless_forced() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join(FILE_NAME);
        init(folder.path(), false).unwrap();
        fs::write(&config, "# mine").unwrap();
        let error = init(folder.path(), false).unwrap_err();
        assert!(error.is::<Usage>() && error.to_string().contains(FILE_NAME), "{error}");
        assert_eq!(fs::read_to_string(&config).unwrap(), "# mine");
        init(folder.path(), true).unwrap();
        assert_ne!(fs::read_to_string(&config).unwrap(), "# mine");
    }

    #[test]
    fn without_the_sample_there_is_no_source() {
        let folder = tempfile::tempdir().unwrap();
        init(folder.path(), false).unwrap();
        let config = Config::load(folder.path()).unwrap();
        assert!(config.sources.is_empty());
        assert!(config.channels.contains_key("email"), "only the shop is left out");
        assert!(!folder.path().join("shop.db").exists());
    }
}
