//! Whether this process counts as one that works, and whether it leaves the work to the worker that stayed behind.
//!
//! A client may start a server for each call. Such a server lives for seconds, so it takes no job from a worker that stayed
//! behind, and nobody relies on it; one that has served for a while is there to stay.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use longshore_scheduler::StandsBy;
use tokio::task::JoinHandle;

use super::Role;
use super::presence::{Presence, Working};
use crate::config::Config;

/// How long a server has served that is there to stay: longer than a call that waits for a job by default.
const IS_THERE_TO_STAY: Duration = Duration::from_secs(10);

/// The part of this process among those of its project.
pub(super) struct Attendance {
    presence: Presence,
    /// From when on this process takes work although a worker stayed behind.
    takes_from: Option<Instant>,
    working: Arc<Mutex<Option<Working>>>,
    arriving: Option<JoinHandle<()>>,
}

impl Attendance {
    /// Begins as `role` says. Must be called within a tokio runtime.
    pub(super) fn begin(config: &Config, role: Role) -> Self {
        let presence = Presence::of(config);
        let after = match role {
            Role::Serve => Some(IS_THERE_TO_STAY),
            Role::Worker => Some(Duration::ZERO),
            Role::Behind | Role::Run | Role::Submit | Role::Tasks | Role::Inspect => None,
        };
        let working = Arc::new(Mutex::new(None));
        let arriving = after.map(|after| {
            let (presence, working) = (presence.clone(), Arc::clone(&working));
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                let entered = tokio::task::spawn_blocking(move || presence.work()).await;
                match entered.map_err(std::io::Error::other).flatten() {
                    Ok(entered) => *working.lock().unwrap_or_else(PoisonError::into_inner) = Some(entered),
                    // Then another worker may stay behind that nobody needs.
                    Err(error) => tracing::debug!(%error, "this process is not known as one that works"),
                }
            })
        });
        let takes_from = (role == Role::Serve).then(|| Instant::now() + IS_THERE_TO_STAY);
        Self { presence, takes_from, working, arriving }
    }

    /// Whether this process leaves the work to the worker that stayed behind.
    pub(super) fn stands_by(&self) -> StandsBy {
        let (presence, takes_from) = (self.presence.clone(), self.takes_from?);
        Some(Arc::new(move || Instant::now() < takes_from && presence.is_left_to_another()))
    }

    /// From now on nobody relies on this process. Gives what shows who else there is.
    pub(super) fn end(&mut self) -> Presence {
        if let Some(arriving) = self.arriving.take() {
            arriving.abort();
        }
        self.working.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.presence.clone()
    }
}
