//! Moving rows: from the source in batches, through the encoder, into the file, with a save at each cut.

use crate::format::{self, Encoder};
use crate::input::{Compression, Format, Input};
use crate::order::{self, Position};
use crate::plan::Plan;
use crate::sink::Sink;
use longshore_plugin::Source;
use longshore_plugin::prelude::*;

/// Rows asked for at a time; the host gives fewer when they are wide.
const ROWS_PER_BATCH: u32 = 4096;

/// What the job gives.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// Name of the file, which is an artifact of the job.
    pub file: String,
    /// Its format.
    pub format: Format,
    /// Its compression; none for a Parquet file whose pages are compressed with Snappy.
    pub compression: Option<Compression>,
    /// Source that was read.
    pub source: String,
    /// Table or view that was read.
    pub table: String,
    /// Columns of the file, in order.
    pub columns: Vec<OutputColumn>,
    /// Rows in the file.
    pub rows: u64,
    /// The same, under the name that every job has.
    pub records_processed: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// A column of the file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OutputColumn {
    /// Its name.
    pub name: String,
    /// Its type: in a Parquet file the type there, else the one it was declared with, which may be empty.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// What an attempt goes on from.
#[derive(Serialize, Deserialize)]
pub struct State {
    pub(crate) plan: Plan,
    pub(crate) position: Position,
    /// What the encoder must remember.
    pub(crate) encoder: Vec<u8>,
}

/// Runs one attempt.
pub(crate) fn run(ctx: &Context<State>, input: &Input) -> Result<Output> {
    let source = ctx.source(input.source.as_deref())?;
    let State { plan, position, encoder } = if let Some(saved) = ctx.load()? {
        info!(ctx, "resuming after {} of {} rows", saved.position.rows, saved.plan.total);
        saved
    } else {
        ctx.progress(0u64, None, "looking at the table")?;
        State { plan: Plan::make(&source, input)?, position: Position::default(), encoder: Vec::new() }
    };

    let file = file_name(input, &plan.table);
    let artifact = ctx.artifact(&file, media_type(input)).map_err(|error| match error.code.as_str() {
        "invalid_name" => JobError::invalid_input(format!("file_name: {}", error.message)),
        _ => error.into(),
    })?;
    let whole_file = match input.format {
        Format::Parquet => Compression::None,
        _ => input.compression.unwrap_or(Compression::None),
    };
    let export = Export {
        ctx,
        source: &source,
        sink: Sink::new(artifact.clone(), whole_file),
        out: Vec::new(),
        state: State { plan, position, encoder: Vec::new() },
    };
    let state = match input.format {
        Format::Csv => export.rows::<format::csv::Csv>(&encoder, input)?,
        Format::Jsonl => export.rows::<format::json::JsonLines>(&encoder, input)?,
        Format::Json => export.rows::<format::json::JsonArray>(&encoder, input)?,
        Format::Parquet => export.rows::<format::parquet::Parquet>(&encoder, input)?,
    };

    let rows = state.position.rows;
    let column = |column: crate::plan::PlannedColumn| OutputColumn {
        type_name: column.parquet.map_or(column.declared_type, |parquet| parquet.name().into()),
        name: column.name,
    };
    Ok(Output {
        file,
        format: input.format,
        compression: input.compression.filter(|compression| *compression != Compression::None),
        source: source.name().into(),
        table: state.plan.table,
        columns: state.plan.columns.into_iter().map(column).collect(),
        rows,
        records_processed: rows,
        bytes: artifact.position(),
    })
}

/// One attempt under way.
struct Export<'a> {
    ctx: &'a Context<State>,
    source: &'a Source,
    sink: Sink,
    /// Encoded bytes on their way to the sink.
    out: Vec<u8>,
    state: State,
}

