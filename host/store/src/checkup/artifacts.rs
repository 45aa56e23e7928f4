//! Whether the files that the rows tell of are there, and what they should be.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use longshore_domain::{
    ArtifactRecord, AttemptRef, SavedArtifact, TaskId, TaskState, Timestamp, Unpublished,
};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::finding::{Finding, FindingCode};
use super::known::{Known, TaskFiles, each_with_artifacts, look};
use super::notes::Notes;
use crate::fault::Fault;
use crate::files::layout::{Layout, check_name};
use crate::files::saved;

/// Looks at a task whose rows change all the time before it is left alone.
const LOOKS_MAX: u32 = 5;

/// For as long as this a completed task may wait for its files to be moved before it is worth a note.
const PUBLISHED_WITHIN: Duration = Duration::from_mins(1);

const CHUNK_BYTES: usize = 256 * 1024;

/// What is wrong with a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Missing,
    NoFile,
    Length(u64),
    Content,
    Unreadable(String),
}

/// The files of a completed task.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Artifacts {
    /// They are in their final place, as they were recorded.
    Whole,
    /// They are still in the folder of their attempt, as they were recorded, and can be moved.
    InWork,
    /// Some are not as they were recorded. The folder of their attempt may have them as they were.
    Flawed { flaws: Vec<(String, Flaw)>, copy_in_work: bool },
}

/// Checks the files of all tasks that should have some.
pub(super) fn examine(
    c: &Connection,
    layout: &Layout,
    deep: bool,
    now: Timestamp,
    notes: &mut Notes<'_>,
) -> Result<(), Fault> {
    let mut done = 0;
    each_with_artifacts(c, |task| {
        for finding in settled(&|| look(c, task), layout, task, deep, now)? {
            notes.add(finding);
        }
        done += 1;
        notes.tell("artifacts", done);
        Ok(())
    })
}

/// What is wrong with the files of a task. Files move and go while one looks at them, so what is wrong counts only if
/// the rows say after the look what they said before it.
fn settled(
    look: &dyn Fn() -> Result<Known, Fault>,
    layout: &Layout,
    task: TaskId,
    deep: bool,
    now: Timestamp,
) -> Result<Vec<Finding>, Fault> {
    let mut known = look()?;
    for _ in 0..LOOKS_MAX {
        let Known::Task(files) = &known else { break };
        let findings = of_task(layout, task, files, deep, now);
        if findings.is_empty() {
            break;
        }
        let again = look()?;
        if again == known {
            return Ok(findings);
        }
        known = again;
    }
    Ok(Vec::new())
}

fn of_task(layout: &Layout, task: TaskId, files: &TaskFiles, deep: bool, now: Timestamp) -> Vec<Finding> {
    if files.state == TaskState::Completed {
        match completed(layout, task, files, deep) {
            Artifacts::Whole => Vec::new(),
            // Whoever completed it is about to move them.
            Artifacts::InWork
                if files.unpublished_since.is_some_and(|since| now.since(since) <= PUBLISHED_WITHIN) =>
            {
                Vec::new()
            }
            Artifacts::InWork => vec![unpublished(task)],
            Artifacts::Flawed { flaws, copy_in_work } => flaws
                .iter()
                .map(|(name, flaw)| flawed(layout, task, files, name, flaw, copy_in_work))
                .collect(),
        }
    } else if let Some(number) = files.saved_by {
        let folder = layout.work_of_attempt(AttemptRef { task, number });
        let fits = |artifact: &SavedArtifact, bytes: u64| bytes >= artifact.bytes;
        flaws(&folder, &files.artifacts, deep, fits)
            .iter()
            .map(|(name, flaw)| {
                let attempt = AttemptRef { task, number };
                let artifact = files.artifacts.iter().find(|artifact| artifact.name == *name);
                match artifact
                    .filter(|_| *flaw == Flaw::Missing)
                    .and_then(|a| saved::elsewhere(layout, attempt, a))
                {
                    Some(other) => saved_elsewhere(&folder.join(name), task, &other),
                    None => not_resumable(&folder, task, files, name, flaw),
                }
            })
            .collect()
    } else {
        Vec::new()
    }
}

