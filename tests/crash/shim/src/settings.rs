//! What the harness asks for, read from the environment once.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::sync::OnceLock;

use crate::change::Kind;
use crate::point::{Moment, Point};

/// What the harness asks for.
pub(crate) struct Settings {
    /// Folders that are watched, each without a slash at its end.
    pub(crate) under: Vec<Vec<u8>>,
    pub(crate) point: Option<Point>,
    pub(crate) record: Option<Vec<u8>>,
    pub(crate) forget_syncs: bool,
    pub(crate) clock_ahead_ms: i64,
    /// Path, with a zero byte at its end, of the file that says by how much the clock is ahead.
    pub(crate) clock_file: Option<Vec<u8>>,
    /// The same of the file that says how the disk fails.
    pub(crate) fault: Option<Vec<u8>>,
}

/// The settings of this process.
pub(crate) fn settings() -> &'static Settings {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    SETTINGS.get_or_init(|| Settings {
        under: bytes("LONGSHORE_CRASH_UNDER")
            .map(|folders| folders.split(|byte| *byte == b':').map(<[u8]>::to_vec).collect())
            .unwrap_or_default(),
        point: bytes("LONGSHORE_CRASH_AT").map(|text| {
            let text = String::from_utf8_lossy(&text).into_owned();
            // A point that nobody understands would make a campaign that looks well and tests nothing.
            point(&text).unwrap_or_else(|| panic!("LONGSHORE_CRASH_AT={text} names no point"))
        }),
        record: bytes("LONGSHORE_CRASH_RECORD"),
        forget_syncs: bytes("LONGSHORE_CRASH_FORGET_SYNCS").is_some(),
        clock_ahead_ms: bytes("LONGSHORE_CRASH_CLOCK_MS")
            .and_then(|text| String::from_utf8_lossy(&text).parse().ok())
            .unwrap_or(0),
        clock_file: path("LONGSHORE_CRASH_CLOCK_FILE"),
        fault: path("LONGSHORE_CRASH_FAULT_FILE"),
    })
}

fn path(name: &str) -> Option<Vec<u8>> {
    let mut path = bytes(name)?;
    path.push(0);
    Some(path)
}

fn bytes(name: &str) -> Option<Vec<u8>> {
    env::var_os(name).map(OsString::into_vec)
}

fn point(text: &str) -> Option<Point> {
    let mut parts = text.split(':');
    let kind = Kind::from_name(parts.next()?)?;
    let moment = match parts.next()? {
        "before" => Moment::Before,
        "during" => Moment::During,
        "after" => Moment::After,
        _ => return None,
    };
    Some(Point::new(kind, moment, parts.next()?.parse().ok()?))
}
