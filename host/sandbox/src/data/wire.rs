//! What passes over the socket of a query: the query one way, its columns, rows and end the other.
//!
//! A frame is a header and what it announces. Rows are in the flat form in which guests get them; the rest is JSON.

use std::io::{self, Read};

use rusqlite::types::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::data::batch::Batch;
use crate::data::query::Query;

pub(crate) const HEADER_BYTES: usize = 13;

/// Bytes of a frame beyond those of its values: a full batch, and a row of as many columns as SQLite has.
const FRAME_BYTES_MAX: u64 = 4 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A query; its parameters follow as a batch of one row.
    Query,
    /// The columns of the result.
    Columns,
    Batch,
    /// Why there are no more rows; the reader is done.
    End,
    /// The same of a reader that is in the middle of a step which nothing interrupts.
    Stuck,
    /// Why the source cannot be opened.
    Unopened,
}

const KINDS: [Kind; 6] = [Kind::Query, Kind::Columns, Kind::Batch, Kind::End, Kind::Stuck, Kind::Unopened];

#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) rows: u32,
    cells: u32,
    bytes: u32,
}

impl Header {
    /// Reads a header. A frame with values of more than `value_bytes_max` is none.
    pub(crate) fn read(from: [u8; HEADER_BYTES], value_bytes_max: u64) -> io::Result<Self> {
        let [kind, numbers @ ..] = from;
        let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| numbers[at * 4 + byte]));
        let kind = *KINDS.get(usize::from(kind)).ok_or_else(garbled)?;
        let header = Self { kind, rows: number(0), cells: number(1), bytes: number(2) };
        let most = value_bytes_max.saturating_mul(2).saturating_add(FRAME_BYTES_MAX);
        if header.payload() as u64 > most { Err(garbled()) } else { Ok(header) }
    }

    /// Bytes that follow.
    pub(crate) fn payload(&self) -> usize {
        self.cells as usize * Batch::CELL_BYTES + self.bytes as usize
    }

    fn write(self, to: &mut Vec<u8>) {
        to.push(self.kind as u8);
        for number in [self.rows, self.cells, self.bytes] {
            to.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// The batch that followed.
    pub(crate) fn batch(&self, payload: &[u8]) -> io::Result<Batch> {
        Batch::from_flat(self.rows, self.cells as usize, payload).ok_or_else(garbled)
    }
}

/// What was sent is no frame.
pub(crate) fn garbled() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a reader sent what is no frame")
}

/// Adds a frame of rows.
pub(crate) fn push_batch(batch: &Batch, to: &mut Vec<u8>) -> io::Result<()> {
    let (cells, bytes) = (batch.cells(), batch.value_bytes());
    let number = |length: usize| u32::try_from(length).map_err(io::Error::other);
    Header { kind: Kind::Batch, rows: batch.rows(), cells: number(cells)?, bytes: number(bytes)? }.write(to);
    batch.to_flat(to);
    Ok(())
}

/// Adds any other frame.
pub(crate) fn push<T: Serialize + ?Sized>(kind: Kind, what: &T, to: &mut Vec<u8>) -> io::Result<()> {
    push_bytes(kind, &serde_json::to_vec(what)?, to)
}

fn push_bytes(kind: Kind, bytes: &[u8], to: &mut Vec<u8>) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    Header { kind, rows: 0, cells: 0, bytes: length }.write(to);
    to.extend_from_slice(bytes);
    Ok(())
}

pub(crate) fn parse<T: DeserializeOwned>(payload: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(payload)?)
}

/// A query as it is sent.
pub(crate) fn query_bytes(query: &Query) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    push_bytes(Kind::Query, &query.head()?, &mut bytes)?;
    push_batch(&Batch::of_params(&query.params), &mut bytes)?;
    Ok(bytes)
}

/// The query that was sent.
pub(crate) fn read_query(mut from: impl Read) -> io::Result<Query> {
    let mut frame = |wanted: Kind| {
        let mut header = [0; HEADER_BYTES];
        from.read_exact(&mut header)?;
        // What the host sends is bounded by what a guest may pass to it.
        let header = Header::read(header, u32::MAX.into())?;
        if header.kind != wanted {
            return Err(garbled());
        }
        let mut payload = vec![0; header.payload()];
        from.read_exact(&mut payload)?;
        Ok((header, payload))
    };
    let (_, head) = frame(Kind::Query)?;
    let (header, params) = frame(Kind::Batch)?;
    let params: Vec<Value> = header.batch(&params)?.into_params();
    Query::new(&head, params)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::data::query::Allowed;

    #[test]
    fn a_query_arrives_as_it_was_sent() {
        let params = vec![
            Value::Null,
            Value::Integer(-7),
            Value::Real(0.1),
            Value::Text("पुणे".into()),
            Value::Blob(vec![0xff, 0]),
        ];
        let allowed = Allowed {
            tables: serde_json::from_str(r#"{"orders": ["id"], "customers": "*"}"#).unwrap(),
            value_bytes_max: 1,
            memory_bytes_max: 2,
            time_max: Duration::from_millis(3),
            rows_max: 4,
        };
        let query = Query { path: "/a b/ü.db".into(), sql: "SELECT ?".into(), params, allowed, attempt: 5 };
        let arrived = read_query(query_bytes(&query).unwrap().as_slice()).unwrap();
        assert_eq!(format!("{arrived:?}"), format!("{query:?}"));
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        assert!(Header::read([9; HEADER_BYTES], 1 << 20).is_err(), "no such kind");
        let mut large = [0xff; HEADER_BYTES];
        large[0] = Kind::Batch as u8;
        assert!(Header::read(large, 1 << 20).is_err(), "more than a frame may have");
        let mut frame = Vec::new();
        push_batch(&Batch::of_params(&[Value::Text("four".into()), Value::Null]), &mut frame).unwrap();
        let header = Header::read(frame[..HEADER_BYTES].try_into().unwrap(), 1 << 20).unwrap();
        assert!(header.batch(&frame[HEADER_BYTES..]).is_ok());
        // A text of another length, a negative length, an unknown kind of value, a part of the frame.
        for (at, byte) in [(2, 3), (9, 0xff), (0, 9)] {
            let mut payload = frame[HEADER_BYTES..].to_vec();
            payload[at] = byte;
            assert!(header.batch(&payload).is_err(), "{at}");
        }
        assert!(header.batch(&frame[HEADER_BYTES..frame.len() - 1]).is_err());
    }
}
