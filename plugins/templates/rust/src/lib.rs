//! A job to start from: counts the words of a text column, row by row, and writes the counts to a CSV.
//!
//! It is small but does what a job should: a typed input whose comments are its documentation, errors that say what
//! to do, progress, and checkpoints. README.md says how to rename, test, build and install it.

use longshore_plugin::prelude::*;

/// Rows from one save to the next. A save costs an fsync or two, so this should be about a second of work. The tests
/// make it smaller.
const ROWS_PER_SAVE: u64 = 10_000;

/// What the job takes. An agent sees these comments, as the schema of the tool.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Table to read.
    table: String,
    /// Column whose words are counted.
    column: String,
    /// Data source to read. May be left out when the job was granted only one.
    source: Option<String>,
}

/// What the job gives.
#[derive(Serialize, JsonSchema)]
pub struct Output {
    /// Rows that were read.
    records_processed: u64,
    /// Words in all of them.
    words: u64,
    /// Name of the file with the count of each row: an artifact of the job.
    file: String,
}

/// What the job must remember to go on where it was. Everything else follows from the input.
#[derive(Default, Serialize, Deserialize)]
pub struct State {
    last_rowid: i64,
    rows: u64,
    words: u64,
}

/// The job type.
pub struct WordCount;

impl Job for WordCount {
    // The name must be that of the file: word_count.wasm.
    const NAME: &'static str = "word_count";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const TITLE: &'static str = "Word count";
    const DESCRIPTION: &'static str = "Counts the words of a text column of a table, row by row, and writes the \
        counts to a CSV. The result has the number of words in all rows.";
    type Input = Input;
    type Output = Output;
    type State = State;

    fn permissions() -> Vec<Permission> {
        vec![Permission::data("*", "Reads the column whose words it counts.")]
    }

    fn run(ctx: &Context<State>, input: Input) -> Result<Output> {
        let source = ctx.source(input.source.as_deref())?;
        let (table, column) = (quoted(&input.table), quoted(&input.column));
        let total: u64 = source
            .one(&format!("SELECT count({table}.{column}) FROM {table}"), &[], |row| row.at(0))
            .map_err(|error| JobError::invalid_input(format!("the column cannot be read: {error}")))?;

        // None on the first attempt; after an interruption, what the last save remembered.
        let mut state = ctx.load()?.unwrap_or_default();
        let file = "word_count.csv";
        let mut csv = ctx.artifact(file, "text/csv")?;
        if state.rows == 0 {
            writeln!(csv, "rowid,words")?;
        }
        // Rows come in the order of the key, and reading goes on after the last one: so an interrupted run writes
        // the same file as an undisturbed one.
        let sql = format!(
            "SELECT rowid, CAST({column} AS TEXT) FROM {table} \
             WHERE rowid > ? AND {table}.{column} IS NOT NULL ORDER BY rowid"
        );
        source.query(&sql, &[state.last_rowid.into()])?.for_each(|row| {
            let (rowid, text): (i64, &str) = (row.at(0)?, row.at(1)?);
            let words = text.split_whitespace().count() as u64;
            writeln!(csv, "{rowid},{words}")?;
            state.last_rowid = rowid;
            state.rows += 1;
            state.words += words;
            // Cheap, and the way to hear of a cancellation: `?` then ends the job.
            ctx.progress(state.rows, total.max(state.rows), "counting words")?;
            if ctx.save_due(state.rows, ROWS_PER_SAVE) {
                ctx.save(&state)?;
            }
            Ok(())
        })?;
        info!(ctx, "{} words in {} rows", state.words, state.rows);
        Ok(Output { records_processed: state.rows, words: state.words, file: file.into() })
    }
}

/// A name as SQL writes it, whatever characters it has. Values are never written into SQL: they are bound to `?`.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

longshore_plugin::export!(WordCount);
