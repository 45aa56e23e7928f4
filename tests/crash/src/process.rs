//! Processes of a campaign, which whoever has a reason may kill: their places, or a receiver in the middle of a delivery.

use std::io;
use std::net::TcpStream;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::delivery::{Moment, peer};

/// A process.
pub(crate) struct Process {
    /// Under a lock, so that nobody kills by a number that another process has by then.
    child: Mutex<Child>,
    id: u32,
    killed_at: OnceLock<Moment>,
}

impl Process {
    pub(crate) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        self.child().try_wait()
    }

    /// Kills it, and waits until it is gone.
    pub(crate) fn kill(&self) {
        let mut child = self.child();
        // It may have died this very moment, which is as good.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Kills it at a moment of a delivery, if it lives.
    pub(crate) fn kill_at(&self, moment: Moment) {
        let mut child = self.child();
        if matches!(child.try_wait(), Ok(None)) && self.killed_at.set(moment).is_ok() {
            let _ = child.kill();
        }
    }

    /// At which moment of a delivery it was killed, if it was.
    pub(crate) fn killed_at(&self) -> Option<Moment> {
        self.killed_at.get().copied()
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The processes that run now.
#[derive(Default)]
pub(crate) struct Processes(Mutex<Vec<Arc<Process>>>);

impl Processes {
    /// Takes note of a process that was started.
    pub(crate) fn add(&self, child: Child) -> Arc<Process> {
        let id = child.id();
        let process = Arc::new(Process { child: Mutex::new(child), id, killed_at: OnceLock::new() });
        self.all().push(Arc::clone(&process));
        process
    }

    /// Forgets a process that has ended.
    pub(crate) fn remove(&self, process: &Arc<Process>) {
        self.all().retain(|other| !Arc::ptr_eq(other, process));
    }

    /// The process at the other end of a connection that was accepted.
    pub(crate) fn behind(&self, stream: &TcpStream) -> Option<Arc<Process>> {
        let all = self.all().clone();
        // A connection that is over has nobody behind it.
        let id = peer::owner(stream, all.iter().map(|process| process.id)).ok()??;
        all.into_iter().find(|process| process.id == id)
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Process>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
