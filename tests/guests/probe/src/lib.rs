//! Calls the host as it is told, one call after the other, and says what came back.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::longshore::job::data::{self, Value as Cell};
use crate::longshore::job::{artifacts, checkpoint, log, outbox, progress, secrets, task, types};

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

#[derive(Deserialize)]
struct Input {
    calls: Vec<Call>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Call {
    Task {},
    Report {
        done: u64,
        message: String,
    },
    Load {},
    Save {
        bytes: usize,
    },
    Log {
        lines: usize,
        message: String,
    },
    Print {
        text: String,
    },
    Open {
        name: String,
    },
    Write {
        name: String,
        bytes: usize,
        #[serde(default)]
        times: usize,
    },
    Send {
        channel: String,
        key: String,
        recipient: Option<String>,
        #[serde(default)]
        subject: String,
        #[serde(default)]
        body_bytes: usize,
    },
    Sources {},
    Query {
        source: String,
        sql: String,
        #[serde(default)]
        params: Vec<Value>,
        max_rows: u32,
        packed: bool,
    },
    /// Reads a whole result and gives its sum: rows, cells, bytes.
    Count {
        source: String,
        sql: String,
    },
    /// Opens cursors, reads a row of each, and keeps them.
    Cursors {
        source: String,
        sql: String,
        count: usize,
    },
    /// Answers with a text of that many bytes, or with this very text, in place of the list of answers.
    Answer {
        #[serde(default)]
        bytes: usize,
        text: Option<String>,
    },
    Fail {
        kind: String,
        message: String,
    },
    /// Grows a second time after being refused, and lives with it.
    TryMemory {
        bytes: usize,
    },
    /// Asks for so many random bytes at once.
    Random {
        bytes: usize,
    },
    /// Looks for everything that WASI could give.
    Wasi {},
    /// Reads a secret, and puts it there.
    Secret {
        name: String,
        put: Option<String>,
    },
    /// Loops over a cheap call.
    Reports {
        times: u64,
    },
}

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "probe".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Probe".into(),
            description: "Calls the host as it is told, and says what came back.".into(),
            input_schema:
                r#"{"type": "object", "properties": {"calls": {"type": "array"}}, "required": ["calls"]}"#
                    .into(),
            output_schema: Some(r#"{"type": "array", "items": {"not": {"const": "forbidden"}}}"#.into()),
            permissions: Vec::new(),
        }
    }

    fn run(input: String) -> Result<String, JobError> {
        let input: Input =
            serde_json::from_str(&input).map_err(|error| JobError::InvalidInput(error.to_string()))?;
        let mut kept = Vec::new();
        let mut answers = Vec::new();
        for call in input.calls {
            match call {
                Call::Answer { bytes, text } => {
                    return Ok(text.unwrap_or_else(|| format!("\"{}\"", "x".repeat(bytes))));
                }
                Call::Fail { kind, message } => return Err(error(&kind, message)),
                Call::Secret { name, put } => match secrets::get(&name) {
                    Ok(secret) => match put.as_deref() {
                        Some("answer") => return Ok(json!([secret]).to_string()),
                        Some("failure") => return Err(JobError::Failed(format!("refused: {secret}"))),
                        Some("panic") => panic!("refused: {secret}"),
                        Some(place) => answers.push(put_secret(&secret, place)),
                        None => answers.push(json!(secret.len())),
                    },
                    Err(error) => answers.push(json!(error.code)),
                },
                call => answers.push(answer(call, &mut kept)),
            }
        }
        Ok(Value::Array(answers).to_string())
    }
}

fn error(kind: &str, message: String) -> JobError {
    match kind {
        "invalid_input" => JobError::InvalidInput(message),
        "retry" => JobError::Retry(types::RetryRequest { message, after_ms: Some(1_500) }),
        "cancelled" => JobError::Cancelled,
        _ => JobError::Failed(message),
    }
}

fn put_secret(secret: &str, place: &str) -> Value {
    match place {
        "log" => log::write(log::Level::Info, &format!("Authorization: {secret}")),
        "output" => println!("Authorization: {secret}"),
        "progress" => _ = progress::report(1, None, secret),
        "checkpoint" => _ = checkpoint::save(secret.as_bytes()),
        "message" => {
            let message = outbox::Message {
                channel: "email".into(),
                key: "secret".into(),
                recipient: "somebody@example.com".into(),
                subject: String::new(),
                content_type: "text/plain".into(),
                body: format!("it is {secret}"),
            };
            return outbox::send(&message).map_or_else(|error| json!(error.code), |()| Value::Null);
        }
        place => unreachable!("{place}"),
    }
    Value::Null
}

