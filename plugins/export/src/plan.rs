//! What one task exports, decided once and kept in the checkpoint, so that every attempt does the same.

use crate::catalog::{Column, Table};
use crate::dates::{Asked, Judge};
use crate::format::parquet::ColumnType;
use crate::input::{Format, Input};
use crate::order::ReadOrder;
use crate::sql::{self, Conditions};
use longshore_plugin::prelude::*;
use longshore_plugin::{Cursor, Row, Source};
use std::time::Duration;

/// Integers up to this size are doubles without loss.
const EXACT_IN_DOUBLE: i64 = 1 << 53;

/// Columns whose types one query scans: SQLite bounds the width of a result.
const COLUMNS_SCANNED_AT_ONCE: usize = 300;

/// What one task exports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) table: String,
    pub(crate) columns: Vec<PlannedColumn>,
    pub(crate) order: ReadOrder,
    /// How many rows there were to read when the plan was made, for progress.
    pub(crate) total: u64,
    conditions: Conditions,
    /// What is left to judge row by row.
    pub(crate) judge: Option<Judge>,
}

/// A column of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlannedColumn {
    pub(crate) name: String,
    pub(crate) declared_type: String,
    /// Its type in a Parquet file; the other formats need none.
    pub(crate) parquet: Option<ColumnType>,
}

impl Plan {
    /// Checks the input against what the source has, and counts.
    pub(crate) fn make(source: &Source, input: &Input, looking: impl FnMut() -> Result<()>) -> Result<Self> {
        let table = Table::find(source, &input.table)?;
        let columns = chosen(&table, input)?;
        let mut conditions = Conditions::default();
        for (place, filter) in input.filters.iter().enumerate() {
            conditions.push_filter(&table.column(&filter.column)?.name, filter, place)?;
        }
        let judge = push_date_range(&mut conditions, source, &table, input, looking)?;

        let from = format!("FROM {} AS t{}", sql::quoted(&table.name), conditions.sql());
        let total = source.one(&format!("SELECT count(*) {from}"), conditions.params(), |row| row.at(0))?;
        let mut columns: Vec<_> = columns.into_iter().map(PlannedColumn::from).collect();
        if input.format == Format::Parquet {
            for some in columns.chunks_mut(COLUMNS_SCANNED_AT_ONCE) {
                scan_types(source, some, &from, conditions.params())?;
            }
        }
        let order = ReadOrder::of(&table, source);
        Ok(Self { order, table: table.name, columns, total, conditions, judge })
    }

    /// Starts reading: all rows, or those after a key. What is judged comes before the columns, and the key after.
    pub(crate) fn open(&self, source: &Source, after: Option<&[Value]>) -> Result<Cursor> {
        let judged = self.judge.iter().map(|judge| judge.column.clone());
        let columns = self.columns.iter().map(|column| sql::column(&column.name));
        let columns: Vec<_> = judged.chain(columns).collect();
        let (sql, params) = self.order.select(&columns, &self.table, &self.conditions, after);
        Ok(source.query(&sql, &params)?)
    }

    /// Whether another plan exports the same in the same way, were it the same rows.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        *self == Self { total: self.total, ..other.clone() }
    }
}

/// The data is not what it was when the plan was made. The next attempt makes another.
pub(crate) fn changed() -> JobError {
    JobError::retry_after(
        "the table was changed while it was being read; the export starts again",
        Duration::ZERO,
    )
}

impl From<&Column> for PlannedColumn {
    fn from(column: &Column) -> Self {
        Self { name: column.name.clone(), declared_type: column.declared_type.clone(), parquet: None }
    }
}

fn chosen<'a>(table: &'a Table, input: &Input) -> Result<Vec<&'a Column>> {
    let Some(names) = &input.columns else {
        if let Some(column) = table.columns.iter().find(|column| !column.is_named) {
            return Err(JobError::invalid_input(format!(
                "columns: the name of a column of `{}`, `{}`, is not valid UTF-8, so it cannot be read; list the others",
                table.name, column.name
            )));
        }
        return Ok(table.columns.iter().collect());
    };
    let mut columns: Vec<&Column> = Vec::with_capacity(names.len());
    for name in names {
        let column = table.column(name)?;
        if columns.iter().any(|chosen| chosen.name == column.name) {
            return Err(JobError::invalid_input(format!("columns: `{}` is listed twice", column.name)));
        }
        columns.push(column);
    }
    if columns.is_empty() {
        return Err(JobError::invalid_input("columns: list at least one, or leave it out for all"));
    }
    Ok(columns)
}

fn push_date_range(
    conditions: &mut Conditions,
    source: &Source,
    table: &Table,
    input: &Input,
    looking: impl FnMut() -> Result<()>,
) -> Result<Option<Judge>> {
    let Some(range) = Asked::read(input)? else { return Ok(None) };
    let Some(name) = &input.date_column else {
        let likely = table.date_like_columns().join(", ");
        let likely = if likely.is_empty() { String::new() } else { format!("; likely ones: {likely}") };
        return Err(JobError::invalid_input(format!("`from` and `to` need `date_column`{likely}")));
    };
    let column = &table.column(name)?.name;
    range.apply(source, &table.name, column, conditions, looking)
}

/// Finds for each column a Parquet type that holds every value there is. SQLite's declared types promise nothing,
/// so the values themselves are asked.
fn scan_types(source: &Source, columns: &mut [PlannedColumn], from: &str, params: &[Value]) -> Result<()> {
    let tests: Vec<_> = columns
        .iter()
        .map(|column| {
            let column = sql::column(&column.name);
            let has = |class| format!("total(typeof({column}) = '{class}') > 0");
            let big = format!(
                "total(typeof({column}) = 'integer' AND {column} NOT BETWEEN -{EXACT_IN_DOUBLE} AND {EXACT_IN_DOUBLE}) > 0"
            );
            [has("integer"), has("real"), has("text"), has("blob"), big].join(", ")
        })
        .collect();
    let found =
        |row: Row<'_>| (0..columns.len() * 5).map(|index| row.at::<bool>(index)).collect::<Result<Vec<_>>>();
    let found = source.one(&format!("SELECT {} {from}", tests.join(", ")), params, found)?;
    for (column, found) in columns.iter_mut().zip(found.chunks_exact(5)) {
        let &[integer, real, text, blob, big] = found else { unreachable!("five tests a column") };
        column.parquet = Some(match (integer, real, text, blob) {
            (false, false, false, false) => ColumnType::declared(&column.declared_type),
            (_, _, _, true) => ColumnType::Bytes,
            (_, _, true, false) => ColumnType::Text,
            (true, false, false, false) => ColumnType::Integer,
            // Integers among floats stay exact as doubles unless they are huge; those are kept as text.
            (true, true, false, false) if big => ColumnType::Text,
            (_, true, false, false) => ColumnType::Double,
        });
    }
    Ok(())
}
