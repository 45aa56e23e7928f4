//! A ZIP that can be left between two entries and taken up again in another attempt.
//!
//! A ZIP ends with a directory of its entries, so whoever ends it must know them all. The writers on crates.io keep
//! that to themselves; here it is a plain list that goes into the checkpoint. Only what invoices need: deflated or
//! stored entries of less than 4 GiB, in archives of any size (ZIP64 where a field overflows).

use flate2::write::DeflateEncoder;
use flate2::{Compression, CrcWriter};
use longshore_plugin::prelude::*;
use std::io::{self, Write};

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Names are UTF-8.
const FLAG_UTF8: u16 = 1 << 11;
/// Checksum and sizes follow the bytes, for they were not known before.
const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// What a reader needs: 2.0 for deflate, 4.5 for ZIP64.
const VERSION: u16 = 20;
const VERSION_ZIP64: u16 = 45;
/// Made on Unix, so that readers take the permissions below.
const MADE_BY: u16 = 3 << 8 | VERSION_ZIP64;
/// A regular file, readable by all.
const PERMISSIONS: u32 = 0o100_644 << 16;

/// What the directory says of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    name: String,
    modified: DosTime,
    flags: u16,
    method: u16,
    crc: u32,
    compressed: u32,
    size: u32,
    offset: u64,
}

/// Time in the form that ZIP has had since 1989: date in the high half, time (in steps of two seconds) in the low.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DosTime(u32);

impl DosTime {
    pub(crate) fn new(time: crate::month::LocalTime) -> Self {
        let year = u32::from(time.month.year).clamp(1980, 2107) - 1980;
        let date = year << 9 | u32::from(time.month.month) << 5 | u32::from(time.day);
        let clock = u32::from(time.hour) << 11 | u32::from(time.minute) << 5 | u32::from(time.second / 2);
        Self(date << 16 | clock)
    }
}

/// A ZIP being written.
pub(crate) struct ZipWriter<W> {
    out: Counted<W>,
    entries: Vec<Entry>,
}

impl<W: Write> ZipWriter<W> {
    /// Goes on with an archive that has `position` bytes and these entries: 0 and none for a new one.
    pub(crate) fn resume(out: W, position: u64, entries: Vec<Entry>) -> Self {
        Self { out: Counted { inner: out, position }, entries }
    }

    /// The entries so far: with the archive's length, all that [`resume`](Self::resume) needs.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds a file that is in memory.
    pub(crate) fn add(&mut self, name: &str, modified: DosTime, bytes: &[u8]) -> Result<()> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes)?;
        let deflated = encoder.finish()?;
        // A PDF's streams are deflated already, but its frame of plain text is half of a small one.
        let (method, data) =
            if deflated.len() < bytes.len() { (DEFLATED, deflated.as_slice()) } else { (STORED, bytes) };
        let entry = Entry {
            name: name.into(),
            modified,
            flags: FLAG_UTF8,
            method,
            crc: crc32fast::hash(bytes),
            compressed: u32::try_from(data.len())?,
            size: u32::try_from(bytes.len())?,
            offset: self.out.position,
        };
        self.out.write_all(&entry.local_header())?;
        self.out.write_all(data)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Adds a file that `write` writes piece by piece, and gives its checksum (CRC-32).
    pub(crate) fn stream(
        &mut self,
        name: &str,
        modified: DosTime,
        write: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<u32> {
        let mut entry = Entry {
            name: name.into(),
            modified,
            flags: FLAG_UTF8 | FLAG_DESCRIPTOR,
            method: DEFLATED,
            crc: 0,
            compressed: 0,
            size: 0,
            offset: self.out.position,
        };
        self.out.write_all(&entry.local_header())?;
        let start = self.out.position;
        let mut writer = CrcWriter::new(DeflateEncoder::new(&mut self.out, Compression::default()));
        write(&mut writer)?;
        entry.crc = writer.crc().sum();
        let encoder = writer.into_inner();
        entry.size = u32::try_from(encoder.total_in())?;
        encoder.finish()?;
        entry.compressed = u32::try_from(self.out.position - start)?;
        let mut descriptor = Vec::new();
        put32(&mut descriptor, [0x0807_4b50]);
        put32(&mut descriptor, [entry.crc, entry.compressed, entry.size]);
        self.out.write_all(&descriptor)?;
        let crc = entry.crc;
        self.entries.push(entry);
        Ok(crc)
    }

    /// Writes the directory, which ends the archive.
    pub(crate) fn finish(mut self) -> Result<()> {
        let start = self.out.position;
        for entry in &self.entries {
            self.out.write_all(&entry.directory_header())?;
        }
        let (end, count) = (self.out.position, self.entries.len() as u64);
        let size = end - start;
        let mut tail = Vec::new();
        if count >= 0xffff || start >= 0xffff_ffff || size >= 0xffff_ffff {
            put32(&mut tail, [0x0606_4b50]);
            put64(&mut tail, [44]); // length of what follows
            put16(&mut tail, [MADE_BY]);
            put16(&mut tail, [VERSION_ZIP64]);
            put32(&mut tail, [0, 0]);
            put64(&mut tail, [count, count, size, start]);
            put32(&mut tail, [0x0706_4b50]);
            put32(&mut tail, [0]);
            put64(&mut tail, [end]);
            put32(&mut tail, [1]);
        }
        put32(&mut tail, [0x0605_4b50]);
        put16(&mut tail, [0, 0]);
        put16(&mut tail, [count.min(0xffff) as u16; 2]);
        put32(&mut tail, [clamp32(size), clamp32(start)]);
        put16(&mut tail, [0]); // no comment
        self.out.write_all(&tail)?;
        Ok(())
    }
}