/// Looks at the files of a completed task.
pub(super) fn completed(layout: &Layout, task: TaskId, files: &TaskFiles, deep: bool) -> Artifacts {
    let exactly = |artifact: &SavedArtifact, bytes: u64| bytes == artifact.bytes;
    let published = layout.published(task);
    if flaws(&published, &files.artifacts, deep, exactly).is_empty() {
        return Artifacts::Whole;
    }
    let work = layout.work_of_attempt(AttemptRef { task, number: files.attempts });
    let copy_in_work = flaws(&work, &files.artifacts, deep, exactly).is_empty();
    if copy_in_work && !published.exists() {
        return Artifacts::InWork;
    }
    // They may have been moved between the two looks.
    let flaws = flaws(&published, &files.artifacts, deep, exactly);
    if flaws.is_empty() { Artifacts::Whole } else { Artifacts::Flawed { flaws, copy_in_work } }
}

/// A completed task as the publisher knows it.
pub(super) fn to_publish(task: TaskId, files: &TaskFiles) -> Unpublished {
    let record =
        |artifact: &SavedArtifact| ArtifactRecord { artifact: artifact.clone(), attempt: files.attempts };
    Unpublished { task, attempt: files.attempts, artifacts: files.artifacts.iter().map(record).collect() }
}

fn flaws(
    folder: &Path,
    artifacts: &[SavedArtifact],
    deep: bool,
    fits: impl Fn(&SavedArtifact, u64) -> bool,
) -> Vec<(String, Flaw)> {
    artifacts
        .iter()
        .filter_map(|artifact| Some((artifact.name.clone(), flaw(folder, artifact, deep, &fits)?)))
        .collect()
}

fn flaw(
    folder: &Path,
    artifact: &SavedArtifact,
    deep: bool,
    fits: &impl Fn(&SavedArtifact, u64) -> bool,
) -> Option<Flaw> {
    // A row that was tampered with must not lead to a file elsewhere.
    if check_name(&artifact.name).is_err() {
        return Some(Flaw::Missing);
    }
    let path = folder.join(&artifact.name);
    let metadata = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) => return Some(because(&error)),
    };
    if !metadata.is_file() {
        return Some(Flaw::NoFile);
    }
    if !fits(artifact, metadata.len()) {
        return Some(Flaw::Length(metadata.len()));
    }
    let recorded = artifact.sha256.as_ref().filter(|_| deep)?;
    // What an attempt wrote after its last save does not count.
    match digest(&path, artifact.bytes) {
        Ok(digest) if digest == *recorded => None,
        Ok(_) => Some(Flaw::Content),
        Err(error) => Some(because(&error)),
    }
}

fn because(error: &io::Error) -> Flaw {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Flaw::Missing,
        _ => Flaw::Unreadable(error.to_string()),
    }
}