fn answer(call: Call, kept: &mut Vec<data::Cursor>) -> Value {
    match call {
        Call::Task {} => {
            let task = task::current();
            json!({
                "id": task.id, "job_type": task.job_type, "attempt": task.attempt,
                "created_at_ms": task.created_at_ms, "deadline_ms": task.deadline_ms, "resumed_from": task.resumed_from,
            })
        }
        Call::Report { done, message } => signal(progress::report(done, None, &message)),
        Call::Load {} => json!(checkpoint::load().map(|state| state.len())),
        Call::Save { bytes } => signal(checkpoint::save(&vec![7; bytes])),
        Call::Log { lines, message } => {
            (0..lines).for_each(|_| log::write(log::Level::Info, &message));
            Value::Null
        }
        Call::Print { text } => {
            println!("{text}");
            eprintln!("{text}");
            Value::Null
        }
        Call::Open { name } => match artifacts::open(&name, "text/plain") {
            Ok(artifact) => json!(artifact.position()),
            Err(error) => json!(error.code),
        },
        Call::Write { name, bytes, times } => match artifacts::open(&name, "text/plain") {
            Ok(artifact) => {
                (0..times.max(1)).for_each(|_| artifact.write(&vec![b'a'; bytes]));
                json!(artifact.position())
            }
            Err(error) => json!(error.code),
        },
        Call::Send { channel, key, recipient, subject, body_bytes } => {
            let message = outbox::Message {
                channel,
                key,
                recipient: recipient.unwrap_or_else(|| "somebody@example.com".into()),
                subject,
                content_type: "text/plain".into(),
                body: "b".repeat(body_bytes),
            };
            outbox::send(&message)
                .map_or_else(|error| json!({"code": error.code, "message": error.message}), |()| Value::Null)
        }
        Call::Sources {} => json!(data::sources()),
        Call::Query { source, sql, params, max_rows, packed } => {
            let params: Vec<Cell> = params.iter().map(cell).collect();
            query(&source, &sql, &params, max_rows, packed)
                .unwrap_or_else(|error| json!({"code": error.code, "message": error.message}))
        }
        Call::Count { source, sql } => {
            count(&source, &sql).unwrap_or_else(|error| json!({"code": error.code, "message": error.message}))
        }
        Call::Cursors { source, sql, count } => {
            for _ in 0..count {
                match data::query(&source, &sql, &[]) {
                    Ok(cursor) => {
                        let _ = cursor.next(1);
                        kept.push(cursor);
                    }
                    Err(error) => return json!({"code": error.code, "message": error.message}),
                }
            }
            json!(kept.len())
        }
        Call::TryMemory { bytes } => {
            let mut piece: Vec<u8> = Vec::new();
            json!(piece.try_reserve_exact(bytes).is_ok())
        }
        Call::Random { bytes } => {
            json!(wasip2::random::random::get_random_bytes(bytes as u64).len())
        }
        Call::Wasi {} => json!({
            "environment": std::env::vars().count(),
            "arguments": std::env::args().count(),
            "files": std::fs::read_dir("/").is_ok() || std::fs::read_dir(".").is_ok(),
            "writes": std::fs::write("/tmp/x", "x").is_ok(),
            "network": std::net::TcpStream::connect("127.0.0.1:80").map_err(|error| error.kind().to_string()).err(),
            "names": std::net::ToSocketAddrs::to_socket_addrs("localhost:80").is_ok(),
            "clock": std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).is_ok(),
        }),
        Call::Reports { times } => {
            (0..times).for_each(|done| {
                progress::report(done, Some(times), "");
            });
            Value::Null
        }
        Call::Answer { .. } | Call::Fail { .. } | Call::Secret { .. } => Value::Null,
    }
}

fn query(
    source: &str,
    sql: &str,
    params: &[Cell],
    max_rows: u32,
    packed: bool,
) -> Result<Value, data::HostError> {
    let cursor = data::query(source, sql, params)?;
    let columns: Vec<Value> =
        cursor.columns().into_iter().map(|c| json!([c.name, c.declared_type])).collect();
    let mut rows = Vec::new();
    let mut batches = Vec::new();
    loop {
        let batch = if packed {
            unpack(cursor.next_packed(max_rows)?, columns.len())
        } else {
            cursor.next(max_rows)?
        };
        if batch.is_empty() {
            return Ok(json!({"columns": columns, "rows": rows, "batches": batches}));
        }
        batches.push(batch.len());
        rows.extend(batch.iter().map(|row| Value::Array(row.iter().map(value).collect())));
    }
}

fn count(source: &str, sql: &str) -> Result<Value, data::HostError> {
    let cursor = data::query(source, sql, &[])?;
    let (mut rows, mut cells, mut bytes) = (0_u64, 0, 0);
    loop {
        let batch = cursor.next_packed(u32::MAX)?;
        if batch.rows == 0 {
            return Ok(json!({"rows": rows, "cells": cells, "bytes": bytes}));
        }
        rows += u64::from(batch.rows);
        cells += batch.kinds.len();
        bytes += batch.bytes.len();
    }
}

fn unpack(batch: data::PackedRows, columns: usize) -> Vec<Vec<Cell>> {
    let mut bytes = batch.bytes.as_slice();
    let mut take = |length: i64| {
        let (taken, rest) = bytes.split_at(length as usize);
        bytes = rest;
        taken.to_vec()
    };
    let cells: Vec<Cell> = batch
        .kinds
        .iter()
        .zip(&batch.words)
        .map(|(kind, &word)| match kind {
            0 => Cell::Null,
            1 => Cell::Integer(word),
            2 => Cell::Real(f64::from_bits(word as u64)),
            3 => Cell::Text(String::from_utf8(take(word)).expect("text is UTF-8")),
            _ => Cell::Blob(take(word)),
        })
        .collect();
    assert_eq!(cells.len(), batch.rows as usize * columns);
    cells.chunks(columns.max(1)).map(<[Cell]>::to_vec).collect()
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(integer) => json!(integer),
        Cell::Real(real) => json!(real),
        Cell::Text(text) => json!(text),
        Cell::Blob(blob) => json!({"blob": blob}),
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Cell::Integer(integer),
            None => Cell::Real(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Cell::Text(text.clone()),
        _ => Cell::Null,
    }
}

fn signal(signal: types::Signal) -> Value {
    json!(match signal {
        types::Signal::Proceed => "proceed",
        types::Signal::Stop => "stop",
    })
}

export!(Component);
