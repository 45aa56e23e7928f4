//! One place for a process in a campaign: starts it, kills it at an instant or at a call, and starts the next.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use fastrand::Rng;

use crate::client;
use crate::delivery::Moment;
use crate::ledger::Ledger;
use crate::point;
use crate::process::{Process, Processes};
use crate::project::Project;

/// The number of SIGKILL.
const SIGKILL: i32 = 9;

/// How a process of a campaign has ended.
pub(crate) enum End {
    /// Killed by the harness from outside, at an instant.
    AtAnInstant,
    /// Killed by the shim, at this call.
    AtACall(String),
    /// Killed by a receiver, at this moment of a delivery.
    AtADelivery(Moment),
    /// Not killed at all, which no process should do by itself.
    ByItself(ExitStatus),
}

/// A place for a process.
pub(crate) struct Slot {
    number: usize,
    rng: Rng,
    processes: Arc<Processes>,
    running: Option<Running>,
}

struct Running {
    process: Arc<Process>,
    client: Option<JoinHandle<()>>,
    point: Option<String>,
    dies_at: Instant,
}

impl Slot {
    /// A place whose process is among `processes` while it runs.
    pub(crate) fn new(number: usize, rng: Rng, processes: Arc<Processes>) -> Self {
        Self { number, rng, processes, running: None }
    }

    /// Starts the next process when none runs, and ends the one that runs when its time has come.
    pub(crate) fn tick(&mut self, project: &Project, ledger: &Arc<Ledger>) -> Result<Option<End>> {
        let Some(running) = &mut self.running else {
            self.running = Some(self.start(project, ledger)?);
            return Ok(None);
        };
        if let Some(status) = running.process.try_wait()? {
            let end = match (status.signal(), running.process.killed_at(), running.point.take()) {
                (Some(SIGKILL), Some(moment), _) => End::AtADelivery(moment),
                (Some(SIGKILL), None, Some(point)) => End::AtACall(point),
                _ => End::ByItself(status),
            };
            self.forget();
            return Ok(Some(end));
        }
        if Instant::now() < running.dies_at {
            return Ok(None);
        }
        self.kill();
        Ok(Some(End::AtAnInstant))
    }

    /// Kills what runs. Says whether something did.
    pub(crate) fn kill(&mut self) -> bool {
        let Some(running) = &mut self.running else { return false };
        running.process.kill();
        self.forget();
        true
    }

    /// Draws how the next process works and dies. The first place always serves: somebody has to submit.
    fn start(&mut self, project: &Project, ledger: &Arc<Ledger>) -> Result<Running> {
        let serves = self.number == 0 || self.rng.bool();
        let point = self.rng.bool().then(|| point::draw(&mut self.rng));
        let life = match (&point, self.rng.u32(0..4)) {
            // Time for the call to come.
            (Some(_), _) => self.rng.u64(1_000..4_000),
            // While it starts.
            (None, 0) => self.rng.u64(0..300),
            (None, _) => self.rng.u64(200..2_500),
        };
        let client_rng = self.rng.fork();
        let name = if serves { "serve" } else { "worker" };
        let mut command = project.command(name, &format!("{name}-{}", self.number))?;
        if let Some(point) = &point {
            command.env("LONGSHORE_CRASH_AT", point);
        }
        if serves {
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        }
        let mut child = command.spawn().with_context(|| format!("longshore {name} does not start"))?;
        let client = child.stdin.take().zip(child.stdout.take()).map(|(stdin, stdout)| {
            let ledger = Arc::clone(ledger);
            thread::spawn(move || client::submit_until_the_end(stdin, stdout, client_rng, &ledger))
        });
        let process = self.processes.add(child);
        Ok(Running { process, client, point, dies_at: Instant::now() + Duration::from_millis(life) })
    }

    fn forget(&mut self) {
        let Some(Running { process, client, .. }) = self.running.take() else { return };
        self.processes.remove(&process);
        if let Some(client) = client {
            // A client that panicked has told so on stderr; its submissions were not answered.
            let _ = client.join();
        }
    }
}

impl Drop for Slot {
    /// A process must not outlive the harness.
    fn drop(&mut self) {
        self.kill();
    }
}
