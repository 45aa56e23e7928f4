//! The process that reads for an attempt, and how the host speaks to it.
//!
//! One step of SQLite's machine can take minutes: a function over a large document, a match in a full-text index, the plan of
//! a join of sixty tables. Nothing interrupts a step, so who wants an end to it needs a process that can be killed.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use rustix::process::{Resource, Rlimit};
use tokio::process::{Child, Command};

use crate::data::desk::Desk;
use crate::data::line::is_ready;
use crate::data::memory::limit_memory_of_queries;

/// Name of the host's hidden subcommand.
const SUBCOMMAND: &str = "serve-queries";

/// How long a process waits for its next query before it ends.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Time between two looks whether a query is stuck.
const WATCH_PERIOD: Duration = Duration::from_millis(50);

/// Answers the queries that come over the socket which is its standard input, until the host closes that: the child process's
/// side of what a sandbox with a `reader` does. It ends the process by itself, so call it from one that does nothing else, and
/// before anything is done with SQLite.
pub fn query_child() -> io::Result<()> {
    if !limit_memory_of_queries() {
        return Err(io::Error::other("SQLite was in use already"));
    }
    // What queries hold is no business of whoever finds a core file.
    let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let desk = Arc::new(Desk::default());
    loop {
        let is_working = desk.watch() > 0;
        let most = if is_working { WATCH_PERIOD } else { IDLE_MAX };
        if is_ready(&control, PollFlags::IN, most)? {
            match receive(&control)? {
                Some(socket) => desk.take(socket)?,
                // The host is gone, and so is whoever wanted anything.
                None => std::process::exit(0),
            }
        } else if !is_working {
            return Ok(());
        }
    }
}

/// The next query's socket; `None` at the end.
fn receive(control: &UnixStream) -> io::Result<Option<UnixStream>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let received =
        recvmsg(control, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut sockets = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
        _ => None,
    });
    let socket = sockets.next().and_then(|mut sockets| sockets.next());
    Ok(Some(socket.ok_or_else(|| io::Error::other("a query came without its socket"))?.into()))
}

/// A process that reads. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    control: UnixStream,
    /// Whether it served an attempt before.
    pub(crate) is_used: bool,
    _child: Child,
}

impl Process {
    pub(crate) fn start(program: &Path) -> io::Result<Self> {
        let (control, theirs) = UnixStream::pair()?;
        let mut command = Command::new(program);
        command.arg(SUBCOMMAND).stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
        command.stdout(Stdio::null()).stderr(Stdio::null()).env_clear();
        // By it the database tells local time.
        if let Some(zone) = std::env::var_os("TZ") {
            command.env("TZ", zone);
        }
        // Who interrupts the host at a terminal lets it come to an end with what it reads.
        command.process_group(0).kill_on_drop(true);
        Ok(Self { control, is_used: false, _child: command.spawn()? })
    }

    /// Has it answer the query that comes over `socket`.
    pub(crate) fn take(&self, socket: &UnixStream) -> io::Result<()> {
        let sockets: [BorrowedFd<'_>; 1] = [socket.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&sockets));
        sendmsg(&self.control, &[IoSlice::new(&[0])], &mut ancillary, SendFlags::DONTWAIT)?;
        Ok(())
    }
}
