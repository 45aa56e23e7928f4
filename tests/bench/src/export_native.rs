//! Baseline of the export benchmark: a table to CSV with rusqlite and the csv crate, without sandbox or queue.
//!
//! `export_native DB TABLE OUT` prints `{"seconds": …, "rows": …, "bytes": …}`. Like `baselines/export.py` it is
//! the program one would write in ten minutes: NULL and empty text look alike, blobs are hexadecimal.

use std::error::Error;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::time::Instant;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [db, table, out] = arguments.as_slice() else {
        return Err("usage: export_native DB TABLE OUT".into());
    };
    let started = Instant::now();
    let rows = export(db, table, out)?;
    let seconds = started.elapsed().as_secs_f64();
    let bytes = std::fs::metadata(out)?.len();
    let report = serde_json::json!({ "seconds": seconds, "rows": rows, "bytes": bytes });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

fn export(db: &str, table: &str, out: &str) -> Result<u64, Box<dyn Error>> {
    let connection = Connection::open_with_flags(db, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare(&format!("SELECT * FROM \"{}\"", table.replace('"', "\"\"")))?;
    let columns = statement.column_count();
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(File::create(out)?);
    writer.write_record(statement.column_names())?;

    let mut field = String::new();
    let mut count = 0;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            field.clear();
            match row.get_ref(column)? {
                ValueRef::Null => writer.write_field("")?,
                ValueRef::Text(text) => writer.write_field(text)?,
                ValueRef::Integer(number) => {
                    write!(field, "{number}")?;
                    writer.write_field(&field)?;
                }
                ValueRef::Real(number) => {
                    write!(field, "{number:?}")?;
                    writer.write_field(&field)?;
                }
                ValueRef::Blob(bytes) => {
                    for byte in bytes {
                        write!(field, "{byte:02x}")?;
                    }
                    writer.write_field(&field)?;
                }
            }
        }
        writer.write_record(None::<&[u8]>)?;
        count += 1;
    }
    // The job makes its artifact durable, so the baseline does, too.
    let file = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(count)
}
