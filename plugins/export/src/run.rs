//! Moving rows: from the source in batches, through the encoder, into the file, with a save at each cut.

use crate::format::{self, Encoder};
use crate::input::{Compression, Format, Input};
use crate::order::{self, Position};
use crate::plan::Plan;
use crate::resume::{Rows, Start};
use crate::sink::Sink;
use longshore_plugin::csv::Formulas;
use longshore_plugin::prelude::*;
use longshore_plugin::{Cell, Cells, RowDigest};

/// Rows asked for at a time; the host gives fewer when they are wide.
pub(crate) const ROWS_PER_BATCH: u32 = 4096;

/// Rows read from one cut to the next where few of them are wanted, in rows of a full cut.
const CUTS_OF_UNWANTED_ROWS: u64 = 4;

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
    /// Texts that were not valid UTF-8: in the file they have U+FFFD for each wrong sequence of bytes.
    #[serde(skip_serializing_if = "is_zero")]
    pub invalid_texts: u64,
    /// Blobs, which are Base64 in the file.
    #[serde(skip_serializing_if = "is_zero")]
    pub base64_values: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What an attempt resumes from.
#[derive(Serialize, Deserialize)]
pub struct State {
    /// Of this structure.
    pub(crate) version: u32,
    /// Name of the file.
    pub(crate) file: String,
    pub(crate) plan: Plan,
    /// What the source was when the attempt began whose rows are in the file.
    pub(crate) revision: Option<String>,
    pub(crate) position: Position,
    /// Of all rows that were read.
    pub(crate) digest: RowDigest,
    /// Of each column.
    pub(crate) notable: Vec<Notable>,
    /// What the encoder must remember.
    pub(crate) encoder: Vec<u8>,
}

/// Values of a column that are not in the file as they are in the source.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Notable {
    invalid_texts: u64,
    blobs: u64,
}

/// Runs one attempt.
pub(crate) fn run(ctx: &Context<State>, input: &Input) -> Result<Output> {
    if input.formulas == Formulas::Escape && input.format != Format::Csv {
        return Err(JobError::invalid_input("formulas: `escape` is for csv; no other format has formulas"));
    }
    let source = ctx.source(input.source.as_deref())?;
    let Start { mut state, rows, clear } = Start::find(ctx, &source, input)?;
    let file = state.file.clone();
    let artifact = ctx.artifact(&file, media_type(input)).map_err(|error| match error.code.as_str() {
        "invalid_name" => JobError::invalid_input(format!("file_name: {}", error.message)),
        _ => error.into(),
    })?;
    if clear {
        artifact.clear()?;
    }
    let whole_file = match input.format {
        Format::Parquet => Compression::None,
        _ => input.compression.unwrap_or(Compression::None),
    };
    let encoder = std::mem::take(&mut state.encoder);
    let sink = Sink::new(artifact.clone(), whole_file);
    let export = Export { ctx, rows, sink, out: Vec::new(), state };
    let state = match input.format {
        Format::Csv => export.write::<format::csv::Csv>(&encoder, input)?,
        Format::Jsonl => export.write::<format::json::JsonLines>(&encoder, input)?,
        Format::Json => export.write::<format::json::JsonArray>(&encoder, input)?,
        Format::Parquet => export.write::<format::parquet::Parquet>(&encoder, input)?,
    };

    let rows = state.position.rows;
    let column = |(column, notable): (crate::plan::PlannedColumn, Notable)| OutputColumn {
        invalid_texts: notable.invalid_texts,
        base64_values: if input.format == Format::Parquet { 0 } else { notable.blobs },
        type_name: column.parquet.map_or(column.declared_type, |parquet| parquet.name().into()),
        name: column.name,
    };
    Ok(Output {
        file,
        format: input.format,
        compression: input.compression.filter(|compression| *compression != Compression::None),
        source: source.name().into(),
        table: state.plan.table,
        columns: state.plan.columns.into_iter().zip(state.notable).map(column).collect(),
        rows,
        records_processed: rows,
        bytes: artifact.position(),
    })
}

