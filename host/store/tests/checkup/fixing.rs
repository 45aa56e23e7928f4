//! What a fix does, what it keeps, and that doing it twice is doing it once.

use std::fs;

use longshore_domain::{AttemptRef, Owner, RetryAnswer, TaskId, TaskStore};
use longshore_store::checkup::{DeedKind, Fixed};

use super::kit::{Place, at, codes, tell, tree};

fn counts(fixed: &Fixed) -> (u64, u64, u64) {
    assert_eq!(fixed.hindrances, []);
    assert_eq!(fixed.failed, 0, "{fixed:?}");
    (fixed.published, fixed.deleted, fixed.set_aside)
}

#[tokio::test]
async fn a_healthy_folder_is_left_as_it_is() {
    let place = Place::new();
    place.completed().await;
    let attempt = place.running().await;
    place.save(attempt, &mut *place.write(attempt)).await;
    let before = tree(place.folder.path());
    assert_eq!(counts(&place.fix()), (0, 0, 0));
    assert_eq!(tree(place.folder.path()), before);
}

#[tokio::test]
async fn strays_are_set_aside_and_never_lost() {
    let place = Place::new();
    let kept = place.completed().await;
    let stray = TaskId::random();
    for _ in 0..2 {
        fs::create_dir_all(place.published(stray)).unwrap();
        fs::write(place.published(stray).join("invoice.pdf"), "bytes").unwrap();
        fs::create_dir_all(place.work(stray).join("3")).unwrap();
        assert_eq!(counts(&place.fix()), (0, 0, 2));
        assert_eq!(counts(&place.fix()), (0, 0, 0));
    }
    let set_aside = place.folder.path().join("stray/artifacts");
    for name in [stray.to_string(), format!("{stray}.1")] {
        assert_eq!(fs::read_to_string(set_aside.join(name).join("invoice.pdf")).unwrap(), "bytes");
    }
    let report = place.examine();
    assert_eq!(codes(&report), ["set_aside"]);
    assert!(report.findings[0].message.contains("4 folders"), "{report:?}");
    assert!(place.published(kept).join("orders.csv").exists());
}

#[tokio::test]
async fn what_waits_to_be_published_is_published() {
    let place = Place::new();
    let attempt = place.running().await;
    place.complete_only(attempt, &mut *place.write(attempt)).await;
    let early = longshore_store::checkup::Checkup { now: at(10), ..place.checkup(false) };
    assert_eq!(codes(&tell(&early)), [""; 0], "whoever completed it is about to do so");
    assert_eq!(codes(&place.examine()), ["artifacts_unpublished"]);
    assert_eq!(counts(&place.fix()), (1, 0, 0));
    assert_eq!(codes(&tell(&place.checkup(true))), [""; 0]);
    assert_eq!(counts(&place.fix()), (0, 0, 0));
    // Also when the row that says so is lost.
    let attempt = place.running().await;
    place.complete_only(attempt, &mut *place.write(attempt)).await;
    place.sql("DELETE FROM unpublished");
    assert_eq!(codes(&place.examine()), ["artifacts_unpublished"]);
    assert_eq!(place.fix().deeds[0].kind, DeedKind::Published);
    assert_eq!(codes(&tell(&place.checkup(true))), [""; 0]);
}

#[tokio::test]
async fn work_of_a_completed_task_is_deleted_once_its_artifacts_are_whole() {
    let place = Place::new();
    let task = place.completed().await;
    let file = place.published(task).join("orders.csv");
    let work = place.work_of(AttemptRef { task, number: 1 });
    fs::create_dir_all(&work).unwrap();
    fs::copy(&file, work.join("orders.csv")).unwrap();
    fs::write(&file, "one,two\n1,3\n").unwrap();
    assert_eq!(codes(&place.examine()), ["work_left"], "a quick look sees no damage");
    assert_eq!(counts(&place.fix()), (0, 0, 0), "but the only whole copy is kept");
    let report = tell(&place.checkup(true));
    assert_eq!(codes(&report), ["artifact_corrupt"]);
    assert!(report.findings[0].fix.contains(&work.display().to_string()), "{report:?}");

    fs::copy(work.join("orders.csv"), &file).unwrap();
    assert_eq!(counts(&place.fix()), (0, 1, 0));
    assert!(!place.work(task).exists());
    assert_eq!(codes(&tell(&place.checkup(true))), [""; 0]);
    assert_eq!(counts(&place.fix()), (0, 0, 0));
}

#[tokio::test]
async fn attempts_that_are_over_lose_their_folder_but_the_last_save_stays() {
    let place = Place::new();
    let first = place.running().await;
    place.save(first, &mut *place.write(first)).await;
    place.fail(first).await;
    assert_eq!(codes(&place.examine()), [""; 0]);
    // Run again: the second attempt writes and saves nothing, the third runs.
    for _ in 0..2 {
        let retried = place.store().retry(Some(&Owner::local()), first.task, at(5)).await.unwrap();
        assert_eq!(retried, RetryAnswer::Queued);
        let attempt = place.claim().await;
        drop(place.write(attempt));
        if attempt.number < 3 {
            place.fail(attempt).await;
        }
    }
    // A claim that a power loss undid; its number will be given out again.
    fs::create_dir_all(place.work(first.task).join("4")).unwrap();
    assert_eq!(codes(&place.examine()), ["work_left"]);
    assert_eq!(counts(&place.fix()), (0, 1, 0));
    let kept = tree(&place.work(first.task));
    assert_eq!(kept, ["1", "1/orders.csv", "3", "3/orders.csv", "4"]);
    assert_eq!(counts(&place.fix()), (0, 0, 0));
    assert_eq!(codes(&place.examine()), [""; 0]);
}

#[tokio::test]
async fn work_of_a_failed_task_without_a_save_is_deleted() {
    let place = Place::new();
    let attempt = place.running().await;
    drop(place.write(attempt));
    place.fail(attempt).await;
    assert_eq!(codes(&place.examine()), ["work_left"]);
    assert_eq!(counts(&place.fix()), (0, 1, 0));
    assert!(!place.work_of(attempt).exists());
    assert_eq!(counts(&place.fix()), (0, 0, 0));
}

#[tokio::test]
async fn nothing_is_touched_while_the_database_is_not_in_order() {
    let mut place = Place::new();
    let attempt = place.running().await;
    drop(place.write(attempt));
    fs::create_dir_all(place.published(TaskId::random())).unwrap();
    place.submit().await;
    place.close();
    let before = tree(place.folder.path());
    place.sql("DELETE FROM ready");
    let fixed = place.fix();
    assert_eq!(fixed.hindrances.len(), 1);
    assert_eq!(fixed.deeds, []);
    assert_eq!(
        tree(place.folder.path())
            .into_iter()
            .filter(|name| !name.starts_with("tasks.db-"))
            .collect::<Vec<_>>(),
        before
    );
}
