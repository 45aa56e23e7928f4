//! What a process is asked by signals.

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask a process to end. SIGHUP, which a terminal sends when it closes, is as SIGTERM, unless it was
/// ignored when the process started, as `nohup` has it.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self> {
        let hangup = if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            () = received(Some(&mut self.interrupt)) => Asked::Interrupt,
            () = received(Some(&mut self.terminate)) => Asked::Terminate,
            () = received(self.hangup.as_mut()) => Asked::Terminate,
        }
    }

    /// Waits until somebody asks again. SIGHUP does not: service managers may send it right after SIGTERM.
    pub(super) async fn again(&mut self) {
        tokio::select! {
            () = received(Some(&mut self.interrupt)) => {}
            () = received(Some(&mut self.terminate)) => {}
        }
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Ctrl-C.
    Interrupt,
    /// To end, as a service manager or a closing terminal asks.
    Terminate,
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

#[allow(unsafe_code, reason = "a system call for which there is no safe function")]
fn is_hangup_ignored() -> bool {
    // SAFETY: it writes to a struct of the right type, of which zeros are a value, and changes nothing else.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let read = libc::sigaction(libc::SIGHUP, std::ptr::null(), &raw mut action);
        read == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}
