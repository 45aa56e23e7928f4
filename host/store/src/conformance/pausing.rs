//! Cases of paused job types.

use super::Open;
use super::kit::{Kit, at, completed, end, name, new_task, of_type, request, serve, two};
use longshore_domain::{Next, TaskState};

/// Nothing of a paused job type starts, through whatever handle; what runs goes on, and others do not notice.
pub async fn a_paused_job_type_is_not_claimed(open: Open) {
    let (one, other) = (Kit::new(&open), Kit::new(&open));
    let running = one.running().await;
    for _ in 0..2 {
        one.submit(new_task()).await;
    }
    one.submit(of_type("other")).await;
    assert!(one.store.pause(&name("export"), at(2)).await.unwrap());
    let waiting = other.submit(new_task()).await;
    let claim = async |kit: &Kit| {
        let asked = request(at(3), 10, vec![serve("export", None), serve("other", None)]);
        let claimed = kit.store.claim(asked).await.unwrap();
        claimed.iter().map(|claimed| claimed.job_type.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(claim(&other).await, ["other"]);
    assert!(claim(&one).await.is_empty());
    assert_eq!(one.state(waiting).await, TaskState::Queued);
    assert_eq!(one.finish(end(running.attempt, at(4), completed(), Next::End)).await, TaskState::Completed);
    assert!(other.store.resume(&name("export")).await.unwrap());
    assert_eq!(claim(&one).await, ["export", "export", "export"]);
}

/// A pause is known to all handles until it ends, with the time at which it began.
pub async fn a_pause_is_known_until_it_ends(open: Open) {
    let [one, other] = two(&open);
    let export = name("export");
    assert!(one.paused().await.unwrap().is_empty());
    assert!(!one.resume(&export).await.unwrap(), "it is not paused");
    assert!(one.pause(&export, at(1)).await.unwrap());
    assert!(!other.pause(&export, at(2)).await.unwrap(), "it is paused already");
    let told: Vec<_> = other.paused().await.unwrap().into_iter().collect();
    assert_eq!(told, [(export.clone(), at(1))]);
    assert!(other.resume(&export).await.unwrap());
    assert!(one.paused().await.unwrap().is_empty());
}

/// A task shows that its job type is paused, however it is looked at.
pub async fn a_task_shows_that_its_type_is_paused(open: Open) {
    let kit = Kit::new(&open);
    let before = kit.submit(new_task()).await;
    assert_eq!(kit.get(before).await.paused_since, None);
    kit.store.pause(&name("export"), at(1)).await.unwrap();
    let submitted = kit.store.submit(new_task()).await.unwrap().task;
    assert_eq!(submitted.paused_since, Some(at(1)));
    let unconcerned = kit.submit(of_type("other")).await;
    assert_eq!(kit.get(unconcerned).await.paused_since, None);
    let filter = longshore_domain::TaskFilter { limit: 10, ..longshore_domain::TaskFilter::default() };
    let listed = kit.store.list(filter).await.unwrap().tasks;
    let paused: Vec<_> = listed.iter().map(|task| task.paused_since).collect();
    assert_eq!(paused, [None, Some(at(1)), Some(at(1))]);
}
