//! SQL functions in place of SQLite's own that take a time which grows with the product of two lengths: one call of
//! those is one step of the database, which nothing interrupts, and could take hours. They answer the same, in a time that
//! grows with the sum.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;

use memchr::memmem;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result, ffi};

/// Puts them in place. `value_bytes_max` is the largest value that one may give.
pub(crate) fn replace_slow_ones(connection: &Connection, value_bytes_max: u64) -> Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    let bytes_max = usize::try_from(value_bytes_max).unwrap_or(usize::MAX);
    connection.create_scalar_function("instr", 2, flags, instr)?;
    connection.create_scalar_function("replace", 3, flags, move |context| replace(context, bytes_max))?;
    connection.create_scalar_function("trim", 2, flags, |context| trim(context, true, true))?;
    connection.create_scalar_function("ltrim", 2, flags, |context| trim(context, true, false))?;
    connection.create_scalar_function("rtrim", 2, flags, |context| trim(context, false, true))
}

/// The place of the first occurrence, from 1: in bytes of blobs, otherwise in characters; 0 for none.
fn instr(context: &Context<'_>) -> Result<Option<i64>> {
    let (within, wanted) = (context.get_raw(0), context.get_raw(1));
    let are_blobs = matches!((within, wanted), (ValueRef::Blob(_), ValueRef::Blob(_)));
    let (Some(within), Some(wanted)) = (bytes(within)?, bytes(wanted)?) else { return Ok(None) };
    if are_blobs {
        return Ok(Some(memmem::find(&within, &wanted).map_or(0, |at| at as i64 + 1)));
    }
    let found = memmem::find_iter(&within, &*wanted).find(|at| is_character_start(&within, *at));
    Ok(Some(
        found.map_or(0, |at| 1 + within[..at].iter().filter(|byte| !is_continuation(**byte)).count() as i64),
    ))
}

/// The text with each occurrence replaced.
fn replace(context: &Context<'_>, bytes_max: usize) -> Result<Option<Value>> {
    let (Some(within), Some(wanted)) = (bytes(context.get_raw(0))?, bytes(context.get_raw(1))?) else {
        return Ok(None);
    };
    if wanted.is_empty() {
        return Ok(Some(as_text(within.into_owned())));
    }
    let Some(by) = bytes(context.get_raw(2))? else { return Ok(None) };
    let finder = memmem::Finder::new(&*wanted);
    let found = finder.find_iter(&within).count();
    let length = (within.len() - found * wanted.len()).saturating_add(found.saturating_mul(by.len()));
    if length > bytes_max {
        return Err(Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_TOOBIG),
            Some("string or blob too big".into()),
        ));
    }
    let mut replaced = Vec::with_capacity(length);
    let mut from = 0;
    for at in finder.find_iter(&within) {
        replaced.extend_from_slice(&within[from..at]);
        replaced.extend_from_slice(&by);
        from = at + wanted.len();
    }
    replaced.extend_from_slice(&within[from..]);
    Ok(Some(as_text(replaced)))
}

/// The text without the characters at its ends that are among those given.
fn trim(context: &Context<'_>, at_start: bool, at_end: bool) -> Result<Option<Value>> {
    let (Some(within), Some(unwanted)) = (bytes(context.get_raw(0))?, bytes(context.get_raw(1))?) else {
        return Ok(None);
    };
    let unwanted: HashSet<&[u8]> = characters(&unwanted).collect();
    let mut rest = &*within;
    while at_start
        && let Some(first) = characters(rest).next()
        && unwanted.contains(first)
    {
        rest = &rest[first.len()..];
    }
    while at_end && !rest.is_empty() {
        let start = (0..rest.len()).rev().find(|at| is_character_start(rest, *at)).unwrap_or(0);
        if !unwanted.contains(&rest[start..]) {
            break;
        }
        rest = &rest[..start];
    }
    Ok(Some(as_text(rest.to_vec())))
}

