//! Files that a job makes.

use crate::HostError;
use crate::host::HostArtifact;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

/// Big enough that crossing the boundary costs nothing beside making the bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file being written; see [`Context::artifact`](crate::Context::artifact).
///
/// Bytes are gathered and handed to the host in big pieces. There is nothing to remember about that:
/// [`Context::save`](crate::Context::save) and the end of the job hand over what is left, whether the `Artifact`
/// is still there or was dropped.
#[derive(Clone)]
pub struct Artifact {
    buffered: Rc<RefCell<Buffered>>,
}

struct Buffered {
    host: Box<dyn HostArtifact>,
    bytes: Vec<u8>,
}

impl Artifact {
    pub(crate) fn new(host: Box<dyn HostArtifact>) -> Self {
        Self { buffered: Rc::new(RefCell::new(Buffered { host, bytes: Vec::new() })) }
    }

    /// How many bytes the file has: 0 for a new one, and at the start of a resumed attempt what it had at the
    /// last save.
    pub fn position(&self) -> u64 {
        let buffered = self.buffered.borrow();
        buffered.host.position() + buffered.bytes.len() as u64
    }

    /// Empties the file, for a job that finds when it is resumed that it has to start again. It must not have saved in
    /// this attempt: what a save recorded stays (error code `saved_already`).
    pub fn clear(&self) -> Result<(), HostError> {
        let mut buffered = self.buffered.borrow_mut();
        buffered.host.clear()?;
        buffered.bytes.clear();
        Ok(())
    }

    pub(crate) fn hand_over(&self) {
        self.buffered.borrow_mut().hand_over();
    }
}

impl Buffered {
    fn hand_over(&mut self) {
        if !self.bytes.is_empty() {
            self.host.write(&self.bytes);
            self.bytes.clear();
        }
    }
}

impl io::Write for Artifact {
    /// Takes all of `bytes`; never fails. A job that runs into the operator's limit of artifact bytes is ended by
    /// the host.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut buffered = self.buffered.borrow_mut();
        if buffered.bytes.len() + bytes.len() > BUFFER_BYTES {
            buffered.hand_over();
        }
        if bytes.len() >= BUFFER_BYTES {
            buffered.host.write(bytes);
        } else {
            buffered.bytes.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_over();
        Ok(())
    }
}
