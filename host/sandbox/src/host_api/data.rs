//! `data`: read-only SQL on the sources that the job is granted.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::Value as SqlValue;
use wasmtime::component::Resource;

use crate::bindings::longshore::job::data::{Column, Host, HostCursor, PackedRows, Value};
use crate::bindings::longshore::job::types::HostError;
use crate::data::{Allowed, Cursor, QueryError, Source, Stopped, TooLarge};
use crate::failure::Ended;
use crate::guest::{Attempt, Guest};
use crate::host_api::{host_error, not_granted, shown};

impl Host for Guest {
    fn sources(&mut self) -> wasmtime::Result<Vec<String>> {
        let mut granted = self.attempt()?.request.job.policy.grants.data.clone();
        granted.sort();
        granted.dedup();
        Ok(granted)
    }

    async fn query(
        &mut self,
        source: String,
        sql: String,
        params: Vec<Value>,
    ) -> wasmtime::Result<Result<Resource<Cursor>, HostError>> {
        let (attempt, table) = self.attempt_and_table()?;
        match query(attempt, &source, sql, params).await? {
            Ok(cursor) => Ok(Ok(table.push(cursor)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    fn revision(&mut self, source: String) -> wasmtime::Result<Result<Option<String>, HostError>> {
        let attempt = self.attempt()?;
        let now = attempt.shared.clock.now();
        Ok(granted(attempt, &source)?.map(|source| source.revision(now)))
    }
}

/// The source of that name, which must be granted.
fn granted<'a>(attempt: &'a Attempt, name: &str) -> wasmtime::Result<Result<&'a Arc<Source>, HostError>> {
    let grants = &attempt.request.job.policy.grants;
    if !grants.data.iter().any(|granted| granted == name) {
        return Err(not_granted(attempt.job_name(), grants, "data", "read the source", name));
    }
    let why = "is granted, but this host has no source of that name";
    Ok(attempt.shared.sources.get(name).ok_or_else(|| unavailable(name, why)))
}

fn unavailable(source: &str, why: &str) -> HostError {
    host_error("source_unavailable", format!("the source {source:?} {why}"))
}

async fn query(
    attempt: &mut Attempt,
    name: &str,
    sql: String,
    params: Vec<Value>,
) -> wasmtime::Result<Result<Cursor, HostError>> {
    let source = match granted(attempt, name)? {
        Ok(source) => Arc::clone(source),
        Err(error) => return Ok(Err(error)),
    };
    let cursors_max = attempt.limits().cursors_max;
    if !attempt.queries.cursors.has_room(cursors_max).await {
        let what = "the job opened another cursor before it dropped one of those that it may hold";
        return Err(attempt.limits_of().exceeded(what, cursors_max.into(), "cursors_max").into());
    }
    let limits = attempt.limits();
    let allowed = Allowed {
        tables: attempt.request.job.policy.grants.tables.get(name).cloned(),
        value_bytes_max: limits.query_value_bytes_max,
        memory_bytes_max: limits.query_memory_bytes_max,
        time_max: Duration::from_millis(limits.query_timeout_ms),
        rows_max: limits.query_rows_max,
    };
    let params = params.into_iter().map(sql_value).collect();
    match Cursor::open(&source, name, sql, params, allowed, &mut attempt.queries).await {
        Ok(cursor) => Ok(Ok(cursor)),
        Err(QueryError::Unavailable(why)) => Ok(Err(unavailable(name, &format!("cannot be opened: {why}")))),
        Err(QueryError::Stopped(stopped)) => Ok(Err(query_failed(attempt, name, stopped)?)),
    }
}

impl HostCursor for Guest {
    fn columns(&mut self, cursor: Resource<Cursor>) -> wasmtime::Result<Vec<Column>> {
        Ok(self.attempt_and_table()?.1.get(&cursor)?.columns().to_vec())
    }

    async fn next(
        &mut self,
        cursor: Resource<Cursor>,
        max_rows: u32,
    ) -> wasmtime::Result<Result<Vec<Vec<Value>>, HostError>> {
        let (attempt, table) = self.attempt_and_table()?;
        let cursor = table.get_mut(&cursor)?;
        let columns = cursor.columns().len();
        match cursor.next(max_rows).await {
            Ok(batch) => Ok(Ok(batch.into_values(columns))),
            Err(stopped) => Ok(Err(query_failed(attempt, cursor.source(), stopped)?)),
        }
    }

    async fn next_packed(
        &mut self,
        cursor: Resource<Cursor>,
        max_rows: u32,
    ) -> wasmtime::Result<Result<PackedRows, HostError>> {
        let (attempt, table) = self.attempt_and_table()?;
        let cursor = table.get_mut(&cursor)?;
        match cursor.next(max_rows).await {
            Ok(batch) => Ok(Ok(PackedRows::from(batch))),
            Err(stopped) => Ok(Err(query_failed(attempt, cursor.source(), stopped)?)),
        }
    }

    async fn next_packed_raw(
        &mut self,
        cursor: Resource<Cursor>,
        max_rows: u32,
    ) -> wasmtime::Result<Result<PackedRows, HostError>> {
        let (attempt, table) = self.attempt_and_table()?;
        let cursor = table.get_mut(&cursor)?;
        match cursor.next(max_rows).await {
            Ok(batch) => Ok(Ok(batch.into_raw())),
            Err(stopped) => Ok(Err(query_failed(attempt, cursor.source(), stopped)?)),
        }
    }

    fn drop(&mut self, cursor: Resource<Cursor>) -> wasmtime::Result<()> {
        self.attempt_and_table()?.1.delete(cursor)?;
        Ok(())
    }
}

/// What the job is told of a query that was stopped; or the end of the attempt, where a limit was spent.
fn query_failed(attempt: &Attempt, source: &str, stopped: Stopped) -> wasmtime::Result<HostError> {
    let limits = attempt.limits();
    let message = match stopped {
        Stopped::Failed(message) => message,
        Stopped::Unavailable(why) => {
            return Ok(host_error(
                "source_unavailable",
                format!("the source {source:?} cannot be read: {why}"),
            ));
        }
        Stopped::AtTheEnd => "the result is at its end".into(),
        Stopped::NotGranted(what) => format!(
            "the job may not read {what} of the source {source:?}; what it may is under [grants.tables.{source}] in \
             {}.toml",
            attempt.job_name()
        ),
        Stopped::OutOfTime => {
            let what = "a query kept its source at work for longer than it may in milliseconds";
            return Err(attempt
                .limits_of()
                .exceeded(what, limits.query_timeout_ms, "query_timeout_ms")
                .into());
        }
        Stopped::OutOfMemory => {
            let what = "queries of the job wanted more memory than they may have";
            let bytes_max = limits.query_memory_bytes_max;
            return Err(attempt.limits_of().exceeded(what, bytes_max, "query_memory_bytes_max").into());
        }
        Stopped::RowTooLarge(large) => return Err(too_large(attempt, large).into()),
        Stopped::ValueTooLarge(large) => match too_large(attempt, large) {
            Ended::Failed(failure) => failure.message,
            ended => return Err(ended.into()),
        },
        Stopped::OutOfRows => {
            let what = "a query has more rows than one may give";
            return Err(attempt.limits_of().exceeded(what, limits.query_rows_max, "query_rows_max").into());
        }
    };
    Ok(host_error("query_failed", message))
}

/// The limit that a value, or the values of a row together, went beyond.
fn too_large(attempt: &Attempt, TooLarge { row, column }: TooLarge) -> Ended {
    let what = match column {
        Some((column, bytes)) => format!(
            "row {row} of the query has {bytes} bytes in its column {:?}, and a value, or a row, may have",
            shown(&column)
        ),
        None => format!("the query computes a value for its row {row} of more bytes than one may have"),
    };
    attempt.limits_of().exceeded(what, attempt.limits().query_value_bytes_max, "query_value_bytes_max")
}

fn sql_value(value: Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Integer(integer) => SqlValue::Integer(integer),
        Value::Real(real) => SqlValue::Real(real),
        Value::Text(text) => SqlValue::Text(text),
        Value::Blob(blob) => SqlValue::Blob(blob),
    }
}
