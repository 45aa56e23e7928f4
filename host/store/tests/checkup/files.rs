//! Files that are gone, damaged, or belong to nobody.

use std::fs;

use longshore_domain::{ArtifactFiles, TaskId, TaskStore};
use longshore_store::checkup::Checkup;

use super::kit::{Place, at, codes, tell};

#[tokio::test]
async fn artifacts_that_are_gone_or_damaged_are_named() {
    let place = Place::new();
    let task = place.completed().await;
    let file = place.published(task).join("orders.csv");
    assert_eq!(codes(&tell(&place.checkup(true))), [""; 0]);

    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[1..]).unwrap();
    let report = place.examine();
    assert_eq!(codes(&report), ["artifact_corrupt"]);
    assert_eq!(report.findings[0].subject, file.display().to_string());
    assert!(report.findings[0].message.contains("11 bytes, but 12"), "{report:?}");

    let mut flipped = whole.clone();
    flipped[5] ^= 1;
    fs::write(&file, &flipped).unwrap();
    assert_eq!(codes(&place.examine()), [""; 0], "only a deep checkup reads every byte");
    assert_eq!(codes(&tell(&place.checkup(true))), ["artifact_corrupt"]);

    fs::remove_file(&file).unwrap();
    assert_eq!(codes(&place.examine()), ["artifact_missing"]);
    std::os::unix::fs::symlink("/etc/hostname", &file).unwrap();
    assert_eq!(codes(&place.examine()), ["artifact_missing"]);
    fs::remove_dir_all(place.published(task)).unwrap();
    assert_eq!(codes(&place.examine()), ["artifact_missing"]);
    assert_eq!(place.fix().deeds, []);
}

#[tokio::test]
async fn a_row_that_leads_elsewhere_is_not_followed() {
    let place = Place::new();
    let task = place.completed().await;
    fs::write(place.folder.path().join("artifacts/secret"), "one,two\n1,2\n").unwrap();
    fs::write(place.published(task).join("orders.csv"), "one,two\n1,2\n").unwrap();
    place.sql("UPDATE artifacts SET name = '..'");
    assert!(codes(&place.examine()).contains(&"artifact_missing"));
}

#[tokio::test]
async fn what_a_save_needs_is_checked() {
    let place = Place::new();
    let attempt = place.running().await;
    let mut files = place.write(attempt);
    place.save(attempt, &mut *files).await;
    let file = place.work_of(attempt).join("orders.csv");
    // It goes on writing: the file is longer than what was saved.
    files.write(0, b"3,4\n").unwrap();
    files.sync().unwrap();
    assert_eq!(codes(&place.examine()), [""; 0]);

    fs::write(&file, "one").unwrap();
    assert_eq!(codes(&place.examine()), ["saved_file_corrupt"]);
    place.fail(attempt).await;
    assert_eq!(codes(&place.examine()), ["saved_file_corrupt"], "it may be run again");
    fs::remove_dir_all(place.work(attempt.task)).unwrap();
    assert_eq!(codes(&place.examine()), ["saved_file_missing"]);
}

#[tokio::test]
async fn files_of_unknown_tasks_are_strays() {
    let place = Place::new();
    place.completed().await;
    let (one, other) = (TaskId::random(), TaskId::random());
    fs::create_dir_all(place.published(one)).unwrap();
    fs::create_dir_all(place.work(other).join("1")).unwrap();
    let report = place.examine();
    assert_eq!(codes(&report), ["stray_files", "stray_files"]);
    assert!(report.is_fixable());
    assert!(report.findings.iter().any(|finding| finding.subject.ends_with(&one.to_string())));
}

#[tokio::test]
async fn files_of_another_database_are_not_called_strays() {
    let (place, other) = (Place::new(), Place::new());
    other.completed().await;
    other.completed().await;
    place.completed().await;
    let mixed_up = Checkup { files: other.folder.path().into(), ..place.checkup(false) };
    assert_eq!(codes(&tell(&mixed_up)), ["artifact_missing", "other_database"]);
    assert_eq!(mixed_up.fix(&mut |_| {}).deeds, []);
    assert_eq!(codes(&other.examine()), [""; 0]);
}

#[tokio::test]
async fn what_the_host_did_not_write_is_told_and_kept() {
    let place = Place::new();
    let task = place.completed().await;
    let attempt = place.running().await;
    drop(place.write(attempt));
    for path in [
        place.published(task).join("notes.txt"),
        place.folder.path().join("artifacts/.DS_Store"),
        place.folder.path().join("work").join(TaskId::random().to_string().to_uppercase()),
        place.work(attempt.task).join("01"),
        place.work(attempt.task).join("0"),
    ] {
        fs::write(path, "x").unwrap();
    }
    assert_eq!(codes(&place.examine()), ["unknown_file"; 5]);
    assert_eq!(place.fix().deeds, []);
}

#[tokio::test]
async fn forgotten_tasks_are_left_to_whoever_forgot_them() {
    let place = Place::new();
    let task = place.completed().await;
    place.sql("UPDATE outbox SET state = 'delivered', delivered_at = 1; DELETE FROM deliveries");
    assert_eq!(place.store().prune(at(900_000_000), 10).await.unwrap(), 1);
    assert_eq!(codes(&place.examine()), ["pruned_files"]);
    assert_eq!(place.fix().deeds, []);
    place.files.discard(task).unwrap();
    place.store().files_are_gone(vec![task]).await.unwrap();
    assert_eq!(codes(&place.examine()), [""; 0]);
}

#[tokio::test]
async fn files_that_came_before_the_end_are_told() {
    let place = Place::new();
    let attempt = place.running().await;
    fs::create_dir_all(place.published(attempt.task)).unwrap();
    assert_eq!(codes(&place.examine()), ["published_too_early"]);
    assert_eq!(place.fix().deeds, []);
}
