//! Calls the host with whatever numbers it is told, below every rule that a language keeps: pointers that point nowhere,
//! lengths that are none, handles that it was never given.
//!
//! `{"calls": [[0, 1024, 7], …]}`: the number of a function, as they stand in `call`, and its arguments; what is missing is 0.

use serde_json::Value;

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "raw".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Raw".into(),
            description: "Calls the host with whatever numbers it is told.".into(),
            input_schema: r#"{"type": "object", "required": ["calls"]}"#.into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn run(input: String) -> Result<String, JobError> {
        let input: Value =
            serde_json::from_str(&input).map_err(|error| JobError::InvalidInput(error.to_string()))?;
        for numbers in input["calls"].as_array().into_iter().flatten() {
            let number = |at: usize| numbers[at].as_i64().unwrap_or(0);
            // SAFETY: none is claimed. What the host writes where it is told to may be anything of this guest's memory, and
            // what comes of that is the guest's own misfortune.
            unsafe { call(number(0), |at| number(at + 1) as i32, |at| number(at + 1)) };
        }
        Ok("{}".into())
    }
}

unsafe fn call(function: i64, i: impl Fn(usize) -> i32, l: impl Fn(usize) -> i64) {
    unsafe {
        match function {
            0 => log_write(i(0), i(1), i(2)),
            1 => _ = progress_report(l(0), i(1), l(2), i(3), i(4)),
            2 => _ = checkpoint_save(i(0), i(1)),
            3 => checkpoint_load(i(0)),
            4 => artifacts_open(i(0), i(1), i(2), i(3), i(4)),
            5 => artifact_write(i(0), i(1), i(2)),
            6 => _ = artifact_position(i(0)),
            7 => artifact_drop(i(0)),
            8 => data_query(i(0), i(1), i(2), i(3), i(4), i(5), i(6)),
            9 => cursor_next(i(0), i(1), i(2)),
            10 => cursor_next_packed(i(0), i(1), i(2)),
            11 => cursor_columns(i(0), i(1)),
            12 => cursor_drop(i(0)),
            13 => data_sources(i(0)),
            14 => {
                outbox_send(i(0), i(1), i(2), i(3), i(4), i(5), i(6), i(7), i(8), i(9), i(10), i(11), i(12));
            }
            15 => secrets_get(i(0), i(1), i(2)),
            _ => task_current(i(0)),
        }
    }
}

#[link(wasm_import_module = "longshore:job/log@0.1.0")]
unsafe extern "C" {
    #[link_name = "write"]
    fn log_write(level: i32, message: i32, length: i32);
}

#[link(wasm_import_module = "longshore:job/progress@0.1.0")]
unsafe extern "C" {
    #[link_name = "report"]
    fn progress_report(done: i64, has_total: i32, total: i64, message: i32, length: i32) -> i32;
}

#[link(wasm_import_module = "longshore:job/checkpoint@0.1.0")]
unsafe extern "C" {
    #[link_name = "save"]
    fn checkpoint_save(state: i32, length: i32) -> i32;
    #[link_name = "load"]
    fn checkpoint_load(answer: i32);
}

#[link(wasm_import_module = "longshore:job/artifacts@0.1.0")]
unsafe extern "C" {
    #[link_name = "open"]
    fn artifacts_open(name: i32, name_length: i32, media_type: i32, media_type_length: i32, answer: i32);
    #[link_name = "[method]artifact.write"]
    fn artifact_write(artifact: i32, bytes: i32, length: i32);
    #[link_name = "[method]artifact.position"]
    fn artifact_position(artifact: i32) -> i64;
    #[link_name = "[resource-drop]artifact"]
    fn artifact_drop(artifact: i32);
}

#[link(wasm_import_module = "longshore:job/data@0.1.0")]
unsafe extern "C" {
    #[link_name = "query"]
    fn data_query(
        source: i32,
        source_length: i32,
        sql: i32,
        sql_length: i32,
        params: i32,
        count: i32,
        answer: i32,
    );
    #[link_name = "[method]cursor.next"]
    fn cursor_next(cursor: i32, max_rows: i32, answer: i32);
    #[link_name = "[method]cursor.next-packed"]
    fn cursor_next_packed(cursor: i32, max_rows: i32, answer: i32);
    #[link_name = "[method]cursor.columns"]
    fn cursor_columns(cursor: i32, answer: i32);
    #[link_name = "[resource-drop]cursor"]
    fn cursor_drop(cursor: i32);
    #[link_name = "sources"]
    fn data_sources(answer: i32);
}

#[link(wasm_import_module = "longshore:job/outbox@0.1.0")]
unsafe extern "C" {
    #[link_name = "send"]
    #[allow(clippy::too_many_arguments, reason = "six texts, flat")]
    fn outbox_send(
        channel: i32,
        channel_length: i32,
        key: i32,
        key_length: i32,
        recipient: i32,
        recipient_length: i32,
        subject: i32,
        subject_length: i32,
        content_type: i32,
        content_type_length: i32,
        body: i32,
        body_length: i32,
        answer: i32,
    );
}

#[link(wasm_import_module = "longshore:job/secrets@0.1.0")]
unsafe extern "C" {
    #[link_name = "get"]
    fn secrets_get(name: i32, length: i32, answer: i32);
}

#[link(wasm_import_module = "longshore:job/task@0.1.0")]
unsafe extern "C" {
    #[link_name = "current"]
    fn task_current(answer: i32);
}

export!(Component);
