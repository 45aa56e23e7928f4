//! Files that a job makes.

use crate::HostError;
use crate::host::HostArtifact;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, Write};
use std::rc::Rc;

/// Big enough that crossing the boundary costs nothing beside making the bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file being written; see [`Context::artifact`](crate::Context::artifact).
///
/// Write with [`write_all`](Self::write_all) and [`writeln!`]. Bytes are buffered here and passed to the host in large
/// pieces; [`Context::save`](crate::Context::save) and the end of the job pass on the rest, whether the `Artifact`
/// still exists or was dropped. So it needs no `BufWriter`.
///
/// An `Artifact` is not itself a [`Write`]: a `BufWriter`, a `csv::Writer` or an encoder around it would keep rows back at
/// a save, and a killed job would lose them. [`writer`](Self::writer) opens a [`Write`] for those, and a save fails
/// until they have been dropped, which writes what they hold.
#[derive(Clone)]
pub struct Artifact {
    shared: Rc<Shared>,
}

struct Shared {
    buffered: RefCell<Buffered>,
    /// How many [`ArtifactWriter`]s exist.
    writers: Cell<usize>,
}

struct Buffered {
    host: Box<dyn HostArtifact>,
    bytes: Vec<u8>,
}

impl Artifact {
    pub(crate) fn new(host: Box<dyn HostArtifact>) -> Self {
        let buffered = RefCell::new(Buffered { host, bytes: Vec::new() });
        Self { shared: Rc::new(Shared { buffered, writers: Cell::new(0) }) }
    }

    /// How many bytes the file has: 0 for a new one, and at the start of a resumed attempt what it had at the
    /// last save.
    pub fn position(&self) -> u64 {
        let buffered = self.shared.buffered.borrow();
        buffered.host.position() + buffered.bytes.len() as u64
    }

    /// Empties the file, for a job that finds when it is resumed that it has to start again. It must not have saved in
    /// this attempt: what a save recorded stays (error code `saved_already`).
    pub fn clear(&self) -> Result<(), HostError> {
        let mut buffered = self.shared.buffered.borrow_mut();
        buffered.host.clear()?;
        buffered.bytes.clear();
        Ok(())
    }

    /// Appends `bytes`. Always succeeds: a job that exceeds the operator's limit of artifact bytes is ended by the
    /// host. A `Result` because `?` is what one writes after [`Write::write_all`], too.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.shared.buffered.borrow_mut().append(bytes);
        Ok(())
    }

    /// What [`write!`] and [`writeln!`] call. Fails only if formatting a value does.
    pub fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        Appender(self).write_fmt(text)
    }

    /// Opens a [`Write`] for what wraps one: a `csv::Writer`, an encoder.
    ///
    /// A wrapper must not outlive a save, because nobody but itself can write what it holds back. Make one after each
    /// save, and finish or drop it before the next; until then [`Context::save`](crate::Context::save) fails.
    pub fn writer(&self) -> ArtifactWriter {
        self.shared.writers.set(self.shared.writers.get() + 1);
        ArtifactWriter { artifact: self.clone() }
    }

    pub(crate) fn has_open_writer(&self) -> bool {
        self.shared.writers.get() > 0
    }

    pub(crate) fn hand_over(&self) {
        self.shared.buffered.borrow_mut().hand_over();
    }
}

impl Buffered {
    fn append(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() > BUFFER_BYTES {
            self.hand_over();
        }
        if bytes.len() >= BUFFER_BYTES {
            self.host.write(bytes);
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn hand_over(&mut self) {
        if !self.bytes.is_empty() {
            self.host.write(&self.bytes);
            self.bytes.clear();
        }
    }
}

/// Formats into an artifact.
struct Appender<'a>(&'a mut Artifact);

impl Write for Appender<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A [`Write`] that appends to an artifact, to be wrapped between two saves; see [`Artifact::writer`].
pub struct ArtifactWriter {
    artifact: Artifact,
}

impl Write for ArtifactWriter {
    /// Takes all of `bytes`; never fails.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Appender(&mut self.artifact).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for ArtifactWriter {
    fn drop(&mut self) {
        let writers = &self.artifact.shared.writers;
        writers.set(writers.get().saturating_sub(1));
    }
}
