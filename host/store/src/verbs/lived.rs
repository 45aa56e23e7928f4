//! How much time the project has lived through.

use longshore_domain::{Lived, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use crate::fault::Fault;
use crate::statements::statements;

statements! {
    LIVED = "SELECT seen_at, missed_ms FROM lived WHERE only_row = 1";

    SEE = "
        INSERT INTO lived (only_row, seen_at, missed_ms) VALUES (1, ?1, ?2)
        ON CONFLICT (only_row) DO UPDATE SET seen_at = excluded.seen_at, missed_ms = excluded.missed_ms";
}

/// How often a look is noted, in milliseconds.
const NOTED_EVERY_MS: i64 = 60_000;

/// A step of the clock from one note to the next that time alone did not make, in milliseconds.
const STEP_MIN_MS: i64 = 3 * NOTED_EVERY_MS;

/// Notes that somebody works on the project at `now`, and returns the time that it has lived through.
///
/// A gap since somebody did last is not lived through, be it that nobody worked or that the clock was set ahead; when the
/// clock is set back, the gap is undone.
pub(crate) fn lived(c: &Connection, now: Timestamp) -> Result<Lived, Fault> {
    let noted: Option<(i64, i64)> =
        c.prepare_cached(LIVED)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (seen_at, mut missed_ms) = noted.unwrap_or((now.ms(), 0));
    let gap_ms = now.ms().saturating_sub(seen_at);
    let is_step = gap_ms.unsigned_abs() >= STEP_MIN_MS.unsigned_abs();
    if is_step {
        missed_ms = missed_ms.saturating_add(gap_ms);
    }
    if noted.is_none() || gap_ms.unsigned_abs() >= NOTED_EVERY_MS.unsigned_abs() {
        c.prepare_cached(SEE)?.execute([now.ms(), missed_ms])?;
    }
    let at = Timestamp::from_ms(now.ms().saturating_sub(missed_ms));
    Ok(Lived { at, step_ms: if is_step { gap_ms } else { 0 } })
}
