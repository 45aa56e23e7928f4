//! Who waits for which task, within this process.
//!
//! The hub carries no data: a change is a hint to look into the store, which alone knows. That way nothing is lost when
//! a hint is, and changes that other processes make are told the same way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longshore_domain::TaskId;
use tokio::sync::{Notify, watch};

/// Tells waiters of changes.
#[derive(Debug, Default)]
pub struct Hub {
    tasks: Mutex<HashMap<TaskId, watch::Sender<u64>>>,
    work: Notify,
    mail: Notify,
}

impl Hub {
    /// A hub that nobody listens to yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Watches a task from now on.
    pub fn watch(self: &Arc<Self>, id: TaskId) -> TaskWatch {
        let mut tasks = self.tasks();
        let receiver = tasks.entry(id).or_insert_with(|| watch::channel(0).0).subscribe();
        TaskWatch { id, receiver, hub: Arc::clone(self) }
    }

    /// Something about the task changed.
    pub fn changed(&self, id: TaskId) {
        if let Some(sender) = self.tasks().get(&id) {
            sender.send_modify(|revision| *revision += 1);
        }
    }

    /// Anything may have changed: another process wrote to the store.
    pub fn all_changed(&self) {
        for sender in self.tasks().values() {
            sender.send_modify(|revision| *revision += 1);
        }
    }

    /// There may be tasks to claim.
    pub fn work_added(&self) {
        self.work.notify_one();
    }

    /// Resolves when there may be tasks to claim.
    pub async fn work(&self) {
        self.work.notified().await;
    }

    /// There may be messages to deliver.
    pub fn mail_added(&self) {
        self.mail.notify_one();
    }

    /// Resolves when there may be messages to deliver.
    pub async fn mail(&self) {
        self.mail.notified().await;
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<TaskId, watch::Sender<u64>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees the changes of one task from the moment it was made.
#[derive(Debug)]
pub struct TaskWatch {
    id: TaskId,
    receiver: watch::Receiver<u64>,
    hub: Arc<Hub>,
}

impl TaskWatch {
    /// Resolves when something about the task changed since the last call: state, or progress. Changes that follow
    /// each other fast are one.
    pub async fn changed(&mut self) {
        // The sender lives in the hub as long as this watch does, so there is no error to tell.
        let _ = self.receiver.changed().await;
    }
}

impl Drop for TaskWatch {
    fn drop(&mut self) {
        let mut tasks = self.hub.tasks();
        if tasks.get(&self.id).is_some_and(|sender| sender.receiver_count() <= 1) {
            tasks.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_watch_sees_what_happened_since_it_was_made() {
        let hub = Hub::new();
        let id = TaskId::random();
        hub.changed(id);
        let mut watch = hub.watch(id);
        hub.changed(id);
        hub.changed(id);
        watch.changed().await;
        assert!(!watch.receiver.has_changed().unwrap());
        hub.all_changed();
        watch.changed().await;
    }

    #[tokio::test]
    async fn a_dropped_watch_leaves_nothing_behind() {
        let hub = Hub::new();
        let id = TaskId::random();
        let (first, second) = (hub.watch(id), hub.watch(id));
        drop(first);
        assert_eq!(hub.tasks().len(), 1);
        drop(second);
        assert!(hub.tasks().is_empty());
    }
}
