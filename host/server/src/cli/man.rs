//! `longshore man`

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Command;
use clap_mangen::Man;

use super::output::print;
use super::text;
use crate::shell;

const AFTER_HELP: &str = "\
Examples:
  longshore man ~/.local/share/man/man1
  longshore man . && man -l longshore.1

One page for each command. Files of those names that are there are overwritten.";

/// Write the manual pages into a directory
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Directory of the pages, made if it is not there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let pages = pages()?;
    let count = pages.len() as u64;
    write(&args.dir, pages)?;
    let dir = shell::quote_path(&args.dir);
    print(&format!("Wrote {} to {dir}.", text::counted(count, "page")))?;
    Ok(ExitCode::SUCCESS)
}

fn write(dir: &Path, pages: Vec<(String, Vec<u8>)>) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
    for (name, page) in pages {
        let path = dir.join(name);
        fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The pages with the names of their files.
fn pages() -> Result<Vec<(String, Vec<u8>)>> {
    let mut command = super::command();
    command.build();
    let mut pages = Vec::new();
    collect(&command, &mut pages).context("cannot make the manual pages")?;
    Ok(pages)
}

fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page)?;
    pages.push((man.get_filename(), page));
    // `help` says what the pages say.
    for command in command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
        collect(command, pages)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::Command;

    use super::*;

    #[test]
    fn every_command_has_a_page_of_its_own() {
        let pages = pages().unwrap();
        let names: BTreeSet<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), pages.len());
        for name in ["longshore.1", "longshore-run.1", "longshore-task-retry.1", "longshore-outbox-retry.1"] {
            assert!(names.contains(name), "{names:?}");
        }
        assert!(
            !names.iter().any(|name| name.contains("compile-component") || name.contains("serve-queries"))
        );
        for (name, page) in &pages {
            let page = String::from_utf8_lossy(page);
            assert!(page.contains(".SH SYNOPSIS") && page.contains(".TH longshore"), "{name}: {page}");
        }
    }

    /// As far as there is a formatter on this machine.
    #[test]
    fn formatters_take_the_pages() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("man 1");
        write(&dir, pages().unwrap()).unwrap();
        for formatter in
            [&["mandoc", "-T", "lint", "-W", "error"][..], &["groff", "-man", "-T", "utf8", "-ww", "-z"]]
        {
            for page in fs::read_dir(&dir).unwrap() {
                let path = page.unwrap().path();
                let Ok(output) = Command::new(formatter[0]).args(&formatter[1..]).arg(&path).output() else {
                    break;
                };
                let told = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{}: {told}", path.display());
            }
        }
        let page = fs::read_to_string(dir.join("longshore-run.1")).unwrap();
        assert!(page.contains("longshore run"), "{page}");
    }
}
