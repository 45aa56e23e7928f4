//! The process's standard input and output, without a thread between them and the connection where that can be.
//!
//! tokio reads and writes them on threads of its pool, because they may be files or terminals. A client that starts a
//! server gives it pipes or sockets, which can be waited for directly: that saves two changes of thread a message.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream as StdStream;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use super::line::HungUp;

/// Standard input. It has to be asked for within a tokio runtime.
pub(super) fn stdin() -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
    let (fd, kind) = duplicate(&io::stdin())?;
    Ok(match kind {
        Kind::Pipe => Box::new(pipe::Receiver::from_owned_fd(fd)?),
        Kind::Socket => Box::new(socket(fd)?),
        Kind::Other => Box::new(tokio::io::stdin()),
    })
}

/// Standard output. It has to be asked for within a tokio runtime.
pub(super) fn stdout() -> io::Result<Box<dyn AsyncWrite + Send + Unpin>> {
    let (fd, kind) = duplicate(&io::stdout())?;
    Ok(match kind {
        // Who shares it would meet a descriptor that does not wait, and lose what it writes.
        _ if same_file(&fd, &io::stderr())? => Box::new(tokio::io::stdout()),
        Kind::Pipe => Box::new(pipe::Sender::from_owned_fd(fd)?),
        Kind::Socket => Box::new(socket(fd)?),
        Kind::Other => Box::new(tokio::io::stdout()),
    })
}

/// Tells whether the other end of the standard input is closed although not all of it was read. Where that cannot be known
/// it is not.
pub(super) fn stdin_hung_up() -> io::Result<HungUp> {
    let (fd, kind) = duplicate(&io::stdin())?;
    if matches!(kind, Kind::Other) {
        return Ok(Box::new(|| false));
    }
    Ok(Box::new(move || {
        // A pipe reports by itself that it was closed, a socket if asked.
        let mut asked = [PollFd::new(&fd, CLOSED)];
        poll(&mut asked, Some(&Timespec::default())).is_ok()
            && asked[0].revents().intersects(CLOSED | PollFlags::HUP | PollFlags::ERR)
    }))
}

/// What is asked of a socket.
#[cfg(target_os = "linux")]
const CLOSED: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const CLOSED: PollFlags = PollFlags::HUP;

enum Kind {
    Pipe,
    Socket,
    Other,
}

fn duplicate(stream: &impl AsFd) -> io::Result<(OwnedFd, Kind)> {
    let file = File::from(stream.as_fd().try_clone_to_owned()?);
    let kind = file.metadata()?.file_type();
    let kind = if kind.is_fifo() {
        Kind::Pipe
    } else if kind.is_socket() {
        Kind::Socket
    } else {
        Kind::Other
    };
    Ok((file.into(), kind))
}

fn socket(fd: OwnedFd) -> io::Result<UnixStream> {
    let stream = StdStream::from(fd);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

fn same_file(one: &impl AsFd, other: &impl AsFd) -> io::Result<bool> {
    let of = |fd: BorrowedFd<'_>| -> io::Result<(u64, u64)> {
        let file = File::from(fd.try_clone_to_owned()?).metadata()?;
        Ok((file.dev(), file.ino()))
    };
    Ok(of(one.as_fd())? == of(other.as_fd())?)
}
