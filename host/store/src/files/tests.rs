//! Tests of artifact files: what is on disk after each step, and after a kill between any two.

use std::fs;
use std::io;
use std::path::Path;

use longshore_domain::{
    ArtifactFiles, ArtifactRecord, AttemptFiles, AttemptRef, Look, SavedArtifact, TaskId, Unpublished,
};
use sha2::{Digest, Sha256};

use super::LocalFiles;

fn attempt(task: TaskId, number: u32) -> AttemptRef {
    AttemptRef { task, number }
}

fn unpublished(task: TaskId, attempt: u32, artifacts: Vec<SavedArtifact>) -> Unpublished {
    let artifacts = artifacts.into_iter().map(|artifact| ArtifactRecord { artifact, attempt }).collect();
    Unpublished { task, attempt, artifacts }
}

fn put(files: &mut dyn AttemptFiles, name: &str, bytes: &[u8]) {
    let handle = files.open(name, "text/plain").unwrap();
    files.write(handle, bytes).unwrap();
}

fn entries(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

struct Place {
    folder: tempfile::TempDir,
    files: LocalFiles,
    task: TaskId,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = LocalFiles::new(folder.path());
        Self { folder, files, task: TaskId::random() }
    }

    fn open(&self, number: u32, resume: Option<(u32, &[SavedArtifact])>) -> Box<dyn AttemptFiles> {
        self.files.open_attempt(attempt(self.task, number), resume).unwrap()
    }

    /// Attempt `number` cannot go on from what the first one saved, and says why.
    fn refuses_to_resume(&self, number: u32, saved: &[SavedArtifact], why: &str) {
        let error = self.files.open_attempt(attempt(self.task, number), Some((1, saved))).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains(why), "{error}");
    }

    fn work(&self, number: u32) -> std::path::PathBuf {
        self.folder.path().join("work").join(self.task.to_string()).join(number.to_string())
    }
}

#[test]
fn an_attempt_without_artifacts_touches_no_folder() {
    let place = Place::new();
    let mut files = place.open(1, Some((1, &[])));
    assert_eq!(files.sync().unwrap(), []);
    assert_eq!(files.seal().unwrap(), []);
    files.drop_earlier().unwrap();
    assert_eq!(files.totals(), (0, 0));
    assert!(entries(place.folder.path()).is_empty());
}

/// Files below a folder that this process holds open.
#[cfg(target_os = "linux")]
fn open_below(folder: &Path) -> usize {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap();
    let targets = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets.filter(|target| target.starts_with(folder)).count()
}

#[test]
#[cfg(target_os = "linux")]
fn an_attempt_with_many_artifacts_has_few_files_open() {
    let place = Place::new();
    let mut files = place.open(1, None);
    let handles: Vec<usize> =
        (0..50).map(|n| files.open(&format!("{n}.txt"), "text/plain").unwrap()).collect();
    for line in ["one\n", "two\n", "three\n"] {
        for handle in &handles {
            files.write(*handle, line.as_bytes()).unwrap();
            assert!(open_below(place.folder.path()) <= 8);
        }
    }
    let saved = files.sync().unwrap();
    drop(files);
    let mut files = place.open(2, Some((1, &saved)));
    assert!((1..=8).contains(&open_below(place.folder.path())));
    files.write(handles[0], b"four\n").unwrap();
    let sealed = files.seal().unwrap();
    assert_eq!(sealed[0].sha256, Some(hex(b"one\ntwo\nthree\nfour\n")));
    assert!(sealed[1..].iter().all(|artifact| artifact.sha256 == Some(hex(b"one\ntwo\nthree\n"))));
    for (n, artifact) in sealed.iter().enumerate() {
        let bytes = fs::read(place.work(2).join(format!("{n}.txt"))).unwrap();
        assert_eq!(Some(hex(&bytes)), artifact.sha256);
    }
}

#[test]
fn an_artifact_is_published_with_its_digest() {
    let place = Place::new();
    let mut files = place.open(1, None);
    put(&mut *files, "a.csv", b"one,two\n");
    put(&mut *files, "b.txt", b"");
    put(&mut *files, "a.csv", b"1,2\n");
    assert_eq!(files.totals(), (2, 12));
    let sealed = files.seal().unwrap();
    assert_eq!(sealed[0].bytes, 12);
    assert_eq!(sealed[0].sha256, Some(hex(b"one,two\n1,2\n")));
    assert_eq!(sealed[1].sha256, Some(hex(b"")));
    assert!(files.write(0, b"late").is_err(), "a sealed artifact was written to");

    let unpublished = unpublished(place.task, 1, sealed);
    place.files.publish(&unpublished).unwrap();
    assert_eq!(fs::read(place.files.path(place.task, "a.csv")).unwrap(), b"one,two\n1,2\n");
    assert_eq!(entries(&place.folder.path().join("work")), [""; 0]);
    place.files.publish(&unpublished).unwrap();
    assert_eq!(entries(&place.folder.path().join("artifacts")), [place.task.to_string()]);
}

