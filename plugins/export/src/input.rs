//! What the job takes. The doc comments are the schema that an agent reads.

use longshore_plugin::prelude::*;
use schemars::{Schema, SchemaGenerator, json_schema};

/// What to export, and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Data source to read. May be left out when the job was granted only one.
    pub source: Option<String>,
    /// Table or view to export.
    #[schemars(length(min = 1))]
    pub table: String,
    /// Columns to export, in this order. All of them when left out.
    #[schemars(length(min = 1))]
    pub columns: Option<Vec<String>>,
    /// Conditions that a row must meet, all of them.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// Column that `from` and `to` are about, compared as time: ISO 8601 text, Unix time, Julian days or YYYYMMDD.
    pub date_column: Option<String>,
    /// Start of the date range, included: `2026-03-01`, or with a time and perhaps an offset.
    pub from: Option<String>,
    /// End of the date range, not included: for March, `2026-04-01`.
    pub to: Option<String>,
    /// IANA time zone of times without an offset. Left out: the column's one offset, or UTC.
    pub time_zone: Option<String>,
    /// Format of the file. In each, bytes of a text that are not valid UTF-8 become U+FFFD.
    #[serde(default)]
    pub format: Format,
    /// Compression. Left out: none for csv, jsonl and json, and Snappy inside a Parquet file.
    pub compression: Option<Compression>,
    /// Name of the file. Left out: the table's name with the format's extension, such as `orders.csv.gz`.
    #[schemars(length(min = 1, max = 128))]
    pub file_name: Option<String>,
    /// What csv does with texts that a spreadsheet would take for formulas.
    #[serde(default)]
    pub formulas: Formulas,
}

/// What csv does with texts that a spreadsheet would take for formulas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Formulas {
    /// Writes them as they are.
    #[default]
    Exact,
    /// Puts `'` before those that begin with `=`, `+`, `-`, `@`, a tab or a line end. For files that people open.
    Escape,
}

/// Format of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 4180 with a header line. NULL is an empty field, an empty text is `""`; blobs are Base64.
    #[default]
    Csv,
    /// JSON Lines: one object a line. Blobs are Base64.
    Jsonl,
    /// One JSON array of objects. Blobs are Base64.
    Json,
    /// Apache Parquet. Integers, floats, texts and blobs keep their types; a column that mixes them becomes text.
    Parquet,
}

/// Compression of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// No compression.
    None,
    /// Gzip: the whole file, or the pages inside a Parquet file.
    Gzip,
}

/// A condition on one column.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Column to compare.
    pub column: String,
    /// How to compare. `like` takes SQL wildcards (`%` any text, `_` one character), `contains` looks for a text
    /// inside; both ignore the case of ASCII letters. `in` takes a list. `is_null` and `not_null` take no value.
    pub op: Op,
    /// Value to compare with: a text, number, boolean (1 or 0), or for `in` a list of them.
    #[serde(default)]
    #[schemars(schema_with = "value_schema")]
    pub value: serde_json::Value,
}

/// How a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Op {
    /// Equal.
    #[serde(rename = "=")]
    Equal,
    /// Not equal. Rows where the column is NULL do not count as different.
    #[serde(rename = "!=")]
    NotEqual,
    /// Less.
    #[serde(rename = "<")]
    Less,
    /// Less or equal.
    #[serde(rename = "<=")]
    LessOrEqual,
    /// Greater.
    #[serde(rename = ">")]
    Greater,
    /// Greater or equal.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// Fits a pattern.
    #[serde(rename = "like")]
    Like,
    /// Contains a text.
    #[serde(rename = "contains")]
    Contains,
    /// Is one of a list.
    #[serde(rename = "in")]
    In,
    /// Is NULL.
    #[serde(rename = "is_null")]
    IsNull,
    /// Is not NULL.
    #[serde(rename = "not_null")]
    NotNull,
}

fn value_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "number", "boolean", "array", "null"],
        "items": { "type": ["string", "number", "boolean"] },
    })
}