/// SHA-256 of the first `bytes` of a file.
fn digest(path: &Path, bytes: u64) -> io::Result<String> {
    let mut file = File::open(path)?.take(bytes);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut digest = Sha256::new();
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(format!("{:x}", digest.finalize())),
            Ok(read) => digest.update(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The files of a completed task wait to be moved.
fn unpublished(task: TaskId) -> Finding {
    Finding::new(
        FindingCode::ArtifactsUnpublished,
        task,
        "The task is completed, but its files are not in their final place yet.",
        "Moves them there; the host does it too, when it runs.",
    )
    .fixable()
}

fn flawed(
    layout: &Layout,
    task: TaskId,
    files: &TaskFiles,
    name: &str,
    flaw: &Flaw,
    copy_in_work: bool,
) -> Finding {
    let path = layout.published(task).join(name);
    let recorded = recorded(files, name);
    let (code, what) = describe(flaw, recorded, FindingCode::ArtifactMissing, FindingCode::ArtifactCorrupt);
    let fix = if copy_in_work {
        let work = layout.work_of_attempt(AttemptRef { task, number: files.attempts });
        format!("{} has all files of the task as they were recorded: copy them from there.", work.display())
    } else {
        "Put the file back from a backup, or submit the job again.".into()
    };
    Finding::new(code, path.display(), format!("The artifact of the completed task {task} {what}."), fix)
}

fn not_resumable(folder: &Path, task: TaskId, files: &TaskFiles, name: &str, flaw: &Flaw) -> Finding {
    let (code, what) =
        describe(flaw, recorded(files, name), FindingCode::SavedFileMissing, FindingCode::SavedFileCorrupt);
    Finding::new(
        code,
        folder.join(name).display(),
        format!(
            "The {} task {task} cannot go on from its last save: a file of it {what}.",
            files.state.as_str()
        ),
        "Put the file back from a backup, or cancel the job and submit it again.",
    )
}

/// The database is older than the files: the task went on, and a restored backup undid that.
fn saved_elsewhere(path: &Path, task: TaskId, other: &Path) -> Finding {
    Finding::new(
        FindingCode::SavedFileElsewhere,
        path.display(),
        format!(
            "A file that the task {task} resumes from is not there, but {} begins with the same bytes.",
            other.display()
        ),
        "Nothing: the task resumes from that one.",
    )
}

fn recorded(files: &TaskFiles, name: &str) -> u64 {
    files.artifacts.iter().find(|artifact| artifact.name == name).map_or(0, |artifact| artifact.bytes)
}

fn describe(flaw: &Flaw, recorded: u64, missing: FindingCode, corrupt: FindingCode) -> (FindingCode, String) {
    match flaw {
        Flaw::Missing => (missing, "is missing".into()),
        Flaw::NoFile => (missing, "is no plain file".into()),
        Flaw::Length(bytes) => (corrupt, format!("has {bytes} bytes, but {recorded} were recorded")),
        Flaw::Content => (corrupt, "has other bytes than were recorded".into()),
        Flaw::Unreadable(why) => (FindingCode::FilesUnreadable, format!("cannot be read: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn saved_by(attempt: u32) -> Known {
        let artifact =
            SavedArtifact { name: "a".into(), media_type: "text/csv".into(), bytes: 3, sha256: None };
        Known::Task(TaskFiles {
            state: TaskState::Running,
            attempts: 3,
            saved_by: Some(attempt),
            unpublished_since: None,
            artifacts: vec![artifact],
        })
    }

    /// What is told of a task whose attempt 2 has its files, while its rows are these, one after the other.
    fn told(rows: Vec<Known>) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let (layout, task) = (Layout::new(folder.path()), TaskId::random());
        let work = layout.work_of_attempt(AttemptRef { task, number: 2 });
        fs::create_dir_all(&work).unwrap();
        fs::write(work.join("a"), "abc").unwrap();
        let rows = RefCell::new(rows.into_iter());
        let look = || Ok(rows.borrow_mut().next().unwrap());
        settled(&look, &layout, task, true, Timestamp::from_ms(0)).unwrap().len()
    }

    #[test]
    fn what_is_wrong_counts_only_while_the_rows_stay_as_they_are() {
        assert_eq!(told(vec![saved_by(2)]), 0);
        assert_eq!(told(vec![saved_by(1), saved_by(1)]), 1);
        assert_eq!(told(vec![saved_by(1), saved_by(2)]), 0, "it saved and dropped what was before");
        assert_eq!(told(vec![saved_by(1), Known::Pruned]), 0);
        assert_eq!(told(vec![saved_by(1), Known::Nothing]), 0);
        assert_eq!(told(vec![saved_by(1), saved_by(3), saved_by(3)]), 1);
        assert_eq!(told((0..=LOOKS_MAX).map(|look| saved_by(3 + look)).collect()), 0, "it never holds still");
    }
}