/// A value as SQLite reads it where a text is wanted; none for null.
fn bytes(value: ValueRef<'_>) -> Result<Option<Cow<'_, [u8]>>> {
    Ok(Some(match value {
        ValueRef::Null => return Ok(None),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cow::Borrowed(bytes),
        ValueRef::Integer(integer) => Cow::Owned(integer.to_string().into_bytes()),
        ValueRef::Real(real) => Cow::Owned(written(real)?.into_bytes()),
    }))
}

/// A number as SQLite writes it.
fn written(real: f64) -> Result<String> {
    thread_local! {
        static SQLITE: RefCell<Option<Connection>> = const { RefCell::new(None) };
    }
    SQLITE.with_borrow_mut(|sqlite| {
        let sqlite = match sqlite {
            Some(sqlite) => sqlite,
            none => none.insert(Connection::open_in_memory()?),
        };
        sqlite.prepare_cached("SELECT CAST(?1 AS TEXT)")?.query_row([real], |row| row.get(0))
    })
}

/// A text; what is no UTF-8 becomes a blob, as it does on its way to a job.
fn as_text(bytes: Vec<u8>) -> Value {
    String::from_utf8(bytes).map_or_else(|error| Value::Blob(error.into_bytes()), Value::Text)
}

/// The characters of a text, as SQLite tells them apart.
fn characters(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let more = rest.iter().skip(1).take_while(|byte| is_continuation(**byte)).count();
        let (first, others) = rest.split_at_checked((1 + more).min(rest.len()))?;
        rest = others;
        (!first.is_empty()).then_some(first)
    })
}

fn is_character_start(text: &[u8], at: usize) -> bool {
    at == 0 || text.get(at).is_none_or(|byte| !is_continuation(*byte))
}

/// Whether a byte of UTF-8 goes on with a character.
const fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(connection: &Connection, sql: &str) -> Vec<Value> {
        let mut statement = connection.prepare(sql).unwrap();
        let width = statement.column_count();
        statement.query_row([], |row| (0..width).map(|column| row.get(column)).collect()).unwrap()
    }

    #[test]
    fn they_answer_as_those_of_sqlite() {
        let (theirs, ours) = (crate::data::in_memory(), crate::data::in_memory());
        replace_slow_ones(&ours, 1 << 20).unwrap();
        let values = [
            "NULL",
            "''",
            "'a'",
            "'aba'",
            "'aaaa'",
            "'ababab'",
            "'grün'",
            "'ü'",
            "'नमस्ते'",
            "'ते'",
            "x'c3bc'",
            "x'61'",
            "x''",
            "12",
            "1212.5",
            "1e300",
            "0.1",
            "-7",
            "'12'",
            "'2.'",
            "'  x  '",
            "' '",
        ];
        for one in values {
            for two in values {
                let sql = format!(
                    "SELECT instr({one}, {two}), trim({one}, {two}), ltrim({one}, {two}), rtrim({one}, {two}), \
                     replace({one}, {two}, 'xy'), replace({one}, {two}, 5), replace({one}, 'a', {two}), \
                     replace({one}, {two}, NULL)"
                );
                assert_eq!(answers(&ours, &sql), answers(&theirs, &sql), "{sql}");
            }
        }
    }

    #[test]
    fn long_texts_that_nearly_match_everywhere_take_no_time() {
        let connection = crate::data::in_memory();
        replace_slow_ones(&connection, 1 << 24).unwrap();
        // SQLite's own would compare ten to the power of twelve bytes for each.
        let long = "replace(hex(zeroblob(2000000)), '00', 'aa')";
        let sql = format!(
            "SELECT instr({long}, {long} || 'b'), length(replace({long}, substr({long}, 2) || 'b', ''))"
        );
        assert_eq!(answers(&connection, &sql), [Value::Integer(0), Value::Integer(4_000_000)]);
        let sql = format!("SELECT length(trim({long}, replace({long}, 'aa', 'bc')))");
        assert_eq!(answers(&connection, &sql), [Value::Integer(4_000_000)]);
    }

    #[test]
    fn what_grows_beyond_its_limit_is_refused_before_it_is_made() {
        let connection = crate::data::in_memory();
        replace_slow_ones(&connection, 1_000).unwrap();
        let error = connection
            .query_row("SELECT replace('aaaaaaaaaa', 'a', hex(zeroblob(60)))", [], |_| Ok(()))
            .unwrap_err();
        assert!(error.to_string().contains("too big"), "{error}");
    }
}
