//! Where an attempt begins: at the first row, or after those that are in the file already.
//!
//! An undisturbed export reads one snapshot of the source, and so must the file of a resumed one. What was written
//! before is kept only if this attempt's snapshot has the same rows in the same places. Either the source's revision
//! proves that nothing was written to it since: then reading resumes by the key. Or the rows are read once more, and
//! their digest is compared. When it differs, the export starts again.

use crate::input::Input;
use crate::order::Position;
use crate::plan::Plan;
use crate::run::{ROWS_PER_BATCH, State};
use longshore_plugin::prelude::*;
use longshore_plugin::{Batch, Cursor, RowDigest, Source};

/// Changes with the meaning of a saved [`State`], of which its bytes say nothing.
const STATE_VERSION: u32 = 0x1057_0002;

/// What an attempt begins with.
pub(crate) struct Start {
    pub(crate) state: State,
    pub(crate) rows: Rows,
    /// Whether what is in the file belongs to other rows.
    pub(crate) clear: bool,
}

/// The rows that are left.
pub(crate) struct Rows {
    cursor: Cursor,
    /// The first of them, if they were asked for already.
    first: Option<Batch>,
}

impl Rows {
    pub(crate) fn next_batch(&mut self) -> Result<Option<Batch>> {
        match self.first.take() {
            Some(batch) => Ok(Some(batch)),
            None => Ok(self.cursor.next_batch(ROWS_PER_BATCH)?),
        }
    }
}

impl Start {
    /// Finds the place where an attempt begins.
    pub(crate) fn find(ctx: &Context<State>, source: &Source, input: &Input) -> Result<Self> {
        // Before anything is read: what is read may be newer than it, and never older.
        let revision = source.revision()?;
        let saved = match ctx.load() {
            Ok(Some(saved)) if saved.version == STATE_VERSION => Some(saved),
            Ok(None) => None,
            Ok(Some(_)) | Err(_) => {
                info!(ctx, "starting again: the checkpoint is that of another version of this job");
                return Self::at_the_first_row(ctx, source, input, revision, true);
            }
        };
        let Some(saved) = saved else {
            return Self::at_the_first_row(ctx, source, input, revision, false);
        };
        let (read, total) = (saved.position.read, saved.plan.total);
        if let Some(rows) = unchanged(&saved, source)? {
            info!(ctx, "resuming after {read} of {total} rows: the source is as it was");
            return Ok(Self { state: saved, rows, clear: false });
        }
        let plan = plan(ctx, source, input)?;
        if plan.is_like(&saved.plan) {
            let mut cursor = plan.open(source, None)?;
            if digest(ctx, &mut cursor, read)?.as_ref() == Some(&saved.digest) {
                info!(ctx, "resuming after {read} rows, which are as they were");
                let rows = Rows { cursor, first: None };
                return Ok(Self { state: State { plan, revision, ..saved }, rows, clear: false });
            }
        }
        info!(ctx, "starting again: the data was changed since the last save");
        let rows = Rows { cursor: plan.open(source, None)?, first: None };
        Ok(Self { state: State { file: saved.file, ..State::new(plan, input, revision) }, rows, clear: true })
    }

    fn at_the_first_row(
        ctx: &Context<State>,
        source: &Source,
        input: &Input,
        revision: Option<String>,
        clear: bool,
    ) -> Result<Self> {
        let plan = plan(ctx, source, input)?;
        let rows = Rows { cursor: plan.open(source, None)?, first: None };
        Ok(Self { state: State::new(plan, input, revision), rows, clear })
    }
}

impl State {
    fn new(plan: Plan, input: &Input, revision: Option<String>) -> Self {
        Self {
            version: STATE_VERSION,
            file: crate::file_name::of(input, &plan.table),
            notable: vec![crate::run::Notable::default(); plan.columns.len()],
            plan,
            revision,
            position: Position::default(),
            digest: RowDigest::default(),
            encoder: Vec::new(),
        }
    }
}

fn plan(ctx: &Context<State>, source: &Source, input: &Input) -> Result<Plan> {
    let looking = || ctx.progress(0u64, None, "looking at the table");
    looking()?;
    Plan::make(source, input, looking)
}

/// The rows that are left, if nothing was written to the source since the attempt that saved began.
fn unchanged(saved: &State, source: &Source) -> Result<Option<Rows>> {
    let (Some(key), Some(revision)) = (&saved.position.key, &saved.revision) else { return Ok(None) };
    if source.revision()?.as_ref() != Some(revision) {
        return Ok(None);
    }
    let mut cursor = saved.plan.open(source, Some(key))?;
    let first = cursor.next_batch(ROWS_PER_BATCH)?;
    // Once more, since the snapshot is that of the first row: what was the same before and after was so then.
    let is_same = source.revision()?.as_ref() == Some(revision);
    Ok(is_same.then_some(Rows { cursor, first }))
}

/// The digest of the first `count` rows; none if there are fewer.
fn digest(ctx: &Context<State>, cursor: &mut Cursor, count: u64) -> Result<Option<RowDigest>> {
    let mut digest = RowDigest::default();
    let mut left = count;
    while left > 0 {
        let wanted = u32::try_from(left).unwrap_or(u32::MAX).min(ROWS_PER_BATCH);
        let Some(batch) = cursor.next_batch(wanted)? else { return Ok(None) };
        digest.add(batch.span());
        left -= batch.len() as u64;
        ctx.progress(count - left, count, "looking whether exported rows were changed")?;
    }
    Ok(Some(digest))
}