#[test]
fn an_open_name_gives_its_handle_again() {
    let place = Place::new();
    let mut files = place.open(1, None);
    let first = files.open("a", "text/plain").unwrap();
    let other = files.open("b", "text/plain").unwrap();
    assert_ne!(first, other);
    assert_eq!(files.open("a", "text/csv").unwrap(), first);
}

#[test]
fn what_was_not_saved_is_cut_off() {
    let place = Place::new();
    let mut first = place.open(1, None);
    put(&mut *first, "a", b"saved");
    let saved = first.sync().unwrap();
    put(&mut *first, "a", b" lost");
    put(&mut *first, "never-saved", b"x");
    first.sync().unwrap();

    let mut second = place.open(2, Some((1, &saved)));
    assert_eq!(entries(&place.work(2)), ["a"]);
    let handle = second.open("a", "text/plain").unwrap();
    assert_eq!(second.position(handle), 5);
    second.write(handle, b" again").unwrap();
    // The first attempt is not dead, only late. Its writes reach its own file.
    put(&mut *first, "a", b" late");
    first.sync().unwrap();
    let sealed = second.seal().unwrap();
    assert_eq!(sealed[0].sha256, Some(hex(b"saved again")));
    second.drop_earlier().unwrap();
    assert_eq!(entries(&place.work(1)), [""; 0]);
    assert_eq!(fs::read(place.work(2).join("a")).unwrap(), b"saved again");
}

#[test]
fn large_and_small_writes_keep_their_order() {
    let place = Place::new();
    let mut files = place.open(1, None);
    let handle = files.open("a", "application/octet-stream").unwrap();
    let mut expected = Vec::new();
    for (number, length) in [10, 300_000, 1, 262_144, 262_143, 5, 0, 700_000, 3].into_iter().enumerate() {
        let bytes = vec![number as u8; length];
        files.write(handle, &bytes).unwrap();
        expected.extend(bytes);
        assert_eq!(files.position(handle), expected.len() as u64);
    }
    let sealed = files.seal().unwrap();
    assert_eq!(fs::read(place.work(1).join("a")).unwrap(), expected);
    assert_eq!(sealed[0].sha256, Some(hex(&expected)));
}

#[test]
fn a_file_that_lost_bytes_is_not_resumed() {
    let place = Place::new();
    let mut first = place.open(1, None);
    put(&mut *first, "a", b"0123456789");
    let saved = first.sync().unwrap();
    fs::write(place.work(1).join("a"), b"012").unwrap();
    place.refuses_to_resume(2, &saved, "3 bytes, but 10");

    fs::remove_file(place.work(1).join("a")).unwrap();
    place.refuses_to_resume(3, &saved, "gone");
}

#[test]
fn a_file_with_other_bytes_is_not_resumed() {
    let place = Place::new();
    let mut first = place.open(1, None);
    put(&mut *first, "a", b"0123456789");
    let saved = first.sync().unwrap();
    fs::write(place.work(1).join("a"), b"0123456x89, and what was not saved").unwrap();
    place.refuses_to_resume(2, &saved, "SHA-256");
}

#[test]
fn an_attempt_that_came_to_nothing_leaves_what_it_saved() {
    let place = Place::new();
    let mut first = place.open(1, None);
    put(&mut *first, "a", b"saved");
    let saved = first.sync().unwrap();
    put(&mut *first, "a", b" lost");
    put(&mut *first, "never-saved", b"x");
    first.sync().unwrap();
    place.files.abandon(attempt(place.task, 1), &saved).unwrap();
    assert_eq!(entries(&place.work(1)), ["a"]);
    assert_eq!(fs::read(place.work(1).join("a")).unwrap(), b"saved");

    let mut second = place.open(2, Some((1, &saved)));
    put(&mut *second, "a", b" lost, too");
    second.sync().unwrap();
    place.files.abandon(attempt(place.task, 2), &[]).unwrap();
    assert_eq!(entries(&place.folder.path().join("work").join(place.task.to_string())), ["1"]);
    // It saved, but its task was taken over and is completed.
    place.files.discard(place.task).unwrap();
    place.files.abandon(attempt(place.task, 1), &saved).unwrap();
    // It began to write only after that.
    put(&mut *place.open(1, None), "a", b"late");
    place.files.abandon(attempt(place.task, 1), &[]).unwrap();
    assert_eq!(entries(&place.folder.path().join("work")), [""; 0]);
}

