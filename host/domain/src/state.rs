//! The states of a task and the one function that says how they follow each other.

use serde::{Deserialize, Serialize};

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Due later: delayed, or waiting out a backoff.
    Scheduled,
    /// Due; waiting for a worker.
    Queued,
    /// An attempt is running.
    Running,
    /// A job asked a question and waits for the answer.
    InputRequired,
    /// Ended well. Terminal.
    Completed,
    /// Ended badly. Terminal.
    Failed,
    /// Ended because somebody asked for it. Terminal.
    Cancelled,
}

impl TaskState {
    /// All states, in the order of a task's life.
    pub const ALL: [Self; 7] = [
        Self::Scheduled,
        Self::Queued,
        Self::Running,
        Self::InputRequired,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The stable name, as stored and as shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::InputRequired => "input_required",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether nothing more will happen to the task, unless somebody asks to retry it.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// Something that happens to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its time has come.
    Due,
    /// A worker took it.
    Claimed,
    /// Its worker gave it back unharmed: a drain, or no room in the sandbox.
    Released,
    /// Its attempt ended well.
    Succeeded,
    /// Its attempt failed for good.
    Failed,
    /// Its attempt failed or was lost, and another follows at once or later.
    WillRetry {
        /// Whether the next attempt has to wait.
        later: bool,
    },
    /// It was cancelled and that has taken effect.
    Cancelled,
    /// Somebody asked to run a task again that had failed or was cancelled.
    RetryAsked,
}

/// An event that cannot happen to a task in that state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {} task cannot become anything by {event:?}", state.as_str())]
pub struct IllegalTransition {
    /// The state it is in.
    pub state: TaskState,
    /// What should have happened to it.
    pub event: Event,
}

/// The state that follows `state` when `event` happens. The store guards its writes by the same table.
#[allow(clippy::match_same_arms, reason = "one line an event reads best")]
pub const fn transition(state: TaskState, event: Event) -> Result<TaskState, IllegalTransition> {
    use TaskState::{Cancelled, Completed, Failed, InputRequired, Queued, Running, Scheduled};
    Ok(match (state, event) {
        (Scheduled, Event::Due) | (Running, Event::Released | Event::WillRetry { later: false }) => Queued,
        (Queued, Event::Claimed) => Running,
        (Running, Event::Succeeded) => Completed,
        (Scheduled | Queued | Running | InputRequired, Event::Failed) => Failed,
        (Running, Event::WillRetry { later: true }) => Scheduled,
        (Scheduled | Queued | Running | InputRequired, Event::Cancelled) => Cancelled,
        (Failed | Cancelled, Event::RetryAsked) => Queued,
        _ => return Err(IllegalTransition { state, event }),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVENTS: [Event; 9] = [
        Event::Due,
        Event::Claimed,
        Event::Released,
        Event::Succeeded,
        Event::Failed,
        Event::WillRetry { later: false },
        Event::WillRetry { later: true },
        Event::Cancelled,
        Event::RetryAsked,
    ];

    /// What `transition` says, written down a second time: from where each event leads where. All else is illegal.
    const TABLE: [(Event, &[TaskState], TaskState); 9] = {
        use TaskState::{Cancelled, Completed, Failed, InputRequired, Queued, Running, Scheduled};
        [
            (Event::Due, &[Scheduled], Queued),
            (Event::Claimed, &[Queued], Running),
            (Event::Released, &[Running], Queued),
            (Event::Succeeded, &[Running], Completed),
            (Event::Failed, &[Scheduled, Queued, Running, InputRequired], Failed),
            (Event::WillRetry { later: false }, &[Running], Queued),
            (Event::WillRetry { later: true }, &[Running], Scheduled),
            (Event::Cancelled, &[Scheduled, Queued, Running, InputRequired], Cancelled),
            (Event::RetryAsked, &[Failed, Cancelled], Queued),
        ]
    };

    #[test]
    fn every_pair_of_state_and_event_agrees_with_the_table() {
        assert_eq!(TABLE.map(|(event, ..)| event), EVENTS);
        for (event, from, to) in TABLE {
            for state in TaskState::ALL {
                let expected =
                    if from.contains(&state) { Ok(to) } else { Err(IllegalTransition { state, event }) };
                assert_eq!(transition(state, event), expected);
            }
        }
    }

    proptest! {
        /// Whatever happens, in whatever order: what is illegal changes nothing, and every way begins and ends right.
        #[test]
        fn a_life_goes_only_where_it_may(events in prop::collection::vec(prop::sample::select(&EVENTS[..]), 0..60)) {
            let (mut state, mut attempts, mut ended) = (TaskState::Queued, 0_u32, 0_u32);
            for event in events {
                let Ok(next) = transition(state, event) else { continue };
                attempts += u32::from(event == Event::Claimed);
                ended += u32::from(state == TaskState::Running);
                prop_assert!(!state.is_terminal() || event == Event::RetryAsked);
                prop_assert!(state != TaskState::Completed, "nothing follows a good end");
                prop_assert_eq!(next == TaskState::Running, event == Event::Claimed);
                state = next;
            }
            prop_assert_eq!(attempts, ended + u32::from(state == TaskState::Running), "each attempt ends once");
        }
    }

    #[test]
    fn a_terminal_task_moves_only_when_a_retry_is_asked() {
        for state in TaskState::ALL.into_iter().filter(|state| state.is_terminal()) {
            for event in EVENTS.into_iter().filter(|event| *event != Event::RetryAsked) {
                assert!(transition(state, event).is_err(), "{state:?} moved by {event:?}");
            }
        }
        assert!(transition(TaskState::Completed, Event::RetryAsked).is_err());
    }

    #[test]
    fn only_a_running_task_succeeds() {
        for state in TaskState::ALL {
            assert_eq!(transition(state, Event::Succeeded).is_ok(), state == TaskState::Running);
        }
    }

    #[test]
    fn every_live_task_can_be_cancelled() {
        for state in TaskState::ALL {
            assert_eq!(transition(state, Event::Cancelled).is_ok(), !state.is_terminal());
        }
    }

    #[test]
    fn names_read_back() {
        for state in TaskState::ALL {
            assert_eq!(TaskState::from_name(state.as_str()), Some(state));
        }
        assert_eq!(TaskState::from_name("done"), None);
    }
}
