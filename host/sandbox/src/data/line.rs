//! A reader's end of the socket of its query.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::bindings::longshore::job::data::Column;
use crate::data::batch::Batch;
use crate::data::stopped::Stopped;
use crate::data::wire::{self, Kind};

/// How often somebody looks for a writer while a batch waits for the guest.
const LOOK_PERIOD: Duration = Duration::from_millis(2);

/// Hands over what a query gives.
pub(crate) struct Line {
    socket: UnixStream,
    sending: Mutex<Sending>,
}

#[derive(Default)]
struct Sending {
    frame: Vec<u8>,
    is_over: bool,
}

/// Nobody wants what would have been sent.
#[derive(Debug)]
pub(crate) struct Unwanted;

impl Line {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self { socket, sending: Mutex::default() }
    }

    /// Whether somebody reads at the other end.
    pub(crate) fn is_wanted(&self) -> bool {
        // After its query the host sends nothing more.
        match rustix::net::recv(&self.socket, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, bytes)) => bytes > 0,
            Err(error) => matches!(error, Errno::AGAIN | Errno::INTR),
        }
    }

    pub(crate) fn columns(&self, columns: &[Column]) -> Result<(), Unwanted> {
        let columns: Vec<_> = columns.iter().map(|column| (&column.name, &column.declared_type)).collect();
        self.send(|frame| wire::push(Kind::Columns, &columns, frame), false, || {})
    }

    /// Sends a batch, and calls `look` again and again while it waits for room.
    pub(crate) fn batch(&self, batch: &Batch, look: impl Fn()) -> Result<(), Unwanted> {
        self.send(|frame| wire::push_batch(batch, frame), false, look)
    }

    pub(crate) fn end(&self, stopped: &Stopped) {
        let _ = self.send(|frame| wire::push(Kind::End, stopped, frame), true, || {});
    }

    pub(crate) fn unopened(&self, why: &str) {
        let _ = self.send(|frame| wire::push(Kind::Unopened, why, frame), true, || {});
    }

    /// Ends a query whose reader is in the middle of a step, if there is room to say so now.
    pub(crate) fn end_stuck(&self, stopped: &Stopped) {
        let mut sending = match self.sending.try_lock() {
            Ok(sending) => sending,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Its reader hands something over right now, so it is in no step.
            Err(TryLockError::WouldBlock) => return,
        };
        let mut frame = Vec::new();
        if sending.is_over || wire::push(Kind::Stuck, stopped, &mut frame).is_err() {
            return;
        }
        match rustix::net::send(&self.socket, &frame, SendFlags::DONTWAIT) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            sent => {
                sending.is_over = true;
                if sent != Ok(frame.len()) {
                    let _ = self.socket.shutdown(std::net::Shutdown::Both);
                }
            }
        }
    }

    fn send(
        &self,
        fill: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
        is_last: bool,
        look: impl Fn(),
    ) -> Result<(), Unwanted> {
        let mut sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        if sending.is_over {
            return Err(Unwanted);
        }
        sending.is_over = is_last;
        sending.frame.clear();
        fill(&mut sending.frame).map_err(|_| Unwanted)?;
        self.write(&sending.frame, look)
    }

    fn write(&self, mut bytes: &[u8], look: impl Fn()) -> Result<(), Unwanted> {
        while !bytes.is_empty() {
            match rustix::net::send(&self.socket, bytes, SendFlags::DONTWAIT) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(Errno::AGAIN) => {
                    let _ = is_ready(&self.socket, PollFlags::OUT, LOOK_PERIOD);
                    look();
                }
                Err(Errno::INTR) => {}
                Err(_) => return Err(Unwanted),
            }
        }
        Ok(())
    }
}

/// Waits until a socket is ready for that, for so long at most.
pub(crate) fn is_ready(socket: &UnixStream, what: PollFlags, most: Duration) -> io::Result<bool> {
    let most = Timespec::try_from(most).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(socket, what)], Some(&most)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
