//! Uses files as it is told, and says what came of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};

use serde::Deserialize;
use serde_json::{Value, json};

wit_bindgen::generate!({ path: "../../../wit", world: "job" });

#[derive(Deserialize)]
struct Input {
    calls: Vec<Call>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Call {
    Read(String),
    List(String),
    /// Writes that many bytes to a file, in pieces of 64 KiB.
    Write(String, usize),
    Append(String, usize),
    /// Makes a file of that many bytes without writing any.
    Stretch(String, u64),
    MakeFolder(String),
    /// Makes that many folders in one.
    MakeFolders(String, usize),
    Remove(String),
    Rename(String, String),
    HardLink(String, String),
}

struct Component;

impl Guest for Component {
    fn describe() -> JobType {
        JobType {
            name: "files".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            title: "Files".into(),
            description: "Uses files as it is told, and says what came of it.".into(),
            input_schema: r#"{"type": "object", "required": ["calls"]}"#.into(),
            output_schema: None,
            permissions: Vec::new(),
        }
    }

    fn run(input: String) -> Result<String, JobError> {
        let input: Input =
            serde_json::from_str(&input).map_err(|error| JobError::InvalidInput(error.to_string()))?;
        let answer = |call| answer(call).unwrap_or_else(|error| json!(error.kind().to_string()));
        Ok(Value::Array(input.calls.into_iter().map(answer).collect()).to_string())
    }
}

fn answer(call: Call) -> io::Result<Value> {
    match call {
        Call::Read(path) => return Ok(json!(fs::read_to_string(path)?)),
        Call::List(path) => {
            let names =
                fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            let mut names = names.collect::<io::Result<Vec<String>>>()?;
            names.sort();
            return Ok(json!(names));
        }
        Call::Write(path, bytes) => write(File::create(path)?, bytes)?,
        Call::Append(path, bytes) => write(OpenOptions::new().append(true).open(path)?, bytes)?,
        Call::Stretch(path, bytes) => File::create(path)?.set_len(bytes)?,
        Call::MakeFolder(path) => fs::create_dir(path)?,
        Call::MakeFolders(path, count) => {
            for number in 0..count {
                fs::create_dir(format!("{path}/{number}"))?;
            }
        }
        Call::Remove(path) => fs::remove_file(path)?,
        Call::Rename(from, to) => fs::rename(from, to)?,
        Call::HardLink(from, to) => fs::hard_link(from, to)?,
    }
    Ok(Value::Null)
}

fn write(mut file: File, bytes: usize) -> io::Result<()> {
    let piece = vec![b'x'; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        left -= file.write(&piece[..left.min(piece.len())])?;
    }
    Ok(())
}

export!(Component);
