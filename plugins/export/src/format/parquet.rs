//! Parquet, a row group from cut to cut.
//!
//! A row group is gathered column by column, encoded in memory as a small file of its own, and its bytes are put
//! where the real file is. Its description moves with it, so that the footer can be written by whichever attempt
//! comes to the end.

mod columns;
mod footer;

pub(crate) use columns::ColumnType;

use super::Encoder;
use crate::input::{Compression, Input};
use crate::plan::PlannedColumn;
use columns::ColumnValues;
use footer::Footer;
use longshore_plugin::Cells;
use longshore_plugin::prelude::*;
use parquet::basic;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use std::sync::Arc;

/// Every Parquet file starts and ends with it.
const MAGIC: &[u8] = b"PAR1";

pub(crate) struct Parquet {
    columns: Vec<ColumnValues>,
    pending: usize,
    schema: TypePtr,
    properties: WriterPropertiesPtr,
    footer: Footer,
}

impl Encoder for Parquet {
    const CUT_ROWS: usize = 131_072;
    /// Values of one row group, which are in memory twice: as they came, and encoded.
    const CUT_BYTES: usize = 8 << 20;

    fn new(columns: &[PlannedColumn], input: &Input, saved: &[u8]) -> Result<Self> {
        let types: Vec<_> = columns.iter().map(|column| column.parquet.unwrap_or(ColumnType::Text)).collect();
        let fields = columns.iter().zip(&types).map(|(column, column_type)| column_type.field(&column.name));
        let fields = fields.collect::<parquet::errors::Result<Vec<_>>>()?;
        let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?);
        let codec = match input.compression {
            None => basic::Compression::SNAPPY,
            Some(Compression::None) => basic::Compression::UNCOMPRESSED,
            Some(Compression::Gzip) => basic::Compression::GZIP(basic::GzipLevel::default()),
        };
        let properties = WriterProperties::builder()
            .set_compression(codec)
            // Statistics of each chunk let a reader skip row groups. Page indexes are left out: they would have to
            // be kept in memory to the end of the file.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_created_by(concat!("longshore export ", env!("CARGO_PKG_VERSION")).into())
            .build();
        let properties = Arc::new(properties);
        let file = new_file(&schema, &properties)?.close()?.file_metadata().clone();
        let footer = match saved {
            [] => Footer::new(file, MAGIC.len() as u64),
            saved => Footer::decode(file, saved)?,
        };
        let columns = types.into_iter().map(ColumnValues::new).collect();
        Ok(Self { columns, pending: 0, schema, properties, footer })
    }

    fn begin(&mut self, out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(MAGIC);
        Ok(())
    }

    #[inline]
    fn row(&mut self, cells: &mut Cells<'_>, _: usize, _: bool, _: &mut Vec<u8>) -> Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            self.pending += column.push(cell)?;
        }
        Ok(())
    }

    fn pending(&self) -> usize {
        self.pending
    }

    fn cut(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if self.pending == 0 {
            return Ok(());
        }
        let mut group = new_file(&self.schema, &self.properties)?;
        let mut writer = group.next_row_group()?;
        for column in &mut self.columns {
            let mut chunk = writer.next_column()?.expect("as many as the schema has");
            column.write_to(chunk.untyped())?;
            chunk.close()?;
        }
        writer.close()?;
        let description = group.flushed_row_groups()[0].clone();
        let bytes = group.into_inner()?;
        self.footer.add(&description, &bytes, out)?;
        self.pending = 0;
        Ok(())
    }

    fn state(&self) -> Result<Vec<u8>> {
        self.footer.encode()
    }

    fn end(&mut self, _: u64, out: &mut Vec<u8>) -> Result<()> {
        self.footer.write(out)
    }
}

/// A file in memory.
fn new_file(schema: &TypePtr, properties: &WriterPropertiesPtr) -> Result<SerializedFileWriter<Vec<u8>>> {
    Ok(SerializedFileWriter::new(Vec::new(), Arc::clone(schema), Arc::clone(properties))?)
}
