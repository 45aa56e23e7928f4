//! Lists the artifacts of completed tasks, those of the newest task first, page by page.

use longshore_domain::{ArtifactPage, ListedArtifact, Owner, SavedArtifact};
use rusqlite::{Connection, Row, params};

use crate::columns;
use crate::fault::Fault;
use crate::statements::statements;

/// Artifacts on one page at most.
const PAGE_MAX: u32 = 1_000;

statements! {
    /// Backwards along the key of `artifacts`, past those of tasks that have not completed.
    FINISHED = "
        SELECT t.id, t.job_type, f.finished_at, a.name, a.media_type, a.bytes, a.sha256, a.seq, a.ordinal
        FROM artifacts AS a
        CROSS JOIN finished AS f ON f.seq = a.seq
        CROSS JOIN tasks AS t ON t.seq = a.seq
        WHERE (a.seq, a.ordinal) < (?1, ?2) AND f.state = 'completed' AND f.owner = ?3
        ORDER BY a.seq DESC, a.ordinal DESC LIMIT ?4";
}

/// A page of artifacts of an owner.
pub(crate) fn list(
    c: &Connection,
    owner: &Owner,
    after: Option<&str>,
    limit: u32,
) -> Result<ArtifactPage, Fault> {
    let limit = limit.clamp(1, PAGE_MAX);
    let (seq, ordinal) = match after {
        None => (i64::MAX, 0),
        Some(marker) => read_marker(marker)?,
    };
    // One more than asked for, to know whether there is a next page.
    let mut statement = c.prepare_cached(FINISHED)?;
    let rows = statement.query_map(params![seq, ordinal, owner.as_str(), limit + 1], listed)?;
    let mut found = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|(_, marker)| marker.clone());
    Ok(ArtifactPage { artifacts: found.into_iter().map(|(artifact, _)| artifact).collect(), next })
}

fn listed(row: &Row<'_>) -> rusqlite::Result<(ListedArtifact, String)> {
    let artifact = SavedArtifact {
        name: row.get(3)?,
        media_type: row.get(4)?,
        bytes: columns::number(row, 5)?,
        sha256: row.get(6)?,
    };
    let listed = ListedArtifact {
        task: columns::task_id(row, 0)?,
        job_type: columns::job_type(row, 1)?,
        finished_at: columns::time(row, 2)?,
        artifact,
    };
    Ok((listed, marker(row.get(7)?, row.get(8)?)))
}

fn marker(seq: i64, ordinal: i64) -> String {
    format!("a{seq:x}.{ordinal:x}")
}

fn read_marker(marker: &str) -> Result<(i64, i64), Fault> {
    let number = |digits| i64::from_str_radix(digits, 16).ok();
    let place = marker.strip_prefix('a').and_then(|place| place.split_once('.'));
    place.and_then(|(seq, ordinal)| Some((number(seq)?, number(ordinal)?))).ok_or(Fault::NoSuchPage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_reads_back() {
        for place in [(1, 0), (255, 16), (i64::MAX, i64::MAX)] {
            assert_eq!(read_marker(&marker(place.0, place.1)).unwrap(), place);
        }
        for bad in ["", "a", "a1", "a.", "s1.1", "ax.1"] {
            assert!(read_marker(bad).is_err(), "{bad:?} was taken");
        }
    }
}