impl Entry {
    fn local_header(&self) -> Vec<u8> {
        let mut header = Vec::new();
        put32(&mut header, [0x0403_4b50]);
        put16(&mut header, [VERSION]);
        self.put_common(&mut header);
        put16(&mut header, [0]); // nothing extra
        header.extend_from_slice(self.name.as_bytes());
        header
    }

    fn directory_header(&self) -> Vec<u8> {
        let mut extra = Vec::new();
        if self.offset >= 0xffff_ffff {
            put16(&mut extra, [1]); // ZIP64
            put16(&mut extra, [8]);
            put64(&mut extra, [self.offset]);
        }
        let mut header = Vec::new();
        put32(&mut header, [0x0201_4b50]);
        put16(&mut header, [MADE_BY]);
        put16(&mut header, [if extra.is_empty() { VERSION } else { VERSION_ZIP64 }]);
        self.put_common(&mut header);
        put16(&mut header, [extra.len() as u16]);
        put16(&mut header, [0, 0, 0]); // comment, disk, internal attributes
        put32(&mut header, [PERMISSIONS]);
        put32(&mut header, [clamp32(self.offset)]);
        header.extend_from_slice(self.name.as_bytes());
        header.extend(extra);
        header
    }

    /// What both headers have, in the same order.
    fn put_common(&self, header: &mut Vec<u8>) {
        put16(header, [self.flags]);
        put16(header, [self.method]);
        put32(header, [self.modified.0]);
        put32(header, [self.crc, self.compressed, self.size]);
        put16(header, [self.name.len() as u16]);
    }
}

struct Counted<W> {
    inner: W,
    position: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.position += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn put16<const N: usize>(out: &mut Vec<u8>, words: [u16; N]) {
    out.extend(words.map(u16::to_le_bytes).as_flattened());
}

fn put32<const N: usize>(out: &mut Vec<u8>, words: [u32; N]) {
    out.extend(words.map(u32::to_le_bytes).as_flattened());
}

fn put64<const N: usize>(out: &mut Vec<u8>, words: [u64; N]) {
    out.extend(words.map(u64::to_le_bytes).as_flattened());
}

/// All ones tell a reader to look for the real value in the ZIP64 fields.
fn clamp32(word: u64) -> u32 {
    u32::try_from(word).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::month::LocalTime;
    use std::io::{Cursor, Read};

    fn time() -> DosTime {
        DosTime::new(LocalTime::parse("2026-03-05T14:07:09+05:30").unwrap())
    }

    fn read(archive: &[u8], name: &str) -> Vec<u8> {
        let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
        let mut entry = archive.by_name(name).unwrap();
        let modified = entry.last_modified().unwrap();
        assert_eq!((modified.year(), modified.month(), modified.day()), (2026, 3, 5));
        assert_eq!((modified.hour(), modified.minute(), modified.second()), (14, 7, 8));
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_reader_gets_back_every_entry() {
        let mut bytes = Vec::new();
        let mut archive = ZipWriter::resume(&mut bytes, 0, Vec::new());
        archive.add("zeros", time(), &[0; 5000]).unwrap();
        archive.add("tiny", time(), b"x").unwrap();
        archive.add("empty", time(), b"").unwrap();
        let pieces = |out: &mut dyn Write| {
            for _ in 0..1000 {
                out.write_all("été,".as_bytes())?;
            }
            Ok(())
        };
        let crc = archive.stream("régistre.csv", time(), pieces).unwrap();
        assert_eq!(crc, crc32fast::hash("été,".repeat(1000).as_bytes()));
        archive.finish().unwrap();
        assert_eq!(read(&bytes, "zeros"), [0; 5000]);
        assert_eq!(read(&bytes, "tiny"), b"x");
        assert_eq!(read(&bytes, "empty"), b"");
        assert_eq!(read(&bytes, "régistre.csv"), "été,".repeat(1000).as_bytes());
    }

    #[test]
    fn a_resumed_archive_is_the_same() {
        let add = |archive: &mut ZipWriter<&mut Vec<u8>>, range: std::ops::Range<u32>| {
            for number in range {
                archive
                    .add(&format!("{number}.txt"), time(), number.to_string().repeat(50).as_bytes())
                    .unwrap();
            }
        };
        let mut whole = Vec::new();
        let mut archive = ZipWriter::resume(&mut whole, 0, Vec::new());
        add(&mut archive, 0..20);
        archive.finish().unwrap();

        let mut parts = Vec::new();
        let mut archive = ZipWriter::resume(&mut parts, 0, Vec::new());
        add(&mut archive, 0..7);
        let entries = archive.entries().to_vec();
        let position = parts.len() as u64;
        let mut archive = ZipWriter::resume(&mut parts, position, entries);
        add(&mut archive, 7..20);
        archive.finish().unwrap();
        assert!(parts == whole);
    }

    #[test]
    fn more_entries_than_the_old_format_counts() {
        let mut bytes = Vec::new();
        let mut archive = ZipWriter::resume(&mut bytes, 0, Vec::new());
        for number in 0..70_000 {
            archive.add(&number.to_string(), time(), b"x").unwrap();
        }
        archive.finish().unwrap();
        assert_eq!(zip::ZipArchive::new(Cursor::new(&bytes)).unwrap().len(), 70_000);
        assert_eq!(read(&bytes, "69999"), b"x");
    }
}
