//! The host's end of the socket of a query.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};

use crate::bindings::longshore::job::data::Column;
use crate::data::batch::Batch;
use crate::data::open_cursors::OpenCursor;
use crate::data::stopped::{QueryError, Stopped};
use crate::data::wire::{self, HEADER_BYTES, Header, Kind};

/// What the columns of a query come to.
pub(crate) type Begun = Result<Vec<Column>, QueryError>;

/// Asks a query over a socket and passes on what it gives.
pub(crate) struct Pump {
    pub(crate) socket: UnixStream,
    pub(crate) value_bytes_max: u64,
    /// Its columns, once it is prepared. Dropped unanswered if the reader ended before.
    pub(crate) columns: Option<oneshot::Sender<Begun>>,
    /// Its rows and their end.
    pub(crate) batches: mpsc::Sender<Result<Batch, Stopped>>,
    /// Counts it for as long as a reader works on it, wanted or not.
    pub(crate) open: Option<OpenCursor>,
}

impl Pump {
    /// Runs until the reader is done.
    pub(crate) async fn run(mut self, query: Vec<u8>) {
        let wanted = self.batches.clone();
        let passed = tokio::select! {
            passed = self.pass_on(&query) => passed,
            () = wanted.closed() => Ok(false),
        };
        match passed {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => self.fail(&error).await,
        }
        // It sees that nobody wants more, and until then nothing keeps it from looking.
        let _ = self.socket.shutdown().await;
        let mut rest = vec![0; 64 * 1024];
        while self.socket.read(&mut rest).await.is_ok_and(|bytes| bytes > 0) {}
    }

    /// Passes on the columns, the rows and the end. Whether the reader is done.
    async fn pass_on(&mut self, query: &[u8]) -> io::Result<bool> {
        self.socket.write_all(query).await?;
        let (mut width, mut payload) = (0, Vec::new());
        loop {
            let mut header = [0; HEADER_BYTES];
            self.socket.read_exact(&mut header).await?;
            let header = Header::read(header, self.value_bytes_max)?;
            payload.resize(header.payload(), 0);
            self.socket.read_exact(&mut payload).await?;
            match header.kind {
                Kind::Columns => {
                    let columns: Vec<(String, Option<String>)> = wire::parse(&payload)?;
                    width = columns.len();
                    let columns =
                        columns.into_iter().map(|(name, declared_type)| Column { name, declared_type });
                    self.begin(Ok(columns.collect()));
                }
                Kind::Batch => {
                    let batch = header.batch(&payload)?;
                    if batch.rows() as usize * width != batch.cells() || batch.rows() == 0 {
                        return Err(wire::garbled());
                    }
                    if self.batches.send(Ok(batch)).await.is_err() {
                        return Ok(false);
                    }
                }
                Kind::End => {
                    self.open = None;
                    self.end(wire::parse(&payload)?).await;
                    return Ok(true);
                }
                Kind::Stuck => {
                    self.end(wire::parse(&payload)?).await;
                    return Ok(false);
                }
                Kind::Unopened => {
                    self.open = None;
                    self.begin(Err(QueryError::Unavailable(wire::parse(&payload)?)));
                    return Ok(true);
                }
                Kind::Query => return Err(wire::garbled()),
            }
        }
    }

    fn begin(&mut self, begun: Begun) {
        if let Some(columns) = self.columns.take() {
            let _ = columns.send(begun);
        }
    }

    /// The reader ended without a word, or sent what it should not.
    async fn fail(&mut self, error: &io::Error) {
        // Before the columns, the sender that is dropped says it.
        if self.columns.take().is_none() {
            let why = format!("the process that read it ended ({error})");
            let _ = self.batches.send(Err(Stopped::Unavailable(why))).await;
        }
    }

    async fn end(&mut self, stopped: Stopped) {
        if self.columns.is_some() {
            self.begin(Err(QueryError::Stopped(stopped)));
        } else {
            let _ = self.batches.send(Err(stopped)).await;
        }
    }
}
