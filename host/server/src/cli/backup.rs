//! `longshore backup`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use super::output::{print, print_json, say};
use super::{Global, bar, text};
use crate::app::backup::{BackedUp, back_up};

const AFTER_HELP: &str = "\
Examples:
  longshore backup /backups/shop.db          the database, in one file
  longshore backup /backups/shop --files     a folder, with the files of jobs, too
  longshore backup /backups/shop.db --force

Other processes may work meanwhile. The backup is one moment of the database, checked before it gets its name.
`longshore restore` puts it in place.";

/// Write a backup of the database, also while jobs run
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// File to write; with --files, directory to write
    #[arg(value_name = "FILE")]
    path: PathBuf,

    /// Include the files of jobs
    #[arg(long)]
    files: bool,

    /// Replace an existing backup
    #[arg(long)]
    force: bool,

    /// Print an object with `path`, `tasks`, `files` and sizes
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(global: &Global, args: Args) -> Result<ExitCode> {
    let config = global.config()?;
    let json = args.json;
    let work = move || back_up(&config, &args.path, args.files, args.force);
    let made = bar::spin_during("backup", work).await??;
    if json {
        print_json(&made)?;
    } else {
        print(&summary(&made))?;
    }
    for missing in &made.missing {
        say(&format!("not in the backup: {missing}"));
    }
    Ok(if made.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn summary(made: &BackedUp) -> String {
    let mut text = format!(
        "Wrote {}: {}, {}",
        made.path.display(),
        text::counted(made.tasks, "job"),
        text::size(made.database_bytes)
    );
    if made.files > 0 {
        text =
            format!("{text}, and {} with {}", text::counted(made.files, "file"), text::size(made.file_bytes));
    }
    text + "."
}