impl Export<'_> {
    /// Reads the rows that are left and writes the file to its end. One copy of the loop for each format, so that
    /// nothing is decided per value that could be decided per file.
    fn rows<E: Encoder>(mut self, saved: &[u8], input: &Input) -> Result<State> {
        let mut encoder = E::new(&self.state.plan.columns, input, saved)?;
        let mut cursor = self.state.plan.open(self.source, &self.state.position)?;
        let (width, key_len) = (self.state.plan.columns.len(), self.state.plan.order.key_len());
        let message = format!("exporting {}", self.state.plan.table);
        if self.state.position.rows == 0 {
            encoder.begin(&mut self.out)?;
        }
        // What the sink took since the last cut. Together with what waits in `out` and in the encoder it measures
        // the rows alone, however they came in batches.
        let mut taken = 0;
        let mut rows_since_cut = 0;
        while let Some(batch) = cursor.next_batch(ROWS_PER_BATCH)? {
            let mut cells = batch.cells();
            for _ in 0..batch.len() {
                encoder.row(&mut cells, width, self.state.position.rows == 0, &mut self.out)?;
                let key = cells.clone();
                for _ in 0..key_len {
                    cells.next();
                }
                self.state.position.rows += 1;
                rows_since_cut += 1;
                let bytes_since_cut = taken + self.out.len() + encoder.pending();
                if rows_since_cut >= E::CUT_ROWS || bytes_since_cut >= E::CUT_BYTES {
                    self.state.position.key = order::key_of(key.take(key_len));
                    self.cut(&mut encoder)?;
                    (taken, rows_since_cut) = (0, 0);
                }
            }
            taken += self.pass_on()?;
            let total = self.state.plan.total.max(self.state.position.rows);
            self.ctx.progress(self.state.position.rows, total, &message)?;
        }
        encoder.cut(&mut self.out)?;
        encoder.end(self.state.position.rows, &mut self.out)?;
        self.pass_on()?;
        self.sink.end()?;
        Ok(self.state)
    }

    /// Brings the file to a point from which another attempt can go on, and saves.
    fn cut<E: Encoder>(&mut self, encoder: &mut E) -> Result<()> {
        encoder.cut(&mut self.out)?;
        self.pass_on()?;
        self.sink.cut()?;
        self.state.encoder = encoder.state()?;
        self.ctx.save(&self.state)
    }

    /// Hands the encoded bytes to the sink, and says how many they were.
    fn pass_on(&mut self) -> Result<usize> {
        self.sink.write(&self.out)?;
        let bytes = self.out.len();
        self.out.clear();
        Ok(bytes)
    }
}

/// Bytes of a table's name that become part of its file's, so that a name that nobody gave fits as an artifact's.
const STEM_BYTES_MAX: usize = 200;

fn file_name(input: &Input, table: &str) -> String {
    if let Some(name) = &input.file_name {
        return name.clone();
    }
    let extension = match input.format {
        Format::Csv => "csv",
        Format::Jsonl => "jsonl",
        Format::Json => "json",
        Format::Parquet => "parquet",
    };
    let gzipped = input.compression == Some(Compression::Gzip) && input.format != Format::Parquet;
    // A table may have any name, a file may not.
    let plain = |c: char| if c.is_alphanumeric() || "-_. ".contains(c) { c } else { '_' };
    let stem: String = table.chars().map(plain).take(100).collect();
    // A name has 240 bytes at the most, and letters of most scripts have three each.
    let stem = stem[..stem.floor_char_boundary(STEM_BYTES_MAX)].trim_start_matches('.');
    let stem = if stem.is_empty() { "export" } else { stem };
    format!("{stem}.{extension}{}", if gzipped { ".gz" } else { "" })
}

fn media_type(input: &Input) -> &'static str {
    match (input.format, input.compression) {
        (Format::Parquet, _) => "application/vnd.apache.parquet",
        (_, Some(Compression::Gzip)) => "application/gzip",
        (Format::Csv, _) => "text/csv",
        (Format::Jsonl, _) => "application/jsonl",
        (Format::Json, _) => "application/json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn name(input: serde_json::Value, table: &str) -> String {
        file_name(&serde_json::from_value(input).unwrap(), table)
    }

    #[test]
    fn files_are_named_after_tables() {
        assert_eq!(name(json!({ "table": "orders" }), "orders"), "orders.csv");
        assert_eq!(
            name(json!({ "table": "x", "format": "jsonl", "compression": "gzip" }), "x"),
            "x.jsonl.gz"
        );
        assert_eq!(
            name(json!({ "table": "x", "format": "parquet", "compression": "gzip" }), "x"),
            "x.parquet"
        );
        assert_eq!(name(json!({ "table": "x" }), "../a/b"), "_a_b.csv");
        assert_eq!(name(json!({ "table": "x" }), "..."), "export.csv");
        assert_eq!(name(json!({ "table": "x", "file_name": "march.csv" }), "x"), "march.csv");
        for table in ["x".repeat(1_000), "語".repeat(100), "é".repeat(120), "🙂語".repeat(60)] {
            let name = name(json!({ "table": "x", "format": "jsonl", "compression": "gzip" }), &table);
            assert!(
                name.len() <= 240 && name.chars().count() <= 128 && name.ends_with(".jsonl.gz"),
                "{name}"
            );
        }
    }
}
