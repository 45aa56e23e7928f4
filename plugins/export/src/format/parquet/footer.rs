//! What a Parquet file says at its end about its row groups, kept while they are written.

use longshore_plugin::prelude::*;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
    ParquetMetaDataWriter, RowGroupMetaData,
};

/// What follows the description in a file: its length (4 bytes) and the magic (4).
const TAIL: usize = 8;

/// The row groups written so far.
pub(super) struct Footer {
    /// What is the same for every file of the schema.
    file: FileMetaData,
    /// Where the next row group starts.
    position: u64,
    row_groups: Vec<RowGroupMetaData>,
}

impl Footer {
    /// Of a file that has `position` bytes and no row group.
    pub(super) fn new(file: FileMetaData, position: u64) -> Self {
        Self { file, position, row_groups: Vec::new() }
    }

    /// What [`encode`](Self::encode) gave.
    pub(super) fn decode(file: FileMetaData, saved: &[u8]) -> Result<Self> {
        let (position, description) = saved
            .split_first_chunk()
            .ok_or_else(|| JobError::failed("the checkpoint's description of the Parquet file is cut off"))?;
        let row_groups = decode(description)?.row_groups().to_vec();
        Ok(Self { file, position: u64::from_le_bytes(*position), row_groups })
    }

    /// For the checkpoint.
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        let mut saved = self.position.to_le_bytes().to_vec();
        saved.extend(encode(&self.describe(self.row_groups.clone()))?);
        Ok(saved)
    }

    /// Takes the one row group of a file in memory over: its bytes go to `out`, its description is kept.
    pub(super) fn add(&mut self, group: &RowGroupMetaData, file: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let ranges = || group.columns().iter().map(ColumnChunkMetaData::byte_range);
        let start = ranges().map(|(start, _)| start).min().unwrap_or_default();
        let end = ranges().map(|(start, length)| start + length).max().unwrap_or_default();
        out.extend_from_slice(&file[start as usize..end as usize]);

        let shift = self.position as i64 - start as i64;
        let columns = group.columns().iter().map(|column| {
            column
                .clone()
                .into_builder()
                .set_data_page_offset(column.data_page_offset() + shift)
                .set_dictionary_page_offset(column.dictionary_page_offset().map(|offset| offset + shift))
                .build()
        });
        let moved = group
            .clone()
            .into_builder()
            .set_column_metadata(columns.collect::<parquet::errors::Result<_>>()?)
            .set_file_offset(self.position as i64)
            .set_ordinal(i32::try_from(self.row_groups.len())?)
            .build()?;
        // Through its written form at once: a resumed attempt has only that, and must write the same footer.
        self.row_groups.extend_from_slice(decode(&encode(&self.describe(vec![moved]))?)?.row_groups());
        self.position += end - start;
        Ok(())
    }

    /// Writes the end of the file.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        ParquetMetaDataWriter::new(out, &self.describe(self.row_groups.clone())).finish()?;
        Ok(())
    }

    fn describe(&self, row_groups: Vec<RowGroupMetaData>) -> ParquetMetaData {
        let file = FileMetaData::new(
            self.file.version(),
            row_groups.iter().map(RowGroupMetaData::num_rows).sum(),
            self.file.created_by().map(str::to_owned),
            self.file.key_value_metadata().cloned(),
            self.file.schema_descr_ptr(),
            self.file.column_orders().cloned(),
        );
        ParquetMetaData::new(file, row_groups)
    }
}

fn encode(description: &ParquetMetaData) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ParquetMetaDataWriter::new(&mut bytes, description).finish()?;
    bytes.truncate(bytes.len() - TAIL);
    Ok(bytes)
}

fn decode(description: &[u8]) -> Result<ParquetMetaData> {
    // The reader would otherwise sum the pages' encodings up, and they could not be written again.
    let options = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
    Ok(ParquetMetaDataReader::decode_metadata_with_options(description, Some(&options))?)
}
