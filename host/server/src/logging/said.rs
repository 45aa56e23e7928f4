//! What goes to stderr beside the log: hints to people, and the error that ends a command. In a JSON log it is an object on
//! one line like every other, whatever the log's filter.

use serde_json::{Map, Value};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use super::{LogFormat, format, write};
use crate::terminal;

/// The last line of a log whose length is limited.
const LIMIT_REACHED: &str = "the log has reached its limit; nothing more is written to it";

/// Says how things go.
pub(crate) fn say(text: &str) {
    put(&match format() {
        LogFormat::Human => terminal::lines(text).into_owned(),
        LogFormat::Json => object("INFO", text, &[]),
    });
}

/// Writes an error into a JSON log, with its code and what to do about it.
pub(crate) fn complain(code: &str, message: &str, hint: Option<&str>) {
    let fields: Vec<_> = [("code", Some(code)), ("hint", hint)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    put(&object("ERROR", message, &fields));
}

/// The line that ends a log whose length is limited.
pub(super) fn last_line(format: LogFormat) -> String {
    match format {
        LogFormat::Human => format!("{LIMIT_REACHED}\n"),
        LogFormat::Json => object("WARN", LIMIT_REACHED, &[]) + "\n",
    }
}

fn put(line: &str) {
    // Nobody may be listening any more; the work goes on.
    let _ = write(&format!("{line}\n"));
}

/// A line with the fields that events have, in their order.
fn object(level: &str, message: &str, fields: &[(&str, &str)]) -> String {
    let mut time = String::new();
    // A time that cannot be told is left out.
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    let head = [("timestamp", time.as_str()), ("level", level), ("message", message)];
    let all = head.iter().chain(fields).filter(|(_, value)| !value.is_empty());
    let object: Map<String, Value> = all.map(|(name, value)| ((*name).into(), (*value).into())).collect();
    terminal::line(&Value::Object(object).to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_object_whatever_it_says() {
        let line = object("ERROR", "no\nWARN \u{1b}[2J\u{202e}", &[("code", "x"), ("hint", "")]);
        assert!(!line.contains(char::is_control) && !line.contains('\u{202e}'), "{line}");
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["message"], "no\nWARN \u{1b}[2J\u{202e}");
        assert_eq!((&read["level"], &read["code"], read.get("hint")), (&"ERROR".into(), &"x".into(), None));
        assert!(read["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    }
}
