//! Checkups and fixes of a folder in which jobs run and end all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use longshore_domain::{ArtifactFiles, TaskStore};

use super::kit::{Place, at, codes, tell};

/// Submits, runs, publishes and forgets tasks until told to stop, and says how many.
async fn work(place: &Place, stop: &AtomicBool) -> u32 {
    let mut tasks = 0;
    while !stop.load(Ordering::Acquire) {
        let attempt = place.running().await;
        let mut files = place.write(attempt);
        place.save(attempt, &mut *files).await;
        let unpublished = place.complete_only(attempt, &mut *files).await;
        place.files.publish(&unpublished).unwrap();
        place.store().mark_published(attempt.task).await.unwrap();
        assert!(place.published(attempt.task).join("orders.csv").exists(), "somebody took it away");
        for message in place.store().messages(attempt.task).await.unwrap() {
            place.store().message_delivered(message.id, at(4)).await.unwrap();
        }
        // Many at once, so that a checkup is often in the midst of them.
        if tasks % 40 == 0 {
            place.store().prune(at(900_000_000), 100).await.unwrap();
            let pruned = place.store().pruned(100).await.unwrap();
            for task in &pruned {
                place.files.discard(*task).unwrap();
            }
            place.store().files_are_gone(pruned).await.unwrap();
        }
        tasks += 1;
    }
    tasks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_folder_is_healthy_and_a_fix_takes_nothing_from_it() {
    let place = Arc::new(Place::new());
    let kept = place.running().await;
    place.save(kept, &mut *place.write(kept)).await;
    let stop = Arc::new(AtomicBool::new(false));
    let worker = tokio::spawn({
        let (place, stop) = (Arc::clone(&place), Arc::clone(&stop));
        async move { work(&place, &stop).await }
    });
    let looked = tokio::task::spawn_blocking({
        let place = Arc::clone(&place);
        move || {
            for round in 0..40 {
                let report = tell(&longshore_store::checkup::Checkup {
                    now: at(100),
                    ..place.checkup(round % 2 == 0)
                });
                // Forgotten a moment ago, and deleted the next.
                let odd: Vec<_> = codes(&report).into_iter().filter(|code| *code != "pruned_files").collect();
                assert_eq!(odd, [""; 0], "{report:?}");
                let fixed = place.fix();
                assert_eq!(
                    (fixed.hindrances.len(), fixed.deleted, fixed.set_aside, fixed.failed),
                    (0, 0, 0, 0),
                    "{fixed:?}"
                );
            }
        }
    })
    .await;
    stop.store(true, Ordering::Release);
    assert!(worker.await.unwrap() > 0);
    looked.unwrap();
    assert!(place.work_of(kept).join("orders.csv").exists());
}
