//! A WASI that lets components of any language start, and holds next to nothing: the directories that are granted, no
//! environment, no arguments, no sockets. What a guest prints goes to its task's log.

use std::sync::Arc;

use bytes::Bytes;
use longshore_domain::Limits;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use crate::disk::Directories;
use crate::failure::Ended;
use crate::log::{Stream, TaskLog};

/// Bytes that a guest may write to a standard stream in one call.
const STREAM_WRITE_BYTES_MAX: usize = 64 * 1024;

pub(crate) fn context(
    log: &Arc<TaskLog>,
    directories: &Directories,
    limits: &Limits,
) -> Result<WasiCtx, Ended> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(LogPipe { log: Arc::clone(log), stream: Stream::Out })
        .stderr(LogPipe { log: Arc::clone(log), stream: Stream::Err })
        .max_random_size(limits.random_bytes_max.into())
        .allow_tcp(false)
        .allow_udp(false);
    directories.open(&mut wasi)?;
    Ok(wasi.build())
}

/// A standard stream that writes to a log. It never blocks.
#[derive(Clone)]
struct LogPipe {
    log: Arc<TaskLog>,
    stream: Stream,
}

impl IsTerminal for LogPipe {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogPipe {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI p3 asks for this form, and it is not linked.
        Box::new(tokio::io::sink())
    }
}

impl OutputStream for LogPipe {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log.write_stream(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(STREAM_WRITE_BYTES_MAX)
    }
}

#[async_trait::async_trait]
impl Pollable for LogPipe {
    async fn ready(&mut self) {}
}