#[test]
fn a_published_artifact_is_read_only_as_it_was() {
    let place = Place::new();
    let mut files = place.open(1, None);
    put(&mut *files, "a", b"bytes");
    let sealed = files.seal().unwrap();
    place.files.publish(&unpublished(place.task, 1, sealed.clone())).unwrap();
    let path = place.files.path(place.task, "a");
    let look = |look| place.files.check(place.task, &sealed[0], look).map_err(|error| error.kind());
    let read = || place.files.read(place.task, &sealed[0]).map_err(|error| error.kind());
    assert_eq!((look(Look::Content), read()), (Ok(()), Ok(b"bytes".to_vec())));

    fs::write(&path, b"bites").unwrap();
    let damaged = io::ErrorKind::InvalidData;
    assert_eq!((look(Look::Length), look(Look::Content), read()), (Ok(()), Err(damaged), Err(damaged)));
    fs::write(&path, b"byte").unwrap();
    assert_eq!((look(Look::Length), read()), (Err(damaged), Err(damaged)));
    fs::remove_file(&path).unwrap();
    let gone = io::ErrorKind::NotFound;
    assert_eq!((look(Look::Length), look(Look::Content), read()), (Err(gone), Err(gone), Err(gone)));
}

#[test]
fn publishing_goes_on_from_any_kill() {
    let place = Place::new();
    let mut files = place.open(2, None);
    put(&mut *files, "a", b"bytes");
    let unpublished = unpublished(place.task, 2, files.seal().unwrap());
    // A leftover of an earlier attempt, and a stray file beside what was recorded.
    fs::create_dir_all(place.work(1)).unwrap();
    fs::write(place.work(1).join("old"), b"x").unwrap();
    fs::write(place.work(2).join("stray"), b"x").unwrap();
    let artifacts = place.folder.path().join("artifacts").join(place.task.to_string());

    place.files.publish(&unpublished).unwrap();
    assert_eq!(entries(&artifacts), ["a"]);
    // As if it was killed after the move: what is left of the work is removed.
    fs::create_dir_all(place.work(1)).unwrap();
    place.files.publish(&unpublished).unwrap();
    assert_eq!(entries(&place.folder.path().join("work")), [""; 0]);
    assert_eq!(entries(&artifacts), ["a"]);
}

#[test]
fn a_damaged_artifact_is_not_published() {
    let place = Place::new();
    let mut files = place.open(1, None);
    put(&mut *files, "a", b"bytes");
    put(&mut *files, "b", b"bytes");
    let unpublished = unpublished(place.task, 1, files.seal().unwrap());
    fs::write(place.work(1).join("b"), b"byt").unwrap();
    assert_eq!(place.files.publish(&unpublished).unwrap_err().kind(), io::ErrorKind::InvalidData);
    assert!(entries(&place.folder.path().join("artifacts")).is_empty());
    assert_eq!(entries(&place.work(1)), ["a", "b"], "the files are kept for the operator");
}

#[test]
fn nothing_to_publish_removes_the_work() {
    let place = Place::new();
    let mut files = place.open(1, None);
    put(&mut *files, "a", b"bytes");
    files.sync().unwrap();
    place.files.discard(place.task).unwrap();
    place.files.discard(place.task).unwrap();
    assert!(entries(&place.folder.path().join("work")).is_empty());
}

#[test]
fn only_plain_names_are_taken() {
    let place = Place::new();
    let mut files = place.open(1, None);
    for bad in ["", ".", "..", "a/b", "../a", "/etc/x", "a\\b", "a\0b", &"x".repeat(256)] {
        assert!(files.open(bad, "text/plain").is_err(), "{bad:?} was taken");
    }
    for good in ["a", "..a", "a b.csv", "ä.txt", &"x".repeat(255)] {
        files.open(good, "text/plain").unwrap();
    }
    let stray = SavedArtifact { name: "../x".into(), media_type: String::new(), bytes: 0, sha256: None };
    assert!(place.files.open_attempt(attempt(place.task, 2), Some((1, &[stray]))).is_err());
}

#[test]
fn the_data_folder_is_made_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("volume/data");
    let files = LocalFiles::new(&data);
    put(&mut *files.open_attempt(attempt(TaskId::random(), 1), None).unwrap(), "a", b"1");
    for folder in [place.path().join("volume"), data] {
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700, "{folder:?}");
    }
}

#[test]
fn a_resumed_file_can_be_emptied_and_its_predecessor_stays() {
    let place = Place::new();
    let mut first = place.open(1, None);
    put(first.as_mut(), "a.csv", b"old rows");
    let saved = first.sync().unwrap();
    let mut second = place.open(2, Some((1, &saved)));
    let handle = second.open("a.csv", "text/plain").unwrap();
    second.write(handle, b" and more").unwrap();
    second.clear(handle).unwrap();
    assert_eq!(second.position(handle), 0);
    second.write(handle, b"new").unwrap();
    let sealed = second.seal().unwrap();
    assert_eq!((sealed[0].bytes, sealed[0].sha256.clone()), (3, Some(hex(b"new"))));
    assert_eq!(fs::read(place.work(2).join("a.csv")).unwrap(), b"new");
    assert_eq!(fs::read(place.work(1).join("a.csv")).unwrap(), b"old rows");
    // What was saved can still be resumed from, had the second attempt come to nothing.
    let mut third = place.open(3, Some((1, &saved)));
    let handle = third.open("a.csv", "text/plain").unwrap();
    assert_eq!(third.position(handle), 8);
}
