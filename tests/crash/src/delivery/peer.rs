//! Which process is at the other end of a connection within this machine: Linux says it in `/proc`.

use std::fs;
use std::io;
use std::net::TcpStream;

/// The one of `processes` that holds the other end of a connection that was accepted.
pub(crate) fn owner(stream: &TcpStream, mut processes: impl Iterator<Item = u32>) -> io::Result<Option<u32>> {
    let (ours, theirs) = (stream.local_addr()?.port(), stream.peer_addr()?.port());
    let sockets = fs::read_to_string("/proc/net/tcp")?;
    let Some(inode) = sockets.lines().find_map(|line| inode(line, theirs, ours)) else { return Ok(None) };
    let socket = format!("socket:[{inode}]");
    Ok(processes.find(|process| holds(*process, &socket)))
}

/// The number of the socket in a line of the table, if it is the one between these two ports.
fn inode(line: &str, local: u16, remote: u16) -> Option<&str> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let mut is_at = |port: u16| {
        let found = fields.next().and_then(|address| address.split_once(':'));
        found.is_some_and(|(_, found)| u16::from_str_radix(found, 16) == Ok(port))
    };
    let is_it = is_at(local) && is_at(remote);
    if is_it { fields.nth(6) } else { None }
}

/// Whether a process has that socket open.
fn holds(process: u32, socket: &str) -> bool {
    let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    files.map(|file| fs::read_link(file.path())).any(|target| target.is_ok_and(|at| at.as_os_str() == socket))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_process_behind_a_connection_is_found_among_others() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let mut other = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let (us, them) = (std::process::id(), other.id());
        assert_eq!(owner(&accepted, [them, us].into_iter()).unwrap(), Some(us));
        assert_eq!(owner(&accepted, [them].into_iter()).unwrap(), None);
        drop(client);
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
