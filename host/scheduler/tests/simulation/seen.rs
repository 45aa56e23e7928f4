//! What happened how often over all runs: a simulation in which something never happens proves nothing about it.

use std::collections::BTreeMap;

use longshore_domain::{
    CancelAnswer, FinishAnswer, FireAnswer, Fired, Next, Outcome, Recovery, RenewalAnswer, RetryAnswer,
    SaveAnswer, TaskState,
};

use crate::book::{Call, Taken};

/// How often each kind of thing happened.
pub(crate) type Seen = BTreeMap<&'static str, u64>;

/// All kinds, each of which must have happened.
pub(crate) const KINDS: [&str; 35] = [
    "submitted",
    "submitted again",
    "submitted in conflict",
    "schedule submitted",
    "schedule skipped",
    "schedule seen to by another before",
    "claimed",
    "resumed",
    "saved",
    "save fenced",
    "ended well",
    "ended badly",
    "to be retried",
    "released",
    "cancelled while it ran",
    "end fenced",
    "lost worker recovered",
    "recovered from a process that ended",
    "loss counted",
    "loss not counted",
    "lost worker recovered by another before",
    "renewed",
    "renewal refused",
    "promoted",
    "overdue",
    "cancelled",
    "asked to stop",
    "cancelled too late",
    "retried",
    "not to be retried",
    "paused",
    "resumed after a pause",
    "published",
    "delivered",
    "not delivered",
];

/// The kinds of thing that a call was.
pub(crate) fn kinds(call: &Call) -> Vec<&'static str> {
    match call {
        Call::Submit(_, Taken::New) => vec!["submitted"],
        Call::Submit(_, Taken::Same(_)) => vec!["submitted again"],
        Call::Submit(_, Taken::Conflict(_)) => vec!["submitted in conflict"],
        Call::Fire(_, FireAnswer::Stale) => vec!["schedule seen to by another before"],
        Call::Fire(_, FireAnswer::Noted(Fired::Started(_))) => vec!["schedule submitted"],
        Call::Fire(_, FireAnswer::Noted(_)) => vec!["schedule skipped"],
        Call::Claim(_, claimed) => (claimed.iter())
            .map(|claimed| if claimed.checkpoint.is_some() { "resumed" } else { "claimed" })
            .collect(),
        Call::Save(_, _, SaveAnswer::Saved { .. }) => vec!["saved"],
        Call::Save(_, _, SaveAnswer::Fenced) => vec!["save fenced"],
        Call::Finish(finish, FinishAnswer::Fenced) if finish.recovery.is_some() => {
            vec!["lost worker recovered by another before"]
        }
        Call::Finish(_, FinishAnswer::Fenced) => vec!["end fenced"],
        Call::Finish(finish, FinishAnswer::Recorded(_)) if finish.recovery.is_some() => {
            let resumes =
                if matches!(finish.next, Next::ResumeAt(_)) { "loss not counted" } else { "loss counted" };
            vec![
                match finish.recovery {
                    Some(Recovery::WorkerGone(_)) => "recovered from a process that ended",
                    _ => "lost worker recovered",
                },
                resumes,
            ]
        }
        Call::Finish(finish, FinishAnswer::Recorded(state)) => vec![match (state, &finish.outcome) {
            (TaskState::Completed, _) => "ended well",
            (TaskState::Failed, _) => "ended badly",
            (TaskState::Cancelled, _) => "cancelled while it ran",
            (_, Outcome::Failed(_)) => "to be retried",
            _ => "released",
        }],
        Call::Renew(_, answers) => (answers.iter())
            .map(|(_, answer)| if *answer == RenewalAnswer::Lost { "renewal refused" } else { "renewed" })
            .collect(),
        Call::Promote(_, count) => vec!["promoted"; *count as usize],
        Call::FailOverdue(_, failed) => vec!["overdue"; failed.len()],
        Call::Cancel(_, CancelAnswer::Cancelled) => vec!["cancelled"],
        Call::Cancel(_, CancelAnswer::Requested) => vec!["asked to stop"],
        Call::Cancel(..) => vec!["cancelled too late"],
        Call::Retry(_, RetryAnswer::Queued) => vec!["retried"],
        Call::Retry(..) => vec!["not to be retried"],
        Call::Pause(_) => vec!["paused"],
        Call::Resume(_) => vec!["resumed after a pause"],
        Call::MarkPublished(_) => vec!["published"],
        Call::ClaimMessages(..) | Call::FreeMessages(..) => Vec::new(),
        Call::MessageDelivered(_) => vec!["delivered"],
        Call::MessageFailed(_) => vec!["not delivered"],
    }
}
