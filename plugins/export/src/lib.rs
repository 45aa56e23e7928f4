//! The job type `export`: any table or view of a granted source, to CSV, JSON Lines, JSON or Parquet.
//!
//! The way of a row: [`catalog`] finds out what the source has, [`plan`] decides once what is read and in which
//! order, [`run`](mod@run) moves rows in batches through an encoder of [`format`] into a [`sink`].
//!
//! **The same bytes however often it is interrupted.** Nothing in the file depends on time or on how rows fall
//! into batches: the job saves at *cuts*, whose places follow from the rows alone. The formats that cannot be
//! continued at any byte (gzip, Parquet) end a member or a row group at each cut, in every run. A file is that of one
//! snapshot of the source: a resumed attempt keeps what was written only if the rows behind it are still the same
//! ([`resume`]), and otherwise starts again.

mod catalog;
mod dates;
mod file_name;
mod format;
mod input;
mod order;
mod plan;
mod resume;
mod run;
mod sink;
mod sql;

use longshore_plugin::prelude::*;

/// The job type.
pub struct Export;

impl Job for Export {
    const NAME: &'static str = "export";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const TITLE: &'static str = "Export a table";
    const DESCRIPTION: &'static str = "Writes a table or view of a data source to one file of any size: CSV, JSON Lines, \
        JSON or Parquet. Choose columns, filter rows, limit to a date range. If a name is wrong, the error lists what \
        exists, so a guess is a fine way to find out. The result has rows and bytes; the file is the job's artifact.";
    const STATE_FORMAT: longshore_plugin::StateFormat = longshore_plugin::StateFormat::Compact;
    type Input = input::Input;
    type Output = run::Output;
    type State = run::State;

    fn permissions() -> Vec<Permission> {
        vec![Permission::data("*", "Reads the tables and views that it exports.")]
    }

    fn run(ctx: &Context<Self::State>, input: Self::Input) -> Result<Self::Output> {
        run::run(ctx, &input)
    }
}

longshore_plugin::export!(Export);
