//! `longshore restore`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use super::call::longshore;
use super::output::{print, print_json};
use super::{Global, bar, text};
use crate::app::backup::{Restored, restore};

const AFTER_HELP: &str = "\
Examples:
  longshore restore /backups/shop.db
  longshore restore /backups/shop            a backup with files

No process of the project may run. The database that is replaced is kept, with its log, under a name that is printed.";

/// Put a backup in the place of the database
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Backup, as `longshore backup` writes it
    #[arg(value_name = "FILE")]
    path: PathBuf,

    /// Print an object with `database`, `kept` and `tasks`
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(global: &Global, args: Args) -> Result<ExitCode> {
    let config = global.config()?;
    let restored = bar::spin_during("restore", move || restore(&config, &args.path)).await??;
    if args.json {
        print_json(&restored)?;
    } else {
        print(&summary(&restored))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(restored: &Restored) -> String {
    let mut lines =
        vec![format!("Restored {}: {}.", restored.database.display(), text::counted(restored.tasks, "job"))];
    if restored.files > 0 {
        lines.push(format!("Put {} of jobs back.", text::counted(restored.files, "file")));
    }
    if let Some(schema) = restored.upgraded_from {
        lines.push(format!("It was upgraded from schema {schema}; the backup is as it was."));
    }
    if let Some(kept) = &restored.kept {
        lines.push(format!(
            "The database before is kept as {}; delete it when nobody misses anything.",
            kept.display()
        ));
    }
    lines.push(format!("`{} doctor` shows what the files of jobs lack.", longshore()));
    lines.join("\n")
}
