//! Cases of leases.

use longshore_domain::{
    AttemptRef, Code, Finish, FinishAnswer, NewTask, Next, Recovery, Renewal, RenewalAnswer, TaskState,
    WorkerId,
};

use super::Open;
use super::kit::{Kit, LEASE_MS, at, end, failure, new_task, progress, save};

const HELD: RenewalAnswer = RenewalAnswer::Held { cancel_requested: false };

/// A renewal extends the lease and shows progress; it tells of a cancel.
pub async fn a_renewal_extends_and_reports(open: Open) {
    let kit = Kit::new(&open);
    let attempt = kit.running().await.attempt;
    let renew = async |progress, now, until| {
        kit.store.renew(vec![Renewal { attempt, progress }], now, until).await.unwrap()
    };
    assert_eq!(renew(Some(progress(3, "three")), at(10), at(5_000)).await, [HELD]);
    let task = kit.get(attempt.task).await;
    assert_eq!((task.progress, task.updated_at), (progress(3, "three"), at(10)));
    // Without news the task has not changed.
    assert_eq!(renew(None, at(20), at(6_000)).await, [HELD]);
    let task = kit.get(attempt.task).await;
    assert_eq!((task.progress, task.updated_at), (progress(3, "three"), at(10)));
    assert!(kit.store.expired(at(5_999), 10).await.unwrap().is_empty());
    kit.store.cancel(None, attempt.task, at(30)).await.unwrap();
    assert_eq!(renew(None, at(40), at(7_000)).await, [RenewalAnswer::Held { cancel_requested: true }]);
}

/// An attempt that ended, or whose successor runs, has no lease to renew.
pub async fn a_renewal_by_a_late_attempt_is_lost(open: Open) {
    let kit = Kit::new(&open);
    let first = kit.running().await.attempt;
    let renew = async |attempt| {
        let renewal = Renewal { attempt, progress: Some(progress(9, "late")) };
        kit.store.renew(vec![renewal], at(10), at(9_000)).await.unwrap()
    };
    kit.finish(end(first, at(2), failure(Code::WorkerLost), Next::RetryAt(at(2)))).await;
    assert_eq!(renew(first).await, [RenewalAnswer::Lost]);
    let second = kit.claim_one(at(3)).await.attempt;
    assert_eq!(renew(first).await, [RenewalAnswer::Lost]);
    assert_eq!(renew(second).await, [HELD]);
    let third = AttemptRef { number: 3, ..second };
    assert_eq!(renew(third).await, [RenewalAnswer::Lost]);
}

/// Leases that ran out are found, oldest first, with what a sweeper needs to decide.
pub async fn expired_leases_are_found_oldest_first(open: Open) {
    let kit = Kit::new(&open);
    let mut attempts = Vec::new();
    for claimed_at in [20, 10, 30] {
        kit.submit(NewTask { deadline_at: Some(at(9_000)), ..new_task() }).await;
        attempts.push(kit.claim_one(at(claimed_at)).await.attempt);
    }
    let mut saved = save(at(31), b"x");
    saved.progress = progress(5, "five");
    kit.save(attempts[1], saved).await;
    let renewal = Renewal { attempt: attempts[1], progress: Some(progress(6, "unsaved")) };
    kit.store.renew(vec![renewal], at(32), at(10 + LEASE_MS)).await.unwrap();
    kit.store.cancel(None, attempts[0].task, at(33)).await.unwrap();

    assert!(kit.store.expired(at(9 + LEASE_MS), 10).await.unwrap().is_empty());
    let expired = kit.store.expired(at(20 + LEASE_MS), 10).await.unwrap();
    let found: Vec<_> = expired.iter().map(|lease| lease.attempt).collect();
    assert_eq!(found, [attempts[1], attempts[0]]);
    assert_eq!(expired[0].progress, progress(5, "five"));
    assert_eq!((expired[0].lease_until, expired[0].first_started_at), (at(10 + LEASE_MS), at(10)));
    assert_eq!((expired[0].attempts_counted, expired[0].deadline_at), (1, Some(at(9_000))));
    assert_eq!(expired[0].worker.as_str(), "worker-1");
    assert_eq!((expired[0].cancel_requested, expired[1].cancel_requested), (false, true));
    assert_eq!(kit.store.expired(at(9_000), 2).await.unwrap().len(), 2);
}

/// What a worker holds is found by its name, whether its leases are over or not, and whether it saved since it was lost.
pub async fn attempts_of_a_worker_are_found_with_their_saves(open: Open) {
    let kit = Kit::new(&open);
    let held = async |worker: &str| kit.store.held_by(&WorkerId::new(worker), 10).await.unwrap();
    let mut number = 0;
    let mut lose = async |saves: u32| {
        let attempt =
            if number == 0 { kit.running().await.attempt } else { kit.claim_one(at(number)).await.attempt };
        number += 1;
        for _ in 0..saves {
            kit.save(attempt, save(at(number), b"x")).await;
        }
        assert!(held("worker-2").await.is_empty());
        let [lost] = &*held("worker-1").await else { panic!("it holds one") };
        assert_eq!(lost.attempt, attempt);
        let next = if lost.has_saved { Next::ResumeAt(at(number)) } else { Next::RetryAt(at(number)) };
        let gone = |worker: &str| Finish {
            recovery: Some(Recovery::WorkerGone(WorkerId::new(worker))),
            ..end(attempt, at(number), failure(Code::WorkerLost), next)
        };
        assert_eq!(kit.store.finish(gone("worker-2")).await.unwrap(), FinishAnswer::Fenced);
        assert_eq!(kit.finish(gone("worker-1")).await, TaskState::Queued);
        (lost.has_saved, lost.losses, lost.attempts_counted)
    };
    assert_eq!(lose(0).await, (false, 0, 1));
    assert_eq!(lose(2).await, (true, 0, 2));
    assert_eq!(lose(0).await, (false, 1, 2), "nothing since the loss before, which did not count");
    assert_eq!(lose(1).await, (true, 0, 3));
}

/// Answers are in the order of the renewals.
pub async fn renewals_are_answered_in_order(open: Open) {
    let kit = Kit::new(&open);
    let held = kit.running().await.attempt;
    let lost = AttemptRef { number: 7, ..held };
    let renewals = [held, lost, held].map(|attempt| Renewal { attempt, progress: None }).to_vec();
    let answers = kit.store.renew(renewals, at(5), at(5_000)).await.unwrap();
    assert_eq!(answers, [HELD, RenewalAnswer::Lost, HELD]);
    assert!(kit.store.renew(Vec::new(), at(5), at(5_000)).await.unwrap().is_empty());
}
