//! What the job takes. The doc comments are the schema that an agent reads.

use longshore_plugin::csv::Formulas;
use longshore_plugin::prelude::*;
use schemars::{Schema, SchemaGenerator, json_schema};

// Descriptions are what a model pays for with each call, so they say what the name and the type do not.
#[allow(missing_docs, reason = "what a field is for is its name, where nothing has to be added for an agent")]
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Data source. Needed only if the job was granted several.
    pub source: Option<String>,
    /// Table or view to export.
    #[schemars(length(min = 1))]
    pub table: String,
    /// In this order; all by default.
    #[schemars(length(min = 1))]
    pub columns: Option<Vec<String>>,
    /// Conditions, all of which a row must meet.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// Column that `from` and `to` are about, whether it holds ISO 8601 text, Unix time, Julian days or YYYYMMDD.
    pub date_column: Option<String>,
    /// Start, included: 2026-03-01, or with a time.
    pub from: Option<String>,
    /// End, not included: for March, 2026-04-01.
    pub to: Option<String>,
    /// Of times without an offset, such as Asia/Kolkata. Default: the column's one offset, or UTC.
    pub time_zone: Option<String>,
    #[serde(default)]
    pub format: Format,
    /// Default: none, but Snappy inside Parquet.
    pub compression: Option<Compression>,
    /// Default: the table's name with the format's extension.
    #[schemars(length(min = 1, max = 128))]
    pub file_name: Option<String>,
    #[serde(default)]
    pub formulas: Formulas,
}

/// Blobs are Base64, but for Parquet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 4180 with a header line; NULL is an empty field, an empty text `""`.
    #[default]
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// An array of objects.
    Json,
    /// Columns keep their types; one that mixes them becomes text.
    Parquet,
}

/// Compression of the file.
#[allow(missing_docs, reason = "the names say it all, and an agent pays for each description")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    None,
    Gzip,
}

#[allow(missing_docs, reason = "what a field is for is its name, where nothing has to be added for an agent")]
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    pub column: String,
    /// `like` takes SQL wildcards; like it, `contains` ignores the case of ASCII letters. `!=` leaves NULL out.
    pub op: Op,
    /// For `in` a list; none for `is_null` and `not_null`.
    #[serde(default)]
    #[schemars(schema_with = "value_schema")]
    pub value: serde_json::Value,
}

#[allow(missing_docs, reason = "they are operators of SQL")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Op {
    #[serde(rename = "=")]
    Equal,
    #[serde(rename = "!=")]
    NotEqual,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    LessOrEqual,
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=")]
    GreaterOrEqual,
    #[serde(rename = "like")]
    Like,
    #[serde(rename = "contains")]
    Contains,
    #[serde(rename = "in")]
    In,
    #[serde(rename = "is_null")]
    IsNull,
    #[serde(rename = "not_null")]
    NotNull,
}

fn value_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "number", "boolean", "array"],
        "items": { "type": ["string", "number", "boolean"] },
    })
}