/// One attempt under way.
struct Export<'a> {
    ctx: &'a Context<State>,
    rows: Rows,
    sink: Sink,
    /// Encoded bytes on their way to the sink.
    out: Vec<u8>,
    state: State,
}

impl Export<'_> {
    /// Reads the rows that are left and writes the file to its end. One copy of the loop for each format, so that
    /// nothing is decided per value that could be decided per file.
    fn write<E: Encoder>(mut self, saved: &[u8], input: &Input) -> Result<State> {
        let mut encoder = E::new(&self.state.plan.columns, input, saved)?;
        let (width, key_len) = (self.state.plan.columns.len(), self.state.plan.order.key_len());
        let judge = self.state.plan.judge.clone();
        let message = format!("exporting {}", self.state.plan.table);
        if self.state.position.read == 0 {
            encoder.begin(&mut self.out)?;
        }
        // What the sink took since the last cut. Together with what waits in `out` and in the encoder it measures
        // the rows alone, however they came in batches.
        let mut taken = 0;
        let (mut rows_since_cut, mut read_since_cut) = (0, 0);
        let cut_rows = self.ctx.save_interval(E::CUT_ROWS as u64);
        while let Some(batch) = self.rows.next_batch()? {
            let mut cells = batch.cells();
            let mut undigested = cells.clone();
            let may_be_notable = batch.has_bytes();
            for _ in 0..batch.len() {
                let is_wanted = match &judge {
                    None => true,
                    Some(judge) => judge.contains(cells.next().unwrap_or(Cell::Null))?,
                };
                if is_wanted {
                    if may_be_notable {
                        self.note(cells.clone());
                    }
                    encoder.row(&mut cells, width, self.state.position.rows == 0, &mut self.out)?;
                    self.state.position.rows += 1;
                    rows_since_cut += 1;
                } else {
                    cells.by_ref().take(width).for_each(drop);
                }
                let key = cells.clone();
                for _ in 0..key_len {
                    cells.next();
                }
                self.state.position.read += 1;
                read_since_cut += 1;
                let bytes_since_cut = taken + self.out.len() + encoder.pending();
                if rows_since_cut >= cut_rows
                    || bytes_since_cut >= E::CUT_BYTES
                    || read_since_cut >= cut_rows.saturating_mul(CUTS_OF_UNWANTED_ROWS)
                {
                    self.state.digest.add(undigested.up_to(&cells));
                    undigested = cells.clone();
                    self.state.position.key = order::key_of(key.take(key_len));
                    self.cut(&mut encoder)?;
                    (taken, rows_since_cut, read_since_cut) = (0, 0, 0);
                }
            }
            self.state.digest.add(undigested.up_to(&cells));
            taken += self.pass_on()?;
            let total = self.state.plan.total.max(self.state.position.read);
            self.ctx.progress(self.state.position.read, total, &message)?;
        }
        encoder.cut(&mut self.out)?;
        encoder.end(self.state.position.rows, &mut self.out)?;
        self.pass_on()?;
        self.sink.end()?;
        Ok(self.state)
    }

    /// Counts what is not in the file as it is in the source.
    fn note(&mut self, row: Cells<'_>) {
        for (notable, cell) in self.state.notable.iter_mut().zip(row) {
            match cell {
                Cell::InvalidText(_) => notable.invalid_texts += 1,
                Cell::Blob(_) => notable.blobs += 1,
                _ => {}
            }
        }
    }

    /// Brings the file to a point from which another attempt can resume, and saves.
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

fn media_type(input: &Input) -> &'static str {
    match (input.format, input.compression) {
        (Format::Parquet, _) => "application/vnd.apache.parquet",
        (_, Some(Compression::Gzip)) => "application/gzip",
        (Format::Csv, _) => "text/csv",
        (Format::Jsonl, _) => "application/jsonl",
        (Format::Json, _) => "application/json",
    }
}
