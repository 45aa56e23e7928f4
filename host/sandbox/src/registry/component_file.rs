//! A component's file as the host sees it: its length, its digest and its first bytes. Whatever else is in it is for the child
//! process that examines it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use crate::registry::refusal::Refusal;

/// Bytes of a component file.
pub(crate) const COMPONENT_BYTES_MAX: u64 = 64 << 20;

/// Bytes of a policy file.
pub(crate) const POLICY_BYTES_MAX: u64 = 1 << 20;

/// First bytes that tell a component from other files.
const HEAD_BYTES: usize = 8;

/// A component that has not been looked into.
#[derive(Clone, Debug)]
pub(crate) struct ComponentFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The digest by which it is known.
    pub(crate) sha: String,
    /// Its length in bytes.
    pub(crate) length: usize,
    /// Its first bytes.
    pub(crate) head: Vec<u8>,
}

impl ComponentFile {
    /// Looks at the file `path`, and at no more of its content than its digest takes.
    pub(crate) fn at(path: &Path) -> Result<Self, Refusal> {
        let mut head = Head::default();
        let (sha, length) = open(path)
            .and_then(|file| digested(file, &mut head))
            .map_err(|error| Refusal::new("unreadable", format!("it cannot be read: {error}")))?;
        if length > COMPONENT_BYTES_MAX {
            let message =
                format!("it has more than the {COMPONENT_BYTES_MAX} bytes that a component may have");
            return Err(Refusal::new("too_large", message));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Self { path: path.to_owned(), sha, length, head: head.0 })
    }

    /// Writes its content to `to`, if it is still the same.
    pub(crate) fn copy_to(&self, to: impl Write) -> io::Result<()> {
        let (sha, _) = digested(open(&self.path)?, to)?;
        if sha == self.sha { Ok(()) } else { Err(io::Error::other("the file was changed while it was read")) }
    }

    /// Its content, if it is still the same.
    pub(crate) fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.copy_to(&mut bytes)?;
        Ok(bytes)
    }
}

/// Takes the first bytes that are written to it.
#[derive(Default)]
struct Head(Vec<u8>);

impl Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let wanted = HEAD_BYTES.saturating_sub(self.0.len()).min(bytes.len());
        self.0.extend_from_slice(&bytes[..wanted]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Passes on what a file has, up to one byte more than a component may have, and tells its digest and length.
fn digested(file: File, mut to: impl Write) -> io::Result<(String, u64)> {
    let (mut digest, mut length) = (Sha256::new(), 0);
    let (mut file, mut part) = (file.take(COMPONENT_BYTES_MAX + 1), vec![0; 64 << 10]);
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            return Ok((hex(&digest.finalize()), length));
        }
        digest.update(&part[..read]);
        to.write_all(&part[..read])?;
        length += read as u64;
    }
}

/// Opens a file to read it, and nothing that is no file.
fn open(path: &Path) -> io::Result<File> {
    let no_file = || io::Error::other("it is no file");
    // Not even opened: that is an order to some devices.
    if !fs::metadata(path)?.is_file() {
        return Err(no_file());
    }
    // A pipe that has taken its place since, and that nobody writes to, would be waited for.
    let file =
        OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file()) }
}

/// The bytes of a file; none if there are more than `most`, however many the file says it has.
pub(crate) fn read_at_most(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= most))
}

/// The digest of a component.
#[cfg(test)]
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_digest_and_first_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.wasm");
        fs::write(&path, b"\0asm\x0d\0\x01\0 and more").unwrap();
        let file = ComponentFile::at(&path).unwrap();
        assert_eq!((file.length, file.head.as_slice()), (17, b"\0asm\x0d\0\x01\0".as_slice()));
        assert_eq!(file.sha, hex(&Sha256::digest(fs::read(&path).unwrap())));
        assert_eq!(file.bytes().unwrap(), fs::read(&path).unwrap());
        fs::write(&path, b"something else").unwrap();
        assert!(file.bytes().is_err(), "it is another one now");
    }
}
