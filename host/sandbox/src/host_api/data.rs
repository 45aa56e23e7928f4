//! `data`: read-only SQL on the sources that the job is granted.

use rusqlite::types::Value as SqlValue;
use wasmtime::component::Resource;

use crate::bindings::longshore::job::data::{Column, Host, HostCursor, PackedRows, Value};
use crate::bindings::longshore::job::types::HostError;
use crate::data::{Cursor, QueryError};
use crate::failure::Ended;
use crate::guest::{Attempt, Guest};
use crate::host_api::{host_error, not_granted};

/// Cursors that a job may hold at once; each has a thread and some batches of rows.
const CURSORS_MAX: u32 = 16;

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
}

async fn query(
    attempt: &mut Attempt,
    name: &str,
    sql: String,
    params: Vec<Value>,
) -> wasmtime::Result<Result<Cursor, HostError>> {
    let grants = &attempt.request.job.policy.grants;
    if !grants.data.iter().any(|granted| granted == name) {
        return Err(not_granted(attempt.job_name(), grants, "data", "read the source", name));
    }
    let unavailable = |why: &str| host_error("source_unavailable", format!("the source {name:?} {why}"));
    let Some(source) = attempt.shared.sources.get(name) else {
        return Ok(Err(unavailable("is granted, but this host has no source of that name")));
    };
    if attempt.cursors.count() >= CURSORS_MAX {
        let message =
            format!("the job holds {CURSORS_MAX} cursors, and may not open more before it drops some");
        return Err(Ended::failed(longshore_domain::Code::LimitExceeded, message).into());
    }
    let value_bytes_max = attempt.limits().memory_bytes_max;
    let params = params.into_iter().map(sql_value).collect();
    Ok(match Cursor::open(source, sql, params, value_bytes_max, &attempt.cursors).await {
        Ok(cursor) => Ok(cursor),
        Err(QueryError::Unavailable(why)) => Err(unavailable(&format!("cannot be opened: {why}"))),
        Err(QueryError::Failed(message)) => Err(query_failed(message)),
    })
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
        let cursor = self.attempt_and_table()?.1.get_mut(&cursor)?;
        let columns = cursor.columns().len();
        Ok(cursor.next(max_rows).await.map(|batch| batch.into_values(columns)).map_err(query_failed))
    }

    async fn next_packed(
        &mut self,
        cursor: Resource<Cursor>,
        max_rows: u32,
    ) -> wasmtime::Result<Result<PackedRows, HostError>> {
        let cursor = self.attempt_and_table()?.1.get_mut(&cursor)?;
        Ok(cursor.next(max_rows).await.map(PackedRows::from).map_err(query_failed))
    }

    fn drop(&mut self, cursor: Resource<Cursor>) -> wasmtime::Result<()> {
        self.attempt_and_table()?.1.delete(cursor)?;
        Ok(())
    }
}

fn query_failed(message: String) -> HostError {
    host_error("query_failed", message)
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
