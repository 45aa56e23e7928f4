//! The record of changes, from which the harness rebuilds a disk.
//!
//! A record is its length (u32, without itself), a letter, and fields: numbers are u64, bytes have their length before them.
//! Everything is little-endian. `tests/crash/src/power/record.rs` reads it.

use std::sync::OnceLock;

use libc::{AT_FDCWD, c_int};

use crate::settings::settings;

/// A record that is being made.
#[derive(Default)]
pub(crate) struct Record(Vec<u8>);

impl Record {
    pub(crate) fn letter(&mut self, letter: u8) -> &mut Self {
        self.0.push(letter);
        self
    }

    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    /// The number by which an open file is known, whatever its name.
    pub(crate) fn file(&mut self, fd: c_int) -> &mut Self {
        // SAFETY: all zeroes is a valid `stat`, and the kernel fills in what is given.
        let number = unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            libc::fstat(fd, &raw mut stat);
            stat.st_ino
        };
        self.number(number)
    }

    /// Adds the record to the file, whole: the harness reads while this goes on. Nothing is added for an empty one.
    pub(crate) fn append(self) {
        if self.0.is_empty() {
            return;
        }
        let length =
            u32::try_from(self.0.len()).unwrap_or_else(|_| panic!("a write of 4 GiB cannot be recorded"));
        let mut framed = length.to_le_bytes().to_vec();
        framed.extend_from_slice(&self.0);
        let mut rest = framed.as_slice();
        while !rest.is_empty() {
            // SAFETY: the bytes are there.
            let written = unsafe { libc::syscall(libc::SYS_write, file(), rest.as_ptr(), rest.len()) };
            let Ok(written @ 1..) = usize::try_from(written) else {
                // A record with a gap would accuse the product of what it did not do.
                panic!("the record of changes cannot be written");
            };
            rest = &rest[written..];
        }
    }
}

fn file() -> c_int {
    static FILE: OnceLock<c_int> = OnceLock::new();
    *FILE.get_or_init(|| {
        let mut path = settings().record.clone().unwrap_or_default();
        path.push(0);
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
        // SAFETY: the path ends with a zero byte.
        let fd = unsafe { libc::syscall(libc::SYS_openat, AT_FDCWD, path.as_ptr(), flags, 0o644) };
        c_int::try_from(fd).unwrap_or(-1)
    })
}
