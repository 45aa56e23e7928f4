//! Accepts connections on a port of its own, each in a thread.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::desk::Desk;

/// How a connection is served.
pub(super) type Serve = fn(TcpStream, &Desk) -> io::Result<()>;

/// A server. It ends when it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    desk: Arc<Desk>,
    serve: Serve,
    is_closing: AtomicBool,
    connections: Mutex<Vec<JoinHandle<()>>>,
}

impl Server {
    pub(super) fn start(serve: Serve, desk: Arc<Desk>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let is_closing = AtomicBool::new(false);
        let shared = Arc::new(Shared { desk, serve, is_closing, connections: Mutex::default() });
        let accepting = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.accept(&listener))
        };
        Ok(Self { address, shared, accepting: Some(accepting) })
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Waits until every connection is over. Whoever made them should be gone.
    pub(super) fn rest(&self) {
        let connections = std::mem::take(&mut *self.shared.connections());
        for connection in connections {
            if connection.join().is_err() {
                self.shared.desk.complain("a receiver panicked");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.is_closing.store(true, Ordering::Release);
        // Wakes the thread that accepts, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.is_closing.load(Ordering::Acquire) {
                return;
            }
            // One that was broken off before it was accepted is none.
            let Ok(stream) = stream else { continue };
            let shared = Arc::clone(self);
            let connection = thread::spawn(move || shared.serve(stream));
            let mut connections = self.connections();
            connections.retain(|connection| !connection.is_finished());
            connections.push(connection);
        }
    }

    fn serve(&self, stream: TcpStream) {
        match (self.serve)(stream, &self.desk) {
            // What was said made no sense. All else is the death of the sender, which is what the campaign is about.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => self.desk.complain(error.to_string()),
            _ => {}
        }
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
